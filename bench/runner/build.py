# SPDX-License-Identifier: MIT
"""Builds the load generator and the servers."""

import os
import subprocess
import sys

import paths

WARNINGS = ["-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra"]


class Missing(Exception):
    """Something that this machine lacks."""


class Failed(Exception):
    """A build that went wrong, with its output."""


def run(command, **options):
    try:
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **options)
    except FileNotFoundError as error:
        raise Missing(f"{command[0]} is missing: scripts/setup bench installs it") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
    return done.stdout


def library(out):
    """The release library, as its users build it; gives the folder it lies in."""
    folder = out / "copas"
    run(["cmake", "-G", "Ninja", "-B", folder, "-S", paths.ROOT, "-DCMAKE_BUILD_TYPE=Release",
         "-DCOPAS_BUILD_TESTS=OFF", "-DCOPAS_BUILD_EXAMPLES=OFF"])
    run(["cmake", "--build", folder, "--target", "copas_library"])
    return folder / "lib"


def cargo(folder, out):
    environment = dict(os.environ, CARGO_TARGET_DIR=str(out))
    run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path",
         folder / "Cargo.toml"], env=environment)
    return out / "release"


def identity(out):
    """A folder with a certificate and its key, as encrypted servers want them."""
    folder = out / "identity"
    if not (folder / "cert.pem").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "3650", "-subj", "/CN=localhost", "-keyout", folder / "key.pem",
             "-out", folder / "cert.pem"])
    return folder


def load(out):
    return cargo(paths.BENCH / "load", out / "load") / "load"


class Builder:
    """Builds servers of each language; `command` gives how to start one."""

    def __init__(self, out, library_folder=None, python=sys.executable):
        self.out = out
        self.library_folder = library_folder
        # The interpreter that runs servers in Python; it has pip.
        self.interpreter = python
        self.package = None

    def copas_flags(self):
        self.library_folder = self.library_folder or library(self.out)
        return [f"-L{self.library_folder}", f"-Wl,-rpath,{self.library_folder}"]

    def flags(self, server):
        if not server.uses:
            return []
        if server.uses == "copas":
            return [f"-I{paths.ROOT / 'include'}", *self.copas_flags(), "-lcopas"]
        try:
            return run(["pkg-config", "--cflags", "--libs", *server.uses.split()]).split()
        except Failed as error:
            raise Missing(f"the library {server.uses} is missing") from error

    def program(self, server):
        program = self.out / "servers" / server.name
        program.parent.mkdir(parents=True, exist_ok=True)
        return program

    def compile(self, server, compiler):
        program = self.program(server)
        run([*compiler, *WARNINGS, server.source, "-o", program, *self.flags(server)])
        return [str(program)]

    def c(self, server):
        return self.compile(server, ["cc"])

    def cpp(self, server):
        return self.compile(server, ["c++", "-std=c++20"])

    def rust(self, server):
        """The source is a program of the crate in the folder around src/bin."""
        return [str(cargo(server.source.parents[2], self.out / "rust") / server.source.stem)]

    def go(self, server):
        program, flags, environment = self.program(server), [], dict(os.environ)
        if server.uses == "copas":
            flags = ["-modfile=copas.mod", "-tags=copas,copas_tree"]
            environment |= {"CGO_ENABLED": "1", "CGO_LDFLAGS": " ".join(self.copas_flags())}
        run(["go", "build", *flags, "-o", program, "."], cwd=server.source, env=environment)
        return [str(program)]

    def python_package(self):
        """The package of bindings/python with this library, in a folder of its own."""
        if self.package is None:
            self.copas_flags()
            self.package = self.out / "python"
            environment = dict(os.environ,
                               COPAS_LIBRARY_FILE=str(self.library_folder / "libcopas.so"))
            run([self.interpreter, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade",
                 "--disable-pip-version-check", "--target", self.package,
                 paths.ROOT / "bindings" / "python"], env=environment)
        return self.package

    def python(self, server):
        start = [self.interpreter, "-B"]
        if server.uses == "copas":
            start = ["env", f"PYTHONPATH={self.python_package()}", *start]
        return [*start, str(server.source)]

    def command(self, server):
        builders = {"c": self.c, "c++": self.cpp, "rust": self.rust, "go": self.go,
                    "python": self.python}
        if server.language not in builders:
            raise Failed(f"{server.name}: nothing builds {server.language}; it is one of "
                         f"{', '.join(builders)}")
        return [*builders[server.language](server), *server.arguments]
