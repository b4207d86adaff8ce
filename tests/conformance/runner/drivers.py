# SPDX-License-Identifier: MIT
"""The four drivers: where they are, and how the ones that cmake does not build are made."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/tools"))
import bindings  # noqa: E402
import go_compiler  # noqa: E402

FOLDER = ROOT / "tests/conformance/drivers"
BUILD = pathlib.Path(os.environ.get("COPAS_BUILD_DIR", ROOT / "build")).resolve()
OUTPUT = BUILD / "tests/conformance"


class Missing(Exception):
    """A driver cannot be had; in words."""


class Absent(Exception):
    """The language is not on this machine; in words."""


def _built(name):
    program = OUTPUT / name
    if not program.exists():
        raise Missing(f"no driver {program}: build it first (cmake --build {BUILD})")
    return [str(program)]


def c():
    return _built("driver_c")


def cpp():
    return _built("driver_cpp")


def python():
    """The package of bindings/python as it is in the tree, with the library of the build."""
    path = bindings.python_package(_library(), OUTPUT)
    return ["env", f"PYTHONPATH={path}", sys.executable, "-W", "default", str(FOLDER / "driver.py")]


def go():
    """The package of bindings/go, linked with the library of the build."""
    program = OUTPUT / "driver_go"
    try:
        bindings.go_program(_library(), FOLDER / "go", program)
    except go_compiler.Absent as why:
        raise Absent(str(why)) from None
    except bindings.Broken as why:
        raise Missing(f"the driver in Go does not build:\n{why}") from None
    return [str(program)]


def _library():
    library = BUILD / "lib/libcopas.so"
    if not library.exists():
        raise Missing(f"no library {library}: build it first (cmake --build {BUILD})")
    return library


DRIVERS = {each.__name__: each for each in (c, cpp, python, go)}
