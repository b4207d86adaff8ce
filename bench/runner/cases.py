# SPDX-License-Identifier: MIT
"""What is measured."""

import dataclasses

ACTIVE = 100
# Descriptors that a server needs for anything but its connections.
RESERVE = 150
MOST_IDLE = 100_000
PARKED = 100_000
IDLE_TLS = 2000
# What encrypted cases are compared with instead of the floor: OpenSSL.
TLS_BASE = "libevent-tls"


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
    # Connections are encrypted.
    tls: bool = False

    @property
    def base(self):
        """The server that the others are compared with."""
        return TLS_BASE if self.tls else "floor"

    def is_base(self, server):
        return self.base in (server.name, server.group)

    def suits(self, server):
        """Whether this server can do it, and is compared here."""
        needs = ("tls-" if self.tls else "") + ("idle" if self.idle else self.mode)
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


def encrypted(case, name, title):
    """The case of that name with the load of a plain one."""
    return dataclasses.replace(case, name=name, title=title, load=(*case.load, "--transport", "tls"),
                               bindings=False, tls=True)


def short(connections):
    return Case("short", f"short connections, {connections} at a time", "lines",
                ("short", "--connections", connections), "connection")


def tls_cases():
    handshakes = dataclasses.replace(short(16), unit="handshake")
    return [
        encrypted(handshakes, "tls-handshakes",
                  "TLS: connections with a full handshake and one line, 16 at a time"),
        encrypted(bulk(16), "tls-bulk", f"TLS: {bulk(16).title}"),
        encrypted(lines(100), "tls-lines", f"TLS: {lines(100).title}"),
        encrypted(idle(IDLE_TLS, "tls-idle"), "tls-idle", f"TLS: {idle(IDLE_TLS, '').title}"),
    ]


def all_cases(descriptors):
    return [
        lines(1), lines(16), lines(50, bindings=True), lines(100), lines(1000),
        Case("pipelined", f"16 lines a batch, {ACTIVE} connections", "lines",
             ("closed", "--connections", ACTIVE, "--batch", 16), bindings=True),
        bulk(1), bulk(16, bindings=True),
        Case("copied", "1 KiB lines as a stream, 16 connections", "lines",
             ("stream", "--shape", "kib", "--connections", 16, "--window", 64)),
        short(16),
        Case("rate", f"20,000 requests/s over {ACTIVE} connections", "lines",
             ("rate", "--connections", ACTIVE, "--rate", 20_000)),
        *idle_cases(descriptors),
        *tls_cases(),
        Case("parked", f"{PARKED:,} parked coroutines", "parked", count=PARKED),
        counted("syscalls", "system calls", "strace", 20_000),
        counted("instructions", "user instructions", "callgrind", 4_000),
    ]
