"""How far the log has acknowledged, written down beside its files: a log that ends before a mark has lost calls.

SQLite takes a write-ahead log for as long as it can read it, and does not know whether there was more.  So each commit
is marked when it is on disk and before it is answered, by one small write that is not synced.  The kernel keeps it when
the process is killed: then it is exact.  After a loss of power it can only be older than the calls, which were synced
first; so what it says was there, was there.

    mark    32 bytes: format, product, next offset, month (as 202611), and the checksum of these
    place   two marks of a product in a month, written in turn: one that is torn leaves the one before it
    file    `marks-1`, `marks-2`, …: places; one a process that appends, which locks it
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

FORMAT = b"uptake-1"
MARK_BYTES = 32
PLACE_BYTES = 2 * MARK_BYTES
MOST_FILES = 64
"""More processes than this do not append to one folder."""

_CONTENT = struct.Struct("<8sqqI")
_CHECKSUM = struct.Struct("<I")

log_ = logging.getLogger("uptake.log")


class Mark(NamedTuple):
    """What was acknowledged of a product in a month's file.

    month: as files are named, `2026-11`.  end: the offset behind the product's last call in it.
    """

    product_id: int
    month: str
    end: int


def encoded(mark: Mark) -> bytes:
    """The mark as it is written.

    >>> len(encoded(Mark(1, "2026-11", 20)))
    32
    """
    content = _CONTENT.pack(FORMAT, mark.product_id, mark.end, int(mark.month.replace("-", "")))
    return content + _CHECKSUM.pack(zlib.crc32(content))


def decoded(content: bytes) -> Mark | None:
    """The mark that was written; None where none was, or not all of it.

    >>> decoded(encoded(Mark(1, "2026-11", 20)))
    Mark(product_id=1, month='2026-11', end=20)
    >>> decoded(bytes(32)) is None
    True
    """
    if len(content) != MARK_BYTES or _CHECKSUM.pack(zlib.crc32(content[: _CONTENT.size])) != content[_CONTENT.size :]:
        return None
    form, product_id, end, month = _CONTENT.unpack_from(content)
    return Mark(product_id, f"{month // 100:04}-{month % 100:02}", end) if form == FORMAT else None


def marks_in(folder: Path) -> list[Mark]:
    """What was acknowledged, as far as any process has said, by month and product.

    A file that cannot be read says nothing: no call is refused for it.
    """
    furthest: dict[tuple[str, int], Mark] = {}
    for path in folder.glob("marks-*"):
        try:
            content = path.read_bytes()
        except OSError as error:
            log_.warning("log_marks_unreadable", extra={"why": str(error)})
            continue
        for _, mark in _marks(content):
            known = furthest.get((mark.month, mark.product_id), mark)
            furthest[mark.month, mark.product_id] = max(mark, known, key=lambda each: each.end)
    return [mark for _, mark in sorted(furthest.items())]


def _marks(content: bytes) -> Iterator[tuple[int, Mark]]:
    """Every whole mark of a file, with where it stands."""
    for at in range(0, len(content), MARK_BYTES):
        if mark := decoded(content[at : at + MARK_BYTES]):
            yield at, mark


def _path(folder: Path, number: int) -> Path:
    return folder / f"marks-{number}"


class Marks:
    """The marks of one process.  For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """folder: of the log.  Nothing is made before the first mark."""
        self._folder = folder
        self._file: int | None = None
        self._ends: dict[tuple[str, int], int] = {}
        self._turns: dict[tuple[str, int], int] = {}
        self._free = 0
        self._failed = False

    def put(self, month: str, ends: Mapping[int, int]) -> None:
        """Mark that a month's file holds calls up to these offsets, by product; they must be on disk.

        A mark that cannot be written makes no commit fail: a loss would then not be noticed, as without marks.
        """
        try:
            file = self._opened() if self._file is None else self._file
            for product_id, end in ends.items():
                self._write(file, Mark(product_id, month, end))
            self._failed = False
        except (OSError, struct.error) as error:
            if not self._failed:
                log_.warning("log_not_marked", extra={"why": str(error)})
            self._failed = True

    def _write(self, file: int, mark: Mark) -> None:
        key = (mark.month, mark.product_id)
        at = self._turns.get(key, self._free)
        if mark.end <= self._ends.get(key, 0):
            return
        if os.pwrite(file, encoded(mark), at) < MARK_BYTES:  # the next one goes to the same half of the place
            raise OSError("the disk is full")
        if key not in self._turns:
            self._free += PLACE_BYTES
        self._turns[key], self._ends[key] = at ^ MARK_BYTES, mark.end

    def _opened(self) -> int:
        """A file that no other process writes to, with what it says.  Raises OSError."""
        for number in range(1, MOST_FILES + 1):
            file = os.open(_path(self._folder, number), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            except OSError:
                os.close(file)
                raise
            self._take(file, os.fstat(file).st_size)
            return file
        raise OSError(f"{MOST_FILES} processes append to {self._folder}")

    def _take(self, file: int, size: int) -> None:
        for at, mark in _marks(os.pread(file, size, 0)):
            key = (mark.month, mark.product_id)
            if mark.end > self._ends.get(key, 0):
                self._turns[key], self._ends[key] = at ^ MARK_BYTES, mark.end
        self._free = -(-size // PLACE_BYTES) * PLACE_BYTES
        self._file = file

    def close(self) -> None:
        """Let another process have the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
        self._ends, self._turns = {}, {}
