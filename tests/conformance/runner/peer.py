# SPDX-License-Identifier: MIT
"""The other end of a driver's connection: a plain socket."""

import random
import socket
import time

from .content import parse, shown, size, told


class Failed(Exception):
    """The peer did not see what the case expects."""


class Peer:
    """Acts at once and waits for at most `seconds`, the deadline of a step."""

    def __init__(self, connection, transport, seconds, turn):
        self._socket = connection
        self._transport = transport
        self._seconds = seconds
        # Lets the driver look at what has arrived.
        self._turn = turn
        connection.settimeout(seconds)

    def end(self):
        self._socket.close()

    def act(self, verb, words, play):
        """One line of a case: 'peer NAME VERB WORDS'."""
        action = getattr(self, "_" + verb, None)
        if action is None:
            raise Failed(f"a peer cannot {verb!r}: see README.md")
        try:
            action(words, play)
        except socket.timeout:
            raise Failed(f"the peer waited for {self._seconds:g} s in vain") from None
        except OSError as error:
            raise Failed(f"the peer's socket: {error}") from None

    def _sends(self, words, _):
        if "slices" in words:
            at = words.index("in")
            self._send_slices(parse(words[:at]), int(words[at + 2]))
        else:
            self._socket.sendall(parse(words))
        self._wait_delivered()

    def _send_slices(self, data, seed):
        """Random slices, each of which the driver gets a turn to look at."""
        chance = random.Random(seed)
        while data:
            length = chance.choice((1, 1, 2, 3, 5, 13, 700))
            self._socket.sendall(data[:length])
            data = data[length:]
            self._turn()

    def _wait_delivered(self):
        end = time.monotonic() + self._seconds
        while not self._transport.is_delivered(self._socket):
            if time.monotonic() > end:
                raise socket.timeout
            time.sleep(0.001)

    def _shuts(self, *_):
        self._transport.shut(self._socket)

    def _closes(self, *_):
        self._socket.close()

    def _resets(self, *_):
        self._transport.reset(self._socket)

    def _expects(self, words, play):
        if words == ["end"]:
            self._expect_end()
        elif words == ["reset"]:
            self._expect_reset()
        elif words[:2] == ["taken", "by"]:
            self._expect(play.taken(words[2]))
        else:
            self._expect(parse(words))

    def _expect(self, wanted):
        got = self._read(len(wanted))
        if got != wanted:
            raise Failed(f"the peer expected {shown(told(wanted))}\n"
                         f"     but got       {shown(told(got))}{_difference(wanted, got)}")

    def _read(self, length):
        pieces = []
        while length:
            try:
                piece = self._socket.recv(min(length, 1 << 18))
            except (socket.timeout, ConnectionResetError):
                break
            if not piece:
                break
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _expect_end(self):
        got = self._socket.recv(256)
        if got:
            raise Failed(f"the peer expected the end but got {shown(told(got))}")

    def _expect_reset(self):
        try:
            while self._socket.recv(1 << 18):
                pass
        except ConnectionResetError:
            return
        raise Failed("the peer expected a reset but got the end")

    def _drains(self, _, play):
        """Reads what filled the connection."""
        for each in play.filling():
            self._expect(each)

    def _trickles(self, words, play):
        """A byte now and then, until a command of the driver's is over."""
        self._until_over(words, play, lambda: self._socket.send(b"."))

    def _sips(self, words, play):
        """Reads a little now and then, until a command of the driver's is over."""
        self._until_over(words, play, lambda: self._socket.recv(1 << 14))

    def _until_over(self, words, play, act):
        if len(words) != 2 or words[0] != "until":
            raise Failed("write: until COMMAND")
        end = time.monotonic() + self._seconds
        while not play.is_over(words[1], 0.01):
            act()
            if time.monotonic() > end:
                raise Failed(f"{words[1]} is not over after {self._seconds:g} s")

    def _buffers(self, words, _):
        """How much the kernel takes in before the peer reads."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size(words[0]))


def _difference(wanted, got):
    for at, (one, other) in enumerate(zip(wanted, got)):
        if one != other:
            return f"\n     which differ at byte {at}"
    return f"\n     {len(got)} bytes instead of {len(wanted)}"
