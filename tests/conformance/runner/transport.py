# SPDX-License-Identifier: MIT
"""What carries the bytes of a run: each case runs unchanged over every transport."""

import array
import errno
import fcntl
import select
import socket
import struct
import termios


class Tcp:
    """TCP on 127.0.0.1. A driver gets addresses as one word, tcp:HOST:PORT."""

    name = "tcp"
    #: Where a driver is told to listen.
    anywhere = "tcp:127.0.0.1:0"

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
        kept = [listener]
        while True:
            client = socket.socket()
            client.setblocking(False)
            kept.append(client)
            code = client.connect_ex(listener.getsockname())
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "the queue of a listening socket cannot be filled")
            if code and not select.select([], [client], [], 0.2)[1]:
                return kept, address

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

    @staticmethod
    def _address(sock):
        return "tcp:%s:%d" % sock.getsockname()


TRANSPORTS = {each.name: each for each in (Tcp,)}
