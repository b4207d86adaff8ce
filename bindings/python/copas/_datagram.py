# SPDX-License-Identifier: MIT
"""Datagram sockets: one datagram a call, whole or cut and told."""

import ctypes
import struct
from typing import Any, Callable, Optional, Tuple, Union

from . import _library
from ._address import Address, address_of, numeric, packed, told
from ._errors import Busy, TooLong, error_of
from ._hub import Hub, current
from ._wait import Outcome, Wait

_submit_receivefrom: Callable[..., int] = _library.quick.copas_submit_receivefrom
_submit_sendto: Callable[..., int] = _library.quick.copas_submit_sendto
_event_peer: Callable[..., int] = _library.quick.copas_event_peer
_sizes = _library.sizes
# A copas_event of which only size, kind and handle are told.
_EVENT = struct.Struct("=II16xQ32x")
_RECEIVEFROM = 7
# Of these a datagram was taken from the kernel.
_TAKEN = (_library.OK, _library.TOO_LONG)


class DatagramSocket:
    """What `await copas.bind_udp()` and `connect_udp()` give."""

    __slots__ = ("__weakref__", "_argument", "_event", "_hub", "_kept", "_open", "_reading",
                 "_sender", "_sender_at", "_writing")

    def __init__(self, hub: Hub, bits: int) -> None:
        self._hub = hub
        self._argument = _library.handle(bits)
        self._open = True
        self._event = _EVENT.pack(_EVENT.size, _RECEIVEFROM, bits)
        self._sender = ctypes.create_string_buffer(_library.ADDRESS.size)
        self._sender_at = ctypes.byref(self._sender)
        self._reading = Wait(hub)
        # Several tasks may send at once: whoever finds no wait here makes one.
        self._writing: Optional[Wait] = None
        # What a canceled receive had got already.
        self._kept: Optional[Tuple[Outcome, Optional[Address]]] = None

    async def receive_from(self) -> "Tuple[bytes, Address]":
        """Receives one datagram; gives it, which may be empty, and who sent it.

        Raises `TooLong` for one that exceeds the limit, with its first bytes in `partial` and its
        `sender`: the rest is lost. Raises `Timeout` (see settimeout()), `Closed`, and `Refused`
        when nobody was there for a datagram that was sent before.
        """
        (status, errno, data, _), sender = await self._received()
        if status == 0 and sender is not None:
            return data, sender
        error = error_of(status, errno, partial=data)
        if isinstance(error, TooLong):
            error.sender = sender
        raise error

    async def receive(self) -> bytes:
        """receive_from() for who need not know the sender."""
        return (await self.receive_from())[0]

    async def _received(self) -> "Tuple[Outcome, Optional[Address]]":
        wait = self._reading
        if wait.active:
            raise Busy(_library.BUSY)
        kept, self._kept = self._kept, None
        if kept is not None:
            return kept
        try:
            outcome = await wait.over(_submit_receivefrom(
                self._argument, wait.token, self._hub.now_at, wait.operation_at))
        except BaseException:
            # One that had come when the task was canceled is for the next receive.
            if self._open and wait.outcome is not None and wait.outcome[0] in _TAKEN:
                self._kept = wait.outcome, self._last_sender()
            raise
        return outcome, self._last_sender() if outcome[0] in _TAKEN else None

    def _last_sender(self) -> Address:
        self._check(_event_peer(self._event, self._sender_at))
        return told(self._sender)

    async def send_to(self, data: "Union[bytes, bytearray, memoryview]",
                      to: Optional[Address]) -> None:
        """Sends one datagram to a numeric address and port, or to where it is connected (None).

        Waits while the kernel's buffer is full. Raises `Timeout`, `Closed`, `Refused`, and `Error`
        for what is too long or cannot be reached.
        """
        if type(data) is not bytes:
            data = bytes(data)
        hub = self._hub
        wait, self._writing = self._writing or Wait(hub), None
        status, errno, words, _ = await wait.over(_submit_sendto(
            self._argument, data, _sizes[len(data)], None if to is None else packed(to),
            wait.token, hub.now_at, wait.operation_at))
        self._writing = wait
        if status:
            raise error_of(status, errno, words.decode("utf-8", "replace"))

    async def send(self, data: "Union[bytes, bytearray, memoryview]") -> None:
        """Sends one datagram to where it is connected."""
        await self.send_to(data, None)

    def close(self) -> None:
        """Closes it. Tasks that wait on it get `Closed`. Closing twice does nothing."""
        if self._open:
            self._open = False
            _library.quick.copas_close(self._argument)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return not self._open

    def settimeout(self, seconds: Optional[float]) -> None:
        """The time limit of each receive and send that starts from now on; None: none."""
        self._check(_library.quick.copas_settimeout(self._argument, _library.seconds(seconds)))

    def setlimit(self, size: int) -> None:
        """The most bytes of a datagram that is received (65,536)."""
        self._check(_library.quick.copas_setlimits(self._argument, _sizes[0], _sizes[size]))

    @property
    def peer(self) -> Address:
        """The address and port that it is connected to."""
        return address_of(self._hub, self._argument, _library.quick.copas_getpeername)

    @property
    def address(self) -> Address:
        """Its own address and port."""
        return address_of(self._hub, self._argument, _library.quick.copas_getsockname)

    @property
    def port(self) -> int:
        """Its own port."""
        return self.address[1]

    def _check(self, code: int) -> None:
        if code < 0:
            raise self._hub.failure(code)

    async def __aenter__(self) -> "DatagramSocket":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<copas.DatagramSocket {'open' if self._open else 'closed'}>"

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()


async def _opened(open_: Any, host: str, port: int) -> DatagramSocket:
    hub = current()
    at = await numeric(hub, host)
    out = ctypes.c_void_p()
    code = open_(hub.argument, at.encode(), ctypes.c_int(port), ctypes.byref(out))
    if code < 0:
        raise hub.failure(code)
    return DatagramSocket(hub, out.value or 0)


async def bind_udp(host: str = "127.0.0.1", port: int = 0) -> DatagramSocket:
    """A UDP socket on `host` (`"*"`: every IPv4 address, `"::"`: all) and `port` (0: a free one)."""
    return await _opened(_library.quick.copas_bind_udp, host, port)


async def connect_udp(host: str, port: int) -> DatagramSocket:
    """A UDP socket that sends to, and receives from, one address only."""
    return await _opened(_library.quick.copas_connect_udp, host, port)
