# SPDX-License-Identifier: MIT
"""A case file: what it shows, who cannot run it, and its steps."""

import dataclasses
import pathlib

from .content import TOKEN, Wrong, parse, told

OK = ("OK", "=")
#: Bytes that depend on the time.
ANY = "..."
#: What ends a wait that was canceled says nothing of bytes: not every language can.
SILENT = ("CANCELED",)


@dataclasses.dataclass
class Step:
    """One line."""

    number: int
    line: str
    words: list
    #: Each status that is right, with the bytes as a driver tells them, or ANY.
    expected: list


@dataclasses.dataclass
class Case:
    """A file of cases/."""

    name: str
    path: pathlib.Path
    steps: list
    #: The drivers that cannot run it, and why.
    excluded: dict


def _expected(tokens):
    """What follows ->: STATUS [BYTES] [or STATUS [BYTES]]."""
    if "or" in tokens:
        at = tokens.index("or")
        return _expected(tokens[:at]) + _expected(tokens[at + 1:])
    if not tokens:
        raise Wrong("after -> stands a status")
    return [(tokens[0], ANY if tokens[1:] == [ANY] else told(parse(tokens[1:])))]


def _step(number, line):
    tokens = TOKEN.findall(line)
    if "->" not in tokens:
        return Step(number, line, tokens, [OK])
    at = tokens.index("->")
    return Step(number, line, tokens[:at], _expected(tokens[at + 1:]))


def read(path):
    """The case of a file."""
    case = Case(path.stem, path, [], {})
    lines = path.read_text("utf-8").splitlines()
    if not lines or not lines[0].startswith("# "):
        raise Wrong(f"{path}:1: the first line is a comment on what the case shows")
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("not: "):
            driver, because, why = line[5:].partition(" because ")
            if not because:
                raise Wrong(f"{path}:{number}: write 'not: DRIVER because REASON'")
            case.excluded[driver.strip()] = why
            continue
        try:
            case.steps.append(_step(number, line))
        except Wrong as error:
            raise Wrong(f"{path}:{number}: {error}") from None
    if not case.steps:
        raise Wrong(f"{path}: a case has at least one step")
    return case


def read_all(folder):
    """The cases of a folder, in the order of their names."""
    return [read(path) for path in sorted(folder.glob("*.case"))]
