# SPDX-License-Identifier: MIT
"""Tells how many lines of each file a run of tests has reached, and which it has not."""

import argparse
import collections
import pathlib
import re
import sys


def read(path):
    """The counts of each line of each file, from lcov's format; several records of a file are added up."""
    files = collections.defaultdict(collections.Counter)
    lines = None
    for text in pathlib.Path(path).read_text().splitlines():
        if text.startswith("SF:"):
            lines = files[text[3:]]
        elif text.startswith("DA:"):
            number, count = text[3:].split(",")[:2]
            lines[int(number)] += int(count)
    return files


def without_tests(path, lines):
    """The counts without those of the file's module of tests, which ends it."""
    source = path.read_text()
    tests = re.search(r"^#\[cfg\(test\)\]\nmod ", source, re.MULTILINE)
    end = source.count("\n", 0, tests.start()) + 1 if tests else len(source)
    return {number: count for number, count in lines.items() if number < end}


def spans(numbers):
    """The numbers in words: 3-5, 9."""
    found = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def percent(reached, total):
    return 100 * reached / total if total else 100.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lcov", help="what llvm-cov export --format=lcov has written")
    parser.add_argument("--root", metavar="FOLDER", default=".", help="the tree, whose src/ is told of")
    parser.add_argument("--min", metavar="PERCENT", type=float, default=0,
                        help="exit 1 below so many percent of all lines")
    options = parser.parse_args()
    root = pathlib.Path(options.root).resolve()
    total = reached = 0
    print(f"{'file':<34} {'lines':>6} {'reached':>8}  not reached")
    for name, lines in sorted(read(options.lcov).items()):
        path = pathlib.Path(name)
        if root / "src" not in path.parents:
            continue
        counts = without_tests(path, lines)
        missed = [number for number, count in counts.items() if count == 0]
        hit = len(counts) - len(missed)
        total, reached = total + len(counts), reached + hit
        print(f"{str(path.relative_to(root)):<34} {len(counts):>6} {percent(hit, len(counts)):>7.1f}%"
              f"  {spans(missed)}".rstrip())
    share = percent(reached, total)
    print(f"{'all':<34} {total:>6} {share:>7.2f}%")
    if share < options.min:
        print(f"below {options.min} %", file=sys.stderr)
    return int(share < options.min)


if __name__ == "__main__":
    sys.exit(main())
