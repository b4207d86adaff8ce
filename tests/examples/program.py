# SPDX-License-Identifier: MIT
"""What the tests of the examples share: starting and ending programs, talking to them."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import unittest

BUILD = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path("build")
# Whether a tool makes programs slow: fewer connections then.
SMALL = os.environ.get("COPAS_TEST_SCALE") == "small"
# Seconds until an awaited event counts as lost.
PATIENCE = 120 if SMALL else 30


def example(name):
    return str(BUILD / "c_examples" / name)


LOAD_CLIENT = str(BUILD / "tests" / "tools" / "load_client")


class Server:
    """An example server on a free port, for the length of a `with`; it must end well."""

    def __init__(self, name, *arguments):
        self.command = [example(name), *map(str, arguments)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline().split() if ready else "nothing"
        if len(line) != 2 or line[0] != "listening":
            self.process.kill()
            raise AssertionError(f"{self.command} said {line} instead of its port")
        self.port = int(line[1])
        return self

    def stop(self):
        """Asks it to end and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def __exit__(self, *_):
        try:
            if self.process.poll() is None:
                code = self.stop()
                if code != 0:
                    raise AssertionError(f"{self.command} ended with {code}")
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def connect(self):
        return Peer(self.port)


class Peer:
    """A raw connection with a deadline on each step."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        return self.file.readline()

    def rest(self):
        return self.file.read()

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)


class FullListener:
    """For the length of a `with`, a port of 127.0.0.1 whose queue is full: attempts to connect hang."""

    def __enter__(self):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
        address = self.sockets[0].getsockname()
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            self.sockets.append(filler)
        return address[1]

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


def main():
    unittest.main(argv=[sys.argv[0], "-v"])
