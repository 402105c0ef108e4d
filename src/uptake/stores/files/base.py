"""What every place for files promises: one is there as a whole, for every process of the installation, or not at all.

Names and how long a file is kept are the business of `uptake.pipeline.files`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

MOST_NAME = 200
"""Characters of a name: letters, digits, `.`, `_` and `-`; it begins with no `.`."""


class FilesUnavailable(Exception):
    """Files cannot be reached now; nothing is lost, and what was begun is to be done again later."""


class KeptFile(msgspec.Struct, frozen=True):
    """A file that is there.  kept_us: since when it has been whole, µs since 1970 UTC."""

    name: str
    size_bytes: int
    kept_us: int


class FileRoom(Protocol):
    """For any thread and, but for the folder's own machine, any process.  Every method may raise FilesUnavailable."""

    def keep(self, name: str, path: Path) -> Iterator[int]:
        """Take the file at a path, at once or a piece a step; each step says how many bytes were taken.

        At the end the file is there, in place of one with that name, and the path is not.  Closed half-way or killed,
        nothing is there that was not before.  Raises UptakeError (files_full), OSError.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """The content in pieces of at most a megabyte, however large the file is.

        Raises KeyError at once if there is no such file, and FilesUnavailable in the middle if it is deleted meanwhile.
        """

    def all(self) -> list[KeptFile]:
        """Every file, by name."""

    def drop(self, name: str) -> None:
        """Delete a file and every byte of it; nothing if it is not there."""

    def clear(self, before_us: int) -> None:
        """Delete what was begun before a moment and never became whole."""

    def close(self) -> None:
        """Give connections back."""
