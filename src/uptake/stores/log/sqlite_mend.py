"""Making a damaged file of the call log usable again: a new one with every request that can be read, at its offset.

The damaged file is kept beside it under another name, for it may be worth more to somebody with other tools.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from uptake.stores.log.sqlite_file import CONTINUE, INSERT, NEXT, PAGE_BYTES, LogFile, connect, missing
from uptake.stores.log.sqlite_marks import Mark
from uptake.stores.log.sqlite_salvage import salvaged, wal_of

DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOTE = "insert into damage (told) values (?)"


def is_damage(error: BaseException | None) -> bool:
    """Does SQLite say that the file is broken, and not that it is busy, full or gone?"""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.DatabaseError) and code is not None and code & 0xFF in DAMAGE_CODES


class WalCut(sqlite3.DatabaseError):
    """The write-ahead log breaks off before its end."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Emptied(sqlite3.DatabaseError):
    """There is a file, and nothing in it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Gone(sqlite3.DatabaseError):
    """There is no file, and there was one."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def refuse_emptied(path: Path) -> None:
    """SQLite takes a file of 0 bytes for a new one; here a file has tables before it has its name.  Raises Emptied."""
    if path.stat().st_size == 0:
        raise Emptied("the file is empty")


def examined(path: Path, marks: Iterable[Mark]) -> LogFile:
    """The file, looked at where every append and every question goes.  Raises sqlite3.Error.

    A write-ahead log of which SQLite takes less than was durable is damage too: it would drop the rest in silence.
    marks: what was acknowledged of this file.
    """
    _refuse_cut_wal(path, marks)
    file = LogFile(path)
    try:
        file.ends()
        with suppress(sqlite3.OperationalError):  # somebody appends, or the disk is full: no damage
            file.probe()
    except sqlite3.Error:
        file.close()
        raise
    return file


def _refuse_cut_wal(path: Path, marks: Iterable[Mark]) -> None:
    before = wal_of(path, PAGE_BYTES)
    if not before.pages:
        return
    wal, kept = path.with_name(path.name + "-wal"), path.with_suffix(".wal-kept")
    kept.unlink(missing_ok=True)
    os.link(wal, kept)  # closing folds what SQLite takes of the log and deletes the name
    with closing(connect(path)) as connection:
        busy, frames, _ = connection.execute("pragma wal_checkpoint(passive)").fetchone()
        same = wal_of(path, PAGE_BYTES).salts == before.salts
        short = any(connection.execute(NEXT, (mark.product_id,)).fetchone()[0] < mark.end for mark in marks)
        sure = before.committed if short else before.sure
    if busy or not same or frames >= sure:
        kept.unlink()
        return
    kept.rename(wal)
    raise WalCut(f"its write-ahead log breaks off after {frames} of at least {sure} pages")


def step_over(file: LogFile, marks: Iterable[Mark], reached: Mapping[int, int]) -> list[str]:
    """Write down that the file has lost what was acknowledged behind these ends, and go on behind the marks.

    reached: where each product's calls end.  Returns what was written, a sentence each.  Raises sqlite3.Error.
    """
    lost = [missing(file.path.name, each.product_id, reached[each.product_id], each.end) for each in marks]
    told = [f"{file.path.name} ended before calls that had been acknowledged", *lost]

    def change(writer: sqlite3.Connection) -> None:
        writer.executemany(CONTINUE, [(each.product_id, each.end) for each in marks])
        writer.executemany(_NOTE, [(each,) for each in told])

    file.write(change)
    return told


def mend(path: Path, why: str, ends: Mapping[int, int]) -> str:
    """Put a new file in the place of a damaged one; returns what was done, as a sentence.

    ends: where the file before it ends, by product.  Needs the file's size in free space.  Raises sqlite3.Error,
    OSError; then everything is as it was.
    """
    fresh, kept = path.with_suffix(".mending"), _free_name(path)
    _remove(fresh)
    calls, why = 0, " ".join(why.split())
    with closing(LogFile(fresh)) as file:

        def change(writer: sqlite3.Connection) -> str:
            nonlocal calls
            for row in sorted({(row.product_id, row.first): row for row in salvaged(path, PAGE_BYTES)}.values()):
                writer.execute(INSERT + "(?, ?, ?, ?, ?, ?, ?)", row)
                calls += row.calls
            told = f"{path.name} was damaged ({why}): {calls} calls were read back; the old file is kept as {kept.name}"
            writer.execute(_NOTE, (told,))
            return told

        told = file.write(change)
        file.continue_from(ends)
    _swap(path, fresh, kept)
    return told


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_suffix(f".damaged-{number}")).exists():
        number += 1
    return name


def _swap(path: Path, fresh: Path, kept: Path) -> None:
    """The damaged file goes to its other name with its write-ahead log, which must never meet the new file."""
    wal = path.with_name(path.name + "-wal")
    os.link(path, kept)
    if wal.exists():
        wal.rename(kept.with_name(kept.name + "-wal"))
    _remove(path, main=False)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path, *, main: bool = True) -> None:
    for suffix in ("", "-wal", "-shm") if main else ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
