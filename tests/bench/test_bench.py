# SPDX-License-Identifier: MIT
"""The benchmark itself: every byte is verified, a wrong one is found, our servers answer, counts count."""

import ctypes
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(HERE.parent.parent / "bench" / "runner"))
sys.path.append(str(HERE.parent / "tools"))
os.environ["PATH"] += os.pathsep + "/usr/local/go/bin"

import build  # noqa: E402
import cases  # noqa: E402
import failure  # noqa: E402
import go_compiler  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import outcome  # noqa: E402
import paths  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402

# Not a time: a busy machine may let nothing happen in it.
SPAN = ["--requests", 3000, "--warm-up", 0]
IDLE, PARKED, COUNTED = 200, 1000, 2000
# Of each kind of load one, for servers that are not measured in all.
KINDS = ("lines-16", "pipelined", "bulk-16", "copied", "short", "parked", "tls-handshakes",
         "tls-bulk", "tls-lines", "tls-idle")
# Whom encrypted connections are compared with needs a package; scripts/setup bench installs it.
PEER = "libevent-tls"


def small(case):
    """The same case with fewer connections, coroutines and requests."""
    if case.idle:
        load = [IDLE if before == "--idle" else word
                for before, word in zip(("", *case.load), case.load)]
        return dataclasses.replace(case, load=tuple(load), idle=IDLE)
    if case.tool:
        return dataclasses.replace(case, count=COUNTED)
    return dataclasses.replace(case, count=PARKED) if case.count else case


def interpreter():
    """A Python with pip, as the servers in Python need it."""
    folder = BUILD / "bench" / "venv"
    if not (folder / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return str(folder / "bin" / "python")


# Of ours those that need a package from elsewhere; the tests of the Python package run them.
NEED_PACKAGES = ("copas-uvloop", "copas-seq")


def has_tls():
    return ctypes.CDLL(BUILD / "lib" / "libcopas.so").copas_has_feature(b"tls") == 1


def is_ours(server):
    return server.group == "ours" or server.uses == "copas"


def ours():
    """All of ours, in each language."""
    unfit = NEED_PACKAGES if has_tls() else (*NEED_PACKAGES, "copas-tls")
    return [one for one in servers.read_list(paths.LIST)
            if is_ours(one) and one.name not in unfit]


def go_is_there():
    try:
        return bool(go_compiler.find())
    except go_compiler.Absent:
        return False


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = [small(case) for case in cases.all_cases(machine.raise_descriptor_limit())]
        cls.builder = build.Builder(BUILD / "bench", BUILD / "lib", interpreter())
        cls.servers = servers.read_list(HERE / "servers.list")
        cls.servers += [one for one in ours() if one.name in ("copas-c", "copas-tls")]
        cls.commands = {server: cls.builder.command(server) for server in cls.servers}
        cls.load = build.load(BUILD / "bench")
        cls.identity = build.identity(BUILD / "bench")

    def measured(self, commands, wanted):
        tool = measure.Measure(self.load, machine.cores(), SPAN, self.identity)
        return rounds.Rounds(tool, wanted, commands, set(), lambda text: None)

    def rounds(self, names, wanted):
        return self.measured({one: command for one, command in self.commands.items()
                              if one.name in names}, wanted)

    def case(self, name):
        return next(case for case in self.cases if case.name == name)

    def test_the_floor_and_ours_answer_every_byte_in_every_case(self):
        wanted = [dataclasses.replace(case, long=False) for case in self.cases if not case.tool]
        names = ("epoll", "copas-c", "copas-tls")
        done = self.rounds(names, wanted)
        done.round(done.plan(None))
        self.assertEqual((done.failures, done.thrown_out), ({}, {}))
        for case in wanted:
            for server in (one.name for one in self.commands if one.name in names
                           and case.suits(one)):
                result = done.results[case.name, server][0]
                self.assertGreater(result["memory_kib"], 0)
                if case.load:
                    self.assertGreater(result["requests"], 0, case.name)
                if case.idle:
                    self.assertEqual(result["idle"], IDLE)
        # Not of each: the kernel's clock of another process may stand still for some milliseconds.
        self.assertGreater(sum(told[0].get("cpu_seconds", 0) for told in done.results.values()), 0)

    def test_each_of_our_servers_answers_every_byte_of_every_kind_of_load(self):
        wanted = [dataclasses.replace(self.case(name), bindings=True) for name in KINDS]
        for server in ours():
            if server.language == "go" and not go_is_there():
                print("(skipped: no Go 1.24 in PATH or /usr/local/go/bin)")
                continue
            with self.subTest(server.name):
                done = self.measured({server: self.builder.command(server)}, wanted)
                done.round(done.plan(None))
                self.assertEqual((done.failures, done.thrown_out), ({}, {}))
                suited = [case.name for case in wanted if case.suits(server)]
                self.assertEqual([name for name, _ in done.results], suited)

    def test_whom_encrypted_connections_are_compared_with_answers_every_byte(self):
        [peer] = [one for one in servers.read_list(paths.LIST) if one.name == PEER]
        try:
            command = self.builder.command(peer)
        except (build.Missing, build.Failed) as error:
            print(f"(skipped: {error})")
            return
        wanted = [case for case in self.cases if case.tls]
        done = self.measured({peer: command}, wanted)
        done.round(done.plan(None))
        self.assertEqual((done.failures, done.thrown_out), ({}, {}))
        self.assertEqual([name for name, _ in done.results], [case.name for case in wanted])

    def test_the_load_wants_an_encrypted_server_where_the_case_does(self):
        [plain] = [one for one in self.servers if one.name == "epoll"]
        case = dataclasses.replace(self.case("tls-lines"), bindings=True)
        with self.assertRaisesRegex(failure.Failure, "load: "):
            tool = measure.Measure(self.load, machine.cores(), SPAN, self.identity)
            tool.run(["env", "-S", "sh -c", 'exec "$0" --mode lines', *self.commands[plain]], case)

    def test_a_server_with_a_wrong_byte_is_out_of_every_table(self):
        encrypted = ("tls-handshakes", "tls-bulk", "tls-lines") if has_tls() else ()
        for name in ("lines-1", "bulk-1", "short", *encrypted):
            with self.subTest(name):
                case = self.case(name)
                right = "copas-tls" if case.tls else "epoll"
                done = self.rounds([right, "wrong"], [case])
                done.round(done.plan(None))
                self.assertIn("wrong byte", done.thrown_out["wrong"])
                [(_, rows)] = outcome.tables(done, self.servers, [case])
                self.assertEqual([row.server.name for row in rows], [right])
                self.assertIn("wrong", outcome.remarks(done)[0])

    def test_a_server_that_does_not_start_is_a_failure_in_words(self):
        done = self.rounds(["epoll"], self.cases[:1])
        done.commands[self.servers[0]] = ["sh", "-c", "echo no port to be had >&2"]
        for _ in range(3):
            done.round(done.plan(None))
        self.assertEqual(len(done.failures["lines-1", "epoll"]), rounds.TRIES)
        [remark] = outcome.remarks(done)
        self.assertIn("failed in lines-1 (2 times in 3 rounds)", remark)
        self.assertIn("last words: no port to be had", remark)

    def test_counts_are_those_of_a_request(self):
        for name, program, least, most in (("syscalls", "strace", 1.9, 2.4),
                                           ("instructions", "valgrind", 50, 1000)):
            if not shutil.which(program):
                print(f"(skipped: no {program}, scripts/setup test installs it)")
                continue
            with self.subTest(name):
                done = self.rounds(["epoll"], [self.case(name)])
                done.round(done.plan(None))
                self.assertEqual(done.failures, {})
                self.assertTrue(least <= done.results[name, "epoll"][0]["counted"] <= most,
                                done.results)
                # What is counted is the same each time: once is enough.
                self.assertEqual(done.plan(None), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
