# SPDX-License-Identifier: MIT
"""Servers and clients: many connections, failures, graceful and other ends."""

import asyncio
import contextlib
import io
import os
import tempfile

import copas
from loops import Bell, on_every_loop


async def echo(conn):
    async for line in conn:
        await conn.send(line + b"\n")


@on_every_loop
class Serve:
    async def test_many_connections(self):
        async def client(port, number):
            async with await copas.connect("127.0.0.1", port) as conn:
                for turn in range(5):
                    await conn.send(b"%d %d\n" % (number, turn))
                    self.assertEqual(await conn.receive(), b"%d %d" % (number, turn))

        async with await copas.serve(echo) as server:
            tasks = [copas.spawn(client(server.port, number)) for number in range(200)]
            for task in tasks:
                await task

    async def test_the_most_connections(self):
        async with await copas.serve(echo, max_connections=1) as server:
            async with await copas.connect("127.0.0.1", server.port, timeout=5) as first, \
                    await copas.connect("127.0.0.1", server.port, timeout=5) as second:
                second.settimeout(0.02)
                await first.send(b"one\n")
                self.assertEqual(await first.receive(), b"one")
                await second.send(b"two\n")
                with self.assertRaises(copas.Timeout):
                    await second.receive()
                first.close()
                second.settimeout(20)
                self.assertEqual(await second.receive(), b"two")

    async def test_a_silent_client_is_cut_off(self):
        async with await copas.serve(echo, first_byte=0.02) as server:
            async with await copas.connect("127.0.0.1", server.port, timeout=20) as conn:
                conn.settimeout(20)
                with self.assertRaises(copas.Closed):
                    await conn.receive()
        with self.assertRaises(ValueError):
            await copas.serve(echo, max_connections=-1)
        with self.assertRaises(ValueError):
            await copas.serve(echo, first_byte=-1)

    async def test_names_and_addresses(self):
        async with await copas.serve(echo, "localhost") as server:
            host, port = server.address
            async with await copas.connect("localhost", port) as conn:
                self.assertEqual(conn.peer, (host, port))
                self.assertEqual(conn.address[0], host)

    async def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            async with await copas.serve_unix(echo, path) as server:
                self.assertEqual(server.address, (path, 0))
                async with await copas.connect_unix(path) as conn:
                    await conn.send(b"hello\n")
                    self.assertEqual(await conn.receive(), b"hello")

    async def test_refused_and_unresolved(self):
        server = await copas.serve(echo)
        port = server.port
        await server.shutdown()
        with self.assertRaises(ConnectionRefusedError) as caught:
            await copas.connect("127.0.0.1", port, timeout=5)
        self.assertEqual(caught.exception.status, -14)
        with self.assertRaises(copas.Unresolved):
            await copas.connect("no.such.name.invalid", 80, timeout=5)
        with self.assertRaises(ValueError):
            await copas.connect("127.0.0.1", 0)

    async def test_an_address_in_use_raises_with_its_errno(self):
        async with await copas.serve(echo) as server:
            with self.assertRaises(OSError) as caught:
                await copas.serve(echo, "127.0.0.1", server.port)
            self.assertEqual(caught.exception.errno, 98)

    async def test_a_handlers_exception_is_reported_and_ends_its_connection_only(self):
        async def handler(conn):
            if await conn.receive() == b"fail":
                raise LookupError("on " + "purpose")
            await conn.send(b"fine\n")

        said = io.StringIO()
        if self.loop_name != "copas":
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: said.write(repr(context["exception"])))
        with contextlib.redirect_stderr(said):
            async with await copas.serve(handler) as server:
                one = await copas.connect("127.0.0.1", server.port)
                two = await copas.connect("127.0.0.1", server.port)
                await one.send(b"fail\n")
                with self.assertRaises(copas.Closed):
                    await one.receive()
                await two.send(b"go on\n")
                self.assertEqual(await two.receive(), b"fine")
                one.close()
                two.close()
        self.assertIn("on purpose", said.getvalue())
        self.assertEqual(said.getvalue().count("on purpose"),
                         1, said.getvalue())

    async def test_a_timeout_of_the_server_holds_for_its_connections(self):
        caught = []

        async def handler(conn):
            try:
                await conn.receive()
            except TimeoutError as error:
                caught.append(error)

        async with await copas.serve(handler, timeout=0.05) as server:
            async with await copas.connect("127.0.0.1", server.port) as conn:
                with self.assertRaises(copas.Closed):
                    await conn.receive()
        self.assertEqual(len(caught), 1)

    async def test_shutdown_lets_handlers_end_within_the_grace(self):
        begun = Bell()

        async def handler(conn):
            begun.ring()
            await conn.send(await conn.receive() + b"\n")

        server = await copas.serve(handler)
        conn = await copas.connect("127.0.0.1", server.port)
        await begun.wait()
        ending = copas.spawn(server.shutdown(grace=10))
        await copas.sleep(0.01)
        await conn.send(b"last words\n")
        self.assertEqual(await conn.receive(), b"last words")
        await ending
        with self.assertRaises(copas.Closed):
            await conn.receive()
        conn.close()

    async def test_shutdown_cancels_handlers_after_the_grace(self):
        ended = []

        async def handler(conn):
            try:
                await conn.receive()
            finally:
                ended.append(True)

        server = await copas.serve(handler)
        conn = await copas.connect("127.0.0.1", server.port)
        await conn.send(b"no line")
        await copas.sleep(0.02)
        await server.shutdown(grace=0.02)
        self.assertEqual(ended, [True])
        with self.assertRaises(copas.Closed):
            await conn.receive()
        conn.close()

    async def test_serve_forever_ends_with_its_cancellation(self):
        server = await copas.serve(echo)
        task = copas.spawn(server.serve_forever())
        await copas.sleep(0.01)
        task.cancel()
        with self.assertRaises(copas.CancelledError):
            await task
        with self.assertRaises(copas.Closed):
            server.port
