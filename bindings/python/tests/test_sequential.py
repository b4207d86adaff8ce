# SPDX-License-Identifier: MIT
"""The flavour on greenlet: straight-line functions."""

import contextlib
import contextvars
import functools
import gc
import io
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import copas

try:
    import greenlet
    from copas import sequential as seq
except ImportError:
    seq = None

DEADLINE = 20


def in_a_function(test):
    """The test runs in a function of sequential.run(), with a deadline."""
    @functools.wraps(test)
    def wrapper(self):
        def limited():
            with seq.timeout(DEADLINE):
                test(self)
        seq.run(limited)
    return wrapper


def echo(conn):
    for line in conn:
        conn.send(line + b"\n")


class Ends:
    """`with Ends() as (ours, theirs)`: both ends of a connection."""

    def __enter__(self):
        self._accepted = []
        self._open = True
        self._server = seq.serve(self._handle)
        ours = seq.connect("127.0.0.1", self._server.port)
        while not self._accepted:
            seq.sleep(0.001)
        self._ends = ours, self._accepted[0]
        return self._ends

    def _handle(self, conn):
        self._accepted.append(conn)
        while self._open:
            seq.sleep(0.001)

    def __exit__(self, *_):
        self._open = False
        for end in self._ends:
            end.close()
        self._server.shutdown()


@unittest.skipIf(seq is None, "greenlet is not installed")
class Sequential(unittest.TestCase):
    @in_a_function
    def test_patterns(self):
        with Ends() as (ours, theirs):
            ours.send(b"a line\r\nraw\r\n12345until;;some")
            self.assertEqual(theirs.receive(), b"a line")
            self.assertEqual(theirs.receive(seq.LINE_RAW), b"raw\r\n")
            self.assertEqual(theirs.receive(5), b"12345")
            self.assertEqual(theirs.receive(b";;"), b"until")
            self.assertEqual(theirs.receive(None), b"some")
            ours.send(b"one\nlast")
            ours.flush()
            ours.shut()
            self.assertEqual(list(theirs), [b"one", b"last"])
            with self.assertRaises(copas.Closed) as caught:
                theirs.receive()
            self.assertEqual(caught.exception.status, -2)

    @in_a_function
    def test_two_hundred_handlers_interleave(self):
        inside = []

        def handler(conn):
            inside.append(conn)
            first = conn.receive()
            for line in conn:
                conn.send(first + b" " + line + b" %d\n" % len(inside))

        def client(port, number):
            with seq.connect("127.0.0.1", port) as conn:
                conn.send(b"%d\n" % number)
                for turn in range(5):
                    while len(inside) < 200:
                        seq.sleep(0.001)
                    conn.send(b"%d\n" % turn)
                    self.assertEqual(conn.receive(), b"%d %d 200" % (number, turn))

        with seq.serve(handler) as server:
            tasks = [seq.spawn(client, server.port, number) for number in range(200)]
            for task in tasks:
                task.join()

    @in_a_function
    def test_a_sender_waits_for_a_slow_peer(self):
        big = bytes(range(256)) * 32768
        with Ends() as (ours, theirs):
            task = seq.spawn(ours.send, big)
            seq.sleep(0.02)
            self.assertFalse(task.done())
            self.assertEqual(theirs.receive(len(big)), big)
            task.join()

    @in_a_function
    def test_time_limits_lose_nothing(self):
        with Ends() as (ours, theirs):
            theirs.settimeout(0.02)
            ours.send(b"half")
            with self.assertRaises(TimeoutError) as caught:
                theirs.receive()
            self.assertEqual((caught.exception.status, caught.exception.partial), (-1, b"half"))
            theirs.settimeout(None)
            with self.assertRaises(TimeoutError):
                with seq.timeout(0.02):
                    theirs.receive()
            with seq.timeout(10):
                ours.send(b" and half\n")
                self.assertEqual(theirs.receive(), b"half and half")

    @in_a_function
    def test_a_cancellation_is_no_exception_and_loses_nothing(self):
        seen = []

        def body(conn):
            try:
                conn.receive()
            except Exception as error:
                seen.append(error)
            finally:
                conn.send(b"goodbye\n")

        with Ends() as (ours, theirs):
            task = seq.spawn(body, theirs)
            seq.sleep(0.01)
            ours.send(b"ha")
            self.assertTrue(task.cancel())
            self.assertEqual(ours.receive(), b"goodbye")
            with self.assertRaises(seq.CancelledError):
                task.join()
            self.assertFalse(task.cancel())
            self.assertEqual(seen, [])
            ours.send(b"lf\n")
            self.assertEqual(theirs.receive(), b"half")

    @in_a_function
    def test_a_receive_canceled_in_the_turn_that_completes_it_loses_nothing(self):
        while not self.cancel_in_that_turn():
            pass

    def cancel_in_that_turn(self):
        """False: the receive was over before, as its data came in an earlier turn."""
        with Ends() as (ours, theirs):
            task = seq.spawn(theirs.receive)

            def cancel_it():
                ours.receive()
                task.cancel()

            killer = seq.spawn(cancel_it)
            seq.sleep(0.01)
            theirs.send(b"to ours\n")
            ours.send(b"a line\nand more\n")
            killer.join()
            try:
                task.join()
                return False
            except seq.CancelledError:
                pass
            self.assertEqual([theirs.receive(), theirs.receive()], [b"a line", b"and more"])
            return True

    @in_a_function
    def test_a_function_canceled_before_it_runs_never_runs(self):
        ran = []
        task = seq.spawn(ran.append, 1)
        task.cancel()
        with self.assertRaises(seq.CancelledError):
            task.join()
        self.assertEqual(ran, [])

    @in_a_function
    def test_results_and_exceptions_reach_who_joins(self):
        def divide(one, other):
            seq.sleep(0)
            return one / other

        self.assertEqual(seq.spawn(divide, 6, 3).join(), 2)
        with self.assertRaises(ZeroDivisionError):
            seq.spawn(divide, 1, 0).join()

    @in_a_function
    def test_exceptions_across_waits_do_not_mix(self):
        def body(number):
            try:
                raise KeyError(number)
            except KeyError:
                seq.sleep(0.001)
                try:
                    raise LookupError(number)
                except LookupError as error:
                    seq.sleep(0.001)
                    self.assertEqual(sys.exc_info()[1].args, (number,))
                    self.assertEqual(error.__context__.args, (number,))
                self.assertIsInstance(sys.exc_info()[1], KeyError)
            self.assertEqual(sys.exc_info(), (None, None, None))

        for task in [seq.spawn(body, number) for number in range(50)]:
            task.join()

    @in_a_function
    def test_a_handlers_exception_is_reported_and_ends_its_connection_only(self):
        def handler(conn):
            if conn.receive() == b"fail":
                raise LookupError("on " + "purpose")
            conn.send(b"fine\n")

        said = io.StringIO()
        with contextlib.redirect_stderr(said), seq.serve(handler) as server:
            with seq.connect("127.0.0.1", server.port) as one:
                with seq.connect("127.0.0.1", server.port) as two:
                    one.send(b"fail\n")
                    with self.assertRaises(copas.Closed):
                        one.receive()
                    two.send(b"go on\n")
                    self.assertEqual(two.receive(), b"fine")
        self.assertEqual(said.getvalue().count("on purpose"), 1, said.getvalue())

    @in_a_function
    def test_close_from_elsewhere_ends_a_receive(self):
        with Ends() as (_, theirs):
            task = seq.spawn(theirs.receive)
            seq.sleep(0.01)
            with self.assertRaises(copas.Busy):
                theirs.receive()
            theirs.close()
            self.assertTrue(theirs.closed)
            with self.assertRaises(copas.Closed):
                task.join()

    @in_a_function
    def test_the_peers_reset_ends_a_receive(self):
        with Ends() as (ours, theirs):
            task = seq.spawn(theirs.receive)
            seq.sleep(0.01)
            ours.abort()
            with self.assertRaises(ConnectionResetError):
                task.join()

    @in_a_function
    def test_datagrams(self):
        with seq.bind_udp() as one, seq.connect_udp("127.0.0.1", one.port) as two:
            task = seq.spawn(one.receive_from)
            two.send(b"ping")
            data, sender = task.join()
            self.assertEqual((data, sender), (b"ping", two.address))
            one.send_to(b"pong", sender)
            self.assertEqual(two.receive(), b"pong")
            self.assertEqual(two.peer, one.address)
            one.settimeout(0.02)
            with self.assertRaises(TimeoutError):
                one.receive()
            one.setlimit(2)
            two.send(b"long")
            with self.assertRaises(copas.TooLong) as caught:
                one.receive()
            self.assertEqual(caught.exception.partial, b"lo")

    @in_a_function
    def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            with seq.serve_unix(echo, path) as server, seq.connect_unix(path) as conn:
                self.assertEqual(server.address, (path, 0))
                self.assertEqual(conn.peer, (path, 0))
                conn.setlimits(line=100)
                conn.send(b"hello\n")
                self.assertEqual(conn.receive(), b"hello")

    @in_a_function
    def test_nobody_there_is_refused(self):
        with seq.serve(echo) as server:
            port = server.port
        with self.assertRaises(ConnectionRefusedError):
            seq.connect("127.0.0.1", port, timeout=5)

    @in_a_function
    def test_shutdown_waits_for_handlers_and_cancels_them_after_the_grace(self):
        ended = []

        def handler(conn):
            try:
                conn.send(conn.receive() + b"\n")
                conn.receive()
            except seq.CancelledError:
                ended.append("canceled")
                raise

        server = seq.serve(handler)
        forever = seq.spawn(server.serve_forever)
        with seq.connect("127.0.0.1", server.port) as conn:
            conn.send(b"last words\n")
            self.assertEqual(conn.receive(), b"last words")
            server.shutdown(grace=0.02)
            self.assertEqual(ended, ["canceled"])
            with self.assertRaises(copas.Closed):
                conn.receive()
        server.wait_closed()
        forever.join()

    @in_a_function
    def test_each_function_has_its_own_context(self):
        value = contextvars.ContextVar("value", default=0)

        def body():
            before = value.get()
            value.set(2)
            seq.sleep(0.001)
            return before, value.get()

        value.set(1)
        self.assertEqual(seq.spawn(body).join(), (1, 2))
        self.assertEqual(value.get(), 1)


@unittest.skipIf(seq is None, "greenlet is not installed")
class Runs(unittest.TestCase):
    def test_run_gives_the_result_and_cancels_what_is_left(self):
        seen = []

        def left():
            try:
                seq.sleep(60)
            finally:
                seen.append("ended")

        def body(*numbers):
            seq.spawn(left)
            seq.sleep(0.01)
            return sum(numbers)

        self.assertEqual(seq.run(body, 40, 2), 42)
        self.assertEqual(seen, ["ended"])

    def test_run_raises_what_main_raises(self):
        with self.assertRaises(ZeroDivisionError):
            seq.run(lambda: 1 / 0)

    def test_it_leaves_nothing_behind(self):
        def body():
            with Ends() as (ours, theirs):
                ours.send(b"\n")
                theirs.receive()
                seq.spawn(seq.sleep, 60)
                seq.sleep(0)

        def count():
            gc.collect()
            kinds = (seq.Connection, seq.Task, greenlet.greenlet)
            return (len(os.listdir("/proc/self/fd")),
                    sum(isinstance(it, kinds) for it in gc.get_objects()))

        seq.run(body)
        before = count()
        for _ in range(20):
            seq.run(body)
        self.assertEqual(count(), before)

    def test_each_os_thread_has_its_own_loop(self):
        results = []

        def body():
            with Ends() as (ours, theirs):
                ours.send(b"mine\n")
                results.append(theirs.receive())

        threads = [threading.Thread(target=seq.run, args=(body,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual(results, [b"mine"] * 4)

    def test_outside_of_a_run_it_says_so(self):
        for call in (lambda: seq.sleep(0), lambda: seq.connect("127.0.0.1", 1)):
            with self.assertRaisesRegex(RuntimeError, "sequential.run"):
                call()
        with self.assertRaisesRegex(RuntimeError, "sequential.run"):
            seq.spawn(print)

        async def asynchronous():
            seq.sleep(0)

        with self.assertRaisesRegex(RuntimeError, "sequential.run"):
            copas.run(asynchronous())

    def test_functions_and_coroutines_share_a_loop(self):
        async def body():
            async with await copas.serve(lambda conn: conn.send(b"from a coroutine\n")) as server:
                def client():
                    with seq.connect("127.0.0.1", server.port) as conn:
                        got.append(conn.receive())

                task = seq.spawn(client)
                while not task.done():
                    await copas.sleep(0.001)

        got = []
        copas.run(body())
        self.assertEqual(got, [b"from a coroutine"])

    def test_an_exception_of_the_system_ends_run(self):
        def body():
            seq.spawn(sys.exit, 3)
            seq.sleep(60)

        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit):
            seq.run(body)
        self.assertEqual(said.getvalue(), "")


class WithoutGreenlet(unittest.TestCase):
    def test_the_package_needs_no_greenlet_and_says_what_to_install(self):
        script = ("import sys\n"
                  "sys.modules['greenlet'] = None\n"
                  "import copas\n"
                  "import copas.sequential\n")
        done = subprocess.run([sys.executable, "-c", script], timeout=DEADLINE, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn("line 4", done.stderr)
        self.assertIn("ImportError: copas.sequential needs the package greenlet: pip install",
                      done.stderr)
