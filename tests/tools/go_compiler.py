# SPDX-License-Identifier: MIT
"""Finds a Go compiler that can build the packages here: in PATH, or /usr/local/go/bin.

usage: go_compiler.py
Prints its path; exits 1, and says why, when there is none.
"""

import os
import re
import shutil
import subprocess
import sys

# What the go.mod files ask for.
NEEDED = (1, 24)


class Absent(Exception):
    """There is none; in words."""


def version_of(compiler):
    """As numbers; None when it does not tell."""
    told = subprocess.run([compiler, "version"], capture_output=True, text=True).stdout
    version = re.search(r"go(\d+)\.(\d+)", told)
    return tuple(map(int, version.groups())) if version else None


def find():
    """The path of the first compiler that is new enough."""
    older = []
    for folder in [*os.environ["PATH"].split(os.pathsep), "/usr/local/go/bin"]:
        compiler = shutil.which("go", path=folder)
        if compiler and (version_of(compiler) or (0,)) >= NEEDED:
            return compiler
        older += [compiler] if compiler else []
    wanted = ".".join(map(str, NEEDED))
    if older:
        raise Absent(f"Go {wanted} is needed, {older[0]} is older")
    raise Absent("no Go compiler in PATH or /usr/local/go/bin")


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    try:
        print(find())
    except Absent as why:
        sys.exit(str(why))
