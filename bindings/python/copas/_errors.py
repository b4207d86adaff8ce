# SPDX-License-Identifier: MIT
"""The exceptions: one for each way to fail that a program may want to tell from the others."""

import asyncio
import errno as _errno
import socket as _socket
from typing import Dict, Optional, Tuple, Type

from . import _library


class Error(OSError):
    """A call of the library failed. All of this package's exceptions are of this class."""

    #: The number of the copas_status.
    status: int
    #: What a receive had got so far. It is not consumed, but for that of a closed connection.
    partial: bytes
    #: How many bytes of a send, from the first on, were accepted: go on with the rest.
    sent: int

    def __init__(self, status: int, errno: int = 0, text: str = "", partial: bytes = b"",
                 sent: int = 0) -> None:
        super().__init__(errno, text or _library.message(status))
        self.status = status
        self.partial = partial
        self.sent = sent

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> "Tuple[object, ...]":
        return type(self), (self.status, self.errno, self.strerror, self.partial), self.__dict__


# Before Python 3.11 asyncio had a TimeoutError of its own.
_TIMEOUTS: Tuple[Type[Exception], ...] = (TimeoutError,) if (
    asyncio.TimeoutError is TimeoutError) else (TimeoutError, asyncio.TimeoutError)


class Timeout(Error, *_TIMEOUTS):  # type: ignore[misc]
    """The connection's time limit passed; nothing was consumed, so the call can be repeated."""


class Closed(Error, ConnectionResetError):
    """The connection is closed: by the peer, by a failure, or by this side."""

    #: Whether a failure such as a reset has closed it: then what came may not be all.
    broken: bool = False


class Refused(Error, ConnectionRefusedError):
    """Nothing listens on that address."""


class Unresolved(Error, _socket.gaierror):
    """The name has no address."""


class TooLong(Error, ValueError):
    """The data exceed the limit; see Connection.setlimits(), DatagramSocket.setlimit()."""

    #: Who sent the datagram that was too long.
    sender: "Optional[Tuple[str, int]]" = None


class Busy(Error, RuntimeError):
    """Somebody else is receiving on this connection already."""


class Invalid(Error, ValueError):
    """An argument is not valid."""


class Untrusted(Error):
    """The peer's certificate is not trusted, has expired, or is for another name."""


class TLSFailed(Error):
    """A TLS handshake failed, or an encrypted record was changed."""


class Truncated(Error):
    """An encrypted stream was cut off: the end was not the peer's. `partial` is what came before."""


class NoMemory(Error, MemoryError):
    """Memory or address space is used up."""


_CLASSES: Dict[int, Tuple[Type[Error], int]] = {
    -1: (Timeout, _errno.ETIMEDOUT),
    -2: (Closed, _errno.ECONNRESET),
    -4: (Invalid, _errno.EINVAL),
    -5: (Closed, _errno.EBADF),
    -6: (Busy, _errno.EBUSY),
    -9: (TooLong, _errno.EMSGSIZE),
    -11: (NoMemory, _errno.ENOMEM),
    -12: (Error, _errno.EMFILE),
    -14: (Refused, _errno.ECONNREFUSED),
    -22: (Unresolved, 0),
    -25: (Truncated, _errno.ECONNABORTED),
    -26: (TLSFailed, _errno.EPROTO),
    -27: (Untrusted, _errno.EPROTO),
}


def error_of(status: int, errno: int = 0, text: str = "", partial: bytes = b"") -> Error:
    """The exception for a status."""
    kind, usual = _CLASSES.get(status, (Error, 0))
    error = kind(status, errno or usual, text, partial)
    if isinstance(error, Closed):
        error.broken = errno != 0
    return error
