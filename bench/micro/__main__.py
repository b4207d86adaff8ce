# SPDX-License-Identifier: MIT
"""Tells what single operations of the library cost: in instructions or bytes, and in time."""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "runner"))

import baseline  # noqa: E402
import build  # noqa: E402
import counting  # noqa: E402
import machine  # noqa: E402
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
        epilog="Exit codes: 0 done, 1 an operation costs more or the run broke off, 2 wrong usage.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true",
                      help=f"do not time, and fail where one costs {SLACK}% more than the table says; "
                           "with other versions or another CPU than those of the table only report")
    what.add_argument("--update", action="store_true",
                      help="do not time, and write the costs into the table")
    what.add_argument("--where", metavar="NAME",
                      help="the functions in which the instructions of one operation are spent")
    what.add_argument("--list", action="store_true", help="the names of the operations")
    parser.add_argument("--only", metavar="NAMES",
                        help="operations by name or pattern, with commas between them (timer-*,send)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the figures, for programs")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", default=baseline.TABLE,
                        help="another table than bench/micro/costs.json")
    parser.add_argument("--library", type=pathlib.Path, metavar="FOLDER",
                        help="where libcopas.so lies; otherwise it is built into bench/out")
    return parser, parser.parse_args()


def chosen(parser, names):
    wanted = []
    for pattern in names.split(","):
        found = [one for one in OPERATIONS if fnmatch.fnmatchcase(one.name, pattern)]
        if not found:
            parser.error(f"no operation is called {pattern}; see --list")
        wanted += found
    return [one for one in OPERATIONS if one in wanted]


def count_all(programs):
    """{operation: cost}; several at a time, since what else runs does not change them."""
    say(f"counting what {len(programs)} operations cost")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        costs = pool.map(lambda one: counting.cost(programs[one], one), programs)
        return {one: baseline.rounded(cost) for one, cost in zip(programs, costs)}


def time_all(programs):
    """{operation: nanoseconds}; one at a time."""
    say("timing them")
    return {one: counting.nanoseconds(program, one) for one, program in programs.items()
            if one.unit == counting.INSTRUCTIONS}


def print_table(costs, times, before):
    def row(one):
        was = before.get(one.name)
        changed = "new" if was is None else f"{baseline.change(costs[one], was):+.1%}"
        taken = f"{times[one]:,.0f}" if one in times else table.MISSING
        return [f"{one.name:16} {one.title}", f"{costs[one]:,.1f}", one.unit, changed, taken]

    print(table.markdown(["operation", "cost", "unit", "change", "ns"], list(map(row, costs))))


def print_where(operation, programs):
    """What the operation spends in each function, the most expensive one first."""
    spent = counting.by_function(programs[operation], operation)
    print(f"{sum(spent.values()):10,.1f}  {operation.name}: {operation.title}")
    for name, count in sorted(spent.items(), key=lambda one: -one[1]):
        if count >= counting.WORTH_TELLING:
            print(f"{count:10,.1f}  {name}")


def check(costs, before, differences):
    """Whether the costs may stay; says what there is to say."""
    complaints = baseline.complaints(costs, before)
    for text in complaints + baseline.improvements(costs, before):
        print(text)
    if differences:
        print("only reported, since the table is from elsewhere: " + "; ".join(differences))
        return True
    print(ACCEPT if complaints else f"no operation costs {SLACK} more than the table says")
    return not complaints


def update(arguments, costs, before, key):
    known = {one.name: cost for one, cost in costs.items()}
    known = before | known if arguments.only else known
    names = [one.name for one in OPERATIONS if one.name in known]
    baseline.write(arguments.table, key, {name: known[name] for name in names})
    say(f"written: {arguments.table}")


def write_json(path, key, costs, times):
    figures = {one.name: {one.unit: cost, **({"nanoseconds": times[one]} if one in times else {})}
               for one, cost in costs.items()}
    path.write_text(json.dumps({"key": key, "operations": figures}, indent=2) + "\n")


def measure(arguments, programs, before, key, differences):
    """Whether all is well with what the operations cost."""
    costs = count_all(programs)
    times = {} if arguments.check or arguments.update else time_all(programs)
    print_table(costs, times, before)
    if arguments.json:
        write_json(arguments.json, key, costs, times)
    if arguments.update:
        update(arguments, costs, before, key)
    return not arguments.check or check(costs, before, differences)


def library_folder(named):
    if named:
        return named.resolve()
    say("building the library")
    return build.library(paths.OUT)


def run(parser, arguments):
    """Whether all is well."""
    operations = chosen(parser, arguments.where or arguments.only or "*")
    if arguments.list:
        print("\n".join(f"{one.name:16} {one.title}" for one in operations))
        return True
    if arguments.where and [one.unit for one in operations] != [counting.INSTRUCTIONS]:
        parser.error("--where takes one operation that is counted in instructions")
    key = baseline.key()
    table_key, before = baseline.read(arguments.table)
    differences = baseline.differences(key, table_key)
    if arguments.update and arguments.only and before and differences:
        parser.error("--update --only: the table is from elsewhere, so it must be made anew as a "
                     "whole: " + "; ".join(differences))
    machine.raise_descriptor_limit()
    library = library_folder(arguments.library)
    # Of its own, so that several runs with different libraries do not meet.
    with tempfile.TemporaryDirectory() as folder:
        programs = counting.build_programs(operations, library, pathlib.Path(folder))
        if arguments.where:
            print_where(operations[0], programs)
            return True
        return measure(arguments, programs, before, key, differences)


def main():
    parser, arguments = parse()
    try:
        return 0 if run(parser, arguments) else 1
    except (build.Missing, build.Failed, OSError, ValueError) as error:
        print(f"scripts/bench-micro: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
