"""A machine with faults, for a server process that a test starts with this folder on its path; all else is Uptake.

HUNG_WHILE: while this file is there, no commit of the call log gets on.  SLOW_COMMIT_S: how long each takes beside.
CLOCK_STEP: a file that says by how many seconds the machine's clock is wrong.  HALF_DONE: an export never ends, and the
page of a search for anything fails.
"""

import importlib
import os
import time
from pathlib import Path

true_ns = time.time_ns


def stepped_ns():
    """The machine's clock."""
    try:
        return true_ns() + int(float(Path(os.environ["CLOCK_STEP"]).read_text()) * 1e9)
    except (KeyError, FileNotFoundError):
        return true_ns()


time.time_ns = stepped_ns

from uptake.stores.log.sqlite_file import LogFile  # noqa: E402 - the clock comes first

hung = Path(os.environ.get("HUNG_WHILE", "/nowhere"))
append = LogFile.append


def append_when_it_gets_on(file, requests):
    """As LogFile.append, later."""
    time.sleep(float(os.environ.get("SLOW_COMMIT_S", "0")))
    while hung.exists():
        time.sleep(0.005)
    return append(file, requests)


LogFile.append = append_when_it_gets_on


def exporting(_bench, _job, _product, _note):
    """An export that has come to a third, and stays there."""
    while True:
        yield importlib.import_module("uptake.pipeline.steps").Step(37, 100, "Writing users", idle=True)


if os.environ.get("HALF_DONE"):
    kinds = importlib.import_module("uptake.pipeline.work").KINDS
    kinds["export"] = importlib.import_module("uptake.pipeline.jobs").Kind(exporting)
    importlib.import_module("uptake.web.pages.search")._ranked = None
