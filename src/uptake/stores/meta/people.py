"""The promise about people: who they are, what they may do where, their sessions, and the links that let somebody in.

Texts of sessions and links are made and told elsewhere; here only their digests arrive, so that a copy of the store
opens nothing.  Every change takes the `Entry` of the audit log that tells of it, and both are kept or neither.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import msgspec

from uptake.stores.meta.audit import Entry

Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "editor", "admin")
"""From the least to the most; each may do what those before it may."""

LinkKind = Literal["owner", "invitation", "reset"]


class Person(msgspec.Struct, frozen=True):
    """Somebody who signs in.

    email: in lower case.  owner: may do everything in every product.  disabled_us: since when the person is kept out;
    None: is not.  roles: product id → role.  subject: who they are at the OpenID provider, '' for nobody.
    has_password: False for who only comes from there.
    """

    id: int
    email: str
    name: str
    owner: bool
    created_us: int
    disabled_us: int | None = None
    roles: dict[int, Role] = {}
    subject: str = ""
    has_password: bool = True


class Session(msgspec.Struct, frozen=True):
    """A browser that is signed in, until it expires or is ended.  agent: what it said it is, short."""

    id: int
    person_id: int
    created_us: int
    seen_us: int
    expires_us: int
    agent: str
    address: str


class Link(msgspec.Struct, frozen=True):
    """A link that lets somebody in once.

    kind: `owner` makes the first owner, `invitation` gives a role in a product (or makes another owner, without one),
    `reset` sets the password of person_id.  used_us: when it was used or taken back; None while good.
    """

    id: int
    kind: LinkKind
    created_us: int
    expires_us: int
    by: str
    email: str = ""
    product_id: int | None = None
    role: Role | None = None
    person_id: int | None = None
    used_us: int | None = None


class EmailTaken(Exception):
    """Somebody has this e-mail address already."""


class NoOwnerLeft(Exception):
    """The change would leave the installation without an owner who can sign in."""


class PeopleStore(Protocol):
    """Safe for several threads and, on one machine, several processes."""

    def people(self) -> list[Person]:
        """Everybody, by e-mail address."""

    def person(self, person_id: int) -> Person | None:
        """The person with this id."""

    def person_by_email(self, email: str) -> Person | None:
        """The person with this address, in lower case."""

    def person_by_subject(self, subject: str) -> Person | None:
        """The person whom an OpenID provider calls so; None for ''."""

    def add_person(self, person: Person, password: str, entry: Entry) -> Person:
        """Add somebody with their roles; the id is given here.

        password: its hash; '' for none.  Raises EmailTaken.
        """

    def change_person(self, person_id: int, change: Callable[[Person], Person], entry: Entry) -> Person:
        """Save what `change` makes of name, owner, disabled_us, roles and subject, with nobody in between.

        Where the person may do something else than before, all their sessions end.  Raises KeyError, NoOwnerLeft, and
        what `change` raises.
        """

    def password(self, person_id: int) -> str:
        """The hash of the person's password; '' if there is none."""

    def set_password(self, person_id: int, password: str, entry: Entry | None) -> None:
        """Keep another hash.  All the person's sessions end, unless only the hash was renewed (entry is None)."""

    def open_session(self, session: Session, digest: bytes, entry: Entry) -> Session:
        """Keep a session, found by the digest of its text; the id is given here.  Forgets sessions that expired."""

    def session(self, digest: bytes) -> tuple[Session, Person] | None:
        """The session with this digest and whose it is, expired or not; None if there is none."""

    def sessions(self, person_id: int) -> list[Session]:
        """The person's sessions, those seen last first."""

    def see_session(self, session_id: int, seen_us: int) -> None:
        """Remember when the session was last used."""

    def end_session(self, session_id: int, entry: Entry) -> None:
        """Forget a session; one that is gone already is no fault."""

    def forget_ways_in(self) -> None:
        """Forget every session and every link: nobody who was let in before is let in by them again."""

    def add_link(self, link: Link, digest: bytes, entry: Entry) -> Link:
        """Keep a link, found by the digest of its text; the id is given here.

        Another unused link of the same kind for the same address, person and product is taken back.
        """

    def link(self, digest: bytes) -> Link | None:
        """The link with this digest, used or not; None if there is none."""

    def links(self) -> list[Link]:
        """All links that were not used, newest first."""

    def use_link(self, link_id: int, used_us: int, entry: Entry | None) -> bool:
        """Mark the link as used or taken back; False where it was already."""


def at_least(role: Role | None, wanted: Role) -> bool:
    """May the role do what the wanted one may?

    >>> at_least("admin", "editor"), at_least("viewer", "editor"), at_least(None, "viewer")
    (True, False, False)
    """
    return role is not None and ROLES.index(role) >= ROLES.index(wanted)


def same_powers(before: Person, after: Person) -> bool:
    """May the person do the same before and after?"""
    return (before.owner, before.disabled_us is None, before.roles) == (
        after.owner,
        after.disabled_us is None,
        after.roles,
    )


def somebody_owns(people: Iterable[Person]) -> bool:
    """Is anybody an owner who is not kept out?"""
    return any(person.owner and person.disabled_us is None for person in people)
