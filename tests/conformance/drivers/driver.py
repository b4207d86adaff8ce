# SPDX-License-Identifier: MIT
"""The conformance driver in Python, on asyncio: each command that it reads runs in a task of its own."""

import asyncio
import functools
import os
import sys
import zlib

import copas
from copas import _library

# More bytes than these are told by length and checksum.
SHOWN = 256
PERIOD = 65521
PATTERNS = {"line": copas.LINE, "raw": copas.LINE_RAW, "all": copas.ALL, "some": None}
HOWS = {"send": copas.SHUT_SEND, "receive": copas.SHUT_RECEIVE, "both": copas.SHUT_BOTH}

sockets = {}
tasks = {}


class Listener:
    """A server whose handlers hand their connections to those that accept."""

    def __init__(self):
        self.server = None
        self.accepted = asyncio.Queue()

    async def keep(self, connection):
        await self.accepted.put(connection)
        await asyncio.Event().wait()

    @staticmethod
    async def echo(connection):
        while True:
            await connection.send(await connection.receive(copas.LINE_RAW))

    def close(self):
        self.server.close()


def limit_of(word):
    return None if word == "-" else float(word)


def bytes_of(word):
    return bytes.fromhex(word[1:])


def told(data):
    if len(data) <= SHOWN:
        return "=" + data.hex()
    return f"#{len(data)}:{zlib.adler32(data):08x}"


def split_address(word):
    _, host, port = word.split(":")
    return host, int(port)


async def turn():
    return "="


def file(name):
    """A certificate or key of the run."""
    return os.path.join(os.environ["COPAS_CONFORMANCE_TLS"], name)


@functools.cache
def context_for(side):
    """What encrypts connections."""
    if side == "server":
        return copas.TLSContext.server(file("server.pem"), file("server.key"))
    return copas.TLSContext.client(cafile=file("ca.pem"))


def ssl_of(address, side):
    """The context for an address that says "tls:"."""
    return context_for(side) if address.startswith("tls:") else None


async def connect(name, limit, address):
    sockets[name] = await copas.connect(*split_address(address), timeout=limit_of(limit),
                                        ssl=ssl_of(address, "client"))
    return "="


async def listen(name, address, kind="keep"):
    listener = sockets[name] = Listener()
    listener.server = await copas.serve(getattr(listener, kind), *split_address(address),
                                        ssl=ssl_of(address, "server"))
    return "%s:%s:%d" % (address[:3], *listener.server.address)


async def accept(name, limit, new, *_):
    accepting = sockets[name].accepted.get()
    sockets[new] = await asyncio.wait_for(accepting, limit_of(limit))
    return "="


async def receive(name, limit, word, delimiter=None):
    sockets[name].settimeout(limit_of(limit))
    pattern = bytes_of(delimiter) if delimiter else PATTERNS.get(word, word)
    return told(await sockets[name].receive(int(pattern) if isinstance(pattern, str) else pattern))


async def send(name, limit, data):
    sockets[name].settimeout(limit_of(limit))
    await sockets[name].send(bytes_of(data))
    return "="


async def generate(name, limit, length, seed):
    length, seed = int(length), int(seed)
    period = bytes((i * 167 + (i >> 8) * 13 + seed) & 255 for i in range(PERIOD))
    sockets[name].settimeout(limit_of(limit))
    await sockets[name].send((period * (length // PERIOD + 1))[:length])
    return "="


async def flush(name, limit):
    sockets[name].settimeout(limit_of(limit))
    await sockets[name].flush()
    return "="


async def limits(name, line, all_):
    sockets[name].setlimits(int(line), int(all_))
    return "="


async def shut(name, how):
    sockets[name].shut(HOWS[how])
    return "="


async def close(name):
    sockets[name].close()
    return "="


async def abort(name):
    sockets[name].abort()
    return "="


async def cancel(name):
    if not tasks[name].cancel():
        raise copas.Error(_library.STALE)
    return "="


VERBS = {each.__name__: each for each in (turn, connect, listen, accept, receive, send, generate, flush,
                                          limits, shut, close, abort, cancel)}


def status_name(status):
    return str(_library.quick.copas_status_name(status), "ascii")[len("COPAS_"):]


async def run(name, verb, words):
    try:
        status, word = "OK", await VERBS[verb](*words)
    except asyncio.CancelledError:
        status, word = "CANCELED", "="
    except copas.Error as error:
        status, word = status_name(error.status), told(error.partial)
        if verb == "generate":
            word = str(error.sent)
    except asyncio.TimeoutError:
        status, word = "TIMEOUT", "="
    print(name, status, word, flush=True)


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        name, verb, *words = line.decode().split()
        started = name == "start"
        if started:
            name, verb, *words = verb, *words
        task = tasks[name] = loop.create_task(run(name, verb, words))
        # It runs now, up to its wait.
        await asyncio.sleep(0)
        if started and not task.done():
            print(name, "waits", flush=True)


if len(sys.argv) > 1:
    print("usage: driver.py\nA driver of the conformance suite: tests/conformance/README.md tells what it "
          "reads and writes.")
    sys.exit(sys.argv[1] != "--help" and 2)
asyncio.run(main())
