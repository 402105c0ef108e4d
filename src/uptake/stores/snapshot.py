"""A SQLite file as it is at one moment, held and copied while other processes go on writing to it.

A read transaction holds the moment: what is committed later is neither seen nor copied, and nobody waits for it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_S = 15.0

PAGES_A_STEP = 2_048
"""Pages copied between two words about progress."""


class Snapshot:
    """One file's moment; it lasts until `close`."""

    def __init__(self, path: Path) -> None:
        """path: a SQLite file that is there.  Raises sqlite3.Error."""
        self.path = path
        uri = f"{path.absolute().as_uri()}?mode=rw"  # a reader of a write-ahead log keeps its place in a file beside it
        self._connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            self._connection.execute("begin")
            self.rows("select count(*) from sqlite_schema")  # the first read is what takes the moment
        except sqlite3.Error:
            self.close()
            raise

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self._connection.execute(sql, parameters).fetchall()

    def copy(self, to: Path, told: Callable[[int, int], None]) -> None:
        """Write the file's content into a new file.  Raises sqlite3.Error.

        told: is called with the pages copied and all pages, now and then.
        """

        def progress(_status: int, left: int, total: int) -> None:
            told(total - left, total)

        target = sqlite3.connect(to, isolation_level=None)
        try:
            self._connection.backup(target, pages=PAGES_A_STEP, progress=progress)
        finally:
            target.close()

    def close(self) -> None:
        """Let the moment go."""
        self._connection.close()
