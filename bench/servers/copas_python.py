# SPDX-License-Identifier: MIT
"""Ours: the package copas, on asyncio's loop, on uvloop, or by copas.run().

usage: copas_python.py asyncio|uvloop|copas --mode lines|bulk
"""

import argparse
import asyncio

import copas


async def lines(conn):
    async for line in conn:
        await conn.send(line + b"\n")


async def bulk(conn):
    while True:
        await conn.send(await conn.receive(None))


async def serve(handler):
    server = await copas.serve(handler, "127.0.0.1", 0)
    print("port", server.port, flush=True)
    await server.serve_forever()


def runner(loop):
    if loop == "copas":
        return copas.run
    if loop == "asyncio":
        return asyncio.run
    import uvloop
    return uvloop.run


def main():
    parser = argparse.ArgumentParser(description="A server of the benchmarks.")
    parser.add_argument("loop", choices=["asyncio", "uvloop", "copas"])
    parser.add_argument("--mode", choices=["lines", "bulk"], required=True)
    arguments = parser.parse_args()
    handler = lines if arguments.mode == "lines" else bulk
    runner(arguments.loop)(serve(handler))


if __name__ == "__main__":
    main()
