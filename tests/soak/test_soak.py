# SPDX-License-Identifier: MIT
"""The soak for seconds: nothing fails, and what it has to find is found.

usage: test_soak.py BUILD_DIR
"""

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
        status, text = soak("--minutes", "0.05")
        self.assertEqual(status, 0, text)
        self.assertIn("no failure", text)

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
