"""Leases of products where the meta store is in PostgreSQL: advisory locks, all of one process on one connection.

The server gives them back when that connection ends, by a crash too, and ends it itself when nothing was heard of the
process for `SILENT_S`: it may stand still, or be cut off with nobody to tell.  A thread asks every `BEAT_S`, so that
long work keeps them.  Whoever takes one then waits for `GRACE_S`: a process that lost its connection, not its life, has
found that out by then, for it asks before every step, and an answer that takes `ANSWER_S` is none.
"""

import threading
import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from uptake.stores.meta.base import MetaUnavailable
from uptake.stores.meta.lead_sql import ANSWER_S, JOIN, HeldByConnection, allow
from uptake.stores.meta.leases import change_of

GRACE_S = 2.0
BEAT_S, SILENT_S = 2.0, 10.0  # who was cut off knows it after BEAT_S + ANSWER_S: before the server does

_CLASS = 83908915  # of this database alone, meaning nothing; 0 stands for a process that works, others are products
_PRESENT = text(f"select pg_try_advisory_lock_shared({_CLASS}, 0)")
_TAKE = text(f"select pg_try_advisory_lock({_CLASS}, :product)")
_GIVE = text(f"select pg_advisory_unlock({_CLASS}, :product)")
_HELD = text(
    "select pid, objid::bigint as product, pid = pg_backend_pid() as ours from pg_locks"
    f" where locktype = 'advisory' and granted and objsubid = 2 and classid = {_CLASS}"
    " and database = (select oid from pg_database where datname = current_database())"
)
_HEARD_OF = text(
    f"select set_config(name, '{SILENT_S * 1000:.0f}', false) from pg_settings where name = 'idle_session_timeout'"
)
"""PostgreSQL 13 knows no such thing: there the network alone tells who is gone."""


class SqlLeases(HeldByConnection):
    """The leases of one process."""

    def __init__(self, engine: Engine, *, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(engine)
        self._now_s, self._closed = now_s, threading.Event()
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
        connection = self._connected()
        if not connection.execute(JOIN).scalar_one():
            connection.close()
            return None
        connection.execute(_HEARD_OF).close()
        connection.execute(_PRESENT).close()
        allow(connection, ANSWER_S)
        self._holder = connection
        threading.Thread(target=self._beat, args=[connection], name="leases", daemon=True).start()
        return connection

    def _beat(self, holder: Connection) -> None:
        """Let the server hear of this process for as long as it has this connection."""
        while not self._closed.wait(BEAT_S):
            with self._lock:
                if self._holder is not holder or not self._is_there(holder):
                    return

    def holds(self, product: int) -> bool:
        """Is the product still ours?  Asks the server."""
        with self._lock:
            return self._holder is not None and product in self._since_s and self._is_there(self._holder)

    def close(self) -> None:
        """Let other processes have them."""
        self._closed.set()
        super().close()

    def _release(self) -> None:
        self._since_s.clear()
        super()._release()
