# SPDX-License-Identifier: MIT
"""A debugger in a handler: it sees the handler, the loop that runs it, and main."""

import re
import select
import shutil
import socket
import subprocess
import time
import unittest

import program

GDB = ["gdb", "-nx", "-batch", "-ex", "set breakpoint pending on", "-ex", "break copas_send",
       "-ex", "run", "-ex", "bt", "-ex", "kill", "--args"]


def stop_in_a_handler(name):
    """What gdb prints when an example's handler sends its first line back."""
    printed = ""
    end = time.monotonic() + 4 * program.PATIENCE
    process = subprocess.Popen([*GDB, program.example(name), "0"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with process:
        try:
            peer = None
            while select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                if not (part := process.stdout.read1(65536)):
                    return printed
                printed += part.decode()
                port = re.search(r"^listening (\d+)\n", printed, re.MULTILINE)
                if port and peer is None:
                    peer = socket.create_connection(("127.0.0.1", int(port[1])), program.PATIENCE)
                    peer.sendall(b"hello\n")
            raise AssertionError(f"no backtrace within {4 * program.PATIENCE} s: {printed}")
        finally:
            if peer is not None:
                peer.close()
            process.kill()


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
class Backtrace(unittest.TestCase):
    def check(self, name, *frames):
        """The frames are there, the innermost first."""
        printed = stop_in_a_handler(name)
        functions = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.*) \(.*$", printed, re.MULTILINE)
        at = 0
        for frame in frames:
            while at < len(functions) and not re.search(frame, functions[at]):
                at += 1
            self.assertLess(at, len(functions), f"{frame} is not in its place in {printed}")

    def test_from_inside_a_handler_to_main(self):
        self.check("echo_server", "^copas_send$", "^echo$", "resume", "run_ready", "step", "^copas_loop$",
                   "^main$")

    def test_from_inside_a_lambda_to_main(self):
        self.check("cpp_echo_server", "^copas_send$", "lambda", "resume", "run_ready", "step",
                   "^copas_loop$", "^main$")


if __name__ == "__main__":
    program.main()
