# SPDX-License-Identifier: MIT
"""Where things are."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "bench"
SERVERS = BENCH / "servers"
LIST = SERVERS / "list"
TARGETS = BENCH / "targets"
REASONS = BENCH / "reasons"
# Everything that is built; git ignores it.
OUT = BENCH / "out"
DOCUMENT = ROOT / "docs" / "performance.md"
