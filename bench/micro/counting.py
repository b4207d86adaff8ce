# SPDX-License-Identifier: MIT
"""Builds the programs and runs them: counted by callgrind, and timed."""

import re
import subprocess

import build
import paths
from operations import PROGRAMS

CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"]
# Where nothing counts, an operation is done this much more often in each round.
MORE = 10
ROUNDS = 15
# Seconds for one run.
PATIENCE = 300


def build_programs(operations, library):
    """The program of each operation: {operation: path}."""
    programs = {}
    for name in {operation.program for operation in operations}:
        programs[name] = path = paths.OUT / "micro" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Bound at the start: lazy binding would be counted with the operation that comes first.
        build.run(["cc", *build.WARNINGS, "-fstack-clash-protection", PROGRAMS / f"{name}.c",
                   "-o", path, f"-I{paths.ROOT / 'include'}", f"-L{library}", "-lcopas",
                   f"-Wl,-rpath,{library},-z,now"])
    return {operation: programs[operation.program] for operation in operations}


def run(command):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=PATIENCE)
    except FileNotFoundError as error:
        raise build.Missing(f"{command[0]} is missing: scripts/setup micro installs it") from error
    except subprocess.TimeoutExpired as error:
        raise build.Failed(f"{command} did not end within {PATIENCE} s") from error
    if done.returncode != 0:
        raise build.Failed(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def found(pattern, text):
    match = re.search(pattern, text)
    if match is None:
        raise build.Failed(f"no {pattern} in what a program said:\n{text}")
    return match.group(1)


def instructions(program, operation):
    """User instructions of one operation."""
    _, said = run([*CALLGRIND, program, operation.argument, operation.count, 1])
    return int(found(r"Collected : (\d+)", said)) / operation.count


def nanoseconds(program, operation):
    """The time of one operation: the median of the rounds."""
    said, _ = run([program, operation.argument, operation.count * MORE, ROUNDS])
    return float(found(r"nanoseconds ([\d.]+)", said))
