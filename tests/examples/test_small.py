# SPDX-License-Identifier: MIT
"""The examples of the objects: worker queue, UDP, names, port scan, child."""

import signal
import socket
import subprocess
import unittest

import program


def run(name, *arguments, **options):
    return subprocess.run([program.example(name), *map(str, arguments)], capture_output=True,
                          text=True, timeout=program.PATIENCE, check=False, **options)


class WorkerQueue(unittest.TestCase):
    def test_all_work_is_done_once_and_at_the_rate(self):
        done = run("worker_queue", 30, 4, 200)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        pieces = sorted(int(line.split()[1]) for line in lines[:-1])
        self.assertEqual(pieces, list(range(1, 31)))
        self.assertGreater(len({line.split()[3] for line in lines[:-1]}), 1)
        # The first is permitted at once, the others 5 ms after one another.
        self.assertGreaterEqual(float(lines[-1].split()[3]), 29 * 0.005)

    def test_wrong_numbers_are_told(self):
        self.assertEqual(run("worker_queue", 0, 4, 200).returncode, 2)


class UdpEcho(unittest.TestCase):
    def test_the_client_gets_its_text_back(self):
        with program.Server("udp_echo", "server", 0) as server:
            done = run("udp_echo", "client", "127.0.0.1", server.port, "hello there")
            self.assertEqual((done.returncode, done.stdout), (0, "hello there\n"), done.stderr)

    def test_a_lost_datagram_is_sent_again(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.settimeout(program.PATIENCE)
            client = subprocess.Popen(
                [program.example("udp_echo"), "client", "127.0.0.1",
                 str(silent.getsockname()[1]), "again"], stdout=subprocess.PIPE, text=True)
            with client:
                silent.recvfrom(100)
                data, sender = silent.recvfrom(100)
                silent.sendto(data, sender)
                self.assertEqual(client.stdout.read(), "again\n")
            self.assertEqual(client.returncode, 0)

    def test_the_client_gives_up_after_three_tries(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.setblocking(False)
            done = run("udp_echo", "client", "127.0.0.1", silent.getsockname()[1], "hello")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("no answer", done.stderr)
            for _ in range(3):
                self.assertEqual(silent.recv(100), b"hello")
            self.assertRaises(BlockingIOError, silent.recv, 100)


class ResolveMany(unittest.TestCase):
    def test_names_and_numbers(self):
        done = run("resolve_many", "127.0.0.1", "localhost", "::1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("127.0.0.1 127.0.0.1\n", done.stdout)
        self.assertIn("::1 ::1\n", done.stdout)
        self.assertIn("localhost ", done.stdout)

    def test_a_name_that_does_not_resolve_makes_the_code_1(self):
        # No name server is asked for a name with an empty part.
        done = run("resolve_many", "127.0.0.1", "no..name")
        self.assertEqual((done.returncode, done.stdout), (1, "127.0.0.1 127.0.0.1\n"))
        self.assertIn("no..name", done.stderr)


class PortScan(unittest.TestCase):
    def test_the_open_ports_are_found(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            first, last = max(1, port - 200), min(65535, port + 200)
            done = run("port_scan", "127.0.0.1", first, last, 20)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{port}\n", done.stdout)
        self.assertIn("open, 0 unknown", done.stdout)

    def test_the_scan_ends_at_its_deadline(self):
        with program.FullListener() as port:
            done = run("port_scan", "127.0.0.1", port, port, 0.3)
        self.assertEqual((done.returncode, done.stdout), (0, "0 open, 1 unknown\n"), done.stderr)
        self.assertEqual(done.stderr, "the time was up\n")


class WatchChild(unittest.TestCase):
    def test_lines_are_numbered_and_the_code_is_the_childs(self):
        done = run("watch_child", "sh", "-c", "echo one; echo two; printf last; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, "1: one\n2: two\n3: last\n"))

    def test_the_code_tells_the_signal_that_killed_the_child(self):
        done = run("watch_child", "sh", "-c", "echo one; kill -KILL $$")
        self.assertEqual((done.returncode, done.stdout), (128 + signal.SIGKILL, "1: one\n"))

    def test_a_program_that_is_not_there(self):
        done = run("watch_child", "/no/such/program")
        self.assertEqual(done.returncode, 127)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    program.main()
