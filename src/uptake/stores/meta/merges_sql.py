"""Changed ids over SQLAlchemy Core; see `uptake.stores.meta.merges` for what is promised."""

from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.engine import Row

from uptake.core.effects import Kind
from uptake.core.merges import Merge
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.audit_sql import write_entry
from uptake.stores.meta.merges import Check
from uptake.stores.meta.schema import changes, merges


class SqlMergeStore:
    """A `MergeStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine) -> None:
        """engine: of a meta store whose tables are there."""
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    def all(self, product_id: int) -> list[Merge]:
        """A product's merges by id."""
        with self._engine.connect() as connection:
            return _present(connection, product_id)

    def add(self, product_id: int, kind: Kind, merged: str, into: str, *, check: Check, entry: Entry) -> Merge:
        """Keep a merge; the id is given here."""
        row = {
            "product_id": product_id,
            "kind": kind,
            "merged": merged,
            "into_id": into,
            "made_us": entry.at_us,
            "made_by": entry.by,
        }
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            check(_present(connection, product_id))
            key = connection.execute(insert(merges).values(row)).inserted_primary_key
            write_entry(connection, entry)
        assert key is not None
        return Merge(int(key[0]), product_id, kind, merged, into, entry.at_us, entry.by)

    def drop(self, product_id: int, merge_id: int, entry: Entry) -> Merge:
        """Forget a merge and return it.  Raises KeyError."""
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            found = next((each for each in _present(connection, product_id) if each.id == merge_id), None)
            if found is None:
                raise KeyError(merge_id)
            connection.execute(delete(merges).where(merges.c.id == merge_id))
            write_entry(connection, entry)
        return found


def _present(connection: Connection, product_id: int) -> list[Merge]:
    wanted = select(merges).where(merges.c.product_id == product_id).order_by(merges.c.id)
    return [_merge(row) for row in connection.execute(wanted)]


def _merge(row: Row[Any]) -> Merge:
    return Merge(row.id, row.product_id, row.kind, row.merged, row.into_id, row.made_us, row.made_by)
