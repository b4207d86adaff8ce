# SPDX-License-Identifier: MIT
"""The program in README.md compiles as it stands, without a warning."""

import pathlib
import re
import subprocess
import tempfile
import unittest

import program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Readme(unittest.TestCase):
    def test_its_program_compiles_and_links(self):
        source = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "echo.c"
            path.write_text(source)
            subprocess.run(
                ["cc", "-Wall", "-Wextra", "-Wpedantic", "-Werror", str(path), "-o",
                 str(path.with_suffix("")), f"-I{ROOT}/include", f"-L{program.BUILD}/lib",
                 "-lcopas"], check=True)


if __name__ == "__main__":
    program.main()
