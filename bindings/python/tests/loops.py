# SPDX-License-Identifier: MIT
"""Runs asynchronous tests on asyncio, on uvloop and by copas.run(), each with a deadline."""

import asyncio
import functools
import inspect
import sys
import unittest

import copas

DEADLINE = 20


def _uvloop(coroutine):
    try:
        import uvloop
    except ImportError:
        coroutine.close()
        raise unittest.SkipTest("uvloop is not installed") from None
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _asyncio(coroutine):
    return asyncio.run(coroutine, debug=True)


RUNNERS = {"asyncio": _asyncio, "uvloop": _uvloop, "copas": copas.run}


def _sync(test, run):
    @functools.wraps(test)
    def wrapper(self):
        async def limited():
            async with copas.timeout(DEADLINE):
                await test(self)
        run(limited())
    return wrapper


def on_loops(*names):
    """A class decorator: a class of tests for each loop."""
    def decorate(cls):
        for name in names:
            tests = {key: _sync(value, RUNNERS[name]) for key, value in vars(cls).items()
                     if key.startswith("test_") and inspect.iscoroutinefunction(value)}
            body = {**tests, "loop_name": name, "__module__": cls.__module__}
            made = type(f"{cls.__name__}_on_{name}", (cls, unittest.TestCase), body)
            setattr(sys.modules[cls.__module__], made.__name__, made)
        return cls
    return decorate


on_every_loop = on_loops("asyncio", "uvloop", "copas")


class Pair:
    """`async with Pair() as (ours, theirs)`: both ends of a connection, in one task."""

    async def __aenter__(self):
        self._accepted = []
        self._bell = Bell()
        self._done = Bell()
        self._server = await copas.serve(self._handle)
        ours = await copas.connect("127.0.0.1", self._server.port)
        await self._bell.wait()
        self._ends = ours, self._accepted[0]
        return self._ends

    async def _handle(self, conn):
        self._accepted.append(conn)
        self._bell.ring()
        await self._done.wait()

    async def __aexit__(self, *_):
        self._done.ring()
        for end in self._ends:
            end.close()
        await self._server.shutdown()


class Bell:
    """An event that works on every loop."""

    def __init__(self):
        self._rung = False

    def ring(self):
        self._rung = True

    async def wait(self):
        while not self._rung:
            await copas.sleep(0.001)


async def canceled(task):
    """Whether a task has ended by its cancellation."""
    try:
        await task
    except copas.CancelledError:
        return True
    return False
