"""Notes, owners and saved views over SQLAlchemy Core; see `uptake.stores.meta.care` for what is promised."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, and_, delete, func, insert, select
from sqlalchemy.engine import Row

from uptake.core.effects import Kind
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.audit_sql import write_entry
from uptake.stores.meta.care import Note, SavedView, TooMany
from uptake.stores.meta.schema import notes, owners, views


class SqlCareStore:
    """A `CareStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine) -> None:
        """engine: of a meta store whose tables are there."""
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    def notes(self, product_id: int, kind: Kind | None = None, tracking_id: str | None = None) -> Sequence[Note]:
        """Notes, the newest first."""
        wanted = select(notes).where(notes.c.product_id == product_id)
        if kind is not None:
            wanted = wanted.where(notes.c.kind == kind)
        if tracking_id is not None:
            wanted = wanted.where(notes.c.tracking_id == tracking_id)
        with self._engine.connect() as connection:
            return [_note(row) for row in connection.execute(wanted.order_by(notes.c.id.desc()))]

    def add_note(self, note: Note, entry: Entry, *, most: int) -> Note:
        """Keep a note; the id is given here."""
        same = and_(
            notes.c.product_id == note.product_id,
            notes.c.kind == note.kind,
            notes.c.tracking_id == note.tracking_id,
        )
        with self._writing.begin() as connection:
            if _count(connection, notes, same) >= most:
                raise TooMany
            number = _added(connection, notes, note)
            write_entry(connection, entry)
        return msgspec.structs.replace(note, id=number)

    def drop_note(self, product_id: int, note_id: int, entry: Entry) -> None:
        """Forget a note.  Raises KeyError."""
        with self._writing.begin() as connection:
            gone = delete(notes).where(notes.c.product_id == product_id, notes.c.id == note_id)
            if not connection.execute(gone).rowcount:
                raise KeyError(note_id)
            write_entry(connection, entry)

    def owners(self, product_id: int) -> dict[str, int]:
        """Account → the person who owns it."""
        wanted = select(owners).where(owners.c.product_id == product_id).order_by(owners.c.account)
        with self._engine.connect() as connection:
            return {row.account: row.person_id for row in connection.execute(wanted)}

    def set_owner(self, product_id: int, account: str, person_id: int | None, entry: Entry) -> None:
        """Give an account an owner, or take the owner away."""
        with self._writing.begin() as connection:
            connection.execute(delete(owners).where(owners.c.product_id == product_id, owners.c.account == account))
            if person_id is not None:
                row = {"product_id": product_id, "account": account, "person_id": person_id}
                connection.execute(insert(owners).values(row))
            write_entry(connection, entry)

    def views(self, product_id: int, person_id: int | None) -> Sequence[SavedView]:
        """The views of one person, by name."""
        with self._engine.connect() as connection:
            found = connection.execute(select(views).where(_of(product_id, person_id)))
            return sorted((_view(row) for row in found), key=lambda view: view.name)

    def save_view(self, view: SavedView, *, most: int) -> SavedView:
        """Keep a view; one of the same person and name is replaced."""
        whose = _of(view.product_id, view.person_id)
        with self._writing.begin() as connection:
            connection.execute(delete(views).where(whose, views.c.name == view.name))
            if _count(connection, views, whose) >= most:
                raise TooMany
            number = _added(connection, views, view)
        return msgspec.structs.replace(view, id=number)

    def drop_view(self, product_id: int, person_id: int | None, view_id: int) -> None:
        """Forget a view."""
        with self._writing.begin() as connection:
            connection.execute(delete(views).where(_of(product_id, person_id), views.c.id == view_id))

    def forget(self, product_id: int, kind: Kind, tracking_id: str) -> int:
        """Erase every note on an account or user, and an account's owner."""
        theirs = (notes.c.product_id == product_id, notes.c.kind == kind, notes.c.tracking_id == tracking_id)
        with self._writing.begin() as connection:
            gone = connection.execute(delete(notes).where(*theirs)).rowcount
            if kind == "account":
                owned = (owners.c.product_id == product_id, owners.c.account == tracking_id)
                connection.execute(delete(owners).where(*owned))
        return int(gone)


def _of(product_id: int, person_id: int | None) -> Any:
    whose = views.c.person_id.is_(None) if person_id is None else views.c.person_id == person_id
    return and_(views.c.product_id == product_id, whose)


def _count(connection: Connection, table: Table, condition: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def _added(connection: Connection, table: Table, row: Note | SavedView) -> int:
    values = msgspec.structs.asdict(row)
    del values["id"]
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _note(row: Row[Any]) -> Note:
    return Note(row.id, row.product_id, row.kind, row.tracking_id, row.text, row.author, row.person_id, row.written_us)


def _view(row: Row[Any]) -> SavedView:
    return SavedView(row.id, row.product_id, row.person_id, row.name, row.address, row.saved_us)
