# SPDX-License-Identifier: MIT
"""The time of single operations that a target names, as scripts/bench-micro tells it: the median of its
own rounds."""

import json
import tempfile

import build
import paths

PROGRAM = paths.ROOT / "scripts" / "bench-micro"
NAMES = ("spawn", "timer-100k")
# Whose operations they are, as a target names them.
SERVER = "copas-c"


def results():
    """{(operation, server): {round: what was told}}, with one round."""
    with tempfile.NamedTemporaryFile("r") as file:
        build.run([PROGRAM, "--only", ",".join(NAMES), "--json", file.name])
        told = json.load(file)["operations"]
    return {(name, SERVER): {0: {"nanoseconds": told[name]["nanoseconds"]}} for name in NAMES}
