# SPDX-License-Identifier: MIT
"""compile_snippets.py gcc|clang SOURCE_DIR: every C++ snippet of docs/cpp.md compiles without a warning.

A snippet that includes something is a file of its own; another one is the body of a function with a
dispatcher `d` and a handler's `client`. Exits 77 when the compiler is missing.
"""

import pathlib
import re
import shutil
import subprocess
import sys

FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++", "-"]
FRAME = """#include <copas.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
using namespace std::chrono_literals;
[[maybe_unused]] static std::string slow_digest(const std::string &text) {{ return text; }}
void snippet(copas::dispatcher &d, copas::socket_ref client);
void snippet([[maybe_unused]] copas::dispatcher &d, [[maybe_unused]] copas::socket_ref client) {{
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
    snippets = list(re.finditer(r"```cpp\n(.*?)```", text, re.S))
    assert len(snippets) > 5, "docs/cpp.md has lost its snippets"
    status = 0
    for snippet in snippets:
        body = snippet.group(1)
        line = text.count("\n", 0, snippet.start(1)) + 1
        if "#include" not in body:
            body = FRAME.format(line=line, body=body)
        done = subprocess.run([compiler, f"-I{root}/include", *FLAGS], input=body, text=True, check=False)
        print(f"docs/cpp.md:{line}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        status |= done.returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
