# SPDX-License-Identifier: MIT
"""copas.run(): tasks on the library alone, without a loop of asyncio or uvloop."""

import asyncio
import contextvars
import ctypes
import os
import signal
import threading
from typing import Any, Callable, Coroutine, Generator, List, Optional, Set, TypeVar

from . import _library
from ._hub import MORE, Hub, parked_wait, print_exception, set_own
from ._wait import Wait

T = TypeVar("T")
# What leaves copas.run() at once, so that nobody else need be told.
_LEAVES = (KeyboardInterrupt, SystemExit)
_FOREVER = _library.seconds(None)
_NO_TIME = _library.seconds(0)
_poll_waiting = _library.waiting.copas_poll
_poll_now = _library.quick.copas_poll
_COUNT = ctypes.c_int(256)


class Task:
    """A coroutine that runs by itself: what copas.spawn() gives inside copas.run()."""

    def __init__(self, hub: "OwnHub", coroutine: "Coroutine[Any, Any, Any]") -> None:
        self._hub = hub
        self._coroutine = coroutine
        self._context = contextvars.copy_context()
        self._waits_on: Optional[Wait] = None
        self._must_cancel = False
        self._callbacks: List[Callable[["Task"], Any]] = []
        self._joins: Set[Wait] = set()
        self._done = False
        self._looked_at = False
        self._result: Any = None
        self._error: Optional[BaseException] = None

    def resume(self) -> None:
        """Runs it for the first time."""
        self._context.run(self._step)

    def _step(self, _: Optional[Wait] = None) -> None:
        self._waits_on = None
        hub = self._hub
        before, hub.running = hub.running, self
        try:
            if self._must_cancel:
                self._must_cancel = False
                wait = self._coroutine.throw(asyncio.CancelledError())
            else:
                wait = self._coroutine.send(None)
        except StopIteration as end:
            self._end(end.value, None)
        except BaseException as error:
            self._end(None, error)
            if isinstance(error, _LEAVES):
                raise
        else:
            self._wait_on(wait)
        finally:
            hub.running = before

    def _wait_on(self, wait: Any) -> None:
        if not isinstance(wait, Wait):
            self._coroutine.close()
            self._end(None, RuntimeError(f"a task of copas.run() cannot wait on {wait!r}"))
            return
        self._waits_on = wait
        wait.add_done_callback(self._step, context=self._context)
        if self._must_cancel and wait.cancel():
            self._must_cancel = False

    def _end(self, result: Any, error: Optional[BaseException]) -> None:
        self._done, self._result, self._error = True, result, error
        self._hub.tasks.discard(self)
        for callback in self._callbacks:
            callback(self)
        for wait in self._joins:
            wait.give()
        failed = error is not None and not isinstance(error, (asyncio.CancelledError, *_LEAVES))
        if failed and not self._joins and not self._callbacks:
            self._hub.unseen.append(self)

    def add_done_callback(self, callback: "Callable[[Task], Any]") -> None:
        """Calls back with the task when it has ended."""
        self._callbacks.append(callback)

    def done(self) -> bool:
        """Whether it has ended."""
        return self._done

    def cancel(self) -> bool:
        """Has its wait, or the next one, raise CancelledError. False: it has ended already."""
        if self._done:
            return False
        if self._waits_on is None or not self._waits_on.cancel():
            self._must_cancel = True
        return True

    def result(self) -> Any:
        """What its coroutine has returned; raises what it has raised."""
        self._looked_at = True
        if not self._done:
            raise asyncio.InvalidStateError("the task has not ended")
        if self._error is not None:
            raise self._error
        return self._result

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._done:
            wait = parked_wait(self._hub)
            self._joins.add(wait)
            try:
                yield from wait.__await__()
            finally:
                self._joins.discard(wait)
        return self.result()


class _Timer(Wait):
    """A callback in a while."""

    __slots__ = ("_callback",)

    def __init__(self, hub: Hub, callback: "Callable[[], Any]") -> None:
        super().__init__(hub)
        self._callback = callback

    def resume(self) -> None:
        if not self.canceled:
            self._callback()


class _Bell(_Timer):
    """A wait on a descriptor, whose event has a length but no bytes."""

    __slots__ = ()
    unit = 0


class OwnHub(Hub):
    """Turned by copas.run()."""

    running: Optional[Task] = None

    def __init__(self) -> None:
        super().__init__(None)
        self.send_flags = MORE
        self.tasks: Set[Task] = set()
        self.unseen: List[Task] = []
        # Python's signal handlers run when a poll ends: a byte here ends it.
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._signals = threading.current_thread() is threading.main_thread()
        if self._signals:
            self._before = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._bell = _Bell(self, self._rung)
        self._listen()

    def _listen(self) -> None:
        code = _library.quick.copas_submit_wait_fd(
            self.argument, ctypes.c_int(self._wake_read), ctypes.c_int(1), _FOREVER,
            self._bell.token, None, self._bell.operation_at)
        if code < 0:
            raise self.failure(code)
        self._bell.submitted()

    def _rung(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass
        self._listen()

    def turn(self) -> None:
        poll, limit = (_poll_now, _NO_TIME) if self._ready else (_poll_waiting, _FOREVER)
        self._take(poll(self.argument, self._events_at, _COUNT, limit))
        self._resume()
        while self.unseen:
            task = self.unseen.pop()
            if not task._looked_at and task._error is not None:
                self.report("copas: a task failed", task._error)

    def free(self) -> None:
        super().free()
        if self._signals:
            signal.set_wakeup_fd(self._before)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake(self) -> None:
        """The next turn comes by itself."""

    def spawn(self, coroutine: "Coroutine[Any, Any, Any]") -> Task:
        task = Task(self, coroutine)
        self.tasks.add(task)
        self.resume_soon(task)
        return task

    def pause(self, wait: Wait, seconds: float) -> Wait:
        """Ends `wait` in a while."""
        code = _library.quick.copas_submit_pause(
            self.argument, _library.seconds(max(seconds, 0)), wait.token, wait.operation_at)
        if code < 0:
            raise self.failure(code)
        return wait.submitted()

    def later(self, seconds: float, callback: "Callable[[], Any]") -> Wait:
        return self.pause(_Timer(self, callback), seconds)

    def current_task(self) -> Optional[Task]:
        return self.running

    def report(self, message: str, error: BaseException) -> None:
        print_exception(message, error)


def run(main: "Coroutine[Any, Any, T]") -> T:
    """Runs a coroutine, and the tasks that it spawns, until it has returned; gives its result.

    The tasks that are left then are canceled and run to their end.
    """
    if asyncio._get_running_loop() is not None:
        main.close()
        raise RuntimeError("copas.run() cannot be called inside a running loop: await the "
                           "coroutine there")
    hub = OwnHub()
    before = set_own(hub)
    try:
        task = hub.spawn(main)
        task.add_done_callback(lambda _: None)
        try:
            while not task.done():
                hub.turn()
        finally:
            _end_all(hub)
        result: T = task.result()
        return result
    finally:
        set_own(before)
        hub.free()


def _end_all(hub: OwnHub) -> None:
    for task in list(hub.tasks):
        task.cancel()
    while hub.tasks:
        hub.turn()
