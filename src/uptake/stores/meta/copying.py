"""Copying what a meta store holds into an empty one, on another engine perhaps, row by row with all numbers kept."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Integer, Table, delete, func, insert, select, text

from uptake.core.errors import UptakeError
from uptake.stores.meta.schema import attempts, changes, facts, jobs, keys, links, metadata, products, sessions
from uptake.stores.meta.sql import SqlMetaStore

LEFT = (sessions, links, attempts)
"""What is not copied: a session or link that is ended in one of the two must not let anybody in by the other."""

ORIGIN = "migration:origin"
"""The fact that tells where rows were copied from, and that copying has begun."""

ROWS_AT_ONCE = 500

Rows = list[dict[str, Any]]


def copied_rows(meta: SqlMetaStore, only: int | None) -> dict[str, Rows]:
    """What is to be copied, by table: of one product, or of all.  Texts of keys are open, and must go nowhere else."""
    return {table.name: [_opened(meta, table, row) for row in _rows(meta, table, only)] for table in _tables()}


def is_empty(meta: SqlMetaStore, origin: str) -> bool:
    """Is there nothing yet, or nothing but what was copied from this origin?"""
    told = meta.fact(ORIGIN)
    return told == origin if told is not None else not meta.products()


def write_rows(meta: SqlMetaStore, rows: dict[str, Rows], origin: str) -> None:
    """Put the rows in, instead of what an earlier try has put there; all or nothing."""
    with meta.writing() as connection:
        for table in reversed(_tables()):
            connection.execute(delete(table))
        for table in _tables():
            sealed = [_sealed(meta, table, row) for row in rows[table.name]]
            for start in range(0, len(sealed), ROWS_AT_ONCE):
                connection.execute(insert(table), sealed[start : start + ROWS_AT_ONCE])
            _count_on(connection, table)
        connection.execute(insert(facts).values(name=ORIGIN, value=origin))


def difference(ours: dict[str, Rows], theirs: dict[str, Rows]) -> str:
    """The first table in which the two differ; '' where they are equal."""
    return next((name for name, rows in ours.items() if _plain(rows) != _plain(theirs[name])), "")


def _plain(rows: Rows) -> list[bytes]:
    return sorted(msgspec.json.encode(row, order="deterministic") for row in rows)


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table not in LEFT]


def _rows(meta: SqlMetaStore, table: Table, only: int | None) -> Iterator[dict[str, Any]]:
    for row in meta.rows_of(select(table)):
        told = dict(row._mapping)
        if table is facts and told["name"] == ORIGIN:
            continue
        if table is jobs and told["state"] in ("waiting", "running"):
            continue  # its files stay where they are
        if only is None or _belongs(table, told, only):
            yield told


def _belongs(table: Table, row: dict[str, Any], only: int) -> bool:
    if table is products:
        return bool(row["id"] == only)
    if table is facts:
        _, _, rest = row["name"].partition("product:")
        return not rest or rest.startswith(f"{only}:")
    return "product_id" not in row or row["product_id"] in (None, only)


def _opened(meta: SqlMetaStore, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    if table is not keys or not row["sealed"]:
        return row
    return {**row, "sealed": meta.opened_text(row["sealed"])}


def _sealed(meta: SqlMetaStore, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    if table is not keys or not row["sealed"]:
        return row
    return {**row, "sealed": meta.sealed_text(row["sealed"])}


def _count_on(connection: Connection, table: Table) -> None:
    """Let the next row get the next number: PostgreSQL does not look at numbers that were given."""
    if connection.dialect.name != "postgresql" or table is changes:
        return
    numbered = [each for each in table.primary_key.columns if isinstance(each.type, Integer)]
    if len(numbered) == 1 and numbered[0].name == "id":
        last = connection.execute(select(func.coalesce(func.max(numbered[0]), 0))).scalar_one()
        if last:
            sequence = text("select setval(pg_get_serial_sequence(:name, 'id'), :last)")
            connection.execute(sequence, {"name": table.name, "last": last}).close()


def refuse_filled(meta: SqlMetaStore, origin: str) -> None:
    """Raises UptakeError (E018) where the target holds anything that was not copied from this origin."""
    if not is_empty(meta, origin):
        told = "The meta store of the target has products already."
        raise UptakeError("E018", told, hint="Migrate into an empty database or folder.")
