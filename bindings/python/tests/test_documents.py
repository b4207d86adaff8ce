# SPDX-License-Identifier: MIT
"""The programs in the documents run, and the package is what it says."""

import importlib.metadata
import importlib.util
import pathlib
import re
import socket
import subprocess
import sys
import unittest

import copas

ROOT = pathlib.Path(__file__).resolve().parents[3]


def programs(document):
    text = (ROOT / document).read_text()
    return re.findall(r"```python\n(.*?)```", text, re.S)


class Documents(unittest.TestCase):
    def prints(self, program, said):
        done = subprocess.run([sys.executable, "-c", program], timeout=20, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.stdout, done.stderr), (said, ""))

    def test_the_programs_of_the_guide_print_what_it_says(self):
        server, datagrams, limit, _ = programs("docs/python.md")
        self.prints(server, "b'hello world'\n")
        self.prints(server.replace("asyncio.run", "copas.run"), "b'hello world'\n")
        self.prints(datagrams, "b'PING'\n")
        self.prints(limit, "too slow\n")

    @unittest.skipUnless(importlib.util.find_spec("greenlet"), "greenlet is not installed")
    def test_the_sequential_program_of_the_guide_prints_what_it_says(self):
        *_, sequential = programs("docs/python.md")
        self.prints(sequential, "[b'question 0', b'question 1', b'question 2']\n")

    def test_the_echo_server_of_the_readme_echoes(self):
        program, = programs("README.md")
        program = program.replace("20000)", "0); print(server.port, flush=True)")
        process = subprocess.Popen([sys.executable, "-c", program], text=True,
                                   stdout=subprocess.PIPE)
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
                peer.sendall(b"one\ntwo\n")
                got = b""
                while len(got) < 8:
                    got += peer.recv(100)
                self.assertEqual(got, b"one\ntwo\n")
        finally:
            process.kill()
            process.communicate()

    def test_the_package_is_typed_and_of_the_librarys_version(self):
        folder = pathlib.Path(copas.__file__).parent
        self.assertTrue((folder / "py.typed").exists())
        self.assertTrue((folder / "libcopas.so").exists())
        version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
        project = (ROOT / "bindings/python/pyproject.toml").read_text()
        self.assertEqual(copas.version(), version)
        self.assertIn(f'version = "{version}"', project)

    def test_the_extra_is_what_the_project_says(self):
        project = (ROOT / "bindings/python/pyproject.toml").read_text()
        requirement, = re.findall(r'^greenlet = \["(.*)"\]', project, re.M)
        self.assertIn(f'{requirement}; extra == "greenlet"',
                      importlib.metadata.requires("copas"))
