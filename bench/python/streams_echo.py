#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A line echo server on asyncio's streams, on a loop that may be chosen."""

import argparse
import asyncio


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def main(port):
    server = await asyncio.start_server(echo, "127.0.0.1", port)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__ + " Prints 'port N'.")
parser.add_argument("--port", type=int, default=0, help="0: a free one (0)")
parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
arguments = parser.parse_args()
if arguments.loop == "uvloop":
    import uvloop
    uvloop.run(main(arguments.port))
else:
    asyncio.run(main(arguments.port))
