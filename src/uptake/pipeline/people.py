"""Letting people in and keeping them out: links, roles, and who may do that for whom."""

import re
from collections.abc import Callable

import msgspec

from uptake.core.days import DAY_US
from uptake.core.errors import UptakeError
from uptake.pipeline.passwords import demand_good, hashed
from uptake.pipeline.product import Clock
from uptake.pipeline.sign_in import Opened, Origin, SignIn, digest_of, new_text, normalised
from uptake.pipeline.standing import Standing
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.people import EmailTaken, Link, LinkKind, NoOwnerLeft, Person, Role, at_least, somebody_owns

LIFETIMES_US: dict[LinkKind, int] = {"owner": DAY_US, "invitation": 7 * DAY_US, "reset": DAY_US}
MOST_EMAIL, MOST_NAME = 254, 100
_EMAIL = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+")


class People:
    """Who may come in, and as what.  Safe for several threads."""

    def __init__(self, meta: MetaStore, clock: Clock, door: SignIn) -> None:
        self._store, self._clock, self._door = meta.people, clock, door

    # ---- links
    def owner_link(self, by: str) -> str | None:
        """The text of a link that makes the first owner; None where there is an owner."""
        if somebody_owns(self._store.people()):
            return None
        now_us = self._clock()
        link = Link(0, "owner", now_us, now_us + LIFETIMES_US["owner"], by)
        return self._new_link(link, Entry(now_us, by, "person_invited", about="the first owner"))

    def invite(self, standing: Standing, email: str, role: Role, product_id: int) -> str:
        """The text of a link with which the address gets a role in a product.

        Raises UptakeError: `not_permitted`, `invalid_parameter` for what is no address.
        """
        standing.demand("admin", product_id)
        return self._invite(standing, email, product_id=product_id, role=role)

    def invite_owner(self, standing: Standing, email: str) -> str:
        """The text of a link that makes the address an owner.  Raises UptakeError as `invite` does."""
        _demand_owner(standing)
        return self._invite(standing, email, product_id=None, role=None)

    def _invite(self, standing: Standing, email: str, *, product_id: int | None, role: Role | None) -> str:
        email, now_us = checked_email(email), self._clock()
        link = Link(0, "invitation", now_us, now_us + LIFETIMES_US["invitation"], standing.by, email, product_id, role)
        return self._new_link(link, self._entry(standing, "person_invited", email, product_id, after=role or "owner"))

    def reset_link(self, standing: Standing, person_id: int) -> str:
        """The text of a link with which the person sets a new password.  Raises UptakeError."""
        person, now_us = self._managed(standing, person_id), self._clock()
        link = Link(0, "reset", now_us, now_us + LIFETIMES_US["reset"], standing.by, person.email, person_id=person.id)
        return self._new_link(link, self._entry(standing, "reset_link_made", person.email))

    def _new_link(self, link: Link, entry: Entry) -> str:
        text = new_text()
        self._store.add_link(link, digest_of(text), entry)
        return text

    def link(self, text: str) -> Link:
        """The link with this text.  Raises UptakeError (`link_not_good`) for one that is unknown, used or too old."""
        found = self._store.link(digest_of(text))
        good = found is not None and found.used_us is None and found.expires_us > self._clock()
        if found is None or not good or (found.kind == "owner" and somebody_owns(self._store.people())):
            raise UptakeError("link_not_good", "this link was used, taken back or is too old: ask for a new one")
        return found

    def open_links(self, product_id: int | None) -> list[Link]:
        """The invitations to a product that are still good, newest first; None: those that make owners."""
        now_us = self._clock()
        return [
            link
            for link in self._store.links()
            if link.kind == "invitation" and link.product_id == product_id and link.expires_us > now_us
        ]

    def withdraw(self, standing: Standing, link_id: int) -> None:
        """Take an invitation back.  Raises UptakeError (`not_permitted`, `not_found`)."""
        link = next((each for each in self._store.links() if each.id == link_id and each.kind == "invitation"), None)
        if link is None or not (standing.owner or (link.product_id and standing.may("admin", link.product_id))):
            raise UptakeError("not_found", f"there is no invitation {link_id}")
        entry = self._entry(standing, "invitation_withdrawn", link.email, link.product_id)
        self._store.use_link(link.id, self._clock(), entry)

    # ---- coming in
    def accept(self, text: str, origin: Origin, *, email: str = "", name: str = "", password: str = "") -> Opened:
        """Do what the link is for, and open a session.

        email: read for the link of the first owner alone.  password: a new one; for somebody who is known already, and
        for no other link than one for a new password, the one they have.
        Raises UptakeError: `link_not_good`, `password_too_short`, `invalid_parameter`, `sign_in_failed`.
        """
        link = self.link(text)
        if link.kind == "reset":
            return self._reset(link, password, origin)
        link = msgspec.structs.replace(link, email=checked_email(email)) if link.kind == "owner" else link
        known = self._store.person_by_email(link.email)
        if known is not None:
            self._door.proven(known.email, password, origin)
            return self._widen(link, known, origin)
        return self._add(link, name.strip()[:MOST_NAME], password, origin)

    def accept_as(self, text: str, standing: Standing) -> None:
        """Take the invitation as somebody who is signed in with its address already.  Raises UptakeError."""
        link = self.link(text)
        if standing.person is None or link.kind != "invitation" or standing.person.email != link.email:
            raise UptakeError("link_not_good", "this link is for somebody else")
        self._take(link, link.email, standing.address)
        self._store.change_person(standing.person.id, _gaining(link), self._joined(link, standing.address))

    def _reset(self, link: Link, password: str, origin: Origin) -> Opened:
        demand_good(password)
        person = self._store.person(link.person_id or 0)
        if person is None or person.disabled_us is not None:
            raise UptakeError("link_not_good", "this person is kept out")
        self._take(link, person.email, origin.address)
        entry = Entry(self._clock(), person.email, "password_reset", address=origin.address)
        self._store.set_password(person.id, hashed(password), entry)
        return self._door.open(person, origin, how="with a link for a new password")

    def _widen(self, link: Link, known: Person, origin: Origin) -> Opened:
        self._take(link, known.email, origin.address)
        person = self._store.change_person(known.id, _gaining(link), self._joined(link, origin.address))
        return self._door.open(person, origin, how="with an invitation")

    def _add(self, link: Link, name: str, password: str, origin: Origin) -> Opened:
        demand_good(password)
        self._take(link, link.email, origin.address)
        person = self._added(link, name, hashed(password), self._joined(link, origin.address))
        return self._door.open(person, origin, how="with an invitation")

    def _take(self, link: Link, email: str, address: str) -> None:
        if not self._store.use_link(link.id, self._clock(), None):
            raise UptakeError("link_not_good", "this link was used a moment ago")

    def _joined(self, link: Link, address: str) -> Entry:
        what = "owner_made" if link.product_id is None else "person_added"
        after = link.role or "owner"
        return Entry(self._clock(), link.email, what, link.product_id, f"invited by {link.by}", "", after, address)

    def _added(self, link: Link, name: str, password: str, entry: Entry) -> Person:
        fresh = Person(0, link.email, name or link.email.partition("@")[0], owner=False, created_us=self._clock())
        try:
            return self._store.add_person(_gaining(link)(fresh), password, entry)
        except EmailTaken as error:
            raise UptakeError("email_taken", f"{link.email} is known already") from error

    def create(
        self, standing: Standing, email: str, password: str, *, role: Role | None, product_id: int | None
    ) -> Person:
        """Add somebody with a password at once, an owner where there is no role.  Raises UptakeError."""
        _demand_owner(standing)
        demand_good(password)
        now_us = self._clock()
        link = Link(0, "invitation", now_us, now_us, standing.by, checked_email(email), product_id, role)
        entry = self._entry(standing, "person_created", link.email, product_id, after=role or "owner")
        return self._added(link, "", hashed(password), entry)

    def set_password(self, standing: Standing, person_id: int, password: str) -> None:
        """Give somebody another password.  Raises UptakeError."""
        person = self._managed(standing, person_id)
        demand_good(password)
        self._store.set_password(person.id, hashed(password), self._entry(standing, "password_reset", person.email))

    # ---- powers
    def put_role(self, standing: Standing, person_id: int, product_id: int, role: Role | None) -> Person:
        """Give somebody another role in a product, or none.  Raises UptakeError."""
        standing.demand("admin", product_id)
        person = self._known(person_id)
        if not standing.owner and product_id not in person.roles:
            raise UptakeError("not_found", f"the product has nobody with the number {person_id}")

        def changed(before: Person) -> Person:
            held = {product: each for product, each in before.roles.items() if product != product_id}
            return msgspec.structs.replace(before, roles={**held, product_id: role} if role else held)

        before, after = person.roles.get(product_id) or "none", role or "none"
        entry = self._entry(standing, "role_changed", person.email, product_id, before=before, after=after)
        return self._changed(person, changed, entry)

    def put_owner(self, standing: Standing, person_id: int, *, owner: bool) -> Person:
        """Make somebody an owner, or no longer one.  Raises UptakeError (`not_permitted`, `last_owner`)."""
        _demand_owner(standing)
        person = self._known(person_id)
        before, after = ("owner" if each else "not owner" for each in (person.owner, owner))
        entry = self._entry(standing, "role_changed", person.email, before=before, after=after)
        return self._changed(person, lambda each: msgspec.structs.replace(each, owner=owner), entry)

    def put_disabled(self, standing: Standing, person_id: int, *, disabled: bool) -> Person:
        """Keep somebody out, or let them in again.  Raises UptakeError (`not_permitted`, `last_owner`)."""
        person, now_us = self._managed(standing, person_id), self._clock()
        entry = self._entry(standing, "person_disabled" if disabled else "person_enabled", person.email)
        since_us = now_us if disabled else None
        return self._changed(person, lambda each: msgspec.structs.replace(each, disabled_us=since_us), entry)

    def put_name(self, standing: Standing, name: str) -> None:
        """Change the name of who asks.  Raises UptakeError (`invalid_parameter`)."""
        name = name.strip()
        if not 0 < len(name) <= MOST_NAME:
            raise UptakeError("invalid_parameter", f"a name has 1 to {MOST_NAME} characters")
        if standing.person:
            entry = self._entry(standing, "name_changed", standing.by, before=standing.person.name, after=name)
            self._changed(standing.person, lambda each: msgspec.structs.replace(each, name=name), entry)

    def _changed(self, person: Person, change: Callable[[Person], Person], entry: Entry) -> Person:
        try:
            return self._store.change_person(person.id, change, entry)
        except NoOwnerLeft as error:
            told = f"{person.email} is the only owner: make somebody else an owner first"
            raise UptakeError("last_owner", told) from error

    def _known(self, person_id: int) -> Person:
        person = self._store.person(person_id)
        if person is None:
            raise UptakeError("not_found", f"there is nobody with the number {person_id}")
        return person

    def _managed(self, standing: Standing, person_id: int) -> Person:
        person = self._known(person_id)
        if not standing.manages(person):
            told = "this person can do more than you administer: ask an owner"
            raise UptakeError("not_permitted", told)
        return person

    def _entry(self, standing: Standing, what: str, about: str, product_id: int | None = None, **short: str) -> Entry:
        return Entry(self._clock(), standing.by, what, product_id, about, address=standing.address, **short)


def checked_email(text: str) -> str:
    """The address as it is kept.  Raises UptakeError (`invalid_parameter`)."""
    email = normalised(text)
    if len(email) > MOST_EMAIL or not _EMAIL.fullmatch(email):
        raise UptakeError("invalid_parameter", f"{text[:MOST_EMAIL]!r} is no e-mail address")
    return email


def _demand_owner(standing: Standing) -> None:
    if not standing.owner:
        raise UptakeError("not_permitted", "only an owner of the installation may do this")


def _gaining(link: Link) -> Callable[[Person], Person]:
    """What the link makes of a person."""

    def gained(person: Person) -> Person:
        if link.product_id is None or link.role is None:
            return msgspec.structs.replace(person, owner=True)
        has = person.roles.get(link.product_id)
        role = has if has and at_least(has, link.role) else link.role  # an old invitation takes nothing away
        return msgspec.structs.replace(person, roles={**person.roles, link.product_id: role})

    return gained
