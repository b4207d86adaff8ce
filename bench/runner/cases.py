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
    # The load's arguments; none for parked coroutines.
    load: tuple = ()
    unit: str = "request"
    # Takes long and varies little: measured in the first rounds only.
    heavy: bool = False
    idle: int = 0
    count: int = 0


def lines(connections):
    plural = "" if connections == 1 else "s"
    return Case(f"lines-{connections}", f"lines in turn, {connections:,} connection{plural}",
                "lines", ("closed", "--connections", connections))


def bulk(connections):
    plural = "" if connections == 1 else "s"
    return Case(f"bulk-{connections}",
                f"64 KiB writes as a stream, {connections} connection{plural}", "bulk",
                ("stream", "--shape", "blocks", "--connections", connections), "block")


def idle(connections, name):
    return Case(name, f"{ACTIVE} active connections among {connections:,} idle ones", "lines",
                ("closed", "--connections", ACTIVE, "--idle", connections), heavy=True,
                idle=connections)


def idle_cases(descriptors):
    """Idle connections by the thousand, and as many as the limit of descriptors allows."""
    most = min(MOST_IDLE, descriptors - ACTIVE - RESERVE)
    some = min(10_000, most)
    cases = [idle(some, "idle")]
    if most > some:
        cases.append(idle(most, "idle-most"))
    return cases


def all_cases(descriptors):
    return [
        lines(1), lines(16), lines(100), lines(1000),
        Case("pipelined", f"16 lines a batch, {ACTIVE} connections", "lines",
             ("closed", "--connections", ACTIVE, "--batch", 16)),
        bulk(1), bulk(16),
        Case("copied", "1 KiB lines as a stream, 16 connections", "lines",
             ("stream", "--shape", "kib", "--connections", 16, "--window", 64)),
        Case("short", "short connections, 16 at a time", "lines",
             ("short", "--connections", 16), "connection"),
        Case("rate", f"20,000 requests/s over {ACTIVE} connections", "lines",
             ("rate", "--connections", ACTIVE, "--rate", 20_000)),
        *idle_cases(descriptors),
        Case("parked", f"{PARKED:,} parked coroutines", "parked", heavy=True, count=PARKED),
    ]
