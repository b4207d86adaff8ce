# SPDX-License-Identifier: MIT
"""compare_cost.py COST_C COST_CPP: copas.hpp costs at most 3 % more instructions than copas.h.

Callgrind counts the instructions of each program for a number of operations and for twice as many;
the difference is what the operations cost. Exits 77 when valgrind is missing.
"""

import re
import shutil
import subprocess
import sys

WORK = ["echo", "twin", "objects", "threads"]
COUNT = 2000
MOST = 1.03


def instructions(program, work, count):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, work, str(count)],
        capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)), done.stdout


def cost(program, work):
    once, _ = instructions(program, work, COUNT)
    twice, answer = instructions(program, work, 2 * COUNT)
    return (twice - once) / COUNT, answer


def main():
    if shutil.which("valgrind") is None:
        print("(skipped: valgrind is not installed)")
        return 77
    status = 0
    for work in WORK:
        (in_c, answer), (in_cpp, same) = (cost(program, work) for program in sys.argv[1:3])
        assert answer == same, f"{work}: the programs do not do the same work"
        ratio = in_cpp / in_c
        print(f"{work}: {in_c:.0f} instructions in C, {in_cpp:.0f} in C++, ratio {ratio:.4f}")
        if ratio > MOST:
            print(f"{work}: more than {MOST}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
