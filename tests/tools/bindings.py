# SPDX-License-Identifier: MIT
"""The packages of bindings/ as they are in the tree, on the library of a build, for programs that use them."""

import os
import pathlib
import shutil
import subprocess

import go_compiler

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Broken(Exception):
    """A program does not build; what the compiler says."""


def python_package(library, folder):
    """Puts the package below `folder`, anew; the entry of PYTHONPATH that finds it."""
    package = folder / "python/copas"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for source in (ROOT / "bindings/python/copas").glob("*.py"):
        (package / source.name).symlink_to(source)
    (package / "libcopas.so").symlink_to(library)
    return str(package.parent)


def go_program(library, source, program):
    """Builds the program in `source`; raises go_compiler.Absent where there is no Go."""
    flags = f"-L{library.parent} -Wl,-rpath,{library.parent}"
    built = subprocess.run([go_compiler.find(), "build", "-tags", "copas_tree", "-o", program, "."],
                           cwd=source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env={**os.environ, "CGO_ENABLED": "1", "GOTOOLCHAIN": "local",
                                "CGO_LDFLAGS": flags})
    if built.returncode:
        raise Broken(built.stdout)
