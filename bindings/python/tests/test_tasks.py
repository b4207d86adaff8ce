# SPDX-License-Identifier: MIT
"""Tasks, time limits and cancellation as users of asyncio expect them."""

import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import unittest
import weakref

import copas
from loops import RUNNERS, Pair, canceled, on_every_loop, on_loops


@on_every_loop
class Tasks:
    async def test_a_timeout_ends_a_receive_and_loses_nothing(self):
        async with Pair() as (ours, theirs):
            with self.assertRaises(TimeoutError):
                async with copas.timeout(0.02):
                    await theirs.receive()
            await ours.send(b"later\n")
            self.assertEqual(await theirs.receive(), b"later")

    async def test_a_timeout_that_does_not_pass_changes_nothing(self):
        async with Pair() as (ours, theirs):
            async with copas.timeout(10):
                await ours.send(b"now\n")
                self.assertEqual(await theirs.receive(), b"now")

    async def test_a_task_canceled_before_it_runs_never_runs(self):
        ran = []

        async def body():
            ran.append(True)

        task = copas.spawn(body())
        task.cancel()
        self.assertTrue(await canceled(task))
        self.assertEqual(ran, [])

    async def test_a_task_may_wait_while_it_is_being_canceled(self):
        async with Pair() as (ours, theirs):
            async def body():
                try:
                    await theirs.receive()
                finally:
                    await theirs.send(b"goodbye\n")

            task = copas.spawn(body())
            await copas.sleep(0.01)
            task.cancel()
            self.assertEqual(await ours.receive(), b"goodbye")
            self.assertTrue(await canceled(task))

    async def test_an_exception_reaches_who_awaits_the_task(self):
        async def fail():
            await copas.sleep(0)
            raise KeyError("told")

        task = copas.spawn(fail())
        with self.assertRaises(KeyError):
            await task

    async def test_each_task_has_its_own_context(self):
        value = contextvars.ContextVar("value", default=0)
        async with Pair() as (ours, theirs):
            async def body():
                value.set(1)
                await theirs.receive()
                return value.get()

            task = copas.spawn(body())
            await copas.sleep(0.01)
            self.assertEqual(value.get(), 0)
            await ours.send(b"\n")
            self.assertEqual(await task, 1)

    async def test_a_connection_that_is_forgotten_is_closed(self):
        async with Pair() as (_, theirs):
            other = weakref.ref(theirs)
            self.assertIsNotNone(other())
        server = await copas.serve(lambda conn: conn.receive())
        conn = await copas.connect("127.0.0.1", server.port)
        gone = weakref.ref(conn)
        del conn
        gc.collect()
        self.assertIsNone(gone())
        await server.shutdown(grace=10)


@on_loops("asyncio", "uvloop")
class Asyncio:
    async def test_wait_for_and_gather(self):
        async with Pair() as (ours, theirs):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(theirs.receive(), 0.02)
            line, _ = await asyncio.gather(theirs.receive(), ours.send(b"both\n"))
            self.assertEqual(line, b"both")

    async def test_it_mixes_with_futures_and_events(self):
        async with Pair() as (ours, theirs):
            event = asyncio.Event()

            async def body():
                line = await theirs.receive()
                event.set()
                await asyncio.sleep(0)
                return line

            task = asyncio.ensure_future(body())
            await ours.send(b"set\n")
            await event.wait()
            self.assertEqual(await task, b"set")

    if sys.version_info >= (3, 11):
        async def test_the_timeout_of_asyncio(self):
            async with Pair() as (_, theirs):
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await theirs.receive()
                self.assertEqual(asyncio.current_task().cancelling(), 0)


class Runs(unittest.TestCase):
    def test_outside_of_a_loop_it_says_so(self):
        with self.assertRaisesRegex(RuntimeError, "no loop is running"):
            copas.spawn(None)

    def test_loop_after_loop_leaves_no_descriptor(self):
        async def body():
            async with Pair() as (ours, theirs):
                await ours.send(b"\n")
                await theirs.receive()
            left.append(await copas.bind_udp())

        left = []

        def count():
            return len(os.listdir("/proc/self/fd"))

        for run in (RUNNERS[name] for name in ("asyncio", "copas", "uvloop")):
            run(body())
            before = count()
            for _ in range(20):
                run(body())
            self.assertEqual(count(), before)

    def test_each_os_thread_has_its_own_loop(self):
        results = []

        async def body():
            async with Pair() as (ours, theirs):
                await ours.send(b"mine\n")
                results.append(await theirs.receive())

        threads = [threading.Thread(target=run, args=(body(),))
                   for run in (asyncio.run, copas.run) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        self.assertEqual(results, [b"mine"] * 6)

    def test_run_gives_the_result_and_cancels_what_is_left(self):
        seen = []

        async def left():
            try:
                await copas.sleep(60)
            except copas.CancelledError:
                seen.append("canceled")
                raise

        async def body():
            copas.spawn(left())
            await copas.sleep(0.01)
            return 42

        self.assertEqual(copas.run(body()), 42)
        self.assertEqual(seen, ["canceled"])

    def test_run_refuses_foreign_futures(self):
        async def body():
            await asyncio.Event().wait()

        with self.assertRaises((RuntimeError, AttributeError)):
            copas.run(body())

    def test_a_task_that_nobody_awaits_is_reported(self):
        script = ("import copas\n"
                  "async def fail(): raise KeyError('unseen')\n"
                  "async def main():\n"
                  "    copas.spawn(fail())\n"
                  "    await copas.sleep(0.01)\n"
                  "copas.run(main())\n")
        done = subprocess.run([sys.executable, "-c", script], timeout=20, text=True,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        self.assertIn("KeyError: 'unseen'", done.stderr)

    def test_an_interrupt_ends_run(self):
        script = ("import copas\n"
                  "async def main():\n"
                  "    try:\n"
                  "        print('ready', flush=True)\n"
                  "        await copas.sleep(60)\n"
                  "    finally:\n"
                  "        print('cleaned', flush=True)\n"
                  "copas.run(main())\n")
        process = subprocess.Popen([sys.executable, "-c", script], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
        self.assertIn("cleaned", out)
        self.assertIn("KeyboardInterrupt", err)
