"""Folding a file's write-ahead log into it beside the commits, so that they do not wait for twice the bytes.

A thread with a connection of its own copies what is committed.  Only a moment without commits lets SQLite begin its
log anew; so when the log has grown to its limit, the writer copies the little that is left itself.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress

FOLD_BYTES = 16 * 1024 * 1024
"""So many bytes of commits wake the thread."""

MOST_BYTES = 128 * 1024 * 1024
"""So many bytes in the write-ahead log make the writer end it."""

_FOLD = "pragma wal_checkpoint(passive)"


class Checkpoints:
    """The thread of one file, begun when there is something to do."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """connect: opens a connection to the file."""
        self._connect = connect
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._unfolded = self._in_log = 0

    def committed(self, count: int, writer: sqlite3.Connection) -> None:
        """Count the bytes of a commit, and fold where it is time; a fault waits for the next time.

        The commit itself is durable already, so nothing here may make it fail.
        """
        self._unfolded += count
        self._in_log += count
        if self._in_log >= MOST_BYTES:
            with suppress(sqlite3.Error):
                busy, frames, folded = writer.execute(_FOLD).fetchall()[0]
                if not busy and frames == folded:
                    self._unfolded = self._in_log = 0
        elif self._unfolded >= FOLD_BYTES:
            self._unfolded = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._fold, name="call-log-checkpoints", daemon=True)
                self._thread.start()
            self._due.set()

    def _fold(self) -> None:
        connection = self._connect()
        while self._due.wait() and not self._stopping:
            self._due.clear()
            with suppress(sqlite3.Error):
                connection.execute(_FOLD).fetchall()
        connection.close()

    def stop(self) -> None:
        """End the thread; for good."""
        self._stopping = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
