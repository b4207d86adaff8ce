# SPDX-License-Identifier: MIT
"""A driver that runs: commands go to its stdin, outcomes come from its stdout."""

import os
import select
import subprocess
import tempfile
import time


class Gone(Exception):
    """The driver died, is silent, or talks nonsense; in words."""


class Process:
    """Sends 'ID COMMAND' or 'start ID COMMAND'; reads 'ID waits' and 'ID STATUS [WORD]'."""

    def __init__(self, command, seconds):
        self._seconds = seconds
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._errors, bufsize=0)
        self._unread = b""
        self._outcomes = {}
        self._waiting = set()
        self._ended = set()

    def send(self, line):
        """Sends a command."""
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise Gone(self._death()) from None

    def wait_started(self, name):
        """Until a command waits, or is over."""
        self._wait(lambda: name in self._waiting or name in self._outcomes, f"start {name}")

    def outcome(self, name):
        """The status and the word that a command ended with."""
        self._wait(lambda: name in self._outcomes, name)
        return self._outcomes.pop(name)

    def is_over(self, name, seconds):
        """Whether a command has ended; waits a little for it."""
        if name not in self._outcomes and select.select([self._process.stdout], [], [], seconds)[0]:
            self._read()
        return name in self._outcomes

    def end(self):
        """Its end of input: it has to end well, and to have said nothing on stderr."""
        if self._waiting or self._outcomes:
            raise Gone("the case never waits for " +
                       ", ".join(sorted(self._waiting.union(self._outcomes))))
        self._process.stdin.close()
        try:
            code = self._process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            raise Gone(f"the driver does not end within {self._seconds:g} s after its input "
                       f"has{self._said()}") from None
        if code or self._said():
            raise Gone(f"the driver {_ended(code)}{self._said()}")

    def kill(self):
        """Ends it whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            stream.close()

    def _wait(self, condition, what):
        end = time.monotonic() + self._seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise Gone(f"the driver does not answer {what!r} within {self._seconds:g} s"
                           f"{self._said()}")
            self._read()

    def _read(self):
        piece = os.read(self._process.stdout.fileno(), 65536)
        if not piece:
            raise Gone(self._death())
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            self._note(line.decode("utf-8", "replace").split())

    def _note(self, words):
        if len(words) == 2 and words[1] == "waits":
            # It may be over before it says that it waits.
            if words[0] not in self._ended:
                self._waiting.add(words[0])
        elif len(words) in (2, 3):
            self._waiting.discard(words[0])
            self._ended.add(words[0])
            self._outcomes[words[0]] = (words[1], words[2] if len(words) == 3 else "=")
        else:
            raise Gone(f"the driver says {' '.join(words)!r}, which is no answer")

    def _death(self):
        try:
            code = self._process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            return f"the driver closed its output but does not end{self._said()}"
        return f"the driver died: it {_ended(code)}{self._said()}"

    def _said(self):
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()
        return f"; on stderr:\n{said}" if said else ""


def _ended(code):
    return f"was ended by the signal {-code}" if code < 0 else f"ended with {code}"
