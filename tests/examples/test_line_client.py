# SPDX-License-Identifier: MIT
"""The line client against the echo server."""

import subprocess
import tempfile
import unittest

import program


def run(port, *lines, **options):
    return subprocess.run([program.example("line_client"), "127.0.0.1", str(port), *lines],
                          capture_output=True, timeout=program.PATIENCE, check=False, **options)


class LineClient(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(program.Server("echo_server", 0))

    def test_lines_of_the_command_line(self):
        done = run(self.server.port, "hello", "", "world")
        self.assertEqual((done.returncode, done.stdout), (0, b"hello\n\nworld\n"))

    def test_lines_of_a_pipe_and_a_last_one_without_an_ending(self):
        lines = b"".join(b"line %d\n" % n for n in range(20000)) + b"last"
        done = run(self.server.port, input=lines)
        self.assertEqual((done.returncode, done.stdout), (0, lines + b"\n"))

    def test_lines_of_a_file(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"from a file\n" * 5000)
            file.seek(0)
            done = run(self.server.port, stdin=file)
        self.assertEqual((done.returncode, done.stdout), (0, b"from a file\n" * 5000))

    def test_it_ends_with_the_server_although_its_input_goes_on(self):
        with subprocess.Popen(
                [program.example("line_client"), "127.0.0.1", str(self.server.port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            client.stdin.write(b"one\n")
            client.stdin.flush()
            self.assertEqual(client.stdout.readline(), b"one\n")
            self.assertEqual(self.server.stop(), 0)
            self.assertEqual(client.wait(program.PATIENCE), 0)

    def test_a_refused_connection_is_told(self):
        self.server.process.kill()
        self.server.process.wait()
        done = run(self.server.port, "x")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot connect", done.stderr)

    def test_a_wrong_port_is_told(self):
        done = run("seven", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"not a port", done.stderr)


if __name__ == "__main__":
    program.main()
