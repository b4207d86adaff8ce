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


def find():
    """The path of the compiler."""
    compiler = shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin")
    if compiler is None:
        raise Absent("no Go compiler in PATH or /usr/local/go/bin")
    told = subprocess.run([compiler, "version"], capture_output=True, text=True).stdout
    version = re.search(r"go(\d+)\.(\d+)", told)
    if version is None or tuple(map(int, version.groups())) < NEEDED:
        raise Absent(f"Go {'.'.join(map(str, NEEDED))} is needed, {compiler} is older: {told.strip()}")
    return compiler


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    try:
        print(find())
    except Absent as why:
        sys.exit(str(why))
