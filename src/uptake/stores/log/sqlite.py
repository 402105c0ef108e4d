"""The call log in SQLite: a row a request, a file per month of receipt, so that old months drop whole.

Several processes may have the folder open and append: SQLite's lock on the newest file orders them, and a file that
a newer one follows is marked closed inside it, so that nobody writes to two files at once.
"""

import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from uptake.core.calls import Call, LoggedCall
from uptake.core.days import from_us
from uptake.stores.log.base import LogDamaged, LogUnavailable, Refusal, RefusalCount, Request
from uptake.stores.log.sqlite_file import FileClosed, LogFile
from uptake.stores.log.sqlite_rewrite import compact, rewrite

PROBE_BYTES = 1024 * 1024
"""Room that a probe asks for: about what a few large batches need."""

_NAME = re.compile(r"calls-(\d{4}-\d{2})\.sqlite")


class SqliteCallLog:
    """See `uptake.stores.log.base.CallLog`."""

    def __init__(self, folder: Path) -> None:
        """folder: made if it does not exist; it holds nothing but the log."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._files: dict[str, LogFile] = {}
        self._find_files()

    def append(self, requests: Sequence[Request]) -> list[int]:
        """See CallLog."""
        if not requests:
            return []
        with self._lock:
            try:
                file = self._file_for(max(request.received_us for request in requests))
                while True:
                    try:
                        return file.append(requests)
                    except FileClosed:
                        file = self._successor(file)
            except (sqlite3.Error, OSError) as error:
                raise LogUnavailable(f"the call log cannot be written: {error}") from error

    def probe(self) -> None:
        """See CallLog."""
        with self._lock:
            try:
                if self._files:
                    self._newest().probe()
                with tempfile.TemporaryFile(dir=self._folder) as room:
                    room.write(bytes(PROBE_BYTES))
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
            LogFile(self._path(month)).close()
            self._sync_folder()
            self._find_files()
        return self._newest()

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
            months = sorted(match[1] for name in os.listdir(self._folder) if (match := _NAME.fullmatch(name)))
            files = {month: self._files.get(month) or LogFile(self._path(month)) for month in months}
            for older, newer in pairwise(files.values()):
                if not older.is_closed():
                    older.close_into(newer)
            self._files = files

    def _sync_folder(self) -> None:
        """Make the new file's name durable too."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """See CallLog."""
        self.end(product_id)
        calls: list[LoggedCall] = []
        for _, file in sorted(self._files.items()):
            at, after = first + len(calls), file.next(product_id)
            if len(calls) < most and at < after:
                calls += file.read(product_id, at, most=most - len(calls))
                if first + len(calls) < after:
                    break
        if calls and calls[0].offset != first:
            raise LogDamaged(f"{self._folder}: product {product_id}, offsets {first} to {calls[0].offset} are missing")
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

    def end(self, product_id: int) -> int:
        """See CallLog."""
        if not self._files:
            self._find_files()
        if not self._files:
            return 0
        if self._newest().is_closed():
            self._find_files()
        return self._newest().next(product_id)

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """See CallLog."""
        found: list[Refusal] = []
        for _, file in sorted(self._files.items(), reverse=True):
            if len(found) < most:
                found += file.refusals(product_id, most=most - len(found))
        return found

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """See CallLog."""
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
            files, self._files = self._files, {}
            for file in files.values():
                file.close()
