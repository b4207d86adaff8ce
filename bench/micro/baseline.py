# SPDX-License-Identifier: MIT
"""The committed table of costs, and how new ones compare with it."""

import json
import pathlib
import platform

import build
import machine

TABLE = pathlib.Path(__file__).resolve().parent / "costs.json"
# How much more an operation may cost than the table says.
SLACK = 0.03


def key():
    """What costs depend on beside the source: they compare where all of it is the same."""
    return {"rustc": build.run(["rustc", "--version"]).strip(),
            "valgrind": build.run(["valgrind", "--version"]).strip(),
            "cpu": machine.cpu_model(),
            "libc": " ".join(platform.libc_ver())}


def read(path):
    """The key and the costs of a table; both empty where there is none yet."""
    if not path.exists():
        return {}, {}
    table = json.loads(path.read_text())
    return table["key"], table["costs"]


def write(path, a_key, costs):
    path.write_text(json.dumps({"key": a_key, "costs": costs}, indent=2) + "\n")


def rounded(cost):
    return round(cost, 1)


def change(cost, before):
    """By how much it went up, as a part of what it was."""
    return cost / before - 1


def moved(operation, cost, before):
    return (f"{cost:,.1f} {operation.unit} instead of {before:,.1f}, "
            f"{change(cost, before):+.1%}")


def complaints(costs, before):
    """What is wrong with the costs, {operation: cost}, in words; nothing when they may stay."""
    found = []
    for operation, cost in costs.items():
        was = before.get(operation.name)
        if was is None:
            found.append(f"{operation.name} is not in the table")
        elif change(cost, was) > SLACK:
            found.append(f"{operation.name} costs more: {moved(operation, cost, was)}")
    return found


def improvements(costs, before):
    """What got so much better that the table should know it."""
    known = ((operation, cost, before.get(operation.name)) for operation, cost in costs.items())
    return [f"{operation.name} costs less: {moved(operation, cost, was)}"
            for operation, cost, was in known if was is not None and change(cost, was) < -SLACK]


def differences(a_key, another):
    """How two keys differ, in words."""
    return [f"{name}: {a_key[name]} here, {another.get(name, 'nothing')} in the table"
            for name in a_key if another.get(name) != a_key[name]]
