"""People, sessions and links over SQLAlchemy Core; see `uptake.stores.meta.people` for what is promised."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from uptake.stores.meta.audit import Entry
from uptake.stores.meta.audit_sql import write_entry
from uptake.stores.meta.people import EmailTaken, Link, NoOwnerLeft, Person, Role, Session, same_powers
from uptake.stores.meta.schema import changes, links, people, roles, sessions


class SqlPeopleStore:
    """A `PeopleStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine) -> None:
        """engine: of a meta store whose tables are there."""
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    @contextmanager
    def _change(self, entry: Entry | None) -> Iterator[Connection]:
        """A transaction that others wait for, with the entry that tells of it."""
        with self._writing.begin() as connection:
            connection.execute(select(changes.c.id).with_for_update())
            yield connection
            if entry is not None:
                write_entry(connection, entry)

    # ---- people
    def people(self) -> list[Person]:
        """Everybody, by e-mail address."""
        with self._engine.connect() as connection:
            return _people(connection, select(people))

    def person(self, person_id: int) -> Person | None:
        """The person with this id."""
        return self._one(people.c.id == person_id)

    def person_by_email(self, email: str) -> Person | None:
        """The person with this address, in lower case."""
        return self._one(people.c.email == email)

    def person_by_subject(self, subject: str) -> Person | None:
        """The person whom an OpenID provider calls so; None for ''."""
        return self._one(people.c.subject == subject) if subject else None

    def _one(self, condition: Any) -> Person | None:
        with self._engine.connect() as connection:
            return next(iter(_people(connection, select(people).where(condition))), None)

    def add_person(self, person: Person, password: str, entry: Entry) -> Person:
        """Add somebody with their roles; the id is given here.  Raises EmailTaken."""
        row = {**_columns(person), "email": person.email, "created_us": person.created_us, "password": password}
        try:
            with self._change(entry) as connection:
                person_id = _added(connection.execute(insert(people).values(row)))
                _put_roles(connection, person_id, person.roles)
        except IntegrityError as error:
            if self.person_by_email(person.email) is None:
                raise
            raise EmailTaken(person.email) from error
        return msgspec.structs.replace(person, id=person_id, has_password=bool(password))

    def change_person(self, person_id: int, change: Callable[[Person], Person], entry: Entry) -> Person:
        """Save what `change` makes of a person, with nobody in between.  Raises KeyError, NoOwnerLeft."""
        with self._change(entry) as connection:
            before = _by_id(connection, person_id)
            after = change(before)
            connection.execute(update(people).where(people.c.id == person_id).values(_columns(after)))
            connection.execute(delete(roles).where(roles.c.person_id == person_id))
            _put_roles(connection, person_id, after.roles)
            if not same_powers(before, after):
                connection.execute(delete(sessions).where(sessions.c.person_id == person_id))
            if before.owner and before.disabled_us is None and not _owners(connection):
                raise NoOwnerLeft(before.email)
        return after

    def password(self, person_id: int) -> str:
        """The hash of the person's password; '' if there is none."""
        with self._engine.connect() as connection:
            found = connection.execute(select(people.c.password).where(people.c.id == person_id)).scalar()
        return str(found or "")

    def set_password(self, person_id: int, password: str, entry: Entry | None) -> None:
        """Keep another hash.  All the person's sessions end, unless only the hash was renewed (entry is None)."""
        with self._change(entry) as connection:
            connection.execute(update(people).where(people.c.id == person_id).values(password=password))
            if entry is not None:
                connection.execute(delete(sessions).where(sessions.c.person_id == person_id))

    # ---- sessions
    def open_session(self, session: Session, digest: bytes, entry: Entry) -> Session:
        """Keep a session, found by the digest of its text; the id is given here.  Forgets sessions that expired."""
        row = {**msgspec.structs.asdict(session), "digest": digest}
        del row["id"]
        with self._change(entry) as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_us <= session.created_us))
            session_id = _added(connection.execute(insert(sessions).values(row)))
        return msgspec.structs.replace(session, id=session_id)

    def session(self, digest: bytes) -> tuple[Session, Person] | None:
        """The session with this digest and whose it is, expired or not; None if there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(_SESSIONS.where(sessions.c.digest == digest)).one_or_none()
            if row is None:
                return None
            found = Session(*row)
            return found, _by_id(connection, found.person_id)

    def sessions(self, person_id: int) -> list[Session]:
        """The person's sessions, those seen last first."""
        wanted = _SESSIONS.where(sessions.c.person_id == person_id).order_by(sessions.c.seen_us.desc(), sessions.c.id)
        with self._engine.connect() as connection:
            return [Session(*row) for row in connection.execute(wanted)]

    def see_session(self, session_id: int, seen_us: int) -> None:
        """Remember when the session was last used."""
        with self._writing.begin() as connection:
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(seen_us=seen_us))

    def forget_ways_in(self) -> None:
        """Forget every session and every link."""
        with self._writing.begin() as connection:
            connection.execute(delete(sessions))
            connection.execute(delete(links))

    def end_session(self, session_id: int, entry: Entry) -> None:
        """Forget a session; one that is gone already is no fault."""
        with self._change(entry) as connection:
            connection.execute(delete(sessions).where(sessions.c.id == session_id))

    # ---- links
    def add_link(self, link: Link, digest: bytes, entry: Entry) -> Link:
        """Keep a link, found by the digest of its text; another unused one for the same purpose is taken back."""
        row = {**msgspec.structs.asdict(link), "made_by": link.by, "digest": digest}
        del row["id"], row["by"]
        same = (links.c.kind == link.kind) & (links.c.email == link.email) & links.c.used_us.is_(None)
        same &= links.c.product_id.is_not_distinct_from(link.product_id)
        same &= links.c.person_id.is_not_distinct_from(link.person_id)
        with self._change(entry) as connection:
            connection.execute(update(links).where(same).values(used_us=link.created_us))
            link_id = _added(connection.execute(insert(links).values(row)))
        return msgspec.structs.replace(link, id=link_id)

    def link(self, digest: bytes) -> Link | None:
        """The link with this digest, used or not; None if there is none."""
        return next(iter(self._links(_LINKS.where(links.c.digest == digest))), None)

    def links(self) -> list[Link]:
        """All links that were not used, newest first."""
        return self._links(_LINKS.where(links.c.used_us.is_(None)).order_by(links.c.id.desc()))

    def _links(self, wanted: Select[Any]) -> list[Link]:
        with self._engine.connect() as connection:
            return [Link(*row) for row in connection.execute(wanted)]

    def use_link(self, link_id: int, used_us: int, entry: Entry | None) -> bool:
        """Mark the link as used or taken back; False where it was already."""
        unused = (links.c.id == link_id) & links.c.used_us.is_(None)
        with self._change(None) as connection:
            done = connection.execute(update(links).where(unused).values(used_us=used_us)).rowcount
            if done and entry is not None:
                write_entry(connection, entry)
        return bool(done)


_SESSIONS = select(*(sessions.c[name] for name in Session.__struct_fields__))
_LINKS = select(*(links.c["made_by" if name == "by" else name] for name in Link.__struct_fields__))


def _people(connection: Connection, wanted: Select[Any]) -> list[Person]:
    rows = list(connection.execute(wanted.order_by(people.c.email)))
    held: dict[int, dict[int, Role]] = defaultdict(dict)
    of_them = select(roles).order_by(roles.c.product_id)
    if len(rows) == 1:
        of_them = of_them.where(roles.c.person_id == rows[0].id)
    for role in connection.execute(of_them) if rows else ():
        held[role.person_id][role.product_id] = role.role
    return [_person(row, held[row.id]) for row in rows]


def _person(row: Row[Any], held: dict[int, Role]) -> Person:
    return Person(
        id=row.id,
        email=row.email,
        name=row.name,
        owner=bool(row.owner),
        created_us=row.created_us,
        disabled_us=row.disabled_us,
        roles=held,
        subject=row.subject or "",
        has_password=bool(row.password),
    )


def _by_id(connection: Connection, person_id: int) -> Person:
    found = _people(connection, select(people).where(people.c.id == person_id))
    if not found:
        raise KeyError(person_id)
    return found[0]


def _columns(person: Person) -> dict[str, Any]:
    """What of a person can change."""
    return {
        "name": person.name,
        "owner": person.owner,
        "disabled_us": person.disabled_us,
        "subject": person.subject or None,
    }


def _put_roles(connection: Connection, person_id: int, held: dict[int, Role]) -> None:
    rows = [{"person_id": person_id, "product_id": product, "role": role} for product, role in held.items()]
    if rows:
        connection.execute(insert(roles), rows)


def _owners(connection: Connection) -> int:
    able = people.c.owner.is_(True) & people.c.disabled_us.is_(None)
    return int(connection.execute(select(func.count()).select_from(people).where(able)).scalar_one())


def _added(result: Any) -> int:
    """The id that the inserted row was given."""
    return int(result.inserted_primary_key[0])
