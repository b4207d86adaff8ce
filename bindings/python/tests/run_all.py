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
# A busy machine makes slow callbacks.
logging.getLogger("asyncio").setLevel(logging.ERROR)
folder = str(pathlib.Path(__file__).parent)
suite = unittest.defaultTestLoader.discover(folder, top_level_dir=folder)
result = unittest.TextTestRunner(verbosity=1).run(suite)
for test, why in result.skipped:
    print(f"(skipped: {test.id()}: {why})")
failed = len(result.failures) + len(result.errors)
skipped = len(result.skipped)
print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
