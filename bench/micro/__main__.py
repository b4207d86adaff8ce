# SPDX-License-Identifier: MIT
"""Counts the instructions of single operations of the library, and times them."""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "runner"))

import baseline  # noqa: E402
import build  # noqa: E402
import counting  # noqa: E402
import paths  # noqa: E402
import table  # noqa: E402
from operations import OPERATIONS  # noqa: E402

SLACK = f"{baseline.SLACK * 100:.0f} %"
ACCEPT = "If that is meant to be: scripts/bench-micro --update, and commit the table."


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench-micro", description=__doc__ + " See bench/README.md.",
        epilog="Exit codes: 0 done, 1 an operation got slower or the run broke off, 2 wrong usage.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true",
                      help=f"count only, and fail where one costs {SLACK}% more "
                           "instructions than the table says; with other versions or another CPU than "
                           "those of the table it only reports")
    what.add_argument("--update", action="store_true", help="write the counts into the table")
    parser.add_argument("--only", metavar="NAMES",
                        help="operations by name or pattern, with commas between them (timer-*,send)")
    parser.add_argument("--list", action="store_true", help="the names of the operations")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the figures, for programs")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", default=baseline.TABLE,
                        help="another table than bench/micro/instructions.json")
    parser.add_argument("--library", type=pathlib.Path, metavar="FOLDER",
                        help="where libcopas.so lies; otherwise it is built into bench/out")
    return parser, parser.parse_args()


def chosen(parser, names):
    if not names:
        return OPERATIONS
    wanted = []
    for pattern in names.split(","):
        found = [one for one in OPERATIONS if fnmatch.fnmatchcase(one.name, pattern)]
        if not found:
            parser.error(f"--only: no operation is called {pattern}; see --list")
        wanted += found
    return [one for one in OPERATIONS if one in wanted]


def built(operations, library):
    if library is None:
        say("building the library")
        library = build.library(paths.OUT)
    return counting.build_programs(operations, library.resolve())


def count_all(programs):
    """{name: instructions}; several at a time, since what else runs does not change them."""
    say(f"counting the instructions of {len(programs)} operations")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda one: counting.instructions(programs[one], one), programs)
        return {one.name: baseline.rounded(count) for one, count in zip(programs, counts)}


def time_all(programs):
    """{name: nanoseconds}; one at a time."""
    say("timing them")
    return {one.name: counting.nanoseconds(program, one) for one, program in programs.items()}


def print_table(operations, counts, times, before):
    def row(one):
        count, was = counts[one.name], before.get(one.name)
        changed = "new" if was is None else f"{baseline.change(count, was):+.1%}"
        taken = f"{times[one.name]:,.0f}" if one.name in times else table.MISSING
        return [f"{one.name:16} {one.title}", f"{count:,.1f}", changed, taken]

    print(table.markdown(["operation", "instructions", "change", "ns"],
                         list(map(row, operations))))


def check(counts, before, differences):
    """Whether the counts may stay; says what there is to say."""
    complaints = baseline.complaints(counts, before)
    for text in complaints + baseline.improvements(counts, before):
        print(text)
    if differences:
        print("only reported, since the table is from elsewhere: " + "; ".join(differences))
        return True
    if complaints:
        print(ACCEPT)
    else:
        print(f"no operation costs {SLACK} more instructions than the table says")
    return not complaints


def update(parser, arguments, counts, before, key, differences):
    if arguments.only and before and differences:
        parser.error("--update --only: the table is from elsewhere, so it must be made anew as a "
                     "whole: " + "; ".join(differences))
    kept = before if arguments.only else {}
    everything = kept | counts
    names = [one.name for one in OPERATIONS if one.name in everything]
    baseline.write(arguments.table, key, {name: everything[name] for name in names})
    say(f"written: {arguments.table}")


def run(parser, arguments):
    """Whether all is well."""
    operations = chosen(parser, arguments.only)
    if arguments.list:
        print("\n".join(f"{one.name:16} {one.title}" for one in operations))
        return True
    key = baseline.key()
    table_key, before = baseline.read(arguments.table)
    differences = baseline.differences(key, table_key)
    programs = built(operations, arguments.library)
    counts = count_all(programs)
    times = {} if arguments.check or arguments.update else time_all(programs)
    print_table(operations, counts, times, before)
    if arguments.json:
        figures = {"key": key, "instructions": counts, "nanoseconds": times}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.update:
        update(parser, arguments, counts, before, key, differences)
    return not arguments.check or check(counts, before, differences)


def main():
    parser, arguments = parse()
    try:
        return 0 if run(parser, arguments) else 1
    except (build.Missing, build.Failed, OSError, ValueError) as error:
        print(f"scripts/bench-micro: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
