# SPDX-License-Identifier: MIT
"""The benchmark itself: every byte is verified, a wrong one is found, figures are what they say."""

import dataclasses
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(HERE.parent.parent / "bench" / "runner"))

import build  # noqa: E402
import cases  # noqa: E402
import figures  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import outcome  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402
import table  # noqa: E402

SECONDS, WARM_UP = 0.1, 0.02
IDLE, PARKED = 200, 1000


def small(case):
    """The same case with fewer connections and coroutines."""
    if case.idle:
        return cases.idle(IDLE, case.name)
    return dataclasses.replace(case, count=PARKED) if case.count else case


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = [small(case) for case in cases.all_cases(machine.raise_descriptor_limit())]
        builder = build.Builder(BUILD / "bench", BUILD / "lib")
        cls.servers = servers.read_list(HERE / "servers.list")
        cls.commands = {server: builder.command(server) for server in cls.servers}
        cls.load = build.load(BUILD / "bench")

    def rounds(self, names, wanted, seconds=SECONDS):
        commands = {one: command for one, command in self.commands.items() if one.name in names}
        tool = measure.Measure(self.load, machine.cores(), seconds, WARM_UP)
        return rounds.Rounds(tool, wanted, commands, lambda text: None)

    def test_the_floor_and_ours_answer_every_byte_in_every_case(self):
        done = self.rounds(["epoll", "copas-c"], self.cases)
        done.round(heavy=True)
        self.assertEqual((done.failures, done.thrown_out), ({}, {}))
        for case in self.cases:
            for server in ("epoll", "copas-c"):
                if case.mode == "parked" and server == "epoll":
                    continue
                result = done.results[case.name, server][0]
                self.assertGreater(result["memory_kib"], 0)
                if case.load:
                    self.assertGreater(result["requests"], 0, case.name)
                    self.assertGreater(result["cpu_seconds"], 0, case.name)
                if case.idle:
                    self.assertEqual(result["idle"], IDLE)

    def test_a_server_with_a_wrong_byte_is_out_of_every_table(self):
        for name in ("lines-1", "bulk-1", "short"):
            with self.subTest(name):
                case = next(case for case in self.cases if case.name == name)
                done = self.rounds(["epoll", "wrong"], [case])
                done.round(heavy=False)
                self.assertIn("wrong byte", done.thrown_out["wrong"])
                [(_, rows)] = outcome.tables(done, self.servers, [case])
                self.assertEqual([row.server.name for row in rows], ["epoll"])
                self.assertIn("wrong", outcome.remarks(done)[0])

    def test_a_server_that_does_not_start_is_a_failure_in_words(self):
        done = self.rounds(["epoll"], self.cases[:1])
        done.commands[self.servers[0]] = ["sh", "-c", "echo no port to be had >&2"]
        for _ in range(3):
            done.round(heavy=False)
        self.assertEqual(len(done.failures["lines-1", "epoll"]), rounds.TRIES)
        [remark] = outcome.remarks(done)
        self.assertIn("failed in lines-1 (2 rounds of 3)", remark)
        self.assertIn("last words: no port to be had", remark)

    def test_rounds_end_when_the_time_is_used_up(self):
        done = self.rounds(["epoll"], self.cases[:1])
        done.within(budget=0, most=5, heavy_rounds=1)
        self.assertEqual(done.done, 1)
        done.within(budget=None, most=3, heavy_rounds=0)
        self.assertEqual(done.done, 3)


class Figures(unittest.TestCase):
    def result(self, requests, cpu_seconds):
        return {"requests": requests, "seconds": 1.0, "cpu_seconds": cpu_seconds,
                "p50_us": 1.0, "p99_us": 2.0, "memory_kib": 1024}

    def test_ratios_are_taken_within_a_round(self):
        floor = {n: self.result(1000 * (n + 1), 0.1) for n in range(3)}
        server = {n: self.result(500 * (n + 1), 0.1) for n in range(3)}
        found = figures.row(None, server, floor)
        self.assertEqual(dataclasses.astuple(found.ratios["rate"]), (0.5, 0.5, 0.5))
        self.assertEqual(found.ratios["cpu_us"].value, 2)
        self.assertEqual(found.medians["rate"].value, 1000)

    def test_the_interval_holds_the_median_and_is_the_same_each_time(self):
        values = [1.0, 1.1, 1.2, 1.3, 5.0]
        low, high = figures.interval(values)
        self.assertLessEqual(low, 1.2)
        self.assertGreaterEqual(high, 1.2)
        self.assertLess(low, high)
        self.assertEqual((low, high), figures.interval(values))

    def test_one_round_has_neither_spread_nor_interval(self):
        one = {0: self.result(1000, 0.1)}
        found = figures.row(servers.parse("a|ours|c|a.c|-|lines|A", HERE), one, one)
        text = table.of_case(cases.lines(1), [found])
        self.assertNotIn("±", text)
        self.assertNotIn("(", text)

    def test_a_list_without_a_floor_or_with_a_broken_line_is_refused(self):
        with self.assertRaisesRegex(ValueError, "seven fields"):
            servers.parse("a | ours | c", HERE)
        with self.assertRaisesRegex(ValueError, "no group"):
            servers.parse("a|mine|c|a.c|-|lines|A", HERE)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
