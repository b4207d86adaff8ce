# SPDX-License-Identifier: MIT
"""What is measured."""

import dataclasses

ACTIVE = 100
# Descriptors that a server needs for anything but its connections.
RESERVE = 150
MOST_IDLE = 100_000
PARKED = 100_000


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    mode: str
    # The load's arguments; none where the load is not timed.
    load: tuple = ()
    unit: str = "request"
    # Servers of the bindings are measured too.
    bindings: bool = False
    # Takes long: only for the floor and those that a target names.
    long: bool = False
    idle: int = 0
    # Coroutines to park, or requests to count over.
    count: int = 0
    # What counts, where nothing is timed: strace or callgrind. Once is enough then.
    tool: str = ""

    def suits(self, server):
        """Whether this server can do it, and is compared here."""
        needs = "idle" if self.idle else self.mode
        if needs not in server.does:
            return False
        return self.bindings or server.group != "binding"


def connections_of(number):
    return f"{number:,} connection{'' if number == 1 else 's'}"


def lines(connections, bindings=False):
    return Case(f"lines-{connections}", f"lines in turn, {connections_of(connections)}", "lines",
                ("closed", "--connections", connections), bindings=bindings)


def bulk(connections, bindings=False):
    return Case(f"bulk-{connections}", f"64 KiB writes as a stream, {connections_of(connections)}",
                "bulk", ("stream", "--shape", "blocks", "--connections", connections), "block",
                bindings)


def idle(connections, name, long=False):
    return Case(name, f"{ACTIVE} active connections among {connections:,} idle ones", "lines",
                ("closed", "--connections", ACTIVE, "--idle", connections), long=long,
                idle=connections)


def idle_cases(descriptors):
    """Idle connections by the thousand, and as many as the limit of descriptors allows."""
    most = min(MOST_IDLE, descriptors - ACTIVE - RESERVE)
    some = min(10_000, most)
    cases = [idle(some, "idle")]
    if most > some:
        cases.append(idle(most, "idle-most", long=True))
    return cases


def counted(name, what, tool, requests):
    return Case(name, f"{what} of a request, {connections_of(ACTIVE)}", "lines",
                ("closed", "--connections", ACTIVE), count=requests, tool=tool)


def all_cases(descriptors):
    return [
        lines(1), lines(16), lines(50, bindings=True), lines(100), lines(1000),
        Case("pipelined", f"16 lines a batch, {ACTIVE} connections", "lines",
             ("closed", "--connections", ACTIVE, "--batch", 16), bindings=True),
        bulk(1), bulk(16, bindings=True),
        Case("copied", "1 KiB lines as a stream, 16 connections", "lines",
             ("stream", "--shape", "kib", "--connections", 16, "--window", 64)),
        Case("short", "short connections, 16 at a time", "lines",
             ("short", "--connections", 16), "connection"),
        Case("rate", f"20,000 requests/s over {ACTIVE} connections", "lines",
             ("rate", "--connections", ACTIVE, "--rate", 20_000)),
        *idle_cases(descriptors),
        Case("parked", f"{PARKED:,} parked coroutines", "parked", count=PARKED),
        counted("syscalls", "system calls", "strace", 20_000),
        counted("instructions", "user instructions", "callgrind", 4_000),
    ]
