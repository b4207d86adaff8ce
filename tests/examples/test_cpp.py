# SPDX-License-Identifier: MIT
"""The C++ examples."""

import contextlib
import pathlib
import socket
import subprocess
import tempfile
import unittest

import program

EXAMPLES = ["cpp_echo_server", "cpp_line_client", "cpp_worker_queue", "cpp_ask_all", "cpp_udp_echo",
            "cpp_sum_files"]


def run(name, *arguments):
    return subprocess.run([program.example(name), *map(str, arguments)], capture_output=True,
                          text=True, timeout=program.PATIENCE, check=False)


class Help(unittest.TestCase):
    def test_every_example_tells_its_use(self):
        for name in EXAMPLES:
            done = run(name, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertTrue(done.stdout.startswith(f"usage: {name} "), done.stdout)

    def test_missing_arguments_are_told(self):
        for name in EXAMPLES:
            done = run(name)
            self.assertEqual((done.returncode, done.stdout), (2, ""), name)
            self.assertIn("usage: ", done.stderr)

    def test_what_is_no_port_is_told(self):
        done = run("cpp_echo_server", "70000")
        self.assertEqual(done.returncode, 2)
        self.assertIn("70000 is not a number from 0 to 65535", done.stderr)


class Echo(unittest.TestCase):
    def test_many_connections_get_every_byte_back(self):
        with program.Server("cpp_echo_server", 0) as server:
            done = subprocess.run(
                [program.LOAD_CLIENT, "127.0.0.1", str(server.port), "--connections", "100",
                 "--requests", "50", "--max-line", "5000", "--pipeline", "4", "--split"],
                capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("requests 5000\n", done.stdout)

    def test_a_port_in_use_is_told(self):
        with program.Server("cpp_echo_server", 0) as server:
            done = run("cpp_echo_server", server.port)
        self.assertEqual(done.returncode, 1)
        self.assertIn("in use", done.stderr)


class LineClient(unittest.TestCase):
    def test_it_prints_the_answers(self):
        with program.Server("cpp_echo_server", 0) as server:
            done = run("cpp_line_client", "127.0.0.1", server.port, "hello there", "again")
        self.assertEqual((done.returncode, done.stdout), (0, "hello there\nagain\n"), done.stderr)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        done = run("cpp_line_client", "127.0.0.1", port, "hello")
        self.assertEqual(done.returncode, 3)
        self.assertIn("refused", done.stderr)


class WorkerQueue(unittest.TestCase):
    def test_all_work_is_done_once_and_at_the_rate(self):
        done = run("cpp_worker_queue", 30, 4, 200)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        pieces = sorted(int(line.split()[1]) for line in lines[:-1])
        self.assertEqual(pieces, list(range(1, 31)))
        self.assertGreater(len({line.split()[3] for line in lines[:-1]}), 1)
        # The first is permitted at once, the others 5 ms after one another.
        self.assertGreaterEqual(float(lines[-1].split()[3]), 29 * 0.005)


class AskAll(unittest.TestCase):
    def test_all_are_asked_at_once_and_the_silent_are_given_up(self):
        with contextlib.ExitStack() as stack:
            ports = [stack.enter_context(program.Server("cpp_echo_server", 0)).port for _ in range(3)]
            silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            servers = [f"127.0.0.1:{port}" for port in ports]
            done = run("cpp_ask_all", 20000, "hello", *servers)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, "".join(f"{one} answers hello\n" for one in servers))
            mute = f"127.0.0.1:{silent.getsockname()[1]}"
            done = run("cpp_ask_all", 5000 if program.SMALL else 300, "hello", servers[0], mute)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{servers[0]} answers hello\n", done.stdout)
            self.assertRegex(done.stdout, f"{mute} (does not answer|fails: .*time limit)")


class UdpEcho(unittest.TestCase):
    def test_the_client_gets_its_text_back(self):
        with program.Server("cpp_udp_echo", "server", 0) as server:
            done = run("cpp_udp_echo", "client", "127.0.0.1", server.port, "hello there")
            self.assertEqual((done.returncode, done.stdout), (0, "hello there\n"), done.stderr)

    def test_a_silent_server_is_told(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            done = run("cpp_udp_echo", "client", "127.0.0.1", silent.getsockname()[1], "again")
            self.assertEqual(done.returncode, 1)
            silent.settimeout(program.PATIENCE)
            self.assertEqual([silent.recv(100) for _ in range(3)], [b"again"] * 3)


class SumFiles(unittest.TestCase):
    def test_the_hash_of_each_file(self):
        with tempfile.TemporaryDirectory() as folder:
            empty, letter = (str(pathlib.Path(folder) / name) for name in ("empty", "letter"))
            pathlib.Path(empty).write_bytes(b"")
            pathlib.Path(letter).write_bytes(b"a")
            done = run("cpp_sum_files", empty, f"{folder}/missing", letter)
        # The offset basis, and the published hash of "a".
        self.assertEqual(done.stdout, f"cbf29ce484222325 {empty}\naf63dc4c8601ec8c {letter}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing: No such file", done.stderr)


if __name__ == "__main__":
    program.main()
