"""The base snapshot in one SQLite file: a row a piece, compressed, and the messages that a later call may repeat."""

import sqlite3
import threading
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from uptake.stores.events.batches import FoldBatch
from uptake.stores.retained.base import BaseDamaged
from uptake.stores.retained.packing import packed, unpacked

BUSY_TIMEOUT_S = 15.0

_TABLES = """
create table if not exists pieces (
  product_id integer not null, first integer not null, after integer not null, crc integer not null,
  body blob not null, primary key (product_id, first)
) without rowid;
create table if not exists messages (
  product_id integer not null, low integer not null, high integer not null, received_us integer not null
);
create index if not exists messages_by_digest on messages (product_id, low, high);
create index if not exists messages_by_moment on messages (product_id, received_us);
create table if not exists reached (product_id integer primary key, before_us integer not null);
"""
_END = "select coalesce((select after from pieces where product_id = ? order by first desc limit 1), 0)"
_BEFORE = "select coalesce((select before_us from reached where product_id = ?), 0)"
_REACH = """
insert into reached (product_id, before_us) values (?, ?)
on conflict (product_id) do update set before_us = max(before_us, excluded.before_us)
"""
_SEEN = """
select exists (select 1 from messages where product_id = ? and low = ? and high = ? and received_us > ?)
"""
_ADD = "insert into pieces (product_id, first, after, crc, body) values (?, ?, ?, ?, ?)"
_ADD_MESSAGE = "insert into messages (product_id, low, high, received_us) values (?, ?, ?, ?)"
_LATEST = "select coalesce(max(received_us), 0) from messages where product_id = ?"
_FORGET = "delete from messages where product_id = ? and received_us <= ?"
_PIECE = "select after, crc, body from pieces where product_id = ? and first = ?"
_NEXT = "select min(first) from pieces where product_id = ? and first > ?"
_FIRSTS = "select first from pieces where product_id = ? order by first"
_WRITE = "update pieces set crc = ?, body = ? where product_id = ? and first = ?"
_MESSAGES = "select low, high, received_us from messages where product_id = ? order by received_us, low, high"


class SqliteBaseSnapshot:
    """See `uptake.stores.retained.base.BaseSnapshot`."""

    def __init__(self, path: Path) -> None:
        """path: made if it is not there."""
        self._path = path
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = wal", "synchronous = full", "fullfsync = on", "secure_delete = on"):
            self._connection.execute(f"pragma {pragma}")
        self._connection.executescript(_TABLES)
        path.chmod(0o600)

    def end(self, product_id: int) -> int:
        """See BaseSnapshot."""
        return int(self._rows(_END, product_id)[0][0])

    def before_us(self, product_id: int) -> int:
        """See BaseSnapshot."""
        return int(self._rows(_BEFORE, product_id)[0][0])

    def seen(self, product_id: int, messages: Sequence[tuple[bytes, int]], *, dedupe_us: int) -> list[bool]:
        """See BaseSnapshot."""
        with self._lock:
            asked = zip(_halves(messages), messages, strict=True)
            return [
                bool(self._rows(_SEEN, product_id, *halves, received_us - dedupe_us)[0][0])
                for halves, (_, received_us) in asked
            ]

    def append(
        self, product_id: int, batch: FoldBatch, *, before_us: int, dedupe_us: int, under: int | None = None
    ) -> None:
        """See BaseSnapshot; configurations are elsewhere, so that one process sees to it that none is saved."""
        body = packed(batch)
        with self._writing():
            if batch.first != (end := self.end(product_id)):
                raise ValueError(f"the base snapshot of product {product_id} ends at {end}, not at {batch.first}")
            self._connection.execute(_ADD, (product_id, batch.first, batch.after, zlib.crc32(body), body))
            halves = zip(_halves(batch.messages), batch.messages, strict=True)
            rows = [(product_id, low, high, received_us) for (low, high), (_, received_us) in halves]
            self._connection.executemany(_ADD_MESSAGE, rows)
            latest_us = self._rows(_LATEST, product_id)[0][0]
            self._connection.execute(_FORGET, (product_id, latest_us - 2 * dedupe_us))
            self._connection.execute(_REACH, (product_id, before_us))

    def piece(self, product_id: int, first: int) -> FoldBatch | None:
        """See BaseSnapshot."""
        with self._lock:
            try:
                found = self._rows(_PIECE, product_id, first)
            except sqlite3.DatabaseError as error:
                after = self._rows(_NEXT, product_id, first)[0][0]
                raise BaseDamaged(
                    f"{self._path}: product {product_id}, offset {first}: {error}", after=after
                ) from error
            if not found:
                return None
            ((after, crc, body),) = found
            if not isinstance(body, bytes) or zlib.crc32(body) != crc:
                told = f"{self._path}: the checksum of product {product_id}, offset {first} does not match its content"
                raise BaseDamaged(told, after=after)
            messages = self._rows(_MESSAGES, product_id) if after == self.end(product_id) else []
        return unpacked(first, after, body, [(_digest(low, high), at_us) for low, high, at_us in messages])

    def rewrite(self, product_id: int, change: Callable[[FoldBatch], FoldBatch]) -> None:
        """See BaseSnapshot."""
        for (first,) in self._rows(_FIRSTS, product_id):
            try:
                before = self.piece(product_id, first)
            except BaseDamaged:  # stays as it is, and is told when it is folded
                continue
            if before is None or (after := change(before)) == before:
                continue
            body = packed(after)
            with self._writing():
                self._connection.execute(_WRITE, (zlib.crc32(body), body, product_id, first))

    def scrub(self) -> bool:
        """See BaseSnapshot."""
        return not self._rows("pragma wal_checkpoint(truncate)")[0][0]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._connection as connection:  # which commits, or rolls back where anything is raised
            connection.execute("begin immediate")
            yield

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def size_bytes(self) -> int:
        """See BaseSnapshot."""
        paths = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def close(self) -> None:
        """See BaseSnapshot."""
        with self._lock:
            self._connection.close()


def _halves(messages: Sequence[tuple[bytes, int]]) -> list[tuple[int, int]]:
    numbers = array("q")
    numbers.frombytes(b"".join(digest for digest, _ in messages))
    return list(zip(numbers[0::2], numbers[1::2], strict=True))


def _digest(low: int, high: int) -> bytes:
    return array("q", (low, high)).tobytes()
