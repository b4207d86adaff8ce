# SPDX-License-Identifier: MIT
"""What a coroutine waits on: one operation of the library, or a turn that somebody gives."""

import asyncio
import ctypes
from contextvars import Context
from typing import Any, Callable, Generator, Optional, Tuple

from . import _library

_submit_cancel = _library.quick.copas_submit_cancel
_unpack = _library.EVENT.unpack_from

#: status, errno, bytes and result of an operation.
Outcome = Tuple[int, int, bytes, int]


class Wait:
    """Looks like a future to asyncio's tasks, and resumes them without a turn of the loop.

    It is used again and again: `begin()`, the submission, then `await`.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_hub", "_loop", "_number", "_operation", "_wake",
                 "active", "canceled", "operation_at", "outcome", "token")

    #: How many bytes an event's length counts, unless it is the length of a failure's words.
    unit = 1

    def __init__(self, hub: Any) -> None:
        self._asyncio_future_blocking = False
        self._hub = hub
        # Without a method get_loop() a task looks here for the loop, which is quicker.
        self._loop = hub.loop
        self._operation = ctypes.c_void_p()
        self._wake: Optional[Callable[["Wait"], Any]] = None
        self._context: Optional[Context] = None
        self.active = False
        self.canceled = False
        # Where the library writes the operation's handle.
        self.operation_at = ctypes.byref(self._operation)
        #: Once it is over.
        self.outcome: Optional[Outcome] = None
        self._number = next(hub.tokens)
        self.token = _library.number(self._number)

    def submitted(self) -> "Wait":
        """An operation with this wait's token is outstanding: its event ends the wait."""
        self.outcome = None
        self.active = True
        self._hub.pending[self._number] = self
        return self

    async def over(self, code: int) -> Outcome:
        """The outcome of the operation whose submission has answered `code`."""
        self.outcome = None
        if code < 0:
            raise self._hub.failure(code)
        if code == 0:
            return await self.submitted()
        status, errno, _, data, length, result = _unpack(self._hub.now)
        size = length if status else length * self.unit
        return status, errno, _library.bytes_at(data, size), result

    def parked(self) -> "Wait":
        """Somebody will call give(): no operation."""
        self.outcome = None
        self.active = True
        self._operation.value = None
        return self

    def give(self, status: int = 0) -> None:
        """Ends a parked wait."""
        if self.outcome is None:
            self.outcome = (status, 0, b"", 0)
            self._hub.resume_soon(self)

    def __await__(self) -> Generator[Any, None, Outcome]:
        self._asyncio_future_blocking = True
        try:
            yield self
        except BaseException:
            if self.outcome is None:
                self.cancel()
                self._wake = None
            self.active = self.canceled = False
            raise
        self.active = False
        if self.canceled:
            self.canceled = False
            raise asyncio.CancelledError
        return self.outcome  # type: ignore[return-value]

    def resume(self) -> None:
        """Runs the coroutine that waits, up to its next wait."""
        wake = self._wake
        if wake is not None:
            self._wake = None
            self._context.run(wake, self)  # type: ignore[union-attr]

    # What a task asks of a future.

    def add_done_callback(self, wake: Callable[["Wait"], Any], *, context: Context) -> None:
        self._wake = wake
        self._context = context

    def remove_done_callback(self, wake: Callable[["Wait"], Any]) -> int:
        had = self._wake is not None
        self._wake = None
        return int(had)

    def done(self) -> bool:
        return self.outcome is not None

    def result(self) -> None:
        """Nothing: what follows the wait looks at the outcome."""

    def cancel(self, msg: Any = None) -> bool:
        """Ends the wait early; False when it is over already."""
        if self.outcome is not None:
            return False
        self.canceled = True
        if self._operation.value is None:
            self.give(_library.CANCELED)
        else:
            _submit_cancel(self._operation)
        return True


class Resolving(Wait):
    """A wait for addresses."""

    __slots__ = ()
    unit = _library.ADDRESS.size
