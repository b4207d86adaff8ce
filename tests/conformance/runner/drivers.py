# SPDX-License-Identifier: MIT
"""The four drivers: where they are, and how the ones that cmake does not build are made."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/tools"))
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
    package = OUTPUT / "python/copas"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for source in (ROOT / "bindings/python/copas").glob("*.py"):
        (package / source.name).symlink_to(source)
    (package / "libcopas.so").symlink_to(_library())
    return ["env", f"PYTHONPATH={package.parent}", sys.executable, "-W",
            "default", str(FOLDER / "driver.py")]


def go():
    """The package of bindings/go, linked with the library of the build."""
    try:
        compiler = go_compiler.find()
    except go_compiler.Absent as why:
        raise Absent(str(why)) from None
    library = _library().parent
    program = OUTPUT / "driver_go"
    environment = {**os.environ, "CGO_ENABLED": "1", "GOTOOLCHAIN": "local",
                   "CGO_LDFLAGS": f"-L{library} -Wl,-rpath,{library}"}
    built = subprocess.run([compiler, "build", "-tags", "copas_tree", "-o", str(program), "."],
                           cwd=FOLDER / "go", env=environment, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if built.returncode:
        raise Missing(f"the driver in Go does not build:\n{built.stdout}")
    return [str(program)]


def _library():
    library = BUILD / "lib/libcopas.so"
    if not library.exists():
        raise Missing(f"no library {library}: build it first (cmake --build {BUILD})")
    return library


DRIVERS = {each.__name__: each for each in (c, cpp, python, go)}
