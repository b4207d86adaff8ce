# SPDX-License-Identifier: MIT
"""Watches the soak's programs: their operations and failures, descriptors and resident memory."""

import dataclasses
import json
import os
import pathlib
import signal
import statistics
import subprocess
import threading
import time

#: Growth of resident memory that is none: the larger one counts.
FLAT_SHARE, FLAT_BYTES = 0.02, 4 << 20
#: Of descriptors: their number goes up and down with the connections that are open at a moment.
FLAT_DESCRIPTORS = 32
PROGRESS = 10
#: Seconds until a program that has been told to stop must have ended.
PATIENCE = 120


@dataclasses.dataclass
class Sample:
    at: float
    resident: int
    descriptors: int


class Program:
    """One process that prints its numbers each second."""

    def __init__(self, name, command, env=None):
        self.name = name
        self.numbers = {"failures": 0, "done": {}}
        self.samples = []
        self.status = None
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.numbers = json.loads(line)

    def ended(self):
        return self.process.poll() is not None

    def sample(self, at):
        proc = pathlib.Path("/proc", str(self.process.pid))
        try:
            pages = int((proc / "statm").read_text().split()[1])
            descriptors = len(os.listdir(proc / "fd"))
        except OSError:
            return
        self.samples.append(Sample(at, pages * os.sysconf("SC_PAGE_SIZE"), descriptors))

    def stop(self):
        """Its exit status; None when it had to be killed."""
        if not self.ended():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()

    def around(self, begin, end):
        """Median memory and descriptors between two times."""
        chosen = [sample for sample in self.samples if begin <= sample.at <= end]
        if not chosen:
            return None
        return (statistics.median(sample.resident for sample in chosen),
                statistics.median(sample.descriptors for sample in chosen))


@dataclasses.dataclass
class Spans:
    """When the start, the middle and the end of the flat part are."""

    warm_up: float
    end: float

    def __iter__(self):
        width = (self.end - self.warm_up) / 6
        middle = (self.warm_up + self.end) / 2
        yield self.warm_up, self.warm_up + width
        yield middle - width / 2, middle + width / 2
        yield self.end - width, self.end


def progress(programs, at):
    words = []
    for program in programs:
        last = program.samples[-1] if program.samples else None
        words.append(f"{program.name} {sum(program.numbers['done'].values()):,} operations, "
                     f"{program.numbers['failures']} failures"
                     + (f", {last.resident / 2**20:.1f} MiB, {last.descriptors} descriptors"
                        if last else ""))
    print(f"{at:5.0f} s  " + "; ".join(words), flush=True)


def run(programs, seconds):
    """Watches until the time has passed or a program has ended; gives the seconds that it took."""
    start = time.monotonic()
    told = 0
    at = 0.0
    while at < seconds and not any(program.ended() for program in programs):
        time.sleep(0.5)
        at = time.monotonic() - start
        for program in programs:
            program.sample(at)
        if at >= told + PROGRESS:
            told += PROGRESS
            progress(programs, at)
    return at


def faults(program, figures):
    """What is wrong with a program, in words."""
    found = []
    if program.status is None:
        found.append(f"did not stop within {PATIENCE} s")
    elif program.status != 0:
        found.append(f"ended with the exit status {program.status}")
    if program.numbers["failures"]:
        found.append(f"{program.numbers['failures']} failures")
    if not program.numbers["done"] or not all(program.numbers["done"].values()):
        found.append("a kind of operation was never done")
    if None in figures:
        found.append("ended before its memory could be compared")
        return found
    resident, descriptors = figures[0]
    for place, (later, later_descriptors) in zip(("middle", "end"), figures[1:]):
        if later - resident > max(FLAT_SHARE * resident, FLAT_BYTES):
            found.append(f"resident memory grew by {(later - resident) / 2**20:.1f} MiB "
                         f"until the {place}")
        if later_descriptors - descriptors > FLAT_DESCRIPTORS:
            found.append(f"{later_descriptors - descriptors:.0f} more descriptors at the {place}")
    return found


def table(programs, spans):
    """Prints the outcome; True when nothing is wrong."""
    print("\n| program | kind | operations |\n|---|---|---:|")
    for program in programs:
        for kind, count in program.numbers["done"].items():
            print(f"| {program.name} | {kind} | {count:,} |")
    print("\n| program | failures | memory (MiB): start | middle | end | descriptors: start | middle "
          "| end |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    found = []
    for program in programs:
        figures = [program.around(*span) for span in spans]
        memory = " | ".join(f"{f[0] / 2**20:.1f}" if f else "-" for f in figures)
        descriptors = " | ".join(f"{f[1]:.0f}" if f else "-" for f in figures)
        print(f"| {program.name} | {program.numbers['failures']} | {memory} | {descriptors} |")
        found += [f"{program.name}: {fault}" for fault in faults(program, figures)]
    print()
    for fault in found:
        print("FAIL", fault)
    if not found:
        print("no failure; memory and descriptors are flat")
    return not found
