# SPDX-License-Identifier: MIT
"""All cases on all drivers, several at once."""

import concurrent.futures
import sys
import threading

from . import case, teeth
from .content import Wrong
from .drivers import DRIVERS, Absent, Missing
from .play import Failure, Play
from .transport import TRANSPORTS


class Report:
    """Prints the lines and counts them."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = {"ok": 0, "FAILED": 0, "skipped": 0}

    def tell(self, outcome, name, words=""):
        """One line; of a failure more."""
        with self._lock:
            self._counts[outcome] += 1
            if outcome == "skipped":
                print(f"(skipped: {name}: {words})", flush=True)
            else:
                print(f"{outcome:<4} {name}{': ' if words else ''}{words}", flush=True)

    def end(self):
        """The last line, and the exit code."""
        print("{ok} passed, {FAILED} failed, {skipped} skipped".format(**self._counts))
        return int(self._counts["FAILED"] > 0)


def run(folder, options):
    """Gives the exit code."""
    report = Report()
    try:
        cases = _chosen(case.read_all(folder / "cases"), options.only)
    except Wrong as error:
        print(error, file=sys.stderr)
        return 2
    if not _has_teeth(folder / "planted", report):
        return report.end()
    TRANSPORTS[options.transport].prepare()
    commands = _commands(options.driver or list(DRIVERS), cases, report)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for one in cases:
            for name, command in commands.items():
                pool.submit(_play, one, name, command, options, report)
    return report.end()


def _has_teeth(folder, report):
    """Whether every planted defect was seen; else nothing that passes would say anything."""
    missing = list(teeth.missing(folder))
    for name, told in missing:
        report.tell("FAILED", f"teeth.{name}", told)
    if not missing:
        report.tell("ok", "teeth", "each planted defect is reported")
    return not missing


def _chosen(cases, texts):
    chosen = [each for each in cases if not texts or any(text in each.name for text in texts)]
    if not chosen:
        raise Wrong("no case has such a name: see tests/conformance/cases")
    return chosen


def _commands(names, cases, report):
    """What starts each driver; without one its cases have failed, or are skipped in words."""
    commands = {}
    for name in names:
        try:
            commands[name] = DRIVERS[name]()
        except Absent as error:
            for one in cases:
                report.tell("skipped", f"{name}.{one.name}", str(error))
        except Missing as error:
            report.tell("FAILED", name, str(error))
    return commands


def _play(one, name, command, options, report):
    full_name = f"{name}.{one.name}"
    for excluded in (name, options.transport):
        if excluded in one.excluded:
            report.tell("skipped", full_name, one.excluded[excluded])
            return
    try:
        Play(one, command, TRANSPORTS[options.transport](), options.deadline).run()
    except Failure as failure:
        report.tell("FAILED", full_name, str(failure))
    except Exception as error:  # A defect of the runner is a failure, too.
        report.tell("FAILED", full_name, repr(error))
    else:
        report.tell("ok", full_name)
