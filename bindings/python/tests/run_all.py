# SPDX-License-Identifier: MIT
"""Runs every test of this folder; the last line is 'N passed, N failed, N skipped'."""

import faulthandler
import logging
import pathlib
import sys
import unittest
import warnings

faulthandler.dump_traceback_later(100, exit=True)
warnings.simplefilter("error", ResourceWarning)
unraisable = []


def note_unraisable(told):
    """What a finalizer raises, as the warning of something that was left open, is a failure."""
    unraisable.append(told.exc_type)
    sys.__unraisablehook__(told)


sys.unraisablehook = note_unraisable
# A busy machine makes slow callbacks.
logging.getLogger("asyncio").setLevel(logging.ERROR)
folder = str(pathlib.Path(__file__).parent)
suite = unittest.defaultTestLoader.discover(folder, top_level_dir=folder)
result = unittest.TextTestRunner(verbosity=1).run(suite)
for test, why in result.skipped:
    print(f"(skipped: {test.id()}: {why})")
failed = len(result.failures) + len(result.errors) + len(unraisable)
skipped = len(result.skipped)
print(f"{max(result.testsRun - failed - skipped, 0)} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
