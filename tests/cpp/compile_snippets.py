# SPDX-License-Identifier: MIT
"""compile_snippets.py gcc|clang SOURCE_DIR: every C++ snippet of docs/cpp.md compiles without a warning.

A snippet that includes something is a file of its own; the others are bodies of functions with a
dispatcher `d` and a handler's `client`. Exits 77 when the compiler is missing.
"""

import pathlib
import re
import shutil
import subprocess
import sys

FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++", "-"]
HEAD = """#include <copas.hpp>
#include <csignal>
#include <iostream>
#include <string>
using namespace std::chrono_literals;
std::string slow_digest(const std::string &text);
"""
FRAME = """void snippet_{line}(copas::dispatcher &d, copas::socket_ref client);
void snippet_{line}([[maybe_unused]] copas::dispatcher &d, [[maybe_unused]] copas::socket_ref client)
{{
#line {line} "docs/cpp.md"
{body}
}}
"""


def main():
    family, root = sys.argv[1], pathlib.Path(sys.argv[2])
    compiler = {"gcc": "g++", "clang": "clang++"}[family]
    if shutil.which(compiler) is None:
        print(f"(skipped: {compiler} is not installed)")
        return 77
    text = (root / "docs/cpp.md").read_text()
    files, bodies = [], HEAD
    for snippet in re.finditer(r"```cpp\n(.*?)```", text, re.S):
        body = snippet.group(1)
        line = text.count("\n", 0, snippet.start(1)) + 1
        if "#include" in body:
            files.append(body)
        else:
            bodies += FRAME.format(line=line, body=body)
    assert files and bodies.count("#line") > 5, "docs/cpp.md has lost its snippets"
    status = 0
    for source in [*files, bodies]:
        command = [compiler, f"-I{root}/include", *FLAGS]
        status |= subprocess.run(command, input=source, text=True, check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
