# SPDX-License-Identifier: MIT
"""What a request costs in system calls and in user instructions: counted over N and over 2N requests,
whose difference holds neither the start nor the end of the server."""

import os
import pathlib
import signal
import tempfile

from failure import Failure

# Seconds until a server that was asked to end has written what was counted.
PATIENCE = 60


def strace(file):
    return ["strace", "-f", "-c", "-qq", "-o", file]


def strace_total(text):
    """The calls in the last line: percent, seconds, microseconds of each, calls, errors, 'total'."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 4 and fields[-1] == "total":
            return int(fields[3])
    raise Failure("strace wrote no total")


def callgrind(file):
    return ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={file}"]


def callgrind_total(text):
    for line in text.splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise Failure("callgrind wrote no totals")


TOOLS = {"strace": (strace, strace_total), "callgrind": (callgrind, callgrind_total)}


def server_of(tool):
    """The process that ends it all: the tool's child, or what the tool itself has become."""
    children = pathlib.Path(f"/proc/{tool.pid}/task/{tool.pid}/children").read_text().split()
    return int(children[0]) if children else tool.pid


def end(tool):
    os.kill(server_of(tool), signal.SIGTERM)
    tool.wait(PATIENCE)


def run(tool, requests, measure):
    """The total of one run, and how many requests were in it. `measure` takes what stands before the
    server's command, the load's further arguments, and what ends the server."""
    prefix, total = TOOLS[tool]
    with tempfile.NamedTemporaryFile("r") as file:
        report = measure(prefix(file.name), ["--requests", requests], end)
        return total(file.read()), report["answered"]


def each(tool, requests, measure):
    few, many = (run(tool, n, measure) for n in (requests, 2 * requests))
    return (many[0] - few[0]) / (many[1] - few[1])
