# SPDX-License-Identifier: MIT
"""Datagrams: one a call, with its sender; cut ones are told, canceled receives lose none."""

import pickle

import copas
from loops import canceled, on_every_loop


@on_every_loop
class Datagrams:
    async def test_one_datagram_a_call_with_its_sender(self):
        async with await copas.bind_udp() as one, await copas.bind_udp() as two:
            self.assertEqual(two.address, ("127.0.0.1", two.port))
            for data in (b"first", b"", bytearray(b"second\n"), memoryview(b"third")):
                await one.send_to(data, two.address)
            for data in (b"first", b"", b"second\n", b"third"):
                self.assertEqual(await two.receive_from(), (data, one.address))

    async def test_a_receiver_waits_and_a_reply_finds_its_way(self):
        async with await copas.bind_udp() as server:
            async def echo():
                while True:
                    data, sender = await server.receive_from()
                    await server.send_to(data.upper(), sender)

            task = copas.spawn(echo())
            async with await copas.connect_udp("127.0.0.1", server.port) as client:
                self.assertEqual(client.peer, server.address)
                for number in range(50):
                    await client.send(b"number %d" % number)
                    self.assertEqual(await client.receive(), b"NUMBER %d" % number)
            task.cancel()
            self.assertTrue(await canceled(task))

    async def test_names_and_ipv6(self):
        async with await copas.bind_udp("localhost") as one, await copas.bind_udp("::1") as six:
            async with await copas.connect_udp("localhost", one.port) as client:
                await client.send(b"by name")
                self.assertEqual(await one.receive(), b"by name")
            async with await copas.bind_udp("::1") as other:
                await other.send_to(b"long addresses", six.address)
                self.assertEqual(await six.receive_from(), (b"long addresses", other.address))

    async def test_a_datagram_that_is_cut_raises_with_its_beginning_and_its_sender(self):
        async with await copas.bind_udp() as one, await copas.bind_udp() as two:
            two.setlimit(4)
            await one.send_to(b"too long", two.address)
            await one.send_to(b"fits", two.address)
            with self.assertRaises(copas.TooLong) as caught:
                await two.receive_from()
            for error in (caught.exception, pickle.loads(pickle.dumps(caught.exception))):
                self.assertEqual((error.partial, error.sender), (b"too ", one.address))
            self.assertEqual(await two.receive(), b"fits")

    async def test_time_limits(self):
        async with await copas.bind_udp() as one:
            one.settimeout(0.02)
            with self.assertRaises(TimeoutError):
                await one.receive_from()
            one.settimeout(None)
            with self.assertRaises(TimeoutError):
                async with copas.timeout(0.02):
                    await one.receive_from()
            await one.send_to(b"to itself", one.address)
            self.assertEqual(await one.receive(), b"to itself")

    async def test_what_had_come_when_a_receive_was_canceled_is_for_the_next(self):
        while not await self.cancel_in_the_turn_that_completes():
            pass

    async def cancel_in_the_turn_that_completes(self):
        """False: the receive was over before, as its datagram came in an earlier turn."""
        async with await copas.bind_udp() as bell, await copas.bind_udp() as one:
            task = copas.spawn(one.receive_from())

            async def cancel():
                await bell.receive()
                task.cancel()

            killer = copas.spawn(cancel())
            await copas.sleep(0.01)
            await bell.send_to(b"ring", bell.address)
            await bell.send_to(b"not lost", one.address)
            await killer
            if not await canceled(task):
                return False
            self.assertEqual(await one.receive_from(), (b"not lost", bell.address))
            return True

    async def test_several_tasks_send_and_a_second_receiver_is_refused(self):
        async with await copas.bind_udp() as one:
            first = copas.spawn(one.receive())
            await copas.sleep(0.01)
            with self.assertRaises(copas.Busy):
                await one.receive()
            tasks = [copas.spawn(one.send_to(b"%d" % n, one.address)) for n in range(20)]
            got = {await first} | {await one.receive() for _ in range(19)}
            self.assertEqual(got, {b"%d" % n for n in range(20)})
            for task in tasks:
                await task

    async def test_close_ends_a_receive_and_all_that_follow(self):
        one = await copas.bind_udp()
        task = copas.spawn(one.receive())
        await copas.sleep(0.01)
        one.close()
        one.close()
        self.assertTrue(one.closed)
        with self.assertRaises(copas.Closed):
            await task
        with self.assertRaises(copas.Closed):
            await one.receive_from()
        with self.assertRaises(copas.Closed):
            await one.send_to(b"late", ("127.0.0.1", 9))

    async def test_wrong_addresses_and_sizes_raise(self):
        async with await copas.bind_udp() as one:
            for host in ("localhost", "x" * 200):
                with self.assertRaises(copas.Invalid):
                    await one.send_to(b"to a name", (host, 53))
            with self.assertRaises(copas.Error) as caught:
                await one.send_to(bytes(70_000), one.address)
            self.assertEqual(caught.exception.errno, 90)
            with self.assertRaises(copas.Error):
                await one.send(b"connected to nobody")
            with self.assertRaises(TypeError):
                await one.send_to("text", one.address)
            with self.assertRaisesRegex(copas.Unresolved, "no.such.name.invalid"):
                await copas.bind_udp("no.such.name.invalid")
            with self.assertRaises(OSError) as caught:
                await copas.bind_udp("127.0.0.1", one.port)
            self.assertEqual(caught.exception.errno, 98)

    async def test_nobody_there_is_refused(self):
        gone = await copas.bind_udp()
        address = gone.address
        gone.close()
        async with await copas.connect_udp(*address) as client:
            with self.assertRaises(ConnectionRefusedError):
                await client.send(b"anybody?")
                await client.receive()
