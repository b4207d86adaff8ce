# SPDX-License-Identifier: MIT
"""A connection: receive, send, close."""

import asyncio
import ctypes
import math
from collections import deque
from time import monotonic
from typing import Any, Callable, Deque, Dict, Optional, Tuple, Union

from . import _library
from ._address import Address, address_of
from ._errors import Busy, Closed, Error, Invalid, error_of
from ._hub import MORE, Hub, current, parked_wait
from ._tls import ConnectOptions, TLSContext, TLSInfo, info_of
from ._wait import Outcome, Wait

_submit_receive: Callable[..., int] = _library.quick.copas_submit_receive
_submit_receive_some: Callable[..., int] = _library.quick.copas_submit_receive_some
_submit_receive_until: Callable[..., int] = _library.quick.copas_submit_receive_until
_submit_send = _library.quick.copas_submit_send
_submit_flush = _library.quick.copas_submit_flush
_bytes_at = _library.bytes_at
_unpack = _library.EVENT.unpack_from
_sizes = _library.sizes
_NOT_NUMBER = _library.seconds(math.nan)

Pattern = Union[int, bytes, None]

_PATTERNS: Dict[Any, Any] = {
    pattern: _library.number(pattern)
    for pattern in (_library.LINE, _library.ALL, _library.LINE_RAW)
}


class Connection:
    """A stream: made by `await copas.connect()`, or given to a server's handler."""

    __slots__ = ("__weakref__", "_argument", "_hub", "_kept", "_limit", "_now_at", "_open", "_reading",
                 "_senders", "_taken_at", "_writing")

    def __init__(self, hub: Hub, bits: int, limit: Optional[float] = None) -> None:
        self._hub = hub
        # The time limit of each call.
        self._limit = limit
        self._argument = _library.handle(bits)
        self._open = True
        self._now_at = hub.now_at
        self._taken_at = hub.taken_at
        self._reading = Wait(hub)
        self._writing = Wait(hub)
        self._senders: Deque[Wait] = deque()
        # What a canceled receive had got already.
        self._kept: Optional[bytes] = None

    async def receive(self, pattern: Pattern = _library.LINE) -> bytes:
        """Receives by a pattern.

        `LINE`: up to LF, which is dropped with every CR. `LINE_RAW`: a line with its ending.
        `ALL`: until the peer closes. A number: exactly so many bytes. Bytes: up to this delimiter,
        which is dropped. None: whatever is there, at least one byte.

        Raises `Timeout` (see settimeout()), `TooLong`, and `Closed` at the end of the stream; each
        has in `partial` what has arrived, of which nothing is consumed.
        """
        wait = self._reading
        if wait.active:
            raise Busy(_library.BUSY)
        if self._kept is not None:
            return await self._receive_kept(pattern)
        known = _PATTERNS.get(pattern)
        if known is None:
            code = self._submit(pattern, wait)
        else:
            code = _submit_receive(self._argument, known, wait.token, self._now_at,
                                   wait.operation_at)
        if code == 1:
            hub = self._hub
            # It was there already, and so may be the next: the answers are written in one piece.
            hub.send_flags = MORE
            status, errno, _, data, length, _ = _unpack(hub.now)
            bytes_ = _bytes_at(data, length)
        elif code == 0:
            wait.submitted()
            try:
                status, errno, bytes_, _ = await wait
            except BaseException:
                self._keep(pattern, wait.outcome)
                raise
        else:
            raise self._hub.failure(code)
        if status == 0:
            return bytes_
        raise error_of(status, errno, partial=bytes_)

    def _submit(self, pattern: Pattern, wait: Wait) -> int:
        """Submits a receive by one of the less usual patterns."""
        if pattern is None:
            return _submit_receive_some(self._argument, wait.token, self._now_at,
                                        wait.operation_at)
        if isinstance(pattern, bytes):
            return _submit_receive_until(self._argument, pattern, _sizes[len(pattern)],
                                         wait.token, self._now_at, wait.operation_at)
        if not isinstance(pattern, int):
            raise TypeError(f"a pattern is a number, bytes or None, not {pattern!r}")
        return _submit_receive(self._argument, _library.number(pattern), wait.token,
                               self._now_at, wait.operation_at)

    def _keep(self, pattern: Pattern, outcome: Optional[Outcome]) -> None:
        """A receive that was canceled when it was over already: nothing is lost."""
        if outcome is not None and outcome[0] == 0:
            ending = b"\n" if pattern == _library.LINE else b""
            if isinstance(pattern, bytes):
                ending = pattern
            self._kept = (outcome[2] + ending) or None

    async def _receive_kept(self, pattern: Pattern) -> bytes:
        while True:
            kept, self._kept = self._kept or b"", None
            found = _match(pattern, kept)
            if found is not None:
                taken, length = found
                self._kept = kept[length:] or None
                return taken
            try:
                kept += await self.receive(_lacking(pattern, kept))
            except Error as error:
                error.partial = kept + error.partial
                if pattern != _library.ALL or not isinstance(error, Closed) or error.broken:
                    raise
                kept, self._kept = b"", None
                return error.partial
            finally:
                # A cancellation may have kept more meanwhile.
                self._kept = (kept + (self._kept or b"")) or None
            if pattern == _library.ALL:
                self._kept = None
                return kept

    async def send(self, data: "Union[bytes, bytearray, memoryview]") -> None:
        """Sends bytes. Waits while the peer takes them too slowly; tasks that send at once queue.

        Raises `Closed`, `Timeout`; each has in `sent` how many bytes were accepted. A small part of
        what was sent is written when the task waits next; flush() waits for that.
        """
        if type(data) is not bytes:
            data = bytes(data)
        wait = self._writing
        if wait.active or self._senders:
            await self._send_in_turn(data)
            return
        hub = self._hub
        code = _submit_send(self._argument, data, _sizes[len(data)], hub.send_flags, wait.token,
                            self._taken_at, self._now_at, wait.operation_at)
        if code == 1 and hub.taken.value == len(data) and hub.now_status.value == 0:
            return
        await self._send_rest(data, code, self._end_of_call())

    async def _send_in_turn(self, data: bytes) -> None:
        hub, mine, end = self._hub, parked_wait(self._hub), self._end_of_call()
        timer = None if end is None else hub.later(end - monotonic(), lambda: mine.give(_library.TIMEOUT))
        self._senders.append(mine)
        try:
            status, *_ = await mine
            if status:
                raise error_of(status)
            await self._send_rest(data, None, end)
        finally:
            if timer is not None:
                timer.cancel()
            if mine in self._senders:
                self._senders.remove(mine)
            self._next_sender()

    def _next_sender(self) -> None:
        if self._senders and not self._writing.active:
            self._senders[0].give()

    def _release_senders(self) -> None:
        """After a close those that wait for their turn learn it."""
        for wait in self._senders:
            wait.give(_library.CLOSED)

    def _end_of_call(self) -> Optional[float]:
        """When a call that starts now has to be over."""
        return None if self._limit is None else monotonic() + self._limit

    def _submit_send(self, data: Any, size: int, end: Optional[float]) -> int:
        """Submits what is left of a send that has to be over at `end`, whatever the limit is now."""
        left = None if end is None else max(end - monotonic(), 0)
        changes = left is not self._limit
        if changes:
            self._limit_sends(left)
        try:
            return _submit_send(self._argument, data, _sizes[size], self._hub.send_flags,
                                self._writing.token, self._taken_at, self._now_at,
                                self._writing.operation_at)
        finally:
            if changes:
                self._limit_sends(self._limit)

    def _limit_sends(self, seconds: Optional[float]) -> None:
        _library.quick.copas_settimeouts(self._argument, _NOT_NUMBER, _library.seconds(seconds),
                                         _NOT_NUMBER)

    async def _send_rest(self, data: bytes, code: Optional[int], end: Optional[float]) -> None:
        """Goes on after a first submission that answered `code`, until all is taken."""
        hub, wait = self._hub, self._writing
        start = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
        sent = 0
        try:
            while True:
                if code is None:
                    code = self._submit_send(_library.pointer(start + sent), len(data) - sent, end)
                # A refused submission has taken nothing.
                if code >= 0:
                    sent += hub.taken.value
                status, errno, *_ = await wait.over(code)
                # What was accepted has been sent, though there is no room for more yet.
                if sent == len(data) and status in (_library.OK, _library.TIMEOUT):
                    return
                if status:
                    raise error_of(status, errno)
                code = None
        except Error as error:
            error.sent = sent
            raise
        finally:
            self._next_sender()

    async def flush(self) -> None:
        """Waits until the kernel has every byte that was sent."""
        wait = Wait(self._hub)
        status, errno, *_ = await wait.over(_submit_flush(
            self._argument, wait.token, self._now_at, wait.operation_at))
        if status:
            raise error_of(status, errno)

    def close(self) -> None:
        """Closes the connection; what was sent is written in the background, for at most 10 s.

        Tasks that wait on it get `Closed`. Closing twice does nothing.
        """
        if self._open:
            self._open = False
            _library.quick.copas_close(self._argument)
            self._release_senders()

    def abort(self) -> None:
        """Closes the connection with a reset and throws away what was not written yet."""
        if self._open:
            self._open = False
            _library.quick.copas_abort(self._argument)
            self._release_senders()

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return not self._open

    async def start_tls(self, context: TLSContext, *,
                        server_hostname: Optional[str] = None) -> None:
        """Encrypts the connection from here on, as the side that the context is for.

        A client says who the server has to be. Where it fails, only close() is left.
        """
        if self._kept:
            raise Invalid(_library.INVALID, text="bytes that were received in clear are unread")
        name = None if server_hostname is None else server_hostname.encode()
        wait = Wait(self._hub)
        status, errno, words, _ = await wait.over(_library.quick.copas_submit_starttls(
            self._argument, context.argument, name, wait.token, self._now_at, wait.operation_at))
        if status:
            raise error_of(status, errno, words.decode("utf-8", "replace"))

    @property
    def tls(self) -> TLSInfo:
        """What is known of its encryption; raises an `Error` where it is plain."""
        return info_of(self._hub, self._argument)

    def shut(self, how: int = _library.SHUT_SEND) -> None:
        """Ends a direction: with `SHUT_SEND` the peer sees the end of the stream after what was sent;
        with `SHUT_RECEIVE` a receive that waits gets `Closed`; `SHUT_BOTH`."""
        self._check(_library.quick.copas_shut(self._argument, how))

    def settimeout(self, seconds: Optional[float]) -> None:
        """The time limit of each receive, send and flush that starts from now on; None: none."""
        self._check(_library.quick.copas_settimeout(self._argument, _library.seconds(seconds)))
        self._limit = seconds

    def setlimits(self, line: int = 0, all: int = 0) -> None:
        """The most bytes of a line (1 MiB), and of `ALL` or a block (64 MiB); 0: as it is."""
        self._check(_library.quick.copas_setlimits(self._argument, _sizes[line], _sizes[all]))

    @property
    def peer(self) -> Address:
        """The other side's address and port; the path and 0 of a Unix socket."""
        return address_of(self._hub, self._argument, _library.quick.copas_getpeername)

    @property
    def address(self) -> Address:
        """This side's address and port; the path and 0 of a Unix socket."""
        return address_of(self._hub, self._argument, _library.quick.copas_getsockname)

    def _check(self, code: int) -> None:
        if code < 0:
            raise self._hub.failure(code)

    def __aiter__(self) -> "Connection":
        return self

    async def __anext__(self) -> bytes:
        """The next line; the last one may lack its ending. A reset is no end: it is raised."""
        try:
            return await self.receive(_library.LINE)
        except Closed as end:
            if end.broken:
                raise
            if end.status != _library.CLOSED or not end.partial:
                raise StopAsyncIteration from None
        return await self.receive(None)

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<copas.Connection {'open' if self._open else 'closed'}>"

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()


def _match(pattern: Pattern, kept: bytes) -> Optional[Tuple[bytes, int]]:
    """What a pattern takes of bytes, and how many of them; None when they are too few."""
    if pattern is None:
        return kept, len(kept)
    if isinstance(pattern, bytes) or pattern in (_library.LINE, _library.LINE_RAW):
        delimiter = pattern if isinstance(pattern, bytes) else b"\n"
        end = kept.find(delimiter)
        if end < 0:
            return None
        length = end + len(delimiter)
        if pattern == _library.LINE:
            return kept[:end].replace(b"\r", b""), length
        return kept[:length if pattern == _library.LINE_RAW else end], length
    if isinstance(pattern, int) and 0 <= pattern <= len(kept):
        return kept[:pattern], pattern
    return None


def _lacking(pattern: Pattern, kept: bytes) -> Pattern:
    """What to receive to complete a pattern of which some bytes are kept."""
    if isinstance(pattern, int) and pattern >= 0:
        return pattern - len(kept)
    if pattern in (_library.LINE, _library.LINE_RAW):
        return _library.LINE_RAW
    return _library.ALL if pattern == _library.ALL else 1


async def opened(hub: Hub, submit: Any) -> Connection:
    """The connection that `submit(wait)` makes."""
    wait = Wait(hub)
    try:
        status, errno, words, result = await wait.over(submit(wait))
    except asyncio.CancelledError:
        if wait.outcome is not None and wait.outcome[0] == 0:
            Connection(hub, wait.outcome[3]).close()
        raise
    if status:
        raise error_of(status, errno, words.decode("utf-8", "replace"))
    return Connection(hub, result)


async def connect(host: str, port: int, *, timeout: Optional[float] = None,
                  ssl: Optional[TLSContext] = None,
                  server_hostname: Optional[str] = None) -> Connection:
    """Connects over TCP within `timeout` seconds, resolving included.

    With a context in `ssl` the connection is encrypted, and the server has to prove that it is
    `server_hostname`, or without one `host`.
    """
    hub = current()
    options = ConnectOptions(ctypes.sizeof(ConnectOptions))
    # 0 is no limit there.
    options.timeout = 0 if timeout is None else max(timeout, 1e-9)
    if ssl is not None:
        options.tls = ssl.bits
    if server_hostname is not None:
        options.server_name = server_hostname.encode()
    return await opened(hub, lambda wait: _library.quick.copas_submit_connect_with(
        hub.argument, host.encode(), ctypes.c_int(port), ctypes.byref(options), wait.token,
        hub.now_at, wait.operation_at))


async def connect_unix(path: str, *, timeout: Optional[float] = None) -> Connection:
    """Connects to the Unix socket at `path` within `timeout` seconds."""
    hub = current()
    return await opened(hub, lambda wait: _library.quick.copas_submit_connect_unix(
        hub.argument, path.encode(), _library.number(0), _library.seconds(timeout), wait.token,
        hub.now_at, wait.operation_at))
