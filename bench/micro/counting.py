# SPDX-License-Identifier: MIT
"""Builds the programs and runs them: their instructions counted by callgrind, and timed."""

import collections
import pathlib
import re
import subprocess
import tempfile

import build
import paths
from operations import BYTES, INSTRUCTIONS, PROGRAMS

CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
# Where nothing counts, an operation is done this much more often in each round.
MORE = 10
ROUNDS = 15
# Seconds for one run.
PATIENCE = 300
# Instructions in a function that are worth a line.
WORTH_TELLING = 1


def build_programs(operations, library, folder):
    """The program of each operation, built into a folder: {operation: path}."""
    programs = {}
    for name in {operation.program for operation in operations}:
        programs[name] = path = folder / name
        # Bound at the start: lazy binding would be counted with the operation that comes first.
        build.run(["cc", *build.WARNINGS, "-g", "-fstack-clash-protection", PROGRAMS / f"{name}.c",
                   "-o", path, f"-I{paths.ROOT / 'include'}", f"-L{library}", "-lcopas",
                   f"-Wl,-rpath,{library},-z,now"])
    return {operation: programs[operation.program] for operation in operations}


def run(command):
    """What it printed, and what it said on standard error."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError as error:
        raise build.Missing(f"{words[0]} is missing: scripts/setup micro installs it") from error
    except subprocess.TimeoutExpired as error:
        raise build.Failed(f"{' '.join(words)} did not end within {PATIENCE} s") from error
    if done.returncode != 0:
        raise build.Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def found(pattern, text):
    match = re.search(pattern, text)
    if match is None:
        raise build.Failed(f"no {pattern} in what a program said:\n{text}")
    return match.group(1)


def one_round(program, operation):
    """The command for one round."""
    return [program, operation.argument, operation.count, 1]


def cost(program, operation):
    """What one operation costs, in its unit."""
    if operation.unit == BYTES:
        return float(found(r"bytes ([\d.]+)", run(one_round(program, operation))[0]))
    _, said = run([*CALLGRIND, "--callgrind-out-file=/dev/null", *one_round(program, operation)])
    return int(found(r"Collected : (\d+)", said)) / operation.count


def nanoseconds(program, operation):
    """The time of one operation: the median of the rounds."""
    said, _ = run([program, operation.argument, operation.count * MORE, ROUNDS])
    return float(found(r"nanoseconds ([\d.]+)", said))


def by_function(program, operation):
    """The instructions of one operation in each function: {name: instructions}."""
    spent = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder) / "profile"
        run([*CALLGRIND, f"--callgrind-out-file={profile}", *one_round(program, operation)])
        said, _ = run(["callgrind_annotate", "--threshold=100", "--auto=no", profile])
    # One line for each pair of a file and a function: what was inlined has the file that it is from.
    for count, name in re.findall(r"^ *([\d,]+) \([^)]*\)  [^:\n]*:(.*?)(?: \[.*)?$", said, re.M):
        spent[name] += int(count.replace(",", "")) / operation.count
    return spent
