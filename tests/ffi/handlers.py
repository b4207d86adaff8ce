# SPDX-License-Identifier: MIT
"""Fifty interleaving handlers in Python, by plain ctypes: no package, no compiled helper.

usage: handlers.py LIBRARY

Each handler waits inside nested calls, inside `except`, inside a generator, and inside a Python
function that C's qsort() calls; its exceptions must stay its own. Prints what it has done; exits 0
when all of it was right.
"""

import ctypes
import faulthandler
import socket
import sys
import threading
import traceback

HANDLERS, ROUNDS, DEPTH = 50, 4, 5
PATIENCE = 120
OS_THREAD, FOREVER, LINE = 256, -1.0, -1
OK, CANCELED = 0, "COPAS_CANCELED"

handle = ctypes.c_void_p
handler_fn = ctypes.CFUNCTYPE(None, handle, ctypes.c_void_p)
thread_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
error_fn = ctypes.CFUNCTYPE(None, handle, handle, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
order_fn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                            ctypes.POINTER(ctypes.c_int))


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class ServerOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64), ("name", ctypes.c_char_p),
                ("user", ctypes.c_void_p), ("user_free", ctypes.c_void_p),
                ("timeout", ctypes.c_double), ("stack_size", ctypes.c_size_t),
                ("line_limit", ctypes.c_size_t), ("all_limit", ctypes.c_size_t)]


class ThreadOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64), ("name", ctypes.c_char_p),
                ("user", ctypes.c_void_p), ("user_free", ctypes.c_void_p),
                ("stack_size", ctypes.c_size_t)]


def load(path):
    lib = ctypes.CDLL(path)
    lib.copas_new.restype = handle
    lib.copas_status_name.restype = ctypes.c_char_p
    for name, arguments in {
            "copas_new": [ctypes.c_void_p], "copas_free": [handle],
            "copas_status_name": [ctypes.c_int],
            "copas_loop": [handle, ctypes.c_double], "copas_shutdown": [handle, ctypes.c_double],
            "copas_wrap": [handle, ctypes.c_int, ctypes.POINTER(handle)],
            "copas_addserver_with": [handle, handle, handler_fn, ctypes.POINTER(ServerOptions)],
            "copas_addthread_with": [handle, thread_fn, ctypes.POINTER(ThreadOptions),
                                     ctypes.POINTER(handle)],
            "copas_pauseforever": [handle],
            "copas_seterrorhandler": [handle, error_fn, ctypes.c_void_p, ctypes.c_int],
            "copas_fail": [ctypes.c_int, ctypes.c_char_p],
            "copas_receive": [handle, ctypes.c_int64, ctypes.POINTER(Bytes)],
            "copas_send": [handle, ctypes.c_char_p, ctypes.c_size_t],
            "copas_pause": [handle, ctypes.c_double, ctypes.c_void_p]}.items():
        getattr(lib, name).argtypes = arguments
    return lib


class Planted(Exception):
    pass


class Test:
    def __init__(self, path):
        self.lib = load(path)
        self.libc = ctypes.CDLL(None)
        self.c = self.lib.copas_new(None)
        self.faults = []
        self.inside = None
        self.served = self.turns = 0
        self.failures = []

    # The calls.

    def check(self, status):
        if status != OK:
            raise AssertionError(self.lib.copas_status_name(status).decode())

    def pause(self):
        self.leave()
        self.check(self.lib.copas_pause(self.c, 0, None))
        self.enter()

    def line(self, client):
        got = Bytes()
        self.leave()
        self.check(self.lib.copas_receive(client, LINE, ctypes.byref(got)))
        self.enter()
        return ctypes.string_at(got.data, got.len).decode()

    def say(self, client, text):
        data = text.encode() + b"\n"
        self.leave()
        self.check(self.lib.copas_send(client, data, len(data)))
        self.enter()

    # One at a time: who runs is nobody else between two waits.

    def enter(self):
        assert self.inside is None, "two handlers run at once"
        self.inside = threading.get_ident()
        self.turns += 1

    def leave(self):
        assert self.inside == threading.get_ident(), "somebody else ran in between"
        self.inside = None

    # What a handler does.

    def nest(self, client, depth):
        """Fails at the deepest call; each level waits inside its `except` and raises its own."""
        word = self.line(client)
        try:
            if depth == 1:
                self.pause()
                raise Planted(word)
            self.nest(client, depth - 1)
        except Planted as error:
            self.pause()
            assert sys.exc_info()[1] is error, "another handler's exception"
            raise Planted(word) from error
        finally:
            self.pause()

    def words(self, client, count):
        for _ in range(count):
            yield self.line(client)

    def sort(self, numbers):
        """By C's qsort(), whose comparisons wait."""
        def order(a, b):
            self.pause()
            return a[0] - b[0]
        array = (ctypes.c_int * len(numbers))(*numbers)
        self.libc.qsort(array, ctypes.c_size_t(len(numbers)),
                        ctypes.c_size_t(ctypes.sizeof(ctypes.c_int)), order_fn(order))
        return list(array)

    def serve(self, client):
        for _ in range(ROUNDS):
            try:
                self.nest(client, DEPTH)
            except Planted as error:
                chain = []
                while error is not None:
                    chain.append(str(error))
                    self.pause()
                    error = error.__cause__
                self.say(client, " ".join(chain))
            numbers = [int(word) for word in self.words(client, DEPTH)]
            self.say(client, " ".join(map(str, self.sort(numbers))))
            assert sys.exc_info() == (None, None, None)

    def handle(self, client, _user):
        try:
            self.enter()
            self.serve(client)
            self.served += 1
            self.leave()
        except BaseException:
            self.fault()

    def sleep(self, _user):
        """Is canceled: says so by an exception, which becomes its failure."""
        try:
            self.check(self.lib.copas_pauseforever(self.c))
        except AssertionError as error:
            self.lib.copas_fail(-2000, str(error).encode())

    def told(self, _thread, _client, status, text, _user):
        self.failures.append((status, text.decode()))

    def fault(self):
        self.faults.append(traceback.format_exc())
        self.lib.copas_shutdown(self.c, 0)

    # The other side.

    def talk(self, port):
        try:
            peers = [socket.create_connection(("127.0.0.1", port), PATIENCE)
                     for _ in range(HANDLERS)]
            files = [peer.makefile("rw", newline="\n") for peer in peers]
            for number in range(ROUNDS):
                self.one_round(files, number)
            for peer, file in zip(peers, files):
                assert file.read() == ""
                file.close()
                peer.close()
            self.lib.copas_shutdown(self.c, 5)
        except BaseException:
            self.fault()

    def one_round(self, files, number):
        for depth in range(DEPTH):
            for i, file in enumerate(files):
                file.write(f"{number}-{depth}-{i}\n")
                file.flush()
        for i, file in enumerate(files):
            # The innermost failure is inside the `except` of its own level, too.
            inner = [f"{number}-{depth}-{i}" for depth in range(DEPTH)]
            self.equal(file.readline(), " ".join(inner + inner[-1:]) + "\n")
        for k in range(DEPTH):
            for i, file in enumerate(files):
                file.write(f"{(i * 7 + k * 3 + number) % 11}\n")
                file.flush()
        for i, file in enumerate(files):
            numbers = sorted((i * 7 + k * 3 + number) % 11 for k in range(DEPTH))
            self.equal(file.readline(), " ".join(map(str, numbers)) + "\n")

    @staticmethod
    def equal(got, wanted):
        assert got == wanted, f"{got!r}, not {wanted!r}"

    # All of it.

    def run(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=HANDLERS)
        port = listener.getsockname()[1]
        server = handle()
        self.check(self.lib.copas_wrap(self.c, listener.detach(), ctypes.byref(server)))
        handler = handler_fn(self.handle)
        options = ServerOptions(size=ctypes.sizeof(ServerOptions), flags=OS_THREAD)
        self.check(self.lib.copas_addserver_with(self.c, server, handler, ctypes.byref(options)))
        told = error_fn(self.told)
        self.check(self.lib.copas_seterrorhandler(self.c, told, None, 1))
        sleep = thread_fn(self.sleep)
        options = ThreadOptions(size=ctypes.sizeof(ThreadOptions), flags=OS_THREAD)
        self.check(self.lib.copas_addthread_with(self.c, sleep, ctypes.byref(options), None))
        talker = threading.Thread(target=self.talk, args=(port,))
        talker.start()
        self.check(self.lib.copas_loop(self.c, FOREVER))
        talker.join()
        self.check(self.lib.copas_free(self.c))
        assert not self.faults, "\n".join(self.faults)
        self.equal(self.served, HANDLERS)
        self.equal(self.failures, [(-2000, CANCELED)])
        print(f"{self.served} handlers took {self.turns} turns")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        asked = "--help" in sys.argv
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    test = Test(sys.argv[1])
    sys.unraisablehook = lambda told: test.faults.append(f"unraisable: {told.exc_value!r}")
    test.run()


if __name__ == "__main__":
    main()
