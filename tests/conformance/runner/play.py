# SPDX-License-Identifier: MIT
"""One case on one driver."""

import dataclasses
import itertools

from .case import ANY, SILENT
from .content import Wrong, generated, parse, shown, size, text, told
from .peer import Failed, Peer
from .process import Gone, Process

#: The most bytes that a command carries; more than these the driver generates.
_INLINE = 4096
#: What fills a connection, length and seed: the kernel's buffers, then the library's.
_FLOOD = (16 << 20, 11)
_DROPS = (60000, 12)


class Failure(Exception):
    """A step that did not come out as expected."""


class Play:
    """Goes through the steps; what a wait is for comes from a started command, never from time."""

    def __init__(self, case, command, transport, seconds):
        self._case = case
        self._seconds = seconds
        self._transport = transport
        self._process = Process(command, seconds)
        self._peers = {}
        self._listener, self._address = None, None
        #: Where the driver listens.
        self._addresses = {}
        self._kept = []
        #: The data of started sends, and how many bytes of each were taken.
        self._sending = {}
        #: How the started commands ended.
        self._ended = {}
        #: What was taken to fill a connection.
        self._filling = []
        self._numbers = iter(range(1, 1 << 30))

    def run(self):
        """Raises Failure."""
        try:
            for step in self._case.steps:
                self._guarded(step, lambda step=step: self._step(step))
            self._guarded(None, self._process.end)
        finally:
            self._end()

    def _end(self):
        self._process.kill()
        for each in self._peers.values():
            each.end()
        for each in [*self._kept, *filter(None, [self._listener])]:
            each.close()

    def _guarded(self, step, act):
        where = f"{self._case.path.name}:{step.number}: {step.line}" if step else "the end"
        try:
            act()
        except (Failed, Gone, Wrong, OSError) as error:
            raise Failure(f"{where}\n     {error}") from None
        except (IndexError, ValueError, KeyError) as error:
            raise Failure(f"{where}\n     the line cannot be understood: {error!r}") from None

    def _step(self, step):
        first, *rest = step.words
        if first == "if":
            if self._ended[rest[0]] == rest[1]:
                self._step(dataclasses.replace(step, words=rest[2:]))
        elif first == "peer":
            self._peer(step, *rest)
        elif first == "start":
            self._start(rest[0], rest[1:])
        elif first == "fill":
            self._fill(rest[0])
        elif first == "cancel" and "while" in rest:
            self._cancel_while(step, rest[0], rest[2:])
        elif first == "wait":
            self._check(step, self._outcome(rest[0]))
        else:
            self._command(step)

    # The peer's lines.

    def _peer(self, step, name, verb, *words):
        if verb != "connects":
            self._peers[name].act(verb, list(words), self)
            return
        status = "OK"
        try:
            connection = self._transport.connect(self._addresses[words[0]], self._seconds)
            self._peers[name] = self._peer_of(connection)
        except ConnectionRefusedError:
            status = "REFUSED"
        self._check(step, (status, "="))

    def _peer_of(self, connection):
        return Peer(connection, self._transport, self._seconds, self._turn)

    def _turn(self):
        """Two answers: what was there before the second was asked for has been looked at."""
        for _ in range(2):
            self._ask(["turn"])

    def is_over(self, name, seconds):
        """Whether a started command has ended."""
        return self._process.is_over(name, seconds)

    def taken(self, name):
        """The bytes of a send that ended early, as far as they were taken."""
        data, count = self._sending[name]
        return data[:count]

    def filling(self):
        """What fills the connection."""
        return self._filling

    # The driver's lines.

    def _fill(self, name):
        """Sends until neither the kernel nor the library takes more; what drains it is told later."""
        for data in itertools.chain([_FLOOD], itertools.repeat(_DROPS)):
            length, seed = data
            status, word = self._ask(["generate", name, "0.05", str(length), str(seed)])
            count = int(word) if word.isdigit() else length
            self._filling.append(generated(length, seed)[:count])
            if status == "TIMEOUT" and data == _DROPS:
                return
            if status not in ("OK", "TIMEOUT"):
                raise Failed(f"{name} cannot be filled: {status}")

    def _command(self, step):
        outcome = self._ask(self._encode(step.words))
        self._check(step, outcome)
        self._conclude(step.words, outcome)

    def _cancel_while(self, step, name, words):
        """Both at once: the driver gets the cancellation and the peer's bytes in either order."""
        number = str(next(self._numbers))
        self._process.send(f"{number} cancel {name}")
        self._peer(step, *words[1:])
        self._check(step, self._process.outcome(number))

    def _start(self, name, words):
        if words[0] == "send":
            self._sending[name] = (parse(_without_limit(words[2:])[0]), None)
        self._process.send(" ".join(["start", name, *self._encode(words)]))
        self._process.wait_started(name)
        if self._process.is_over(name, 0):
            status, word = self._process.outcome(name)
            raise Failed(f"{name} does not wait: it was over at once with {status} {shown(word)}")

    def _outcome(self, name):
        status, word = self._process.outcome(name)
        self._ended[name] = status
        if name in self._sending:
            data, _ = self._sending[name]
            self._sending[name] = (data, int(word) if word.isdigit() else len(data))
            word = "="
        return status, word

    def _ask(self, words):
        number = str(next(self._numbers))
        self._process.send(" ".join([number, *words]))
        return self._process.outcome(number)

    def _encode(self, words):
        """A command as the driver gets it: 'VERB NAME [LIMIT] ...'."""
        verb, *rest = words
        if verb in ("limits", "shut", "close", "abort", "cancel"):
            return [verb, rest[0], *[str(size(each)) if verb == "limits" else each
                                     for each in rest[1:]]]
        rest, limit = _without_limit(rest)
        name, rest = rest[0], rest[1:]
        if verb == "connect":
            return [verb, name, limit, self._target(rest)]
        if verb == "listen":
            return [verb, name, *self._place(rest)]
        if verb == "accept":
            # Of a listener that is not plain the accepted connection has to be secured.
            return [verb, name, limit, rest[0], *self._transport.accepts_with]
        if verb == "receive":
            return [verb, name, limit, *_pattern(rest)]
        if verb == "send":
            return _sending(name, limit, rest)
        if verb == "flush":
            return [verb, name, limit]
        raise Wrong(f"{verb!r} is no command: see README.md")

    def _target(self, words):
        """The address that a driver connects to."""
        if words == ["nobody"]:
            holder, address = self._transport.nobody()
            self._kept.append(holder)
            return address
        if words == ["full"]:
            kept, address = self._transport.full()
            self._kept += kept
            return address
        if words == ["by", "name"]:
            self._listener, address = self._transport.named()
            self._listener.settimeout(self._seconds)
            return address
        if words[:1] == ["to"]:
            return f"{self._transport.name}:{text(words[1]).decode()}"
        return self._own_address()

    def _own_address(self):
        """Where the runner listens, from now on."""
        if self._listener is None:
            self._listener, self._address = self._transport.listen()
            self._listener.settimeout(self._seconds)
        return self._address

    def _place(self, words):
        """Where a driver listens, and what for."""
        if words[:1] == ["taken"]:
            return [self._own_address()]
        return [self._transport.anywhere, *words]

    def _conclude(self, words, outcome):
        """What the runner has to do when the driver has done its part."""
        status, word = outcome
        if status != "OK":
            return
        if words[0] == "connect":
            connection = self._transport.accept(self._listener)
            self._peers[words[1]] = self._peer_of(connection)
        elif words[0] == "listen":
            self._addresses[words[1]] = word

    def _check(self, step, outcome):
        status, word = outcome
        if step.words[0] == "listen" or status in SILENT:
            word = "="
        expected = [(self._transport.reset_is if right == "RESET" else right, told_)
                    for right, told_ in step.expected]
        if any(status == right and told_ in (word, ANY) for right, told_ in expected):
            return
        wanted = " or ".join(f"{right} {shown(told_)}" for right, told_ in expected)
        raise Failed(f"expected {wanted}\n     but got  {status} {shown(word)}")


def _without_limit(words):
    """The words without 'within SECONDS', and the limit as a driver gets it."""
    words = list(words)
    if "within" not in words:
        return words, "-"
    at = words.index("within")
    limit = words[at + 1]
    del words[at:at + 2]
    return words, limit


def _pattern(words):
    if words[0] == "until":
        return ["until", told_whole(parse(words[1:]))]
    if words[0] in ("line", "raw", "all", "some"):
        return words
    return [words[0] if words[0].startswith("-") else str(size(words[0]))]


def _sending(name, limit, words):
    if len(words) == 3 and words[1] == "of":
        return ["generate", name, limit, str(size(words[0])), words[2]]
    data = parse(words)
    if len(data) > _INLINE:
        raise Wrong("that much is sent as N of SEED")
    return ["send", name, limit, told_whole(data)]


def told_whole(data):
    """Bytes as a driver gets them."""
    return "=" + data.hex()
