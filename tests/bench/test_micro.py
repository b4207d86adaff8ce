# SPDX-License-Identifier: MIT
"""test_micro.py BUILD: scripts/bench-micro --check finds what costs more, and nothing else.

Exits 77 when valgrind is missing.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
NAME = "handle-object"


def bench(table, *arguments):
    command = [sys.executable, "-B", ROOT / "bench" / "micro", "--library", BUILD / "lib",
               "--table", table, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


class Micro(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        made = pathlib.Path(cls.folder.name) / "made.json"
        done = bench(made, "--update", "--only", NAME)
        assert done.returncode == 0, done.stderr
        cls.made = json.loads(made.read_text())

    def table(self, factor, **other_key):
        """A table that claims `factor` times the true count."""
        path = pathlib.Path(self.folder.name) / f"{self.id()}.json"
        count = self.made["costs"][NAME] * factor
        path.write_text(json.dumps({"key": self.made["key"] | other_key,
                                    "costs": {NAME: count}}))
        return path

    def check(self, table):
        return bench(table, "--check", "--only", NAME)

    def test_counting_twice_gives_the_same(self):
        done = self.check(self.table(1))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("+0.0%", done.stdout)

    def test_five_percent_more_instructions_than_the_table_says_fail_in_words(self):
        done = self.check(self.table(0.95))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, f"{NAME} costs more: .* instructions instead of .*, \\+5.3%")
        self.assertIn("--update", done.stdout)

    def test_two_percent_more_pass(self):
        done = self.check(self.table(0.98))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("costs more", done.stdout)

    def test_fewer_instructions_pass_and_are_told(self):
        done = self.check(self.table(1.05))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"{NAME} costs less", done.stdout)

    def test_a_table_from_elsewhere_is_only_reported(self):
        done = self.check(self.table(0.5, cpu="a CPU that counts on its fingers"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"{NAME} costs more", done.stdout)
        self.assertIn("a CPU that counts on its fingers in the table", done.stdout)

    def test_an_operation_that_is_not_in_the_table_fails(self):
        done = bench(self.table(1), "--check", "--only", "handle-socket")
        self.assertEqual(done.returncode, 1)
        self.assertIn("handle-socket is not in the table", done.stdout)

    def test_an_update_of_some_operations_keeps_the_others(self):
        table = self.table(0.5)
        done = bench(table, "--update", "--only", "handle-socket")
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = json.loads(table.read_text())["costs"]
        self.assertEqual(counts[NAME], self.made["costs"][NAME] * 0.5)
        self.assertIn("handle-socket", counts)

    def test_a_table_from_elsewhere_is_not_updated_in_part(self):
        table = self.table(1, rustc="rustc 0.1")
        before = table.read_text()
        done = bench(table, "--update", "--only", "handle-socket")
        self.assertEqual(done.returncode, 2)
        self.assertIn("rustc 0.1", done.stderr)
        self.assertEqual(table.read_text(), before)

    def test_the_functions_that_an_operation_spends_its_instructions_in_add_up(self):
        done = bench(self.table(1), "--where", NAME)
        self.assertEqual(done.returncode, 0, done.stderr)
        total, *functions = (float(line.split()[0].replace(",", ""))
                             for line in done.stdout.splitlines())
        self.assertAlmostEqual(total, self.made["costs"][NAME], delta=1)
        self.assertAlmostEqual(sum(functions), total, delta=total / 50)
        self.assertIn("copas_semaphore_count", done.stdout)

    def test_a_name_that_nobody_has_is_wrong_usage(self):
        done = bench(self.table(1), "--only", "teleport")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no operation is called teleport", done.stderr)


if __name__ == "__main__":
    if shutil.which("valgrind") is None:
        print("(skipped: valgrind is not installed)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
