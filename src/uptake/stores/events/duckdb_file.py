"""A DuckDB file with its connections: one that writes, one for each read, and a new start after a fatal fault.

After some faults, such as a full disk, DuckDB refuses every further use of an open database.  The file itself then
still holds the last commit; so it is given up and opened anew by whoever asks next.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from uptake.stores.events.base import StoreDamaged
from uptake.stores.events.session import Rows, parameters

Connection = duckdb.DuckDBPyConnection
Settings = dict[str, str | bool | int | float | list[str]]

DAMAGE = (
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "Corrupt database file",
    "Corrupt WAL file",
    "Failure while replaying WAL",
    "with version number",
)
"""What DuckDB says of a file that is broken, cut off or of another version; it has no class of its own for these."""


class DuckSession:
    """One DuckDB connection as a session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lent: dict[str, Any] = {}

    def rows(self, sql: str, **values: Any) -> Rows:
        """Run a text and return all its rows."""
        return self._execute(sql, values).fetchall()

    def run(self, sql: str, **values: Any) -> None:
        """Run a text for its effect."""
        self._execute(sql, values).fetchall()

    def batches(self, sql: str, **values: Any) -> Iterator[pa.RecordBatch]:
        """Run a text and yield its rows as Arrow batches."""
        used = {name: values[name] for name in parameters(sql)}
        yield from self._connection.sql(sql, params=used).to_arrow_reader() or ()

    def lend(self, **tables: Any) -> None:
        """Let texts read Arrow tables by these names."""
        for name, table in tables.items():
            self._connection.register(name, table)
            self._lent[name] = table

    def take_back(self) -> None:
        """Forget lent tables."""
        for name in self._lent:
            self._connection.unregister(name)
        self._lent.clear()

    def _execute(self, sql: str, values: Mapping[str, Any]) -> Connection:
        return self._connection.execute(sql, {name: values[name] for name in parameters(sql)})


SET_LIMIT = "set memory_limit = '{}'"
KEPT_SHARE = 8
"""Pages of the file up to the limit divided by so much stay in memory between writes."""

SET_CHECKPOINT = "set checkpoint_threshold = '{}MB'"
LEAST_WAL_MB = 16
WAL_SHARE = 4
"""The write-ahead log goes into the file when it is as long as the file divided by so much."""


def megabytes_of(memory_limit: str) -> int:
    """A limit in MB or GB, in megabytes.

    >>> megabytes_of("1GB"), megabytes_of("512MB")
    (1000, 512)
    """
    return int(memory_limit[:-2]) * (1000 if memory_limit[-2:].upper() == "GB" else 1)


def kept_of(memory_limit: str) -> str:
    """How much pages of the file may fill between writes, of a limit in MB or GB.

    >>> kept_of("1GB"), kept_of("512MB")
    ('125MB', '64MB')
    """
    return f"{max(1, megabytes_of(memory_limit) // KEPT_SHARE)}MB"


def wal_mb_of(size_bytes: int, memory_limit: str) -> int:
    """How many megabytes the write-ahead log may hold until it goes into a file of so many bytes.

    A checkpoint looks at most of a file, however little changed, so that a fixed length would make folds dearer the
    larger a store is.  What is in the log is in memory too: hence at most half of what pages may fill there, or 16 MB.

    >>> wal_mb_of(0, "1GB"), wal_mb_of(160_000_000, "1GB"), wal_mb_of(4_000_000_000, "1GB")
    (16, 40, 62)
    """
    most = megabytes_of(memory_limit) // (2 * KEPT_SHARE)
    return max(LEAST_WAL_MB, min(size_bytes // 1_000_000 // WAL_SHARE, most))


class DuckFile:
    """One file of one process; opened when it is needed."""

    def __init__(self, path: Path, *, memory_limit: str, threads: int) -> None:
        """memory_limit: in MB or GB, `1GB`; sums that need more go to disk beside the file."""
        self._path = path
        self._settings: Settings = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory_limit,
            "threads": threads,
        }
        self._limit, self._kept = memory_limit, kept_of(memory_limit)
        self._readers = 0
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._open: tuple[Connection, Connection] | None = None
        self._closed = False
        self._damage = ""

    def refuse_damaged(self) -> None:
        """Raise StoreDamaged if anything in the file was found broken since it was opened."""
        if self._damage:
            raise StoreDamaged(self._damage)

    def connections(self) -> tuple[Connection, Connection]:
        """The connection that others are made from, and the one that writes.

        Raises StoreDamaged, and duckdb.Error once closed.
        """
        with self._lock:
            if self._closed:
                raise duckdb.ConnectionException(f"the event store {self._path} was closed")
            if self._open is None:
                with self._damage_named():
                    root = duckdb.connect(str(self._path), config=self._settings)
                self._open = root, root.cursor()
                self._space_checkpoints(root)
            return self._open

    @contextmanager
    def writing(self) -> Iterator[DuckSession]:
        """One transaction of the writing connection: all of it, or where anything is raised nothing."""
        opened = self.connections()
        writer = opened[1]
        session = DuckSession(writer)
        with self._damage_named(), self._given_up_if_fatal(opened):
            writer.execute("begin")
            try:
                yield session
            except BaseException:
                writer.execute("rollback")
                raise
            else:
                writer.execute("commit")
            finally:
                session.take_back()

    @contextmanager
    def reading(self) -> Iterator[DuckSession]:
        """One transaction that only reads, on a connection of its own; from any thread."""
        opened = self.connections()
        with self._counted(), self._damage_named(), self._given_up_if_fatal(opened), opened[0].cursor() as cursor:
            session = DuckSession(cursor)
            cursor.execute("begin")
            try:
                yield session
            finally:
                cursor.execute("rollback")
                session.take_back()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._counting:
            self._readers += 1
        try:
            yield
        finally:
            with self._counting:
                self._readers -= 1

    def trim(self) -> None:
        """Give most pages that are held of the file back to the system; by whoever writes, between transactions.

        The engine itself keeps what it has read and written until its limit is reached.  Lowering the limit for a
        moment lets go of what was used longest ago.  Not while anybody reads, whose sums need the whole limit; who
        begins to read waits for it.
        """
        opened = self.connections()
        with self._given_up_if_fatal(opened), self._counting:
            self._space_checkpoints(opened[1])
            if self._readers:
                return
            with suppress(duckdb.OutOfMemoryException):  # where what is held cannot be let go of now
                opened[1].execute(SET_LIMIT.format(self._kept))
            opened[1].execute(SET_LIMIT.format(self._limit))

    def _space_checkpoints(self, connection: Connection) -> None:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:  # an operator has deleted it
            size = 0
        connection.execute(SET_CHECKPOINT.format(wal_mb_of(size, self._limit)))

    @contextmanager
    def _given_up_if_fatal(self, opened: tuple[Connection, Connection]) -> Iterator[None]:
        try:
            yield
        except duckdb.FatalException:
            with self._lock:
                if self._open is opened:
                    self._give_back()
            raise

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if any(words in str(error) for words in DAMAGE):
                self._damage = f"{self._path}: {error}"
                raise StoreDamaged(self._damage) from error
            raise

    def close(self) -> None:
        """Give the file back, for good."""
        with self._lock:
            self._closed = True
            self._give_back()

    def _give_back(self) -> None:
        opened, self._open = self._open, None
        for connection in reversed(opened or ()):
            connection.close()

    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        files = (self._path, self._path.with_name(self._path.name + ".wal"))
        return sum(file.stat().st_size for file in files if file.exists())
