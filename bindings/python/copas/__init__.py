# SPDX-License-Identifier: MIT
"""Coroutine networking: servers and clients on asyncio, on uvloop, or by copas.run() on neither."""

from asyncio import CancelledError

from ._connection import Connection, connect, connect_unix
from ._datagram import DatagramSocket, bind_udp, connect_udp
from ._errors import (Busy, Closed, Error, Invalid, NoMemory, Refused, Timeout, TLSFailed, TooLong,
                      Truncated, Unresolved, Untrusted)
from ._library import ALL, LINE, LINE_RAW, SHUT_BOTH, SHUT_RECEIVE, SHUT_SEND, version
from ._runner import Task, run
from ._server import Server, serve, serve_unix
from ._tasks import sleep, spawn, timeout
from ._tls import TLSContext, TLSInfo, TLSStats

__all__ = [
    "ALL", "LINE", "LINE_RAW", "SHUT_BOTH", "SHUT_RECEIVE", "SHUT_SEND",
    "Connection", "DatagramSocket", "Server", "TLSContext", "TLSInfo",
    "TLSStats", "Task",
    "bind_udp", "connect", "connect_udp", "connect_unix", "run", "serve", "serve_unix", "sleep",
    "spawn", "timeout", "version",
    "Busy", "CancelledError", "Closed", "Error", "Invalid", "NoMemory", "Refused", "Timeout",
    "TLSFailed", "TooLong", "Truncated", "Unresolved", "Untrusted",
]
