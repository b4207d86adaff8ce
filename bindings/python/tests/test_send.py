# SPDX-License-Identifier: MIT
"""Sending: big data, back-pressure, several senders, the end of the peer."""

import copas
from loops import Pair, canceled, on_every_loop

BIG = bytes(range(256)) * 4 * 4096


async def failure_of(sending):
    """How a send fails."""
    try:
        await sending
    except copas.Error as error:
        return error


@on_every_loop
class Send:
    async def test_big_data_both_ways_at_once(self):
        async with Pair() as (ours, theirs):
            tasks = [copas.spawn(end.send(BIG)) for end in (ours, theirs)]
            self.assertEqual(await theirs.receive(len(BIG)), BIG)
            self.assertEqual(await ours.receive(len(BIG)), BIG)
            for task in tasks:
                await task

    async def test_a_sender_waits_for_a_slow_peer(self):
        async with Pair() as (ours, theirs):
            task = copas.spawn(ours.send(BIG * 4))
            await copas.sleep(0.05)
            self.assertFalse(task.done())
            self.assertEqual(await theirs.receive(len(BIG) * 4), BIG * 4)
            await task

    async def test_sends_of_several_tasks_do_not_mix(self):
        async with Pair() as (ours, theirs):
            blocks = [bytes([n]) * len(BIG) for n in range(8)]
            tasks = [copas.spawn(ours.send(block)) for block in blocks]
            for block in blocks:
                self.assertEqual(await theirs.receive(len(BIG)), block)
            for task in tasks:
                await task

    async def test_a_canceled_sender_lets_the_next_one_go_on(self):
        async with Pair() as (ours, theirs):
            first = copas.spawn(ours.send(BIG * 8))
            second = copas.spawn(ours.send(b"second"))
            third = copas.spawn(ours.send(b"third"))
            await copas.sleep(0.02)
            second.cancel()
            first.cancel()
            self.assertTrue(await canceled(first))
            self.assertTrue(await canceled(second))

            async def take():
                data = b""
                while not data.endswith(b"third"):
                    data = data[-8:] + await theirs.receive(None)

            await take()
            await third

    async def test_every_kind_of_bytes(self):
        async with Pair() as (ours, theirs):
            for data in (b"", b"bytes\0", bytearray(b"array\0"), memoryview(b"view\0")):
                await ours.send(data)
            await ours.flush()
            ours.shut()
            self.assertEqual(await theirs.receive(copas.ALL), b"bytes\0array\0view\0")
            with self.assertRaises(TypeError):
                await ours.send("text")

    async def test_send_times_out(self):
        async with Pair() as (ours, _):
            ours.settimeout(0.05)
            with self.assertRaises(copas.Timeout):
                await ours.send(BIG * 8)

    async def test_a_send_that_times_out_tells_how_much_was_sent(self):
        async with Pair() as (ours, theirs):
            ours.settimeout(0.05)
            with self.assertRaises(copas.Timeout) as caught:
                await ours.send(BIG * 8)
            sent = caught.exception.sent
            ours.close()
            self.assertEqual(await theirs.receive(copas.ALL), (BIG * 8)[:sent])

    async def test_a_slow_peer_does_not_prolong_a_send(self):
        async with Pair() as (ours, theirs):
            ours.settimeout(0.2)
            task = copas.spawn(failure_of(ours.send(BIG * 32)))
            while not task.done():
                await theirs.receive(4096)
                await copas.sleep(0.01)
            self.assertIsInstance(await task, copas.Timeout)

    async def test_a_sender_that_waits_for_its_turn_times_out_too(self):
        async with Pair() as (ours, _):
            first = copas.spawn(ours.send(BIG * 32))
            await copas.sleep(0)
            ours.settimeout(0.05)
            with self.assertRaises(copas.Timeout) as caught:
                await ours.send(b"second")
            self.assertEqual(caught.exception.sent, 0)
            self.assertFalse(first.done())
            ours.close()
            with self.assertRaises(copas.Closed):
                await first

    async def test_a_sender_that_waits_for_its_turn_is_told_of_a_close(self):
        async with Pair() as (ours, _):
            tasks = [copas.spawn(failure_of(ours.send(BIG * 32))) for _ in range(3)]
            await copas.sleep(0.01)
            ours.close()
            for task in tasks:
                self.assertEqual((await task).status, -2)

    async def test_the_receiving_direction_can_be_ended(self):
        async with Pair() as (ours, theirs):
            task = copas.spawn(ours.receive())
            await copas.sleep(0.01)
            ours.shut(copas.SHUT_RECEIVE)
            with self.assertRaises(copas.Closed):
                await task
            await ours.send(b"still sending\n")
            self.assertEqual(await theirs.receive(), b"still sending")

    async def test_send_to_a_peer_that_is_gone_raises(self):
        async with Pair() as (ours, theirs):
            theirs.abort()
            with self.assertRaises(ConnectionResetError):
                while True:
                    await ours.send(b"anybody?")
                    await copas.sleep(0.001)

    async def test_close_writes_what_was_sent(self):
        async with Pair() as (ours, theirs):
            await ours.send(b"x" * 50_000)
            ours.close()
            self.assertTrue(ours.closed)
            ours.close()
            self.assertEqual(len(await theirs.receive(copas.ALL)), 50_000)
