# SPDX-License-Identifier: MIT
"""The servers that are compared, as a list tells them."""

import dataclasses
import pathlib

GROUPS = ("floor", "ours", "peer", "binding")


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    group: str
    language: str
    # The file or folder of its source.
    source: pathlib.Path
    # The libraries that it needs; empty for none.
    uses: str
    # Of its program, before --mode.
    arguments: tuple
    # Modes of its program, and `idle` when it bears idle connections by the thousand.
    does: tuple
    title: str


def words(text):
    return () if text == "-" else tuple(text.split())


def parse(line, folder):
    fields = [field.strip() for field in line.split("|")]
    if len(fields) != 8:
        raise ValueError(f"not eight fields with | between them: {line}")
    name, group, language, source, uses, arguments, does, title = fields
    if group not in GROUPS:
        raise ValueError(f"{name}: no group is called {group}")
    return Server(name, group, language, folder / source, "" if uses == "-" else uses,
                  words(arguments), words(does), title)


def read_list(path):
    """The servers of a list; the sources are found beside it."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    servers = [parse(line, path.parent) for line in lines if line]
    if [server.group for server in servers].count("floor") != 1:
        raise ValueError(f"{path} must have one floor to compare with")
    return servers
