"""Which of several processes folds, where the meta store is in PostgreSQL: the one that holds an advisory lock.

The server gives the lock back when the connection that took it ends, also by a crash, so that no lease must run out.
"""

import threading
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import DBAPIError

from uptake.stores.meta.base import MetaUnavailable

_TAKE = text("select pg_try_advisory_lock(8390891584)")  # numbers of this database alone, meaning nothing
_IS_THERE = text("select 1")

JOIN = text("select pg_try_advisory_lock_shared(8390891584)")
"""Keeps the lead from everybody for as long as several processes share the work; false while somebody has it."""

ONE_MIGRATES = text("select pg_advisory_xact_lock(8390891585)")
"""Waits until no other process makes or changes tables, and keeps others waiting until the transaction ends."""

ANSWER_S = 5.0
"""How long a process waits to hear whether something is still its own."""

MIGRATION_S = 3_600.0


def allow(connection: Connection, answer_s: float) -> None:
    """Let each statement on this connection take so long from now on; see `postgres_wire`."""
    wire: Any = connection.connection.driver_connection
    wire.answer_s = answer_s


class HeldByConnection:
    """What ends with the connection that took it; for any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._holder: Connection | None = None

    def _connected(self) -> Connection:
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _is_there(self, holder: Connection) -> bool:
        """Does the connection still stand?  If not, what it held went with it."""
        try:
            holder.execute(_IS_THERE).close()
        except (DBAPIError, MetaUnavailable):
            self._release()
            return False
        return True

    def close(self) -> None:
        """Let other processes have it."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        """End the connection, and what it holds with it: the pool must not keep it."""
        if self._holder is not None:
            self._holder.invalidate()
            self._holder.close()
            self._holder = None


class AdvisoryLock(HeldByConnection):
    """A lock of one database."""

    def __init__(self, engine: Engine, take: TextClause = _TAKE) -> None:
        """take: the lead, or `JOIN`."""
        super().__init__(engine)
        self._take = take

    def held(self) -> bool:
        """Is it ours?  Takes it where it is free.  Raises MetaUnavailable."""
        with self._lock:
            if self._holder is not None and self._is_there(self._holder):
                return True
            connection = self._connected()
            allow(connection, ANSWER_S)
            if connection.execute(self._take).scalar_one():
                self._holder = connection
                return True
            connection.close()
            return False
