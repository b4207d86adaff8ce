# SPDX-License-Identifier: MIT
"""Proves that the runner sees what is wrong: planted cases on a planted driver must each fail, in the
words of their second line."""

import sys

from . import case
from .play import Failure, Play
from .transport import Tcp

_SECONDS = 1


def missing(folder):
    """The planted defects that were not reported, and what was told instead."""
    command = [sys.executable, "-B", str(folder / "driver.py")]
    for one in case.read_all(folder):
        told = _told(one, command)
        wanted = one.path.read_text("utf-8").splitlines()[1].removeprefix("# fails: ")
        if wanted not in told:
            yield one.name, f"a planted defect was not reported, but {told!r}"


def _told(one, command):
    try:
        Play(one, command, Tcp(), _SECONDS).run()
    except Failure as failure:
        return str(failure)
    return "the case passed"
