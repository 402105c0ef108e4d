"""How a command reaches an installation: through the server that has the data folder open, or by opening it itself."""

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from uptake.cli.logs import log_to_stderr
from uptake.control.client import find_server
from uptake.control.requests import Request, Told
from uptake.core.errors import UptakeError
from uptake.folder import is_installation
from uptake.settings import Settings

PATIENCE_S = 30.0
"""How long to wait for a server that is starting, or for another command."""


class Desk(Protocol):
    """Where requests are made."""

    served: bool

    def ask(self, request: Request, told: Told | None = None) -> Any:
        """The answer as plain values.  Raises UptakeError."""

    def close(self) -> None:
        """Give everything back."""


@contextmanager
def desk(settings: Settings, *, make: bool = False) -> Iterator[Desk]:
    """The desk of the data folder.

    make: an empty folder becomes an installation; otherwise there must be one.
    Raises UptakeError (E003 to E005, E008, E009).
    """
    log_to_stderr(settings, least="warning")
    if not make:
        demand_installation(settings)
    found = _found(settings)
    try:
        yield found
    finally:
        found.close()


def demand_installation(settings: Settings) -> None:
    """Raises UptakeError (E008) where the data folder holds none."""
    if not is_installation(settings.data_dir, has_meta=not settings.meta_url):
        hint = "`uptake serve` makes one; or name another folder with --data-dir."
        raise UptakeError("E008", f"There is no installation in {settings.data_dir}.", hint=hint)


def _found(settings: Settings) -> Desk:
    until = time.monotonic() + PATIENCE_S
    while True:
        if server := find_server(settings.data_dir):
            return server
        try:
            # By its name: it brings every engine, and a command beside a server needs none.
            local: Desk = importlib.import_module("uptake.installation").LocalDesk(settings)
            return local
        except UptakeError as error:
            if error.code != "E004" or time.monotonic() > until:
                raise
        time.sleep(0.1)
