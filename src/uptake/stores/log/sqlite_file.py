"""One month's file of the call log, and the SQL that reads and writes it.

A file is a SQLite database in WAL mode with synchronous=FULL: a commit is on disk when it returns.  `bases` holds where
each product's part of this file begins, so that offsets continue from file to file.  A file that is closed takes no
more calls, which a trigger in it enforces: its successor exists and has its ends as bases.
"""

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from uptake.core.calls import Call, LoggedCall
from uptake.core.errors import Rejection
from uptake.stores.log.base import LogDamaged, Refusal, RefusalCount, Request
from uptake.stores.log.sqlite_checkpoint import Checkpoints

BUCKET_US = 600 * 1_000_000

KEPT_REFUSALS = 10_000
"""Refused items that are listed one by one, per product and file; all are counted."""

BUSY_TIMEOUT_S = 5.0

PAGE_BYTES = 8192
"""A third fewer bytes and a third less time than 4096 for batches of 20 calls, of which a small page holds only one."""

ROWS_A_STATEMENT = 256
"""One statement for many rows: each statement gives Python's lock away and must wait to have it back."""

CAREFUL_COMMITS = 1_000
"""How many commits read the ends anew after another process was met."""

_TABLES = """
create table if not exists requests (
  product_id integer not null, first integer not null, calls integer not null, received_us integer not null,
  source text not null, crc integer not null, body blob not null
);
create unique index if not exists requests_by_offset on requests (product_id, first);
create table if not exists bases (product_id integer primary key, base integer not null);
create table if not exists refusals (
  id integer primary key, product_id integer not null, received_us integer not null, source text not null,
  code text not null, place text not null, message text not null, item integer not null
);
create table if not exists damage (told text not null);
create index if not exists refusals_by_product on refusals (product_id, id);
create table if not exists refusal_counts (
  product_id integer not null, bucket_us integer not null, code text not null, times integer not null,
  primary key (product_id, bucket_us, code)
) without rowid;
"""
_CLOSE = "create trigger closed before insert on requests begin select raise(abort, 'closed'); end"
_IS_CLOSED = "select exists (select 1 from sqlite_schema where type = 'trigger' and name = 'closed')"
NEXT = """
select max(
  coalesce((select first + calls from requests where product_id = ?1 order by first desc limit 1), 0),
  coalesce((select base from bases where product_id = ?1), 0))
"""
_START = "select min(first) from requests where product_id = ?"
_PRODUCTS = "select product_id from bases union select product_id from requests"
_PRODUCT_AFTER = """
select min(product_id) from (
  select min(product_id) as product_id from requests where product_id > ?1
  union all select min(product_id) from bases where product_id > ?1)
"""
CONTINUE = """
insert into bases (product_id, base) values (?, ?)
on conflict (product_id) do update set base = max(base, excluded.base)
"""
INSERT = "insert into requests (product_id, first, calls, received_us, source, crc, body) values "
_READ = """
select first, calls, received_us, crc, body, source from requests
where product_id = ?1
  and first >= (select coalesce(max(first), 0) from requests where product_id = ?1 and first <= ?2)
order by first
"""
_READABLE_AFTER = "select first from requests where product_id = ? and first > ? order by first"
_WHOLE = "select crc, body from requests where product_id = ? and first = ?"
_GAPS = """
select product_id, reached, first from (
  select product_id, first, lag(first + calls) over (partition by product_id order by first) as reached from requests)
where reached < first order by product_id, first
"""
_DAMAGE = "select told from damage"
_REFUSE = """
insert into refusals (product_id, received_us, source, code, place, message, item) values (?, ?, ?, ?, ?, ?, ?)
"""
_COUNT_REFUSAL = """
insert into refusal_counts (product_id, bucket_us, code, times) values (?, ?, ?, ?)
on conflict (product_id, bucket_us, code) do update set times = times + excluded.times
"""
_TRIM = """
delete from refusals where product_id = ?1
  and id <= (select id from refusals where product_id = ?1 order by id desc limit 1 offset ?2)
"""
_REFUSALS = """
select received_us, source, code, place, message, item from refusals where product_id = ? order by id desc limit ?
"""
_REFUSAL_COUNTS = """
select bucket_us, code, times from refusal_counts where product_id = ? and bucket_us >= ? order by bucket_us, code
"""

Result = TypeVar("Result")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Call]).decode


class FileClosed(Exception):
    """The file takes no more calls: a newer one does."""


class LogFile:
    """One month's file.  Writing is for one thread at a time, reading for any."""

    def __init__(self, path: Path) -> None:
        """path: made with its tables if it is new."""
        self.path = path
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._ends: dict[int, int] = {}
        self._careful = 0
        self._written = 0
        self._untrimmed = 0
        self._checkpoints = Checkpoints(lambda: connect(path))
        self._reader = connect(path)
        try:
            self._reader.executescript(_TABLES)
        except sqlite3.Error:
            self._reader.close()
            raise

    # ---- writing
    def append(self, requests: Sequence[Request]) -> list[int]:
        """Commit the requests; return their first offsets.  Raises FileClosed, sqlite3.Error; then nothing was kept.

        Where no other process appends, one statement is the whole transaction.  Another's calls make its offsets
        collide with those that are taken, and then the offsets are read anew inside a transaction.
        """
        self._written = PAGE_BYTES
        try:
            firsts = self._committed(requests)
            self._checkpoints.committed(self._written, self._connected())
            return firsts
        except sqlite3.Error as error:
            self._abandon()
            if str(error) == "closed":
                raise FileClosed from error
            raise

    def _committed(self, requests: Sequence[Request]) -> list[int]:
        if self._careful == 0 and len(requests) <= ROWS_A_STATEMENT and not any(each.refused for each in requests):
            try:
                return self._insert(self._connected(), requests, self._ends)
            except sqlite3.IntegrityError:
                self._careful = CAREFUL_COMMITS
        self._careful = max(0, self._careful - 1)
        return self.write(lambda writer: self._append(writer, requests))

    def write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Make a change in one transaction.  Raises what the change raises; then nothing was kept."""
        writer = self._connected()
        done = False
        try:
            writer.execute("begin immediate")
            result = change(writer)
            writer.execute("commit")
            done = True
        finally:
            if not done:
                self._abandon()
        return result

    def probe(self) -> None:
        """Go the way of an append, and give it up before the commit.  Raises sqlite3.Error."""
        writer = self._connected()
        try:
            writer.execute("begin immediate")
            if not writer.execute(_IS_CLOSED).fetchone()[0]:
                writer.execute(INSERT + "(-1, 0, 0, 0, '', 0, zeroblob(65536))")
        finally:
            self._abandon()

    def _connected(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path)
        return self._writer

    def _abandon(self) -> None:
        """Forget the connection with its open transaction, and the ends: after a fault they are not to be trusted."""
        self._ends = {}
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _append(self, writer: sqlite3.Connection, requests: Sequence[Request]) -> list[int]:
        firsts: list[int] = []
        self._ends = {}
        for start in range(0, len(requests), ROWS_A_STATEMENT):
            firsts += self._insert(writer, requests[start : start + ROWS_A_STATEMENT], self._ends)
        self._refuse(writer, [request for request in requests if request.refused])
        return firsts

    def _insert(self, writer: sqlite3.Connection, requests: Sequence[Request], ends: dict[int, int]) -> list[int]:
        """Insert the requests from the products' ends on, read where they are not known, and move the ends."""
        moved: dict[int, int] = {}
        firsts: list[int] = []
        values: list[Any] = []
        for request in requests:
            product_id, count = request.product_id, len(request.calls)
            if product_id not in moved:
                known = ends.get(product_id)
                moved[product_id] = writer.execute(NEXT, (product_id,)).fetchone()[0] if known is None else known
            firsts.append(moved[product_id])
            if count:
                body = _encode(request.calls)
                values += (product_id, moved[product_id], count, request.received_us, request.source)
                values += (zlib.crc32(body), body)
                self._written += len(body)
                moved[product_id] += count
        if values:
            writer.execute(INSERT + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * (len(values) // 7)), values)
        ends.update(moved)
        return firsts

    def _refuse(self, writer: sqlite3.Connection, requests: Sequence[Request]) -> None:
        for request in requests:
            product_id, at_us, source = request.product_id, request.received_us, request.source
            rows = [(product_id, at_us, source, r.code, r.place, r.message, r.index) for r in request.refused]
            writer.executemany(_REFUSE, rows)
            bucket_us = at_us - at_us % BUCKET_US
            writer.executemany(_COUNT_REFUSAL, [(product_id, bucket_us, r.code, 1) for r in request.refused])
            self._untrimmed += len(rows)
        if self._untrimmed > KEPT_REFUSALS // 10:
            self._untrimmed = 0
            for product_id in {request.product_id for request in requests}:
                writer.execute(_TRIM, (product_id, KEPT_REFUSALS))

    def close_into(self, successor: "LogFile") -> None:
        """Take no more calls, and let the successor continue the offsets; safe to repeat after a crash in between.

        The successor's bases are committed first: nobody writes to it before this file is closed.
        """

        def change(writer: sqlite3.Connection) -> None:
            if writer.execute(_IS_CLOSED).fetchone()[0]:
                return
            products = [row[0] for row in writer.execute(_PRODUCTS).fetchall()]
            bases = [(each, writer.execute(NEXT, (each,)).fetchone()[0]) for each in products]
            successor.write(lambda other: other.executemany(CONTINUE, bases))
            writer.execute(_CLOSE)

        self.write(change)

    def continue_from(self, ends: Mapping[int, int]) -> None:
        """Go on no earlier than at these offsets, by product."""
        if ends:
            self.write(lambda writer: writer.executemany(CONTINUE, list(ends.items())))

    # ---- reading
    def ends(self) -> dict[int, int]:
        """Every product's next offset in this file."""
        ends: dict[int, int] = {}
        while (product_id := self._rows(_PRODUCT_AFTER, (max(ends, default=-1),))[0][0]) is not None:
            ends[product_id] = self.next(product_id)
        return ends

    def check(self) -> None:
        """Let SQLite look at every page.  Raises sqlite3.DatabaseError where one is broken."""
        with closing(connect(self.path)) as fresh:  # the others may remember pages from before
            told = fresh.execute("pragma quick_check(1)").fetchone()[0]
        if told != "ok":
            error = sqlite3.DatabaseError(told)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def damage(self) -> list[str]:
        """What was mended in this file, and what is missing since; nothing for a file that was never damaged."""
        told = [row[0] for row in self._rows(_DAMAGE, ())]
        if told:
            gaps = self._rows(_GAPS, ())
            told += [missing(self.path.name, *gap) for gap in gaps]
        return list(dict.fromkeys(told))

    def is_closed(self) -> bool:
        """Does a newer file take the calls now?"""
        return bool(self._rows(_IS_CLOSED, ())[0][0])

    def next(self, product_id: int) -> int:
        """The product's next offset in this file."""
        after: int = self._rows(NEXT, (product_id,))[0][0]
        return after

    def start(self, product_id: int) -> int | None:
        """The product's first offset in this file; None where it holds no calls of it."""
        first: int | None = self._rows(_START, (product_id,))[0][0]
        return first

    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """The product's calls of this file from an offset on, whole requests until there are `most`.

        What stands before a damaged or missing request is still given.  Raises LogDamaged where nothing does.
        """
        calls: list[LoggedCall] = []
        try:
            with self._lock:
                for row in self._reader.execute(_READ, (product_id, first)):
                    self._refuse_gap(calls[-1].offset + 1 if calls else first, row[0])
                    calls += self._decoded(row)
                    if calls[-1].offset + 1 - first >= most:
                        break
            if (not calls or calls[-1].offset < first) and first < self.next(product_id):
                raise LogDamaged("the requests from here on are missing")
        except (sqlite3.Error, LogDamaged) as error:
            if not calls or calls[-1].offset < first:
                told = f"{self.path}: product {product_id}, offset {first}: {error}"
                raise LogDamaged(told, after=self._readable_after(product_id, first)) from error
        return [call for call in calls if call.offset >= first]

    def _refuse_gap(self, expected: int, first: int) -> None:
        if first > expected:
            raise LogDamaged(f"the requests up to {first} are missing")

    def _readable_after(self, product_id: int, first: int) -> int:
        """Where the first whole request after an offset begins, else where the file ends; -1 where not even that can
        be told."""
        try:
            for (after,) in self._rows(_READABLE_AFTER, (product_id, first)):
                with suppress(sqlite3.DatabaseError):
                    ((crc, body),) = self._rows(_WHOLE, (product_id, after))
                    if isinstance(body, bytes) and zlib.crc32(body) == crc:
                        return int(after)
            return self.next(product_id)
        except sqlite3.DatabaseError:
            return -1

    def _decoded(self, row: tuple[int, int, int, int, bytes, str]) -> list[LoggedCall]:
        first, count, received_us, crc, body, source = row
        if not isinstance(body, bytes) or zlib.crc32(body) != crc:
            raise LogDamaged(f"the checksum of the request at {first} does not match its content")
        calls = _decode(body)
        if len(calls) != count:
            raise LogDamaged(f"the request at {first} holds {len(calls)} calls instead of {count}")
        return [LoggedCall(first + index, received_us, call, source) for index, call in enumerate(calls)]

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """The latest refused items of this file, newest first."""
        rows = self._rows(_REFUSALS, (product_id, most))
        return [Refusal(row[0], row[1], Rejection(row[2], row[3], row[4], row[5])) for row in rows]

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """How often each code was met in this file."""
        return [RefusalCount(*row) for row in self._rows(_REFUSAL_COUNTS, (product_id, since_us))]

    def _rows(self, sql: str, parameters: Iterable[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._reader.execute(sql, tuple(parameters)).fetchall()

    def size_bytes(self) -> int:
        """Bytes on disk, with what is not yet checkpointed."""
        paths = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def close(self) -> None:
        """Give the file back."""
        self._checkpoints.stop()
        with self._lock:
            self._abandon()
            self._reader.close()


def missing(name: str, product_id: int, first: int, after: int) -> str:
    """The sentence that tells of calls which a file has no more."""
    return f"{name}: product {product_id}, offsets {first} to {after - 1} are missing"


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file of the log; its commits are on disk when they return."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute(f"pragma page_size = {PAGE_BYTES}")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma fullfsync = on")  # macOS keeps a commit in the drive's own memory without it
    connection.execute("pragma wal_autocheckpoint = 0")  # see sqlite_checkpoint
    return connection
