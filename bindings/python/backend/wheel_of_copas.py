# SPDX-License-Identifier: MIT
"""Builds the wheel: the package and the shared library, without a compiler of its own.

The library is COPAS_LIBRARY_FILE when that is set, else `cargo build --release` makes it.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sysconfig
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
VERSION = re.search(r'^version = "(.*)"', (HERE / "pyproject.toml").read_text(), re.M).group(1)
PLATFORM = re.sub(r"[-.]", "_", sysconfig.get_platform())
INFO = f"copas-{VERSION}.dist-info"
METADATA = f"""Metadata-Version: 2.1
Name: copas
Version: {VERSION}
Summary: Coroutine networking: servers and clients on asyncio, on uvloop, or on neither
License: MIT
Requires-Python: >=3.9
Provides-Extra: greenlet
Requires-Dist: greenlet>=1.1; extra == "greenlet"
Description-Content-Type: text/markdown

"""


def _built():
    """The shared library that cargo builds."""
    if not (ROOT / "Cargo.toml").exists():
        raise SystemExit("copas: set COPAS_LIBRARY_FILE to a libcopas.so, or build inside the "
                         "source tree of libcopas, where cargo can make one")
    cargo = ["cargo", "build", "--release", "--locked"]
    told = subprocess.run(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT,
                          check=True, stdout=subprocess.PIPE)
    subprocess.run(cargo, cwd=ROOT, check=True)
    return pathlib.Path(json.loads(told.stdout)["target_directory"], "release", "libcopas.so")


def _library():
    given = os.environ.get("COPAS_LIBRARY_FILE")
    if given and not pathlib.Path(given).is_file():
        raise SystemExit(f"copas: COPAS_LIBRARY_FILE is {given}, which is no file")
    return pathlib.Path(given) if given else _built()


def _package():
    for path in sorted((HERE / "copas").iterdir()):
        if path.suffix == ".py" or path.name == "py.typed":
            yield f"copas/{path.name}", path.read_bytes()


def _metadata():
    return (METADATA + (HERE / "README.md").read_text()).encode()


def _wheel_file(tag):
    return f"Wheel-Version: 1.0\nGenerator: copas\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()


def _record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    tag = f"py3-none-{PLATFORM}"
    files = dict(_package())
    files["copas/libcopas.so"] = _library().read_bytes()
    files[f"{INFO}/METADATA"] = _metadata()
    files[f"{INFO}/WHEEL"] = _wheel_file(tag)
    record = "".join(_record_line(name, data) for name, data in files.items())
    files[f"{INFO}/RECORD"] = (record + f"{INFO}/RECORD,,\n").encode()
    name = f"copas-{VERSION}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            wheel.writestr(path, data)
    return name


def build_sdist(sdist_directory, config_settings=None):
    stem = f"copas-{VERSION}"
    files = dict(_package())
    files["PKG-INFO"] = _metadata()
    for name in ("pyproject.toml", "README.md", "backend/wheel_of_copas.py"):
        files[name] = (HERE / name).read_bytes()
    path = pathlib.Path(sdist_directory, f"{stem}.tar.gz")
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path.name
