# SPDX-License-Identifier: MIT
"""The operations whose costs are measured, each by a program in `programs`."""

import dataclasses
import pathlib

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
# What costs are counted in.
INSTRUCTIONS, BYTES = "instructions", "bytes"


@dataclasses.dataclass(frozen=True)
class Operation:
    name: str
    program: str
    # What the program calls it.
    argument: str
    # How often it is done in a round.
    count: int
    title: str
    unit: str = INSTRUCTIONS


OPERATIONS = [
    Operation("switch", "coroutine", "switch", 1000,
              "a lone coroutine gives way, with the step of the loop"),
    Operation("turn", "coroutine", "turn", 6400, "one of 64 coroutines gives way"),
    Operation("wakeup", "coroutine", "wakeup", 6400, "a sleeping coroutine is woken, sleeps again"),
    Operation("spawn", "coroutine", "spawn", 6400, "a coroutine starts on a pooled stack and ends"),
    Operation("join", "coroutine", "join", 1000, "a coroutine starts, ends and is waited for"),
    Operation("timer-1", "timer", "1", 6400, "a timer is armed and canceled, 1 other is armed"),
    Operation("timer-1k", "timer", "1000", 6400, "the same, 1,000 others"),
    Operation("timer-100k", "timer", "100000", 6400, "the same, 100,000 others"),
    Operation("timer-1m", "timer", "1000000", 6400, "the same, 1,000,000 others"),
    Operation("timer-at-once", "timer", "at-once", 6400,
              "a timer is armed and canceled within a step, 1,000 others"),
    Operation("timer-new", "timer", "new", 6400, "a timer is made, armed and destroyed"),
    Operation("alarm", "alarm", "alarm", 6400, "a coroutine's alarm is set and taken away"),
    Operation("scope", "alarm", "scope", 6400, "a deadline is begun and ended"),
    Operation("handle-object", "handle", "object", 6400, "the handle of a semaphore is looked up"),
    Operation("handle-socket", "handle", "socket", 6400, "the handle of a socket is looked up"),
    Operation("receive", "stream", "receive", 6400, "a line that is there already is received"),
    Operation("send", "stream", "send", 6400, "20 bytes are sent"),
    Operation("request", "stream", "request", 1000,
              "a line is received and sent back, with the step of the loop"),
    Operation("request-100", "stream", "request-100", 2000, "the same, 100 connections in a step"),
    Operation("request-limit", "stream", "request-limit", 2000, "the same with a time limit"),
    Operation("queue-hand-over", "queue", "hand-over", 1000,
              "an item from coroutine to coroutine, room for 1"),
    Operation("queue-batch", "queue", "batch", 6400, "the same, room for 64"),
    Operation("idle-connection", "memory", "connection", 1000,
              "heap of a connection that waits in a coroutine", BYTES),
    Operation("idle-coroutine", "memory", "coroutine", 1000, "heap of a coroutine that is parked",
              BYTES),
    Operation("idle-timer", "memory", "timer", 1000, "heap of an armed timer", BYTES),
]
