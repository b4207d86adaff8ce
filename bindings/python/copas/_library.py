# SPDX-License-Identifier: MIT
"""The shared library that the package carries: its functions, constants and structs."""

import ctypes
import pathlib
import struct
import sys
from typing import Any, Dict

_FILE = str(pathlib.Path(__file__).with_name("libcopas.so"))

# Calls that never wait keep the interpreter's lock: letting go of it costs more than they do.
quick = ctypes.PyDLL(_FILE)
# Only a poll that waits lets the other threads of Python run.
waiting = ctypes.CDLL(_FILE)

LINE = -1
ALL = -2
LINE_RAW = -3

SHUT_SEND = 1
SHUT_RECEIVE = 2
SHUT_BOTH = 3

OK = 0
TIMEOUT = -1
CLOSED = -2
CANCELED = -3
INVALID = -4
STALE = -5
BUSY = -6
TOO_LONG = -9
LIMIT = -12

#: status, errno, token, data, length and result of a copas_event.
EVENT = struct.Struct("=8xiiQ8xQQQ8x")
#: family, port and host of a copas_address.
ADDRESS = struct.Struct("=ii112s")
#: Bytes of the host, with its NUL.
ADDRESS_HOST = 112


class Config(ctypes.Structure):
    """copas_config."""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64),
                ("report", ctypes.c_void_p), ("report_user", ctypes.c_void_p),
                ("stack_size", ctypes.c_size_t)]


class Armour(ctypes.Structure):
    """copas_armour."""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64),
                ("max_connections", ctypes.c_size_t), ("max_per_address", ctypes.c_size_t),
                ("first_byte", ctypes.c_double), ("min_rate", ctypes.c_size_t),
                ("rate_window", ctypes.c_double)]


class ErrorInfo(ctypes.Structure):
    """copas_error_info."""

    _fields_ = [("size", ctypes.c_size_t), ("status", ctypes.c_int),
                ("sys_errno", ctypes.c_int), ("text", ctypes.c_char_p)]


# What is passed over and over is converted once. A function without argtypes takes such an
# argument as it is; with argtypes each call would convert it anew.
def handle(value: int) -> Any:
    """A handle, or a pointer, as an argument."""
    return ctypes.c_void_p.from_param(value)


def number(value: int) -> Any:
    """A 64-bit number as an argument."""
    return ctypes.c_int64.from_param(value)


def seconds(value: "float | None") -> Any:
    """A time limit as an argument; None is no limit."""
    return ctypes.c_double.from_param(-1.0 if value is None else float(value))


quick.copas_new.restype = ctypes.c_void_p
quick.copas_new.argtypes = [ctypes.c_void_p]
quick.copas_status_message.restype = ctypes.c_char_p
quick.copas_status_message.argtypes = [ctypes.c_int]
quick.copas_status_name.restype = ctypes.c_char_p
quick.copas_status_name.argtypes = [ctypes.c_int]
quick.copas_version.restype = ctypes.c_char_p



class _Sizes(Dict[int, Any]):
    """Numbers of bytes as arguments; small ones are kept."""

    def __missing__(self, size: int) -> Any:
        return ctypes.c_size_t.from_param(size)


sizes = _Sizes((size, ctypes.c_size_t.from_param(size)) for size in range(1025))
pointer = ctypes.c_void_p.from_param
#: The memory of this process: a slice of it costs less than a call of ctypes that copies.
memory = memoryview((ctypes.c_char * sys.maxsize).from_address(0)).cast("B")


def bytes_at(address: int, size: int) -> bytes:
    """The bytes at an address, copied."""
    return memory[address:address + size].tobytes()


def message(status: int) -> str:
    """What a status means."""
    return str(quick.copas_status_message(status), "utf-8")


def version() -> str:
    """The version of the library."""
    return str(quick.copas_version(), "utf-8")
