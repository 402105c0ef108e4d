"""Leases of products where the meta store is in PostgreSQL: advisory locks, all of one process on one connection.

The server gives them back when that connection ends, by a crash too.  Whoever takes one then waits for `GRACE_S`: a
process that lost its connection, not its life, has found that out by then, for it asks before every fold and commit.
"""

import threading
import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from uptake.stores.meta.base import MetaUnavailable
from uptake.stores.meta.lead_sql import JOIN
from uptake.stores.meta.leases import change_of

GRACE_S = 2.0

_CLASS = 83908915  # of this database alone, meaning nothing; 0 stands for a process that works, others are products
_PRESENT = text(f"select pg_try_advisory_lock_shared({_CLASS}, 0)")
_TAKE = text(f"select pg_try_advisory_lock({_CLASS}, :product)")
_GIVE = text(f"select pg_advisory_unlock({_CLASS}, :product)")
_HELD = text(
    "select pid, objid::bigint as product, pid = pg_backend_pid() as ours from pg_locks"
    f" where locktype = 'advisory' and granted and objsubid = 2 and classid = {_CLASS}"
    " and database = (select oid from pg_database where datname = current_database())"
)
_IS_THERE = text("select 1")


class SqlLeases:
    """The leases of one process, with the connection that holds them; for any thread."""

    def __init__(self, engine: Engine, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._now_s = engine, now_s
        self._lock = threading.Lock()
        self._holder: Connection | None = None
        self._since_s: dict[int, float] = {}

    def share(self, products: Collection[int]) -> frozenset[int]:
        """Take and give up what makes the shares even; the products that may be worked at now.

        Raises MetaUnavailable; then none is ours any more.
        """
        with self._lock:
            try:
                return self._shared(products)
            except (DBAPIError, MetaUnavailable):
                self._release()
                raise

    def _shared(self, products: Collection[int]) -> frozenset[int]:
        holder = self._holder or self._joined()
        if holder is None:
            return frozenset()
        rows = holder.execute(_HELD).all()
        held: dict[int, set[int]] = {row.pid: set() for row in rows}
        for row in rows:
            held[row.pid].update({row.product} - {0})
        change = change_of(next(row.pid for row in rows if row.ours), products, held)
        for each in change.give:
            holder.execute(_GIVE, {"product": each}).close()
            self._since_s.pop(each, None)
        for each in change.take:
            if holder.execute(_TAKE, {"product": each}).scalar_one():
                self._since_s[each] = self._now_s()
        return frozenset(each for each, since_s in self._since_s.items() if self._now_s() - since_s >= GRACE_S)

    def _joined(self) -> Connection | None:
        """The connection of a process that is known to work; None while another one works alone."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(JOIN).scalar_one():
            connection.close()
            return None
        connection.execute(_PRESENT).close()
        self._holder = connection
        return connection

    def holds(self, product: int) -> bool:
        """Is the product still ours?  Asks the server."""
        with self._lock:
            if self._holder is None or product not in self._since_s:
                return False
            try:
                self._holder.execute(_IS_THERE).close()
            except (DBAPIError, MetaUnavailable):
                self._release()
                return False
            return True

    def close(self) -> None:
        """Let other processes have them."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        """End the connection, and the locks with it: the pool must not keep it."""
        self._since_s.clear()
        if self._holder is not None:
            self._holder.invalidate()
            self._holder.close()
            self._holder = None
