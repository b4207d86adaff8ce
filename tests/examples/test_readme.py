# SPDX-License-Identifier: MIT
"""The programs in README.md, docs/scaling.md and docs/overload.md compile as they stand, without a warning, and serve."""

import pathlib
import re
import socket
import subprocess
import tempfile
import time
import unittest

import program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def snippet(language, document="README.md"):
    return re.search(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.S).group(1)


def build(compiler, source, text):
    source.write_text(text)
    binary = source.with_suffix("")
    subprocess.run(
        [*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", str(source), "-o", str(binary),
         f"-I{ROOT}/include", f"-L{program.BUILD}/lib", "-lcopas",
         f"-Wl,-rpath,{program.BUILD.resolve()}/lib"], check=True)
    return binary


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def connect(port):
    """A connection to a server that is about to listen."""
    end = time.monotonic() + program.PATIENCE
    while True:
        try:
            return program.Peer(port)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_its_c_program_compiles_and_links(self):
        build(["cc"], self.folder / "echo.c", snippet("c"))

    def test_its_cpp_program_of_ten_lines_echoes(self):
        text = snippet("cpp")
        self.assertLessEqual(len(text.splitlines()), 10)
        self.check_echo(["c++", "-std=c++17"], self.folder / "echo.cpp", text)

    def test_the_c_program_echoes_on_all_cores_with_the_main_function_of_scaling(self):
        echo = snippet("c").split("int main")[0]
        self.check_echo(["cc"], self.folder / "echo.c", echo + snippet("c", "docs/scaling.md"))

    def test_the_c_program_echoes_with_the_limits_of_overload(self):
        echo = snippet("c").split("int main")[0]
        self.check_echo(["cc"], self.folder / "echo.c", echo + snippet("c", "docs/overload.md"))

    def check_echo(self, compiler, source, text):
        port = free_port()
        server = subprocess.Popen([build(compiler, source, text.replace("20000", str(port)))])
        try:
            with connect(port) as peer:
                peer.send(b"hello\nthere\n")
                self.assertEqual((peer.line(), peer.line()), (b"hello\n", b"there\n"))
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    program.main()
