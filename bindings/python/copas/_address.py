# SPDX-License-Identifier: MIT
"""Addresses: those that the library tells and takes, and names."""

import ctypes
import functools
import socket
from typing import Any, Tuple

from . import _library
from ._errors import Invalid, error_of
from ._hub import Hub
from ._wait import Resolving

#: A numeric address and a port; the path and 0 of a Unix socket.
Address = Tuple[str, int]


def told(memory: Any) -> Address:
    """What a copas_address says."""
    _, port, host = _library.ADDRESS.unpack_from(memory)
    return host.split(b"\0", 1)[0].decode(), port


def address_of(hub: Hub, argument: Any, get: Any) -> Address:
    """The address that copas_getpeername() or copas_getsockname() tells."""
    memory = ctypes.create_string_buffer(_library.ADDRESS.size)
    code = get(argument, ctypes.byref(memory))
    if code < 0:
        raise hub.failure(code)
    return told(memory)


@functools.lru_cache(maxsize=256)
def packed(address: Address) -> bytes:
    """A copas_address of a numeric address and a port."""
    host, port = address
    name = host.encode()
    if len(name) >= _library.ADDRESS_HOST:
        raise Invalid(_library.INVALID, text="the address is too long to be numeric")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return _library.ADDRESS.pack(family, port, name)


async def numeric(hub: Hub, host: str) -> str:
    """The first address of a name; a numeric one is its own, and so is "*"."""
    if host in ("*", ""):
        return "*"
    wait = Resolving(hub)
    status, errno, data, _ = await wait.over(_library.quick.copas_submit_resolve(
        hub.argument, host.encode(), _library.seconds(None), wait.token, hub.now_at,
        wait.operation_at))
    if status:
        raise error_of(status, errno, data.decode("utf-8", "replace"))
    return told(data)[0]
