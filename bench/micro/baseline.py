# SPDX-License-Identifier: MIT
"""The committed table of instructions, and how new counts compare with it."""

import json
import pathlib
import platform

import build
import machine

TABLE = pathlib.Path(__file__).resolve().parent / "instructions.json"
# How much more an operation may cost than the table says.
SLACK = 0.03


def key():
    """What the counts depend on beside the source: they compare where all of it is the same."""
    return {"rustc": build.run(["rustc", "--version"]).strip(),
            "valgrind": build.run(["valgrind", "--version"]).strip(),
            "cpu": machine.cpu_model(),
            "libc": " ".join(platform.libc_ver())}


def read(path):
    """The key and the counts of a table; both empty where there is none yet."""
    if not path.exists():
        return {}, {}
    table = json.loads(path.read_text())
    return table["key"], table["instructions"]


def write(path, a_key, counts):
    path.write_text(json.dumps({"key": a_key, "instructions": counts}, indent=2) + "\n")


def rounded(count):
    return round(count, 1)


def change(count, before):
    """By how much it went up, as a part of what it was."""
    return count / before - 1


def complaints(counts, before):
    """What is wrong with these counts, in words; nothing when they may stay."""
    found = []
    for name, count in counts.items():
        if name not in before:
            found.append(f"{name} is not in the table")
        elif change(count, before[name]) > SLACK:
            found.append(f"{name} got slower: {count:,.1f} instructions instead of "
                         f"{before[name]:,.1f}, {change(count, before[name]):+.1%}")
    return found


def improvements(counts, before):
    """What got so much better that the table should know it."""
    return [f"{name} got faster: {count:,.1f} instructions instead of {before[name]:,.1f}, "
            f"{change(count, before[name]):+.1%}"
            for name, count in counts.items()
            if name in before and change(count, before[name]) < -SLACK]


def differences(a_key, another):
    """How two keys differ, in words."""
    return [f"{name}: {a_key[name]} here, {another.get(name, 'nothing')} in the table"
            for name in a_key if another.get(name) != a_key[name]]
