"""Importing the server without what it never uses.

Arrow loads NumPy as soon as it is loaded itself, wherever that is installed, and it is: for the backtest.  Nothing else
here uses it, so that a server at rest would hold ten megabytes for nothing.
"""

import importlib
import sys
from typing import Any

HIDDEN = "numpy"


def imported(name: str) -> Any:
    """The module of this name, imported while NumPy cannot be found; from then on whoever asks for NumPy gets it."""
    if HIDDEN in sys.modules:
        return importlib.import_module(name)
    sys.modules[HIDDEN] = None  # type: ignore[assignment]  # it means: there is no such module
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules[HIDDEN]
