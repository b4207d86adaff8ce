# SPDX-License-Identifier: MIT
"""Proves that the runner sees what is wrong: planted cases on a planted driver must each fail, in the
words of their second line."""

import concurrent.futures
import sys

from . import case
from .play import Failure, Play
from .transport import Tcp

_SECONDS = 4


def missing(folder):
    """The planted defects that were not reported, and what was told instead."""
    planted = case.read_all(folder)
    command = [sys.executable, "-B", str(folder / "driver.py")]
    with concurrent.futures.ThreadPoolExecutor(len(planted)) as pool:
        all_told = list(pool.map(lambda one: _told(one, command), planted))
    for one, told in zip(planted, all_told):
        wanted = one.path.read_text("utf-8").splitlines()[1].removeprefix("# fails: ")
        if wanted not in told:
            yield one.name, f"a planted defect was not reported, but {told!r}"


def _told(one, command):
    try:
        Play(one, command, Tcp(), _SECONDS).run()
    except Failure as failure:
        return str(failure)
    return "the case passed"
