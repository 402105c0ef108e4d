"""Erasures over SQLAlchemy Core; see `uptake.stores.meta.erasures` for what is promised."""

import re
from collections.abc import Collection
from contextlib import closing
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
from sqlalchemy import Connection, Engine, Row, and_, delete, insert, or_, select, update

from uptake.core.config import ProductConfig
from uptake.core.effects import Kind
from uptake.core.erasure import Erasure
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.audit_sql import write_entry
from uptake.stores.meta.base import MetaUnavailable
from uptake.stores.meta.schema import (
    audit,
    changes,
    config_versions,
    erasures,
    jobs,
    merges,
    notes,
    owners,
    views,
)

ABOUT_IDS = (
    *("ids_merged", "merge_undone", "note_written", "note_deleted", "owner_set"),
    *("config_changed", "history_applied"),
)
"""Entries of the audit log that can tell an id of a user or account."""

IN_ITS_PLACE = "(erased)"

_decode = msgspec.json.Decoder(Erasure).decode
_decode_config = msgspec.json.Decoder(ProductConfig).decode


class SqlErasureStore:
    """An `ErasureStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine) -> None:
        """engine: of a meta store whose tables are there."""
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    def all(self, product_id: int | None = None) -> list[Erasure]:
        """Erasures by id."""
        wanted = select(erasures).order_by(erasures.c.id)
        if product_id is not None:
            wanted = wanted.where(erasures.c.product_id == product_id)
        with self._engine.connect() as connection:
            return [_erasure(row) for row in connection.execute(wanted)]

    def one(self, product_id: int, erasure_id: int) -> Erasure | None:
        """The product's erasure with this id."""
        wanted = select(erasures).where(erasures.c.id == erasure_id, erasures.c.product_id == product_id)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else _erasure(row)

    def add(self, erasure: Erasure, entry: Entry | None) -> Erasure:
        """Keep an erasure; the id is given here."""
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            row = {"product_id": erasure.product_id, "document": _text(erasure)}
            key = connection.execute(insert(erasures).values(row)).inserted_primary_key
            if entry is not None:
                write_entry(connection, entry)
        assert key is not None
        return msgspec.structs.replace(erasure, id=int(key[0]))

    def keep(self, erasure: Erasure) -> None:
        """Put an erasure in the place of the one with its id."""
        with self._writing.begin() as connection:
            connection.execute(update(erasures).where(erasures.c.id == erasure.id).values(document=_text(erasure)))

    def withdraw(self, product_id: int, erasure_id: int, job_id: int, entry: Entry) -> None:
        """Delete an erasure whose job still waits, and write down that the job shall end.  Raises KeyError."""
        waits = and_(jobs.c.id == job_id, jobs.c.product_id == product_id, jobs.c.state == "waiting")
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            if not connection.execute(update(jobs).where(waits).values(cancel=True)).rowcount:
                raise KeyError(job_id)
            connection.execute(delete(erasures).where(erasures.c.id == erasure_id))
            write_entry(connection, entry)

    def forget(self, product_id: int, kind: Kind, ids: Collection[str]) -> int:
        """Take these ids out of everything that is decided."""
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            _forget_told(connection, product_id, ids)
            return (
                _forget_decided(connection, product_id, kind, ids)
                + _forget_views(connection, product_id, ids)
                + _forget_exclusions(connection, product_id, kind, ids)
            )

    def scrub(self) -> None:
        """Leave nothing on disk of what was deleted or overwritten."""
        if self._engine.dialect.name != "sqlite":
            return
        with closing(self._engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("vacuum")
            cursor.execute("pragma wal_checkpoint(truncate)")
            busy, *_ = cursor.fetchall()[0]
        if busy:
            raise MetaUnavailable("the meta store is being read")


def _erasure(row: Row[Any]) -> Erasure:
    return msgspec.structs.replace(_decode(row.document), id=row.id, product_id=row.product_id)


def _text(erasure: Erasure) -> str:
    return msgspec.json.encode(erasure).decode()


def _forget_decided(connection: Connection, product_id: int, kind: Kind, ids: Collection[str]) -> int:
    named = or_(merges.c.merged.in_(ids), merges.c.into_id.in_(ids))
    gone = [
        delete(merges).where(merges.c.product_id == product_id, merges.c.kind == kind, named),
        delete(notes).where(notes.c.product_id == product_id, notes.c.kind == kind, notes.c.tracking_id.in_(ids)),
    ]
    if kind == "account":
        gone.append(delete(owners).where(owners.c.product_id == product_id, owners.c.account.in_(ids)))
    return sum(connection.execute(each).rowcount for each in gone)


def _forget_views(connection: Connection, product_id: int, ids: Collection[str]) -> int:
    """Saved views whose address or name tells an id; one that is a part of a longer word does not count."""
    found = connection.execute(select(views).where(views.c.product_id == product_id)).all()
    spelt = [_words(form(each)) for each in ids for form in (str, quote, quote_plus)]
    gone = [row.id for row in found if any(each.search(text) for each in spelt for text in (row.address, row.name))]
    connection.execute(delete(views).where(views.c.id.in_(gone)))
    return len(gone)


def _forget_exclusions(connection: Connection, product_id: int, kind: Kind, ids: Collection[str]) -> int:
    """Take ids out of every version's list; how many the latest one had."""
    table, field, had = config_versions, f"{kind}s", 0
    wanted = select(table.c.revision, table.c.document).where(table.c.product_id == product_id)
    for row in connection.execute(wanted.order_by(table.c.revision)).all():
        config = _decode_config(row.document)
        listed: tuple[str, ...] = getattr(config.exclusions, field)
        left = tuple(each for each in listed if each not in ids)
        had = len(listed) - len(left)
        if had:
            exclusions = msgspec.structs.replace(config.exclusions, **{field: left})
            text = msgspec.json.encode(msgspec.structs.replace(config, exclusions=exclusions)).decode()
            this = and_(table.c.product_id == product_id, table.c.revision == row.revision)
            connection.execute(update(table).where(this).values(document=text))
    return had


def _forget_told(connection: Connection, product_id: int, ids: Collection[str]) -> None:
    wanted = select(audit).where(audit.c.product_id == product_id, audit.c.what.in_(ABOUT_IDS))
    words = [_words(each) for each in ids]
    for row in connection.execute(wanted).all():
        texts = {"about": row.about, "before": row.before, "after": row.after}
        left = dict(texts)
        for each in words:
            left = {name: each.sub(IN_ITS_PLACE, text) for name, text in left.items()}
        if left != texts:
            connection.execute(update(audit).where(audit.c.id == row.id).values(left))


def _words(text: str) -> re.Pattern[str]:
    """The text where it is not a part of a longer word or address."""
    return re.compile(rf"(?<![\w@.+-]){re.escape(text)}(?![\w@+-])")
