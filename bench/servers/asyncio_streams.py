# SPDX-License-Identifier: MIT
"""A peer of the bindings: asyncio's streams, on asyncio's own loop or on uvloop.

usage: asyncio_streams.py asyncio|uvloop --mode lines|bulk
"""

import argparse
import asyncio


async def lines(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def bulk(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(handler):
    server = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=4096)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def runner(loop):
    if loop == "asyncio":
        return asyncio.run
    import uvloop
    return uvloop.run


def main():
    parser = argparse.ArgumentParser(description="A server of the benchmarks.")
    parser.add_argument("loop", choices=["asyncio", "uvloop"])
    parser.add_argument("--mode", choices=["lines", "bulk"], required=True)
    arguments = parser.parse_args()
    handler = lines if arguments.mode == "lines" else bulk
    runner(arguments.loop)(serve(handler))


if __name__ == "__main__":
    main()
