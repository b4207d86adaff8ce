# SPDX-License-Identifier: MIT
"""A server: it accepts connections and runs a handler in a task for each."""

import ctypes
import math
from typing import Any, Awaitable, Callable, Optional, Set

from . import _library
from ._address import Address, address_of, numeric
from ._connection import Connection
from ._errors import Closed, Error, Truncated
from ._hub import Hub, current, parked_wait
from ._tls import TLSContext
from ._wait import Wait

Handler = Callable[[Connection], Awaitable[Any]]

_submit_accept = _library.quick.copas_submit_accept
_unpack = _library.EVENT.unpack_from
_AT_ONCE = 64
_PAUSE = 0.05
_unchanged = _library.seconds(math.nan)


class _Accept(Wait):
    """The accept that is outstanding."""

    __slots__ = ("_server",)

    def __init__(self, hub: Hub, server: "Server") -> None:
        super().__init__(hub)
        self._server = server

    def resume(self) -> None:
        status, _, _, result = self.outcome  # type: ignore[misc]
        self._server._accepted(status, result)


class Server:
    """What `await copas.serve()` gives. `async with` it: at the end it is shut down."""

    def __init__(self, hub: Hub, handler: Handler, bits: int, limit: Optional[float],
                 tls: Optional[TLSContext] = None) -> None:
        self._hub = hub
        self._tls = tls
        # The time limit of each call on a connection.
        self._limit = limit
        self._handler = handler
        self._argument = _library.handle(bits)
        self._open = True
        self._tasks: Set[Any] = set()
        self._ended: Set[Wait] = set()
        self._accept = _Accept(hub, self)
        self._accept_more()

    def _accept_more(self) -> None:
        hub = self._hub
        for _ in range(_AT_ONCE):
            if not self._open:
                return
            code = _submit_accept(self._argument, _library.seconds(None), self._accept.token,
                                  hub.now_at, self._accept.operation_at)
            if code == 0:
                self._accept.submitted()
                return
            if code < 0:
                self._pause(code)
                return
            status, _, _, _, _, result = _unpack(hub.now)
            if status:
                self._pause(status)
                return
            self._start(result)
        hub.later(0, self._accept_more)

    def _accepted(self, status: int, result: int) -> None:
        if status == 0:
            self._start(result)
            self._accept_more()
        else:
            self._pause(status)

    def _pause(self, status: int) -> None:
        """After a failure, as of descriptors that are used up: those that wait go on waiting."""
        if self._open and status not in (_library.CLOSED, _library.STALE, _library.CANCELED):
            self._hub.later(_PAUSE, self._accept_more)

    def _start(self, bits: int) -> None:
        task = self._hub.spawn(self._serve(Connection(self._hub, bits, self._limit)))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None and not await self._secure(connection):
                return
            await self._handler(connection)
        except (Closed, Truncated):
            # The peer has gone: that is how most connections end.
            pass
        except Exception as error:
            self._hub.report("copas: a handler failed", error)
        finally:
            connection.close()

    async def _secure(self, connection: Connection) -> bool:
        """Whether the handshake succeeds; those that fail are too many to be reported."""
        try:
            await connection.start_tls(self._tls)  # type: ignore[arg-type]
        except Error:
            return False
        return True

    def _end(self, task: Any) -> None:
        self._tasks.discard(task)
        if not self._open and not self._tasks:
            for wait in self._ended:
                wait.give()

    @property
    def address(self) -> Address:
        """The address and port it listens on; the path and 0 of a Unix socket."""
        return address_of(self._hub, self._argument, _library.quick.copas_getsockname)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.address[1]

    def close(self) -> None:
        """Stops listening. Handlers that run go on."""
        if self._open:
            self._open = False
            _library.quick.copas_close(self._argument)
            if not self._tasks:
                for wait in self._ended:
                    wait.give()

    async def wait_closed(self) -> None:
        """Waits until it is closed and its last handler has ended."""
        while self._open or self._tasks:
            wait = parked_wait(self._hub)
            self._ended.add(wait)
            try:
                await wait
            finally:
                self._ended.discard(wait)

    async def serve_forever(self) -> None:
        """Waits until it is closed or the caller is canceled; then it is shut down."""
        try:
            await self.wait_closed()
        finally:
            await self.shutdown()

    async def shutdown(self, grace: float = 0) -> None:
        """Stops listening, gives the handlers `grace` seconds to end, and cancels the others."""
        self.close()
        if grace <= 0:
            self._cancel_all()
            await self.wait_closed()
            return
        timer = self._hub.later(grace, self._cancel_all)
        try:
            await self.wait_closed()
        finally:
            timer.cancel()

    def _cancel_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()


def _listening(hub: Hub, handler: Handler, timeout: Optional[float], bind: Any,
               armour: _library.Armour, ssl: Optional[TLSContext] = None,
               handshake: float = 0) -> Server:
    out = ctypes.c_void_p()
    code = bind(ctypes.byref(out))
    if code < 0:
        raise hub.failure(code)
    code = _library.quick.copas_setarmour(out, ctypes.byref(armour))
    if code < 0:
        failure = hub.failure(code)
        _library.quick.copas_close(out)
        raise failure
    if timeout is not None:
        _library.quick.copas_settimeout(out, _library.seconds(timeout))
    if ssl is not None:
        _library.quick.copas_settimeouts(out, _library.seconds(handshake), _unchanged, _unchanged)
    return Server(hub, handler, out.value or 0, timeout, ssl)


def _armour(max_connections: int, max_per_address: int, first_byte: float, min_rate: int,
            rate_window: float) -> _library.Armour:
    if min(max_connections, max_per_address, min_rate) < 0:
        raise ValueError("numbers of connections and bytes are not negative")
    return _library.Armour(ctypes.sizeof(_library.Armour), 0, max_connections, max_per_address,
                           first_byte, min_rate, rate_window)


async def serve(handler: Handler, host: str = "127.0.0.1", port: int = 0, *,
                timeout: Optional[float] = None, ssl: Optional[TLSContext] = None,
                ssl_handshake_timeout: float = 30, max_connections: int = 0,
                max_per_address: int = 0, first_byte: float = 0, min_rate: int = 0,
                rate_window: float = 0) -> Server:
    """Listens on `host` (`"*"`: every IPv4 address, `"::"`: all) and `port` (0: a free one).

    Each connection runs `await handler(connection)` in a task and is closed at its end. `timeout`
    is the time limit in seconds of each receive and send on it. A `Closed` that a handler does not
    catch ends its connection quietly; other exceptions are reported. With a context in `ssl` the
    connections are encrypted, and the handler runs once a handshake has succeeded.

    0 is no limit for the others: above `max_connections` new ones wait until one ends, above
    `max_per_address` they are reset; a client is cut off that has sent nothing after `first_byte`
    seconds, or sends or reads fewer than `min_rate` bytes a second while it owes any, averaged over
    `rate_window` (10) seconds.
    """
    hub = current()
    armour = _armour(max_connections, max_per_address, first_byte, min_rate, rate_window)
    at = await numeric(hub, host)
    return _listening(hub, handler, timeout, lambda out: _library.quick.copas_bind(
        hub.argument, at.encode(), ctypes.c_int(port), out), armour, ssl, ssl_handshake_timeout)


async def serve_unix(handler: Handler, path: str, *, timeout: Optional[float] = None,
                     max_connections: int = 0, first_byte: float = 0, min_rate: int = 0,
                     rate_window: float = 0) -> Server:
    """Listens on the Unix socket at `path`; one that nobody listens on is removed before. The limits
    are those of `serve()`."""
    hub = current()
    armour = _armour(max_connections, 0, first_byte, min_rate, rate_window)
    return _listening(hub, handler, timeout, lambda out: _library.quick.copas_bind_unix(
        hub.argument, path.encode(), _library.number(2), out), armour)
