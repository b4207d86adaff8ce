# SPDX-License-Identifier: MIT
"""Tasks, sleep and time limits that are the same on every loop."""

import asyncio
from types import TracebackType
from typing import Any, Coroutine, Optional, Type

from ._hub import current
from ._runner import OwnHub
from ._wait import Wait


def spawn(coroutine: "Coroutine[Any, Any, Any]") -> Any:
    """Starts a task that runs the coroutine: an asyncio.Task there, a copas.Task in copas.run()."""
    return current().spawn(coroutine)


async def sleep(seconds: float) -> None:
    """Lets the others run for `seconds`."""
    hub = current()
    if isinstance(hub, OwnHub):
        await hub.pause(Wait(hub), seconds)
    else:
        await asyncio.sleep(seconds)


class Limit:
    """A time limit of what the running task does; it ends by a cancellation."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._passed = False
        # How many cancellations are under way already.
        self._canceling = 0
        self._timer: Any = None
        self._task: Any = None

    def _begin(self) -> None:
        hub = current()
        self._task = hub.current_task()
        self._canceling = self._task.cancelling() if hasattr(self._task, "cancelling") else 0
        self._timer = hub.later(self._seconds, self._pass)

    def _pass(self) -> None:
        self._passed = True
        self._task.cancel()

    def _end(self, kind: Optional[Type[BaseException]], error: Optional[BaseException]) -> None:
        self._timer.cancel()
        if not self._passed:
            return
        others = self._task.uncancel() if hasattr(self._task, "uncancel") else 0
        if others <= self._canceling and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error


class timeout(Limit):
    """`async with copas.timeout(seconds):` raises TimeoutError when its body takes longer.

    As asyncio.timeout() of Python 3.11, on every loop and every Python.
    """

    async def __aenter__(self) -> "timeout":
        self._begin()
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        _: Optional[TracebackType]) -> None:
        self._end(kind, error)
