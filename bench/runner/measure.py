# SPDX-License-Identifier: MIT
"""Measures one server in one case."""

import contextlib
import json
import os
import pathlib
import select
import subprocess
import tempfile

import counts
from failure import Failure, WrongByte

# Seconds until a server that says nothing, or a load that does not end, counts as failed.
PATIENCE = 60
# What a server without parked coroutines needs is subtracted, as that with a few.
FEW = 100
WRONG_BYTE = 3


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def first_line(process, what):
    """The number after `what` in the first line that a server prints."""
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    words = process.stdout.readline().split() if ready else []
    if len(words) == 2 and words[0] == what:
        return int(words[1])
    raise Failure(f"it said {' '.join(words) or 'nothing'} instead of '{what} N'")


def last_words(file):
    """The last line that a server wrote, unless it is advice."""
    file.seek(0)
    lines = [line for line in file.read().splitlines()
             if line.strip() and not line.startswith("note:")]
    return f"; its last words: {lines[-1]}" if lines else ""


@contextlib.contextmanager
def started(command, core):
    """A server on one CPU, for the length of a `with`; a failure gets what it said last."""
    with tempfile.TemporaryFile("w+") as words:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=words, text=True, preexec_fn=pinned(core),
                                       env=dict(os.environ, RUST_BACKTRACE="0"))
        except FileNotFoundError as error:
            raise Failure(f"{command[0]} is missing: scripts/setup bench installs it") from error
        try:
            yield process
        except Failure as failure:
            raise type(failure)(f"{failure}{last_words(words)}") from failure
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def memory_kib(pid):
    """Resident memory, and its page tables, as the load counts them."""
    def kib(name, field):
        for line in pathlib.Path(f"/proc/{pid}/{name}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
        return 0

    return kib("smaps_rollup", "Rss:"), kib("status", "VmPTE:")


class Measure:
    def __init__(self, load, cores, span, identity):
        self.load = load
        # The folder with the certificate of encrypted servers.
        self.identity = identity
        self.server_core, self.load_core = cores
        # The load's arguments that tell how long it warms up and measures.
        self.span = span

    def whole(self, command, case):
        """The command of a server that is loaded."""
        secrets = ["--identity", str(self.identity)] if case.tls else []
        return [*command, "--mode", case.mode, *secrets]

    def run(self, command, case):
        """The figures of one run, as the load tells them."""
        if case.mode == "parked":
            return self.parked(command, case.count)
        if case.tool:
            return self.counted(command, case)
        with started(self.whole(command, case), self.server_core) as server:
            return self.loaded(case, server, self.span)

    def loaded(self, case, server, further):
        port = first_line(server, "port")
        arguments = [*case.load, "--port", port, "--pid", server.pid, *further]
        try:
            done = subprocess.run([str(self.load), *map(str, arguments)], text=True,
                                  capture_output=True, timeout=PATIENCE,
                                  preexec_fn=pinned(self.load_core))
        except subprocess.TimeoutExpired as error:
            raise Failure("the load did not end") from error
        if done.returncode == WRONG_BYTE:
            raise WrongByte(done.stderr.strip())
        if done.returncode != 0:
            raise Failure(done.stderr.strip())
        return json.loads(done.stdout)

    def counted(self, command, case):
        def measure(prefix, further, end):
            with started([*prefix, *self.whole(command, case)], self.server_core) as server:
                report = self.loaded(case, server, [*further, "--warm-up", 0])
                end(server)
                return report

        return {"counted": counts.each(case.tool, case.count, measure)}

    def parked(self, command, count):
        few, many = (self.parked_kib(command, n) for n in (FEW, FEW + count))
        resident, tables = ((b - a) / count for a, b in zip(few, many))
        return {"idle": count, "idle_kib": resident, "idle_tables_kib": tables,
                "memory_kib": sum(many)}

    def parked_kib(self, command, count):
        command = [*command, "--mode", "parked", "--count", str(count)]
        with started(command, self.server_core) as server:
            first_line(server, "parked")
            return memory_kib(server.pid)
