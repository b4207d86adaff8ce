# SPDX-License-Identifier: MIT
"""Certificates made by the openssl program, and the library's side of a connection as a program."""

import pathlib
import select
import subprocess
import sys

BUILD = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path("build")
TLS_PEER = str(BUILD / "tests" / "tools" / "tls_peer")
# Seconds until an awaited event counts as lost.
PATIENCE = 60
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def run(*command, **options):
    """Runs a program that must end well; gives what it printed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, timeout=PATIENCE, check=False, **options
    )
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout} {done.stderr}")
    return done.stdout


class Folder:
    """A folder of certificates."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def certificate(self, name):
        return str(self.path / f"{name}.pem")

    def key(self, name):
        return str(self.path / f"{name}.key")

    def pair(self, name):
        return [self.certificate(name), self.key(name)]

    def make_ca(self, name):
        files = ["-keyout", self.key(name), "-out", self.certificate(name)]
        run("openssl", "req", "-x509", *CURVE, "-days", 2, "-subj", f"/CN={name}", *files)

    def make(self, name, names, days=2, ca="ca", key=None):
        """A certificate of `ca` for `names`, valid for so many days."""
        csr = self.path / f"{name}.csr"
        extensions = self.path / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        request = ["-subj", f"/CN={name}", "-keyout", self.key(name), "-out", csr]
        run("openssl", "req", *(key or CURVE), *request)
        signer = ["-CA", self.certificate(ca), "-CAkey", self.key(ca), "-CAcreateserial"]
        result = ["-extfile", extensions, "-out", self.certificate(name)]
        run("openssl", "x509", "-req", "-in", csr, *signer, "-days", days, *result)


class EchoServer:
    """tls_peer serve, for the length of a `with`."""

    def __init__(self, folder, name="server", client_ca="-", oldest=12, protocols="-"):
        pair = folder.pair(name)
        self.command = [TLS_PEER, "serve", *pair, client_ca, str(oldest), protocols]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.said("listening"))
        return self

    def said(self, word):
        """The rest of its next line, which must begin with `word`."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline().split() if ready else ["nothing"]
        if line[0] != word:
            raise AssertionError(f"{self.command} said {line} instead of {word}")
        return line[1]

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def connect(port, folder, what, name="localhost", own=None, ca="ca"):
    """tls_peer connect: the words that it prints."""
    own = folder.pair(own) if own else ["-", "-"]
    command = [TLS_PEER, "connect", str(port), name, folder.certificate(ca), *own, str(what)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if not done.stdout:
        raise AssertionError(f"{command}: {done.returncode} {done.stderr}")
    return done.stdout.split()


def pattern(length):
    """The bytes that tls_peer sends."""
    return bytes((at * 7919 >> 5) & 255 for at in range(length))
