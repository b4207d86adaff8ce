# SPDX-License-Identifier: MIT
"""The echo server under the load client, and the load client's own teeth."""

import resource
import socket
import subprocess
import threading
import unittest

import program


def drive(port, *arguments):
    return subprocess.run([program.LOAD_CLIENT, "127.0.0.1", str(port), *arguments],
                          capture_output=True, text=True, timeout=4 * program.PATIENCE, check=False)


class Echo(unittest.TestCase):
    def test_many_connections_get_every_byte_back(self):
        with program.Server("echo_server", 0) as server:
            done = drive(server.port, "--connections", "200", "--requests", "50",
                         "--max-line", "5000", "--pipeline", "4", "--split")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("requests 10000\n", done.stdout)

    @unittest.skipIf(program.SMALL, "at small scale")
    def test_two_thousand_connections_with_lines_of_every_length(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2100:
            self.skipTest(f"2,000 connections need 2,100 descriptors, the hard limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with program.Server("echo_server", 0) as server:
            done = drive(server.port, "--connections", "2000", "--requests", "3",
                         "--max-line", "102400", "--split")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("requests 6000\n", done.stdout)

    def test_several_cores_share_the_port(self):
        for cores in (0, 3):
            with program.Server("echo_cores", 0, cores) as server:
                done = drive(server.port, "--connections", "100", "--requests", "50",
                             "--max-line", "5000", "--pipeline", "4", "--split")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("requests 5000\n", done.stdout)

    def test_the_use_of_several_cores_is_told(self):
        done = subprocess.run([program.example("echo_cores"), "--help"], capture_output=True, text=True,
                              timeout=program.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("usage: echo_cores "))

    def test_a_port_that_another_one_has_is_told_once_with_the_reason(self):
        with program.Server("echo_server", 0) as server:
            done = subprocess.run([program.example("echo_cores"), str(server.port), "2"],
                                  capture_output=True, text=True, timeout=program.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("dispatcher 0 of 2 was not set up: ", done.stderr)
        self.assertIn("in use", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_long_lines_come_back(self):
        with program.Server("echo_server", 0) as server:
            done = drive(server.port, "--connections", "4", "--requests", "20",
                         "--max-line", "300000", "--split")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_load_client_sees_one_wrong_byte(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def echo_wrongly():
                peer, _ = listener.accept()
                with peer:
                    seen = 0
                    while data := peer.recv(65536):
                        wrong = bytearray(data)
                        if seen <= 5000 < seen + len(data):
                            wrong[5000 - seen] ^= 1
                        seen += len(data)
                        peer.sendall(wrong)

            thread = threading.Thread(target=echo_wrongly)
            thread.start()
            done = drive(listener.getsockname()[1], "--requests", "1000")
            thread.join()
        self.assertEqual(done.returncode, 1)
        self.assertIn("a byte is wrong", done.stderr)


if __name__ == "__main__":
    program.main()
