# SPDX-License-Identifier: MIT
"""The soak for seconds: nothing fails, and what it has to find is found.

usage: test_soak.py BUILD_DIR
"""

import json
import pathlib
import subprocess
import sys
import unittest

RUN = pathlib.Path(__file__).resolve().parent / "run"
BUILD = sys.argv[1]


def soak(*arguments):
    done = subprocess.run([RUN, "--build", BUILD, "--only", "c", "--warm-up", "1", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=250)
    return done.returncode, done.stdout


class TestSoak(unittest.TestCase):
    def test_every_kind_is_churned_without_a_failure(self):
        done = subprocess.run([pathlib.Path(BUILD, "tests", "soak"), "--seconds", "5"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=250)
        self.assertEqual(done.returncode, 0, done.stdout)
        numbers = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual([kind for kind, count in numbers["done"].items() if count == 0], [])

    def test_a_leak_of_memory_is_reported(self):
        status, text = soak("--minutes", "0.1", "--leak", "memory")
        self.assertEqual(status, 1, text)
        self.assertIn("FAIL c: resident memory grew", text)

    def test_a_leak_of_descriptors_is_reported(self):
        status, text = soak("--minutes", "0.05", "--leak", "descriptors")
        self.assertEqual(status, 1, text)
        self.assertRegex(text, "FAIL c: [0-9]+ more descriptors")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
