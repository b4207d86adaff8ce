# SPDX-License-Identifier: MIT
"""The soak's part in Python: servers and clients of the package copas, on asyncio.

usage: churn.py [--seconds N]
Prints, each second, a line of JSON with the operations of each kind and the failures; stops at SIGTERM
or SIGINT, or after N seconds. Exits 0 when nothing failed.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import threading

import copas

CLIENTS = 8
MOST_REQUESTS = 20
PATIENCE = 30
#: Seconds until a datagram is taken for lost: the kernel may drop them.
LOST_AFTER = 1.5
SAID_AT_MOST = 20

done = {kind: 0 for kind in ("tcp", "unix_stream", "udp", "timeout", "cancel")}
failures = 0
stopping = threading.Event()


def failed(kind, what):
    global failures
    failures += 1
    if failures <= SAID_AT_MOST:
        print(f"soak in Python: {kind}: {what}", file=sys.stderr)


def report():
    print(json.dumps({"failures": failures, "done": done}), flush=True)


async def echo(conn):
    async for line in conn:
        await conn.send(line + b"\n")


async def visit(kind, connect):
    async with await connect() as conn:
        conn.settimeout(PATIENCE)
        for _ in range(random.randint(1, MOST_REQUESTS)):
            line = random.randbytes(random.choice((20, 200, 5000))).hex().encode()
            await conn.send(line + b"\n")
            if await conn.receive() != line:
                failed(kind, "a wrong reply")
            done[kind] += 1
        if random.random() < 0.3:
            conn.abort()


async def ask(port):
    async with await copas.connect_udp("127.0.0.1", port) as client:
        client.settimeout(LOST_AFTER)
        for _ in range(random.randint(1, MOST_REQUESTS)):
            text = random.randbytes(random.randint(1, 1000))
            for _ in range(PATIENCE):
                await client.send(text)
                try:
                    while await client.receive() != text:
                        pass
                    done["udp"] += 1
                    break
                except copas.Timeout:
                    pass
            else:
                failed("udp", "no reply")


async def wait_in_vain(port):
    async with await copas.connect("127.0.0.1", port, timeout=PATIENCE) as conn:
        try:
            async with copas.timeout(0.002):
                await conn.receive()
            failed("timeout", "a line came")
        except TimeoutError:
            done["timeout"] += 1


async def be_canceled(port):
    async with await copas.connect("127.0.0.1", port, timeout=PATIENCE) as conn:
        task = copas.spawn(conn.receive())
        await copas.sleep(random.choice((0, 0.002)))
        task.cancel()
        try:
            await task
            failed("cancel", "a line came")
        except asyncio.CancelledError:
            done["cancel"] += 1


async def serve_datagrams(server):
    try:
        while True:
            data, sender = await server.receive_from()
            await server.send_to(data, sender)
    except copas.Closed:
        pass


async def churn(kind, once):
    while not stopping.is_set():
        try:
            await once()
        except (OSError, EOFError) as error:
            failed(kind, repr(error))
        await copas.sleep(random.random() * 0.01)


async def report_each_second(seconds):
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not stopping.is_set():
        await copas.sleep(1)
        report()
        if seconds and loop.time() - start >= seconds:
            stopping.set()


async def main(seconds):
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    path = f"@copas_soak_python_{os.getpid()}"
    async with await copas.serve(echo) as server, await copas.serve_unix(echo, path), \
            await copas.bind_udp("127.0.0.1", 0) as datagrams:
        serving = copas.spawn(serve_datagrams(datagrams))
        port = server.port
        kinds = {
            "tcp": lambda: visit("tcp", lambda: copas.connect("127.0.0.1", port, timeout=PATIENCE)),
            "unix_stream": lambda: visit("unix_stream",
                                         lambda: copas.connect_unix(path, timeout=PATIENCE)),
            "udp": lambda: ask(datagrams.port),
            "timeout": lambda: wait_in_vain(port),
            "cancel": lambda: be_canceled(port),
        }
        await asyncio.gather(report_each_second(seconds), *(
            churn(kind, once) for kind, once in kinds.items() for _ in range(CLIENTS)))
        datagrams.close()
        await serving
    report()
    return failures > 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0)
    sys.exit(asyncio.run(main(parser.parse_args().seconds)))
