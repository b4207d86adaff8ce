# SPDX-License-Identifier: MIT
"""What carries the bytes of a run: each case runs unchanged over every transport."""

import array
import atexit
import contextlib
import errno
import fcntl
import functools
import os
import pathlib
import queue
import select
import socket
import ssl
import struct
import sys
import tempfile
import termios
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tls"))
from folder import Folder  # noqa: E402 it lies in another folder

#: Seconds that a handshake may take, in which the driver may be busy with other cases.
HANDSHAKE = 30


class Tcp:
    """TCP on 127.0.0.1. A driver gets addresses as one word, tcp:HOST:PORT."""

    name = "tcp"
    #: What an accept is told, too.
    accepts_with = ()
    #: Where a driver is told to listen.
    anywhere = "tcp:127.0.0.1:0"
    #: What a receive answers once the peer has reset the connection.
    reset_is = "CLOSED"

    @staticmethod
    def prepare():
        """Before the drivers start."""

    def listen(self, backlog=8):
        """A listening socket of the runner's, and its address."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        return listener, self._address(listener)

    def named(self):
        """The same by a name, and the listening socket."""
        listener, address = self.listen()
        return listener, address.replace("127.0.0.1", "localhost")

    def nobody(self):
        """An address where nobody listens, and the socket that keeps it."""
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        return holder, self._address(holder)

    def full(self):
        """An address that lets every connection wait, and the sockets that keep it so."""
        listener, address = self.listen(backlog=0)
        return self._fill(listener), address

    @staticmethod
    def _fill(listener):
        kept = [listener]
        while True:
            client = socket.socket()
            client.setblocking(False)
            kept.append(client)
            code = client.connect_ex(listener.getsockname())
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "the queue of a listening socket cannot be filled")
            if code and not select.select([], [client], [], 0.2)[1]:
                return kept

    def connect(self, address, seconds):
        """Connects to where a driver listens."""
        _, host, port = address.split(":")
        return self._quick(socket.create_connection((host, int(port)), seconds))

    def accept(self, listener):
        """The next connection of a listener."""
        return self._quick(listener.accept()[0])

    def shut(self, connection):
        """Ends the sending half."""
        connection.shutdown(socket.SHUT_WR)

    def reset(self, connection):
        """Closes with a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def is_delivered(self, connection):
        """Whether the driver's kernel has acknowledged every byte."""
        left = array.array("i", [1])
        fcntl.ioctl(connection, termios.TIOCOUTQ, left)
        return left[0] == 0

    @staticmethod
    def _quick(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _address(self, sock):
        return "%s:%s:%d" % (self.name, *sock.getsockname())


class Tls(Tcp):
    """TLS over it, with certificates of the run's folder: COPAS_CONFORMANCE_TLS names it."""

    name = "tls"
    accepts_with = ("tls",)
    anywhere = "tls:127.0.0.1:0"
    #: Without the peer's word it may have been cut off.
    reset_is = "TRUNCATED"

    @staticmethod
    def prepare():
        certificates()

    def connect(self, address, seconds):
        context = ssl.create_default_context(cafile=certificates().certificate("ca"))
        return Encrypted(super().connect(address, seconds), context, server_hostname="localhost")

    def listen(self, backlog=8):
        listener, address = super().listen(backlog)
        return EncryptedListener(listener), address

    def full(self):
        listener, address = Tcp.listen(self, backlog=0)
        return self._fill(listener), address

    def accept(self, listener):
        return listener.accept()

    def shut(self, connection):
        connection.say_goodbye()

    def reset(self, connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.abandon()


class Encrypted:
    """A connection whose handshake goes on by itself, for the driver's part of it may come later. It moves
    the records itself: one that a socket is wrapped for reads on for the other side's goodbye when it says
    its own, and takes what comes before that for a failure."""

    def __init__(self, plain, context, **how):
        self._seconds = plain.gettimeout()
        plain.settimeout(HANDSHAKE)
        self._failure = None
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, **how)
        # Opened before it was asked for.
        self._ahead = bytearray()
        self._handshake = threading.Thread(target=self._shake, daemon=True)
        self._handshake.start()

    def _shake(self):
        try:
            self._perform(self._session.do_handshake)
            self._plain.settimeout(self._seconds)
        except OSError as failure:
            self._failure = failure

    def _secure(self):
        self._handshake.join(HANDSHAKE)
        if self._failure is not None:
            raise self._failure
        if self._handshake.is_alive():
            raise socket.timeout

    def _push(self):
        if self._outgoing.pending:
            self._plain.sendall(self._outgoing.read())

    def _perform(self, act, *arguments):
        """What `act` gives, when it has all the records that it needs."""
        while True:
            try:
                result = act(*arguments)
                self._push()
                return result
            except ssl.SSLWantReadError:
                self._push()
            except ssl.SSLError:
                # Tells the other side, where that still listens.
                with contextlib.suppress(OSError):
                    self._push()
                raise
            records = self._plain.recv(1 << 18)
            if records:
                self._incoming.write(records)
            else:
                self._incoming.write_eof()

    def settimeout(self, seconds):
        """The time limit of what follows."""
        self._seconds = seconds
        if not self._handshake.is_alive():
            self._plain.settimeout(seconds)

    # No call of the socket's own that sends or receives: it would be in clear.

    def setsockopt(self, *arguments):
        """Of the socket below."""
        self._plain.setsockopt(*arguments)

    def fileno(self):
        """Of the socket below."""
        return self._plain.fileno()

    def sendall(self, data):
        """Sends it as records of the greatest length."""
        self._secure()
        with memoryview(data) as rest:
            at = 0
            while at < len(rest):
                at += self._perform(self._session.write, rest[at:at + (1 << 14)])

    def send(self, data):
        """Sends all of it."""
        self.sendall(data)
        return len(data)

    def recv(self, length):
        """What is there; nothing at the end that the driver has announced, and at no other."""
        self._secure()
        if self._ahead:
            piece = bytes(self._ahead[:length])
            del self._ahead[:length]
            return piece
        try:
            return self._perform(self._session.read, length)
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLEOFError:
            # An end without an announcement is no better than a reset.
            raise ConnectionResetError(errno.ECONNRESET, "cut off") from None

    def _open_ahead(self):
        """Opens all the records that have come."""
        with contextlib.suppress(ssl.SSLError):
            while piece := self._session.read(1 << 18):
                self._ahead += piece

    def say_goodbye(self):
        """Ends the sending half, as TLS does that."""
        self._secure()
        self._open_ahead()
        # The other side's goodbye is not there yet, or this one was said before.
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._session.unwrap()
        self._push()
        self._plain.shutdown(socket.SHUT_WR)

    def close(self):
        """Ends both halves."""
        with contextlib.suppress(OSError):
            self.say_goodbye()
        self.abandon()

    def abandon(self):
        """Closes without a word."""
        self._plain.close()


class EncryptedListener:
    """A listening socket that accepts at once, so that the driver's handshakes go on."""

    def __init__(self, listener):
        self._listener = listener
        self._accepted = queue.Queue()
        self._seconds = HANDSHAKE
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = certificates()
        self._context.load_cert_chain(folder.certificate("server"), folder.key("server"))
        self._thread = threading.Thread(target=self._accept_all, daemon=True)
        self._thread.start()

    def _accept_all(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            Tcp._quick(plain)
            self._accepted.put(Encrypted(plain, self._context, server_side=True))

    def accept(self):
        """The next connection."""
        try:
            return self._accepted.get(timeout=self._seconds)
        except queue.Empty:
            raise socket.timeout from None

    def settimeout(self, seconds):
        """How long accept() waits."""
        self._seconds = seconds

    def close(self):
        """Ends the thread, too."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()


@functools.cache
def certificates():
    """The folder of a CA and of a certificate that drivers and runner show; removed at the end."""
    holder = tempfile.TemporaryDirectory(prefix="copas_conformance_")
    atexit.register(holder.cleanup)
    folder = Folder(holder.name)
    folder.make_ca("ca")
    folder.make("server", "DNS:localhost,IP:127.0.0.1")
    os.environ["COPAS_CONFORMANCE_TLS"] = holder.name
    return folder


TRANSPORTS = {each.name: each for each in (Tcp, Tls)}
