# SPDX-License-Identifier: MIT
"""A dispatcher of the library and the loop that turns it."""

import asyncio
import ctypes
import itertools
import sys
import threading
from collections import deque
from typing import Any, Callable, Coroutine, Deque, Dict, Optional

from . import _library
from ._errors import Error, error_of
from ._wait import Wait

_poll = _library.quick.copas_poll
_memory = _library.memory
_MOST = 256
_MOST_POLLS = 4
#: A send is written as soon as it is submitted.
AT_ONCE = _library.number(0)
#: What is sent meanwhile is written, in one piece for each connection, by the next poll.
MORE = _library.number(1)
_COUNT = ctypes.c_int(_MOST)
_NO_TIME = _library.seconds(0)
_new = _library.quick.copas_new


class Hub:
    """One for each loop: what is outstanding, and who is to be resumed."""

    def __init__(self, loop: Any) -> None:
        config = _library.Config(size=ctypes.sizeof(_library.Config))
        self._bits = _new(ctypes.byref(config))
        if not self._bits:
            raise error_of(_library.LIMIT, text="no dispatcher can be made: descriptors or memory "
                                                "are used up")
        self.loop = loop
        self.argument = _library.handle(self._bits)
        self.tokens = itertools.count(1)
        self.pending: Dict[int, Any] = {}
        #: How a send is submitted now.
        self.send_flags = AT_ONCE
        self._ready: Deque[Any] = deque()
        self._events = ctypes.create_string_buffer(_library.EVENT.size * _MOST)
        self._events_at = ctypes.byref(self._events)
        self._view = memoryview(self._events)
        # Where outcomes that are told at once go.
        self.now = ctypes.create_string_buffer(_library.EVENT.size)
        self.now_at = ctypes.byref(self.now)
        self.now_status = ctypes.c_int.from_buffer(self.now, 8)
        self.taken = ctypes.c_size_t()
        self.taken_at = ctypes.byref(self.taken)

    def free(self) -> None:
        """Frees the dispatcher and closes what belongs to it."""
        if self._bits:
            _library.quick.copas_free(self.argument)
            self._bits = 0
            self.pending.clear()

    def failure(self, status: int) -> Error:
        """The exception for a call that has just answered `status`."""
        info = _library.ErrorInfo(size=ctypes.sizeof(_library.ErrorInfo))
        _library.quick.copas_error(self.argument, ctypes.byref(info))
        if info.status != status:
            return error_of(status)
        return error_of(status, info.sys_errno, info.text.decode("utf-8", "replace"))

    def resume_soon(self, wait: Any) -> None:
        """Has `wait` resumed in the next turn."""
        self._ready.append(wait)
        self._wake()

    def turn(self) -> None:
        """Resumes everybody whose operation is over."""
        raise NotImplementedError

    def _take(self, count: int) -> None:
        # All bytes are copied before anybody runs: who does may close the socket that lends them.
        if count < 0:
            raise self.failure(count)
        pending, ready = self.pending, self._ready
        events = self._view[:count * _library.EVENT.size]
        for status, errno, token, data, length, result in _library.EVENT.iter_unpack(events):
            wait = pending.pop(token)
            end = data + (length if status else length * wait.unit)
            wait.outcome = (status, errno, _memory[data:end].tobytes(), result)
            ready.append(wait)

    def _resume(self) -> None:
        ready = self._ready
        try:
            for _ in range(len(ready)):
                ready.popleft().resume()
        finally:
            if ready:
                self._wake()

    def _wake(self) -> None:
        raise NotImplementedError

    def spawn(self, coroutine: "Coroutine[Any, Any, Any]") -> Any:
        """Starts a task."""
        raise NotImplementedError

    def later(self, seconds: float, callback: "Callable[[], Any]") -> Any:
        """Calls back in a while, unless the result's cancel() is called."""
        raise NotImplementedError

    def current_task(self) -> Any:
        """The task that runs."""
        raise NotImplementedError

    def report(self, message: str, error: BaseException) -> None:
        """Tells a person of an exception that nobody handled."""
        raise NotImplementedError


class AsyncioHub(Hub):
    """On a loop of asyncio, uvloop or the like, which watches the dispatcher's descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._wakes = False
        self._descriptor = _library.quick.copas_backend_fd(self.argument)
        if self._descriptor < 0:
            error = self.failure(self._descriptor)
            self.free()
            raise error
        loop.add_reader(self._descriptor, self.turn)
        # An asynchronous generator is what a loop closes when it shuts down.
        self._generator = self._until_shutdown()
        try:
            self._generator.__anext__().send(None)
        except StopIteration:
            pass

    async def _until_shutdown(self) -> Any:
        try:
            yield
        finally:
            self.free()

    def turn(self) -> None:
        # It may end before a poll gives nothing: what is left makes the descriptor readable.
        for _ in range(_MOST_POLLS):
            count = _poll(self.argument, self._events_at, _COUNT, _NO_TIME)
            if not count:
                return
            # One task alone writes at once what it sends, until it finds more to answer.
            self.send_flags = AT_ONCE if count == 1 else MORE
            try:
                self._take(count)
                self._resume()
                if self.send_flags is AT_ONCE:
                    return
            finally:
                self.send_flags = AT_ONCE

    def free(self) -> None:
        if not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)
        _local.hubs.pop(self.loop, None)
        super().free()

    def _wake(self) -> None:
        if not self._wakes:
            self._wakes = True
            self.loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._wakes = False
        self._resume()

    def spawn(self, coroutine: "Coroutine[Any, Any, Any]") -> Any:
        return self.loop.create_task(coroutine)

    def later(self, seconds: float, callback: "Callable[[], Any]") -> Any:
        return self.loop.call_later(seconds, callback)

    def current_task(self) -> Any:
        return asyncio.current_task()

    def report(self, message: str, error: BaseException) -> None:
        self.loop.call_exception_handler({"message": message, "exception": error})


class _Local(threading.local):
    def __init__(self) -> None:
        self.hubs: Dict[Any, AsyncioHub] = {}
        #: That of copas.run().
        self.own: Optional[Hub] = None


_local = _Local()


def set_own(hub: Optional[Hub]) -> Optional[Hub]:
    """Makes `hub` the one of code that runs on no loop of asyncio; gives the one before."""
    before, _local.own = _local.own, hub
    return before


def current() -> Hub:
    """The hub of the code that runs."""
    loop = asyncio._get_running_loop()
    if loop is None:
        if _local.own is None:
            raise RuntimeError("no loop is running: call this in a coroutine of asyncio or of "
                               "copas.run(), or in a function of copas.sequential.run()")
        return _local.own
    hub = _local.hubs.get(loop)
    if hub is None:
        for old in [old for old in _local.hubs.values() if old.loop.is_closed()]:
            old.free()
        hub = _local.hubs[loop] = AsyncioHub(loop)
    return hub


def parked_wait(hub: Hub) -> Wait:
    """A wait that ends when its give() is called."""
    return Wait(hub).parked()


def print_exception(message: str, error: BaseException) -> None:
    """What is done with an exception that nobody handled where no loop takes it."""
    print(message, file=sys.stderr)
    sys.excepthook(type(error), error, error.__traceback__)
