"""The call log in SQLite: a row a request, a file per month of receipt, so that old months drop whole.

Several processes may have the folder open and append: SQLite's lock on the newest file orders them, and a file that
a newer one follows is marked closed inside it, so that nobody writes to two files at once.
"""

import logging
import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from uptake.core.calls import Call, LoggedCall
from uptake.core.days import from_us
from uptake.stores.log.base import LogDamaged, LogUnavailable, Refusal, RefusalCount, Request
from uptake.stores.log.sqlite_drop import delete, drop
from uptake.stores.log.sqlite_file import PAGE_BYTES, FileClosed, LogFile, missing
from uptake.stores.log.sqlite_marks import Mark, Marks, marks_in
from uptake.stores.log.sqlite_mend import Gone, examined, is_damage, mend, refuse_emptied, step_over
from uptake.stores.log.sqlite_rewrite import compact, rewrite, scrub

PROBE_BYTES = 1024 * 1024
"""Room that a probe asks for: about what a few large batches need."""

Result = TypeVar("Result")

log_ = logging.getLogger("uptake.log")

_NAME = re.compile(r"calls-(\d{4}-\d{2})\.sqlite")


class SqliteCallLog:
    """See `uptake.stores.log.base.PeriodLog`."""

    def __init__(self, folder: Path, *, mends: bool = False) -> None:
        """folder: made if it does not exist; it holds nothing but the log.

        mends: make broken files anew; only for a process that nobody else appends beside.  Raises LogDamaged without.
        """
        self._folder, self._mends = folder, mends
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._files: dict[str, LogFile] = {}
        self._gone: list[LogFile] = []
        self._marks = Marks(folder)
        marks = marks_in(folder)  # before the files: another process may be about to append
        self._find_files()
        try:
            self._heed(marks)
        except (sqlite3.DatabaseError, LogDamaged) as error:
            self.close()
            if is_damage(error):
                raise LogDamaged(f"{folder}: {error}") from error
            raise

    def append(self, requests: Sequence[Request]) -> list[int]:
        """See CallLog."""
        if not requests:
            return []
        with self._lock:
            try:
                return self._tried(lambda: self._append(requests))
            except (sqlite3.Error, OSError, LogDamaged) as error:
                raise LogUnavailable(f"the call log cannot be written: {error}") from error

    def _append(self, requests: Sequence[Request]) -> list[int]:
        file = self._file_for(max(request.received_us for request in requests))
        while True:
            try:
                firsts = file.append(requests)
                break
            except FileClosed:
                file = self._successor(file)
        ends = {each.product_id: first + len(each.calls) for each, first in zip(requests, firsts, strict=True)}
        self._marks.put(max(self._files), ends)
        return firsts

    def probe(self) -> None:
        """See CallLog."""
        with self._lock:
            try:
                if self._files:
                    self._newest().probe()
                with tempfile.TemporaryFile(dir=self._folder) as room:
                    if hasattr(os, "posix_fallocate"):  # the same room without writing all of it
                        os.posix_fallocate(room.fileno(), 0, PROBE_BYTES - PAGE_BYTES)
                        room.seek(PROBE_BYTES - PAGE_BYTES)
                    room.write(bytes(PROBE_BYTES - room.tell()))
                    room.flush()
                    os.fsync(room.fileno())
            except (sqlite3.Error, OSError) as error:
                raise LogUnavailable(f"the call log cannot be written: {error}") from error

    def _file_for(self, received_us: int) -> LogFile:
        """The newest file; a new one where a month has begun.  A clock that went back opens no older file."""
        month = from_us(received_us).strftime("%Y-%m")
        if not self._files or month > max(self._files):
            self._find_files()
        if not self._files or month > max(self._files):
            self._make(month)
            self._find_files()
        return self._newest()

    def _make(self, month: str) -> None:
        """A file gets its name only with its tables in it, so that an empty file is never a new one."""
        making = self._folder / f"calls-{month}.making-{os.getpid()}"
        delete(making)
        LogFile(making).close()
        try:
            with suppress(FileExistsError):  # another process was faster
                os.link(making, self._path(month))
        except OSError:  # a file system without hard links
            LogFile(self._path(month)).close()
        delete(making)
        self._sync_folder()

    def _successor(self, closed: LogFile) -> LogFile:
        self._find_files()
        if self._newest() is closed:
            raise LogUnavailable(f"the call log cannot be written: the file that follows {closed.path} is missing")
        return self._newest()

    def _newest(self) -> LogFile:
        return self._files[max(self._files)]

    def _path(self, month: str) -> Path:
        return self._folder / f"calls-{month}.sqlite"

    def _find_files(self) -> None:
        """Open what there is now, and let each file close into the next, also where a crash cut that short.

        Readers see the new files only when all is done.
        """
        with self._lock:
            files = {month: self._files.get(month) or self._opened(month) for month in self._months()}
            for older, newer in pairwise(files.values()):
                if not older.is_closed():
                    older.close_into(newer)
            self._files = files

    def _months(self) -> list[str]:
        return sorted(match[1] for name in os.listdir(self._folder) if (match := _NAME.fullmatch(name)))

    def _sync_folder(self) -> None:
        """Make the new file's name durable too."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """See CallLog."""
        try:
            return self._tried(lambda: self._read(product_id, first, most))
        except sqlite3.DatabaseError as error:
            raise LogDamaged(f"{self._folder}: product {product_id}, offset {first}: {error}") from error

    def _read(self, product_id: int, first: int, most: int) -> list[LoggedCall]:
        self._end(product_id)
        calls: list[LoggedCall] = []
        for _, file in sorted(self._files.items()):
            at, after = first + len(calls), file.next(product_id)
            if len(calls) >= most or at >= after:
                continue
            try:
                calls += file.read(product_id, at, most=most - len(calls))
            except LogDamaged:
                if not calls:
                    raise
            if first + len(calls) < after:
                break
        return calls

    def rewrite(self, product_id: int, first: int, *, before_us: int, most: int, change: Callable[[Call], Call]) -> int:
        """See CallLog.  A month that is over gives the bytes back that it no longer needs."""
        self.end(product_id)
        after = first
        for file in [each for _, each in sorted(self._files.items())]:
            end = file.next(product_id)
            if after >= end:
                continue
            try:
                left = most - (after - first)
                after = rewrite(file.path, product_id, after, before_us=before_us, most=left, change=change)
            except sqlite3.Error as error:
                raise LogUnavailable(f"the call log cannot be written: {error}") from error
            if after == end and file.is_closed():
                with suppress(sqlite3.Error):  # a full disk, or a reader: the bytes stay free in the file
                    compact(file.path)
            if after < end or after - first >= most:
                break
        return after

    def scrub(self, product_id: int, names: Collection[str]) -> None:
        """See CallLog."""
        self.end(product_id)
        try:
            for _, file in sorted(self._files.items()):
                if not scrub(file.path, product_id, names):
                    raise LogUnavailable(f"{file.path} is being read")
            for kept in self._folder.glob("*.damaged-*"):
                kept.unlink()
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the call log cannot be written: {error}") from error

    def start(self, product_id: int) -> int:
        """See PeriodLog."""
        starts = (file.start(product_id) for _, file in sorted(self._files.items()))
        return next((each for each in starts if each is not None), self.end(product_id))

    def drop(self, product_id: int, before: int) -> None:
        """See PeriodLog.  A file that went stays open until the next drop, for those who are reading it."""
        with self._lock:
            while self._gone:
                self._gone.pop().close()
            try:
                for month, file in sorted(self._files.items()):
                    if not file.is_closed() or file.next(product_id) > before:
                        break
                    if drop(file.path, product_id):
                        self._gone.append(self._files.pop(month))
                        delete(file.path)
            except (sqlite3.Error, OSError) as error:
                raise LogUnavailable(f"the call log cannot be written: {error}") from error

    def end(self, product_id: int) -> int:
        """See CallLog."""
        return self._tried(lambda: self._end(product_id))

    def _end(self, product_id: int) -> int:
        if not self._files:
            self._find_files()
        if not self._files:
            return 0
        if self._newest().is_closed():
            self._find_files()
        return self._newest().next(product_id)

    def continue_from(self, product_id: int, offset: int) -> None:
        """See CallLog."""
        with self._lock:
            if not self._files:  # before every month that calls are received in
                self._file_for(0)
            self._newest().continue_from({product_id: offset})
            self._marks.put(max(self._files), {product_id: offset})

    def damage(self) -> list[str]:
        """See CallLog."""
        return self._tried(lambda: [told for _, file in sorted(self._files.items()) for told in file.damage()])

    # ---- damage
    def _tried(self, ask: Callable[[], Result]) -> Result:
        """What is asked; where a file turns out to be broken it is mended, and asked once more."""
        try:
            return ask()
        except (sqlite3.DatabaseError, LogDamaged) as error:
            if not self._mends or not (is_damage(error) or is_damage(error.__cause__)):
                raise
            with self._lock:
                self._mend_broken()
            return ask()

    def _mend_broken(self) -> None:
        """Open every file anew; those that do not pass SQLite's own check are mended."""
        for month in sorted(self._files):
            try:
                self._files[month].check()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._files.pop(month).close()
                self._mend(month, error)
        self._find_files()
        self._heed(marks_in(self._folder))

    def _heed(self, marks: Sequence[Mark]) -> None:
        """Where a file ends before calls that were acknowledged, tell it, and go on behind them.

        Raises LogDamaged where nothing may be mended here.
        """
        self._make_missing({mark.month for mark in marks if mark.month > max(self._files, default="")})
        ends = {mark.product_id: mark.end for mark in marks}  # by month: the newest one's
        reached = dict.fromkeys(ends, 0)
        for month, file in sorted(self._files.items()):
            reached = {each: max(before, file.next(each)) for each, before in reached.items()}
            short = [mark for mark in marks if mark.month == month and reached[mark.product_id] < mark.end]
            if short and not self._mends:
                first = reached[short[0].product_id]
                raise LogDamaged(missing(str(file.path), short[0].product_id, first, short[0].end))
            if short:
                for told in step_over(file, short, reached):
                    log_.error("log_mended", extra={"told": told})
        behind = {each: end for each, end in ends.items() if self._newest().next(each) < end}
        if behind and self._mends:  # it has lost where it began
            self._newest().continue_from(behind)

    def _make_missing(self, months: Collection[str]) -> None:
        """Make the newest files anew that were acknowledged to and are gone; older ones may have been dropped."""
        for month in sorted(months):
            if not self._mends:
                raise LogDamaged(f"{self._path(month)} is missing")
            self._path(month).touch()
            self._mend(month, Gone("the file was missing"))
        if months:
            self._find_files()

    def _opened(self, month: str) -> LogFile:
        """The month's file.  Raises LogDamaged where it is broken and must not be mended here."""
        path = self._path(month)
        try:
            refuse_emptied(path)
            marks = [mark for mark in marks_in(self._folder) if mark.month == month]
            return examined(path, marks) if self._mends else LogFile(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            if not self._mends:
                raise LogDamaged(f"{path}: {error}") from error
            self._mend(month, error)
            return LogFile(path)

    def _mend(self, month: str, error: Exception) -> None:
        ends: dict[int, int] = {}
        earlier = [each for each in self._months() if each < month]
        if earlier:
            with closing(self._opened(earlier[-1])) as before:
                ends = before.ends()
        log_.error("log_mended", extra={"told": mend(self._path(month), str(error), ends)})

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """See CallLog."""
        return self._tried(lambda: self._refusals(product_id, most))

    def _refusals(self, product_id: int, most: int) -> list[Refusal]:
        found: list[Refusal] = []
        for _, file in sorted(self._files.items(), reverse=True):
            if len(found) < most:
                found += file.refusals(product_id, most=most - len(found))
        return found

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """See CallLog."""
        return self._tried(lambda: self._refusal_counts(product_id, since_us))

    def _refusal_counts(self, product_id: int, since_us: int) -> list[RefusalCount]:
        times: dict[tuple[int, str], int] = {}
        for file in list(self._files.values()):
            for count in file.refusal_counts(product_id, since_us=since_us):
                key = (count.bucket_us, count.code)
                times[key] = times.get(key, 0) + count.times
        return [RefusalCount(*key, count) for key, count in sorted(times.items())]

    def size_bytes(self) -> int:
        """See CallLog."""
        return sum(file.size_bytes() for file in list(self._files.values()))

    def close(self) -> None:
        """See CallLog."""
        with self._lock:
            files, self._files = [*self._files.values(), *self._gone], {}
            self._gone = []
            self._marks.close()
            for file in files:
                file.close()
