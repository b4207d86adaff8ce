#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A line echo server on copas, on a loop that may be chosen."""

import argparse
import asyncio

import copas


async def echo(conn):
    while True:
        line = await conn.receive(copas.LINE)
        await conn.send(line + b"\n")


async def main(port):
    server = await copas.serve(echo, "127.0.0.1", port)
    print(f"port {server.port}", flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__ + " Prints 'port N'.")
parser.add_argument("--port", type=int, default=0, help="0: a free one (0)")
parser.add_argument("--loop", choices=("asyncio", "uvloop", "copas"), default="asyncio")
arguments = parser.parse_args()
if arguments.loop == "copas":
    copas.run(main(arguments.port))
elif arguments.loop == "uvloop":
    import uvloop
    uvloop.run(main(arguments.port))
else:
    asyncio.run(main(arguments.port))
