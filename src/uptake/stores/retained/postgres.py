"""The base snapshot on PostgreSQL, in tables of its own beside the meta store's, for every node to reach.

They are no part of the meta store's migrations: nothing else reads them, and they are copied by pieces.  A piece is
added in a transaction that holds the product's row, so that no configuration is saved in between.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import ExceptionContext, Row
from sqlalchemy.exc import IntegrityError, OperationalError

from uptake.stores.events.batches import FoldBatch
from uptake.stores.meta.lead_sql import MIGRATION_S, ONE_MIGRATES, allow
from uptake.stores.meta.postgres_wire import bound
from uptake.stores.retained.base import BaseDamaged, BaseUnavailable, Overtaken
from uptake.stores.retained.packing import packed, unpacked

MESSAGES_AT_ONCE = 20_000

_IS_THERE = text("select to_regclass('base_reached') is not null")
_TABLES = (
    """
create table base_pieces (
  product_id integer not null, first bigint not null, after bigint not null, crc bigint not null,
  body bytea not null, primary key (product_id, first)
)
""",
    "alter table base_pieces alter column body set storage external",  # it is compressed already
    "create table base_messages (product_id integer not null, digest bytea not null, received_us bigint not null)",
    "create index base_messages_by_digest on base_messages (product_id, digest)",
    "create index base_messages_by_moment on base_messages (product_id, received_us)",
    "create table base_reached (product_id integer primary key, before_us bigint not null)",
)
_END = text(
    "select coalesce((select after from base_pieces where product_id = :product_id order by first desc limit 1), 0)"
)
_BEFORE = text("select coalesce((select before_us from base_reached where product_id = :product_id), 0)")
_REACH = text("""
insert into base_reached (product_id, before_us) values (:product_id, :before_us)
on conflict (product_id) do update set before_us = greatest(base_reached.before_us, excluded.before_us)
""")
_SEEN = text("""
select digest, max(received_us) as latest_us from base_messages
where product_id = :product_id and digest = any(cast(:digests as bytea[])) group by digest
""")
_ADD = text(
    "insert into base_pieces (product_id, first, after, crc, body) values (:product_id, :first, :after, :crc, :body)"
)
_ADD_MESSAGES = text("""
insert into base_messages (product_id, digest, received_us)
select :product_id, digest, received_us
from unnest(cast(:digests as bytea[]), cast(:moments as bigint[])) as given (digest, received_us)
""")
_FORGET = text("""
delete from base_messages where product_id = :product_id and received_us <=
  (select max(received_us) from base_messages where product_id = :product_id) - :kept_us
""")
_PIECE = text("select after, crc, body from base_pieces where product_id = :product_id and first = :first")
_FIRSTS = text("select first from base_pieces where product_id = :product_id order by first")
_WRITE = text("update base_pieces set crc = :crc, body = :body where product_id = :product_id and first = :first")
_MESSAGES = text("""
select digest, received_us from base_messages where product_id = :product_id order by received_us, digest
""")
_IN_FORCE = text("select revision from products where id = :product_id for share")
_BYTES = text("""
select sum(pg_total_relation_size(name))
from unnest(array['base_pieces', 'base_messages', 'base_reached']::regclass[]) as given (name)
""")
# Vacuum would keep old rows that any open transaction of the database might still see.
_SCRUB = (
    "set local lock_timeout = '1s'",
    "lock table base_pieces in access exclusive mode",
    "create temporary table base_pieces_left on commit drop as"
    " select product_id, first, after, crc, body from base_pieces",
    "truncate base_pieces",
    "insert into base_pieces (product_id, first, after, crc, body)"
    " select product_id, first, after, crc, body from base_pieces_left",
)
_LOCK_NOT_GIVEN = "55P03"


class PostgresBaseSnapshot:
    """See `uptake.stores.retained.base.BaseSnapshot`."""

    def __init__(self, url: str) -> None:
        """url: SQLAlchemy's, of the meta store's database.  Makes the tables.  Raises BaseUnavailable."""
        self._engine = create_engine(url)
        event.listen(self._engine, "handle_error", _told, retval=True)
        bound(self._engine)
        with self._engine.begin() as connection:
            allow(connection, MIGRATION_S)
            if not connection.execute(_IS_THERE).scalar_one():
                connection.execute(ONE_MIGRATES)
                if not connection.execute(_IS_THERE).scalar_one():
                    for statement in _TABLES:
                        connection.exec_driver_sql(statement)

    def end(self, product_id: int) -> int:
        """See BaseSnapshot."""
        return self._number(_END, product_id)

    def before_us(self, product_id: int) -> int:
        """See BaseSnapshot."""
        return self._number(_BEFORE, product_id)

    def seen(self, product_id: int, messages: Sequence[tuple[bytes, int]], *, dedupe_us: int) -> list[bool]:
        """See BaseSnapshot."""
        rows = self._rows(_SEEN, product_id=product_id, digests=[digest for digest, _ in messages])
        latest_us = {bytes(row.digest): row.latest_us for row in rows}
        return [digest in latest_us and latest_us[digest] > received_us - dedupe_us for digest, received_us in messages]

    def append(
        self, product_id: int, batch: FoldBatch, *, before_us: int, dedupe_us: int, under: int | None = None
    ) -> None:
        """See BaseSnapshot."""
        body, own = packed(batch), {"product_id": product_id}
        row = {**own, "first": batch.first, "after": batch.after, "crc": zlib.crc32(body), "body": body}
        with self._engine.begin() as connection:
            if under is not None and connection.execute(_IN_FORCE, own).scalar() != under:
                raise Overtaken(f"revision {under} of product {product_id} is no longer in force")
            if batch.first != (end := int(connection.execute(_END, own).scalar_one())):
                raise ValueError(f"the base snapshot of product {product_id} ends at {end}, not at {batch.first}")
            try:
                connection.execute(_ADD, row)
            except IntegrityError as error:  # somebody else's piece, committed since
                told = f"the base snapshot of product {product_id} no longer ends at {batch.first}"
                raise ValueError(told) from error
            for start in range(0, len(batch.messages), MESSAGES_AT_ONCE):  # no statement may take long
                digests, moments = map(list, zip(*batch.messages[start : start + MESSAGES_AT_ONCE], strict=True))
                connection.execute(_ADD_MESSAGES, {**own, "digests": digests, "moments": moments})
            connection.execute(_FORGET, {**own, "kept_us": 2 * dedupe_us})
            connection.execute(_REACH, {**own, "before_us": before_us})

    def piece(self, product_id: int, first: int) -> FoldBatch | None:
        """See BaseSnapshot."""
        found = self._rows(_PIECE, product_id=product_id, first=first)
        if not found:
            return None
        row = found[0]
        after, body = int(row.after), bytes(row.body)
        if zlib.crc32(body) != row.crc:
            told = f"base_pieces: the checksum of product {product_id}, offset {first} does not match its content"
            raise BaseDamaged(told, after=after)
        rows = self._rows(_MESSAGES, product_id=product_id) if after == self.end(product_id) else []
        return unpacked(first, after, body, [(bytes(row.digest), row.received_us) for row in rows])

    def rewrite(self, product_id: int, change: Callable[[FoldBatch], FoldBatch]) -> None:
        """See BaseSnapshot."""
        for (first,) in self._rows(_FIRSTS, product_id=product_id):
            try:
                before = self.piece(product_id, first)
            except BaseDamaged:  # stays as it is, and is told when it is folded
                continue
            if before is None or (after := change(before)) == before:
                continue
            body = packed(after)
            row = {"product_id": product_id, "first": first, "crc": zlib.crc32(body), "body": body}
            with self._engine.begin() as connection:
                connection.execute(_WRITE, row)

    def scrub(self) -> bool:
        """See BaseSnapshot; the rows are written into new files, and the server deletes the old ones.  What its own
        log (WAL) tells of them goes when the server gives that up."""
        try:
            with self._engine.begin() as connection:
                allow(connection, MIGRATION_S)  # every piece is written anew
                for statement in _SCRUB:
                    connection.exec_driver_sql(statement)
        except BaseUnavailable as error:
            if getattr(error.__cause__, "sqlstate", "") == _LOCK_NOT_GIVEN:
                return False
            raise
        return True

    def size_bytes(self) -> int:
        """See BaseSnapshot."""
        return int(self._rows(_BYTES)[0][0])

    def close(self) -> None:
        """See BaseSnapshot."""
        self._engine.dispose()

    def _number(self, statement: Any, product_id: int) -> int:
        return int(self._rows(statement, product_id=product_id)[0][0])

    def _rows(self, statement: Any, **values: Any) -> list[Row[Any]]:
        with self._engine.connect() as connection:
            return list(connection.execute(statement, values))


def _told(context: ExceptionContext) -> BaseException | None:
    """What to raise instead of the driver's fault."""
    if isinstance(context.sqlalchemy_exception, OperationalError):
        fault = BaseUnavailable(f"the base snapshot cannot be used: {context.original_exception}")
        fault.__cause__ = context.original_exception
        return fault
    return None
