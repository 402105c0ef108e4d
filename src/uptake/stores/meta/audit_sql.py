"""The audit log over SQLAlchemy Core."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.engine import Row

from uptake.stores.meta.audit import AuditQuery, Entry, Recorded, shortened
from uptake.stores.meta.schema import audit

MOST_ADDRESS = 60


class SqlAuditLog:
    """An `AuditLog` in a table that is only added to."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    def add(self, entry: Entry) -> None:
        """Add an entry, durably."""
        with self._writing.begin() as connection:
            write_entry(connection, entry)

    def entries(self, query: AuditQuery) -> Sequence[Recorded]:
        """At most `limit` entries, newest first."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(query.limit)
        if query.product_ids is not None:
            wanted = wanted.where(audit.c.product_id.in_(query.product_ids))
        if query.before_id is not None:
            wanted = wanted.where(audit.c.id < query.before_id)
        if query.by:
            wanted = wanted.where(audit.c.made_by == query.by)
        if query.what:
            wanted = wanted.where(audit.c.what == query.what)
        with self._engine.connect() as connection:
            return [_recorded(row) for row in connection.execute(wanted)]


def write_entry(connection: Connection, entry: Entry) -> None:
    """Add an entry inside a change that it tells of."""
    row = {
        "at_us": entry.at_us,
        "made_by": shortened(entry.by),
        "what": entry.what,
        "product_id": entry.product_id,
        "about": shortened(entry.about),
        "before": shortened(entry.before),
        "after": shortened(entry.after),
        "address": entry.address[:MOST_ADDRESS],
    }
    connection.execute(insert(audit).values(row))


def _recorded(row: Row[Any]) -> Recorded:
    entry = Entry(row.at_us, row.made_by, row.what, row.product_id, row.about, row.before, row.after, row.address)
    return Recorded(row.id, entry)
