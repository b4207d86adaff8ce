# SPDX-License-Identifier: MIT
"""What the benchmark's runner makes of measurements, with made-up ones: rounds, figures, targets."""

import dataclasses
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "bench" / "runner"))

import cases  # noqa: E402
import failure  # noqa: E402
import figures  # noqa: E402
import micro  # noqa: E402
import paths  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402
import table  # noqa: E402
import targets  # noqa: E402


class Instant:
    """Measures in no time."""

    def run(self, command, case):
        return {"requests": 1, "seconds": 1.0, "cpu_seconds": 1.0, "memory_kib": 1}


class Broken:
    def run(self, command, case):
        raise failure.Failure("out of order")


class Faltering(Instant):
    """Fails the first time."""

    failed = False

    def run(self, command, case):
        if not self.failed:
            self.failed = True
            raise failure.Failure("a busy machine")
        return super().run(command, case)


def server(name, group):
    return servers.parse(f"{name}|{group}|c|a.c|-|-|lines idle|{name}", HERE)


class Rounds(unittest.TestCase):
    def setUp(self):
        names = [("floor", "floor"), ("ours", "ours"), *((f"peer{n}", "peer") for n in range(5))]
        self.servers = [server(*one) for one in names]
        self.cases = [cases.lines(1), cases.lines(16)]

    def rounds(self, named=frozenset({("lines-16", "ours")}), wanted=None):
        return rounds.Rounds(Instant(), wanted or self.cases, dict.fromkeys(self.servers), named,
                             lambda text: None)

    def names(self, pairs):
        return {(case.name, server.name) for case, server in pairs}

    def test_without_a_limit_every_pair_is_in_each_round(self):
        done = self.rounds()
        for _ in range(2):
            self.assertEqual(len(self.names(done.plan(None))), 14)

    def test_named_pairs_are_in_each_round_and_the_others_take_turns_beside_the_floor(self):
        done = self.rounds()
        seen = set()
        for _ in range(6):
            pairs = self.names(done.plan(5 * rounds.GUESS))
            self.assertIn(("lines-16", "ours"), pairs)
            self.assertIn(len(pairs), (4, 5))
            for case, _ in pairs - {("lines-16", "ours")}:
                self.assertIn((case, "floor"), pairs)
            seen |= pairs
        self.assertEqual(len(seen), 14)

    def test_somebody_has_a_turn_also_where_time_is_short(self):
        self.assertEqual(len(self.rounds().plan(0)), 2)

    def test_what_a_run_took_is_what_it_is_expected_to_take(self):
        done = self.rounds()
        done.round(done.plan(None))
        self.assertLess(done.expected(done.plan(None)), rounds.GUESS)

    def test_a_long_case_is_for_the_floor_and_who_is_named(self):
        case = cases.idle(10, "idle-most", long=True)
        done = self.rounds({("idle-most", "ours")}, [case])
        self.assertEqual(self.names(done.plan(None)),
                         {("idle-most", "floor"), ("idle-most", "ours")})

    def test_a_server_that_fails_now_and_then_stays(self):
        done = self.rounds()
        pair = (self.cases[0], self.servers[1])
        for failures in (1, 1, rounds.TRIES):
            for _ in range(failures):
                self.assertTrue(done.runs(*pair))
                done.measure = Broken()
                done.run(*pair)
            if failures < rounds.TRIES:
                done.measure = Instant()
                done.run(*pair)
        self.assertFalse(done.runs(*pair))

    def test_a_run_that_fails_once_is_repeated_within_its_round(self):
        done = self.rounds()
        done.measure = Faltering()
        done.round(done.plan(None))
        self.assertEqual(len(done.results), 14)
        self.assertEqual(sum(map(len, done.failures.values())), 1)

    def test_rounds_end_when_the_time_is_used_up(self):
        done = self.rounds()
        done.took = {(case.name, server.name): 100 for case in self.cases
                     for server in self.servers}
        done.run = lambda case, server: True
        done.within(budget=1, most=5)
        self.assertEqual(done.done, 1)
        done.within(budget=None, most=3)
        self.assertEqual(done.done, 3)

    def test_the_rest_of_the_time_is_told(self):
        self.assertEqual(rounds.remaining(600), "10 min left")
        self.assertEqual(rounds.remaining(42.4), "42 s left")
        self.assertEqual(rounds.remaining(-3), "0 s left")


class Targets(unittest.TestCase):
    def judge(self, limit, values, base=None):
        line = f"t | what | rate | ours c | {'floor c' if base else '-'} | {limit}"

        def results(rates):
            return {n: {"requests": rate, "seconds": 1.0, "cpu_seconds": 1.0, "memory_kib": 1}
                    for n, rate in enumerate(rates)}

        told = {("c", "ours"): results(values), ("c", "floor"): results(base or [])}
        return targets.judge(targets.parse(line), told)

    def test_an_interval_that_includes_or_beats_the_target_has_reached_it(self):
        around = [0.9, 1.1] * 10
        self.assertTrue(self.judge(">= 1", around).reached())
        self.assertTrue(self.judge("<= 1", around).reached())
        self.assertTrue(self.judge(">= 0.5", around).reached())
        self.assertFalse(self.judge(">= 1.2", around).reached())
        self.assertFalse(self.judge("<= 0.8", around).reached())

    def test_ratios_are_taken_within_a_round(self):
        base = [float(n) for n in range(1, 21)]
        self.assertTrue(self.judge(">= 2", [2 * one for one in base], base).reached())
        self.assertFalse(self.judge(">= 2.1", [2 * one for one in base], base).reached())

    def test_too_few_rounds_decide_nothing(self):
        verdict = self.judge(">= 1", [5.0] * (targets.ROUNDS - 1))
        self.assertIsNone(verdict.reached())
        self.assertIn("fewer than 15 rounds", verdict.words())
        self.assertEqual(self.judge(">= 1", []).words(), "not measured")

    def test_a_count_has_one_value(self):
        target = targets.parse("t | what | counted | ours syscalls | - | <= 2")
        for value, reached in ((2.0, True), (2.01, False)):
            told = {("syscalls", "ours"): {0: {"counted": value}}}
            self.assertIs(targets.judge(target, told).reached(), reached)

    def test_what_is_missed_has_its_reason(self):
        verdicts = [self.judge(">= 2", [1.0] * 15), self.judge(">= 1", [1.0] * 15)]
        self.assertEqual(targets.missed(verdicts, {"t": "because"}), ["what: because"])

    def test_the_list_names_servers_and_cases_that_there_are(self):
        known = {(case.name, server.name) for case in cases.all_cases(200_000)
                 for server in servers.read_list(paths.LIST) if case.suits(server)}
        known |= {(name, micro.SERVER) for name in micro.NAMES}
        for target in targets.read_list(paths.TARGETS):
            self.assertLessEqual(set(target.pairs()), known, target.name)
        names = {target.name for target in targets.read_list(paths.TARGETS)}
        self.assertLessEqual(set(targets.read_reasons(paths.REASONS)), names)

    def test_a_broken_line_is_refused(self):
        for line in ("t | what", "t | what | speed | a b | - | <= 1", "t | what | rate | a b | - | < 1"):
            with self.assertRaises(ValueError):
                targets.parse(line)


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
        found = figures.row(servers.parse("a|ours|c|a.c|-|-|lines|A", HERE), one, one)
        text = table.of_case(cases.lines(1), [found])
        self.assertNotIn("±", text)
        self.assertNotIn("(", text)

    def test_a_list_without_a_floor_or_with_a_broken_line_is_refused(self):
        with self.assertRaisesRegex(ValueError, "eight fields"):
            servers.parse("a | ours | c", HERE)
        with self.assertRaisesRegex(ValueError, "no group"):
            servers.parse("a|mine|c|a.c|-|-|lines|A", HERE)


if __name__ == "__main__":
    unittest.main()
