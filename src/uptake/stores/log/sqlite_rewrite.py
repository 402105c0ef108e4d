"""Changing calls that are logged already, in one month's file: the bodies of whole requests, nothing else of them.

This has a connection of its own, so that whoever appends waits for a short transaction at most.  What is overwritten
is overwritten with zeros, for it was to be forgotten.
"""

import sqlite3
import zlib
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path

import msgspec

from uptake.core.calls import Call
from uptake.stores.log.sqlite_file import connect

MOST_BYTES = 4 * 1024 * 1024
"""So many bytes of bodies are changed in one transaction, about."""

WORTH_IT = 1.5
"""A file is made anew when it is so many times as large as what is in it."""

ROW_BYTES = 120
"""What a request takes beside its body, about."""

_READ = """
select first, calls, received_us, crc, body from requests
where product_id = ?1
  and first >= (select coalesce(max(first), 0) from requests where product_id = ?1 and first <= ?2)
order by first
"""
_WRITE = "update requests set body = ?, crc = ? where product_id = ? and first = ? and crc = ?"
_FORGET = "delete from refusals where product_id = ?1 and (instr(message, ?2) > 0 or instr(place, ?2) > 0)"
_CONTENT = "select coalesce(sum(length(body)), 0) + count(*) * ? from requests"

Row = tuple[int, int, int, int, bytes]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Call]).decode


def rewrite(
    path: Path, product_id: int, first: int, *, before_us: int, most: int, change: Callable[[Call], Call]
) -> int:
    """As `CallLog.rewrite` within this file.  Raises sqlite3.Error; then nothing was changed."""
    with closing(connect(path)) as connection:
        rows = _due(connection.execute(_READ, (product_id, first)), first, before_us, most)
        changes = [each for row in rows if (each := _changed(row, product_id, change))]
        if changes:
            connection.execute("pragma secure_delete = on")
            connection.execute("begin immediate")
            connection.executemany(_WRITE, changes)
            connection.execute("commit")
            connection.execute("pragma wal_checkpoint(passive)").fetchall()
    return rows[-1][0] + rows[-1][1] if rows else first


def _due(found: sqlite3.Cursor, first: int, before_us: int, most: int) -> list[Row]:
    rows: list[Row] = []
    size = 0
    for row in found:
        if row[2] >= before_us:
            break
        rows.append(row)
        size += len(row[4])
        if size >= MOST_BYTES or row[0] + row[1] - first >= most:
            break
    return rows


def _changed(row: Row, product_id: int, change: Callable[[Call], Call]) -> tuple[bytes, int, int, int, int] | None:
    """The row's new body with where it goes; None where nothing changes or the row is damaged."""
    first, count, _, crc, body = row
    if not isinstance(body, bytes) or zlib.crc32(body) != crc:
        return None
    calls = _decode(body)
    after = _encode([change(call) for call in calls])
    return None if len(calls) != count or after == body else (after, zlib.crc32(after), product_id, first, crc)


def compact(path: Path) -> None:
    """Make the file anew without what changes left empty, if that is worth the work; readers are not disturbed.

    Takes the file's size in free space and about 10 s a GB.  Raises sqlite3.Error; then the file is as it was.
    """
    with closing(connect(path)) as connection:
        needed = connection.execute(_CONTENT, (ROW_BYTES,)).fetchone()[0]
        size = connection.execute("select page_count * page_size from pragma_page_count, pragma_page_size").fetchone()
        if size[0] > WORTH_IT * needed + MOST_BYTES:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(passive)").fetchall()


def scrub(path: Path, product_id: int, names: Collection[str]) -> bool:
    """As `CallLog.scrub` in this file; False where a reader keeps the write-ahead log.  Raises sqlite3.Error."""
    with closing(connect(path)) as connection:
        connection.execute("pragma secure_delete = on")
        connection.execute("begin immediate")
        connection.executemany(_FORGET, [(product_id, name) for name in names])
        connection.execute("commit")
        return not connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
