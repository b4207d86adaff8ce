# SPDX-License-Identifier: MIT
"""The package without async and await: straight-line functions, each on a greenlet of its own.

`copas.sequential.run(main)` runs main, and the functions that it spawns, on the loop of
copas.run(). A call that waits lets the others run. Its exceptions are those of `copas`; a function
that is canceled gets `CancelledError`, which is no `Exception`.
"""

from asyncio import CancelledError
from types import TracebackType
from typing import Any, Callable, Generic, Optional, Tuple, Type, TypeVar, Union

from . import _connection, _datagram, _runner, _server, _tasks
from ._address import Address
from ._bridge import on_greenlet, wait_for
from ._connection import Pattern
from ._hub import current
from ._library import ALL, LINE, LINE_RAW, SHUT_BOTH, SHUT_RECEIVE, SHUT_SEND
from ._tls import TLSContext, TLSInfo

__all__ = [
    "ALL", "LINE", "LINE_RAW", "SHUT_BOTH", "SHUT_RECEIVE", "SHUT_SEND", "CancelledError", "Connection",
    "DatagramSocket", "Server", "Task",
    "bind_udp", "connect", "connect_udp", "connect_unix", "run", "serve", "serve_unix", "sleep",
    "spawn", "timeout",
]

T = TypeVar("T")
S = TypeVar("S", _connection.Connection, _datagram.DatagramSocket)
Self = TypeVar("Self", bound="_Socket[Any]")
Data = Union[bytes, bytearray, memoryview]


class _Socket(Generic[S]):
    """What streams and datagram sockets have in common."""

    def __init__(self, asynchronous: S) -> None:
        self._socket: S = asynchronous

    def close(self) -> None:
        """Closes it. Who waits on it gets `Closed`. Closing twice does nothing."""
        self._socket.close()

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return self._socket.closed

    def settimeout(self, seconds: Optional[float]) -> None:
        """The time limit of each receive, send and flush that starts from now on; None: none."""
        self._socket.settimeout(seconds)

    @property
    def peer(self) -> Address:
        """The other side's address and port; the path and 0 of a Unix socket."""
        return self._socket.peer

    @property
    def address(self) -> Address:
        """This side's address and port; the path and 0 of a Unix socket."""
        return self._socket.address

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._socket).replace("copas.", "copas.sequential.", 1)


class Connection(_Socket[_connection.Connection]):
    """A stream: made by `connect()`, or given to a server's handler. Iterating gives its lines."""

    def receive(self, pattern: Pattern = LINE) -> bytes:
        """Receives by a pattern: see copas.Connection.receive()."""
        return wait_for(self._socket.receive(pattern))

    def send(self, data: Data) -> None:
        """Sends bytes; waits while the peer takes them too slowly."""
        wait_for(self._socket.send(data))

    def flush(self) -> None:
        """Waits until the kernel has every byte that was sent."""
        wait_for(self._socket.flush())

    def abort(self) -> None:
        """Closes the connection with a reset and throws away what was not written yet."""
        self._socket.abort()

    def start_tls(self, context: TLSContext, *, server_hostname: Optional[str] = None) -> None:
        """Encrypts the connection from here on: see copas.Connection.start_tls()."""
        wait_for(self._socket.start_tls(context, server_hostname=server_hostname))

    @property
    def tls(self) -> TLSInfo:
        """What is known of its encryption; raises an `Error` where it is plain."""
        return self._socket.tls

    def shut(self, how: int = SHUT_SEND) -> None:
        """Ends `SHUT_SEND` (the peer sees the end after what was sent), `SHUT_RECEIVE` or `SHUT_BOTH`."""
        self._socket.shut(how)

    def setlimits(self, line: int = 0, all: int = 0) -> None:
        """The most bytes of a line (1 MiB), and of `ALL` or a block (64 MiB); 0: as it is."""
        self._socket.setlimits(line, all)

    def __iter__(self) -> "Connection":
        return self

    def __next__(self) -> bytes:
        try:
            return wait_for(self._socket.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


class DatagramSocket(_Socket[_datagram.DatagramSocket]):
    """What `bind_udp()` and `connect_udp()` give."""

    def receive_from(self) -> "Tuple[bytes, Address]":
        """Receives one datagram and who sent it: see copas.DatagramSocket.receive_from()."""
        return wait_for(self._socket.receive_from())

    def receive(self) -> bytes:
        """receive_from() for who need not know the sender."""
        return wait_for(self._socket.receive())

    def send_to(self, data: Data, to: Optional[Address]) -> None:
        """Sends one datagram to a numeric address and port, or to where it is connected (None)."""
        wait_for(self._socket.send_to(data, to))

    def send(self, data: Data) -> None:
        """Sends one datagram to where it is connected."""
        wait_for(self._socket.send(data))

    def setlimit(self, size: int) -> None:
        """The most bytes of a datagram that is received (65,536)."""
        self._socket.setlimit(size)

    @property
    def port(self) -> int:
        """Its own port."""
        return self._socket.port


class Server:
    """What `serve()` gives. Use it by `with`: at the end it is shut down."""

    def __init__(self, asynchronous: _server.Server) -> None:
        self._server = asynchronous

    @property
    def address(self) -> Address:
        """The address and port it listens on; the path and 0 of a Unix socket."""
        return self._server.address

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    def close(self) -> None:
        """Stops listening. Handlers that run go on."""
        self._server.close()

    def wait_closed(self) -> None:
        """Waits until it is closed and its last handler has ended."""
        wait_for(self._server.wait_closed())

    def serve_forever(self) -> None:
        """Waits until it is closed or the caller is canceled; then it is shut down."""
        wait_for(self._server.serve_forever())

    def shutdown(self, grace: float = 0) -> None:
        """Stops listening, gives the handlers `grace` seconds to end, and cancels the others."""
        wait_for(self._server.shutdown(grace))

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


class Task:
    """A function that runs by itself: what `spawn()` gives."""

    def __init__(self, asynchronous: _runner.Task) -> None:
        self._task = asynchronous

    def join(self) -> Any:
        """Waits until it has ended; gives what it has returned, raises what it has raised."""
        return wait_for(self._task.__await__())

    def cancel(self) -> bool:
        """Has its wait, or the next one, raise CancelledError. False: it has ended already."""
        return self._task.cancel()

    def done(self) -> bool:
        """Whether it has ended."""
        return self._task.done()


class timeout(_tasks.Limit):
    """`with timeout(seconds):` raises TimeoutError when its body takes longer."""

    def __enter__(self) -> "timeout":
        self._begin()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 _: Optional[TracebackType]) -> None:
        self._end(kind, error)


def run(main: Callable[..., T], *arguments: Any) -> T:
    """Calls `main(*arguments)` and runs it, and what it spawns, until it has returned.

    Gives what it returns. The functions that are left then are canceled and run to their end.
    """
    return _runner.run(on_greenlet(main, *arguments))


def spawn(function: Callable[..., Any], *arguments: Any) -> Task:
    """Has `function(*arguments)` run by itself."""
    return Task(current().spawn(on_greenlet(function, *arguments)))


def sleep(seconds: float) -> None:
    """Lets the others run for `seconds`."""
    wait_for(_tasks.sleep(seconds))


def connect(host: str, port: int, *, timeout: Optional[float] = None,
            ssl: Optional[TLSContext] = None, server_hostname: Optional[str] = None) -> Connection:
    """Connects over TCP, as copas.connect() does."""
    return Connection(wait_for(_connection.connect(host, port, timeout=timeout, ssl=ssl,
                                                   server_hostname=server_hostname)))


def connect_unix(path: str, *, timeout: Optional[float] = None) -> Connection:
    """Connects to the Unix socket at `path` within `timeout` seconds."""
    return Connection(wait_for(_connection.connect_unix(path, timeout=timeout)))


def _handling(handler: Callable[[Connection], Any]) -> _server.Handler:
    return lambda connection: on_greenlet(handler, Connection(connection))


def serve(handler: Callable[[Connection], Any], host: str = "127.0.0.1", port: int = 0, *,
          timeout: Optional[float] = None, ssl: Optional[TLSContext] = None,
          ssl_handshake_timeout: float = 30) -> Server:
    """Listens as copas.serve() does; each connection runs `handler(connection)` by itself."""
    return Server(wait_for(_server.serve(_handling(handler), host, port, timeout=timeout, ssl=ssl,
                                         ssl_handshake_timeout=ssl_handshake_timeout)))


def serve_unix(handler: Callable[[Connection], Any], path: str, *,
               timeout: Optional[float] = None) -> Server:
    """Listens on the Unix socket at `path`; one that nobody listens on is removed before."""
    return Server(wait_for(_server.serve_unix(_handling(handler), path, timeout=timeout)))


def bind_udp(host: str = "127.0.0.1", port: int = 0) -> DatagramSocket:
    """A UDP socket on `host` (`"*"`: every IPv4 address, `"::"`: all) and `port` (0: a free one)."""
    return DatagramSocket(wait_for(_datagram.bind_udp(host, port)))


def connect_udp(host: str, port: int) -> DatagramSocket:
    """A UDP socket that sends to, and receives from, one address only."""
    return DatagramSocket(wait_for(_datagram.connect_udp(host, port)))
