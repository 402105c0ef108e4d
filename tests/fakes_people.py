"""People, sessions, links and the audit log in plain dictionaries: the oracle of their contract suites."""

import threading
from collections.abc import Callable, Sequence

import msgspec

from uptake.stores.meta.audit import AuditQuery, Entry, Recorded, shortened
from uptake.stores.meta.people import EmailTaken, Link, NoOwnerLeft, Person, Session, same_powers, somebody_owns


class MemoryAuditLog:
    """An `AuditLog` that forgets everything with the process."""

    def __init__(self) -> None:
        self.kept: list[Recorded] = []

    def add(self, entry: Entry) -> None:
        cut = {name: shortened(getattr(entry, name)) for name in ("by", "about", "before", "after")}
        self.kept.append(Recorded(len(self.kept) + 1, msgspec.structs.replace(entry, **cut)))

    def entries(self, query: AuditQuery) -> Sequence[Recorded]:
        wanted = [
            each
            for each in reversed(self.kept)
            if (query.product_ids is None or each.entry.product_id in query.product_ids)
            and (query.before_id is None or each.id < query.before_id)
            and query.by in ("", each.entry.by)
            and query.what in ("", each.entry.what)
        ]
        return wanted[: query.limit]


class MemoryPeopleStore:
    """A `PeopleStore` that forgets everything with the process."""

    def __init__(self, audit: MemoryAuditLog) -> None:
        self._audit, self._lock = audit, threading.RLock()
        self._people: dict[int, Person] = {}
        self._passwords: dict[int, str] = {}
        self._sessions: dict[bytes, Session] = {}
        self._links: dict[bytes, Link] = {}
        self._last_id = 0

    def _next(self) -> int:
        self._last_id += 1
        return self._last_id

    # ---- people
    def people(self) -> list[Person]:
        return sorted(self._people.values(), key=lambda person: person.email)

    def person(self, person_id: int) -> Person | None:
        return self._people.get(person_id)

    def person_by_email(self, email: str) -> Person | None:
        return next((person for person in self._people.values() if person.email == email), None)

    def person_by_subject(self, subject: str) -> Person | None:
        return next((person for person in self._people.values() if subject and person.subject == subject), None)

    def add_person(self, person: Person, password: str, entry: Entry) -> Person:
        with self._lock:
            if self.person_by_email(person.email):
                raise EmailTaken(person.email)
            added = msgspec.structs.replace(person, id=self._next(), has_password=bool(password))
            self._people[added.id], self._passwords[added.id] = added, password
            self._audit.add(entry)
        return added

    def change_person(self, person_id: int, change: Callable[[Person], Person], entry: Entry) -> Person:
        with self._lock:
            before = self._people[person_id]
            after = change(before)
            if somebody_owns(self.people()) and not somebody_owns(({**self._people, person_id: after}).values()):
                raise NoOwnerLeft(before.email)
            self._people[person_id] = after
            if not same_powers(before, after):
                self._end_all(person_id)
            self._audit.add(entry)
        return after

    def password(self, person_id: int) -> str:
        return self._passwords.get(person_id, "")

    def set_password(self, person_id: int, password: str, entry: Entry | None) -> None:
        with self._lock:
            self._passwords[person_id] = password
            self._people[person_id] = msgspec.structs.replace(self._people[person_id], has_password=bool(password))
            if entry is not None:
                self._end_all(person_id)
                self._audit.add(entry)

    # ---- sessions
    def open_session(self, session: Session, digest: bytes, entry: Entry) -> Session:
        with self._lock:
            for old in [each for each, held in self._sessions.items() if held.expires_us <= session.created_us]:
                del self._sessions[old]
            self._sessions[digest] = opened = msgspec.structs.replace(session, id=self._next())
            self._audit.add(entry)
        return opened

    def session(self, digest: bytes) -> tuple[Session, Person] | None:
        found = self._sessions.get(digest)
        return (found, self._people[found.person_id]) if found else None

    def sessions(self, person_id: int) -> list[Session]:
        held = [each for each in self._sessions.values() if each.person_id == person_id]
        return sorted(held, key=lambda each: (-each.seen_us, each.id))

    def see_session(self, session_id: int, seen_us: int) -> None:
        for digest, each in self._sessions.items():
            if each.id == session_id:
                self._sessions[digest] = msgspec.structs.replace(each, seen_us=seen_us)

    def end_session(self, session_id: int, entry: Entry) -> None:
        with self._lock:
            self._sessions = {digest: each for digest, each in self._sessions.items() if each.id != session_id}
            self._audit.add(entry)

    def forget_ways_in(self) -> None:
        self._sessions.clear()
        self._links.clear()

    def _end_all(self, person_id: int) -> None:
        self._sessions = {digest: each for digest, each in self._sessions.items() if each.person_id != person_id}

    # ---- links
    def add_link(self, link: Link, digest: bytes, entry: Entry) -> Link:
        with self._lock:
            for old in self.links():
                if (old.kind, old.email, old.product_id, old.person_id) == (
                    link.kind,
                    link.email,
                    link.product_id,
                    link.person_id,
                ):
                    self.use_link(old.id, link.created_us, None)
            self._links[digest] = added = msgspec.structs.replace(link, id=self._next())
            self._audit.add(entry)
        return added

    def link(self, digest: bytes) -> Link | None:
        return self._links.get(digest)

    def links(self) -> list[Link]:
        return sorted((each for each in self._links.values() if each.used_us is None), key=lambda each: -each.id)

    def use_link(self, link_id: int, used_us: int, entry: Entry | None) -> bool:
        with self._lock:
            for digest, each in self._links.items():
                if each.id == link_id and each.used_us is None:
                    self._links[digest] = msgspec.structs.replace(each, used_us=used_us)
                    if entry is not None:
                        self._audit.add(entry)
                    return True
        return False
