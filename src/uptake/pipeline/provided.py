"""What the word of an OpenID provider is worth here: who somebody is, and what they may.

Where roles are mapped, the provider decides them at every sign-in: roles in products are replaced, ownership is given
and never taken.  Where none are, somebody has to be known or invited.
"""

from typing import Literal

import msgspec

from uptake.core.errors import UptakeError
from uptake.pipeline.people import MOST_NAME, checked_email
from uptake.pipeline.product import Clock
from uptake.pipeline.sign_in import NOBODY, Opened, Origin, SignIn
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.people import EmailTaken, Link, Person, Role, at_least

HOW = "by the sign-in provider"
GrantedRole = Literal["viewer", "editor", "admin", "owner"]


class Grant(msgspec.Struct, frozen=True):
    """Who is in a group gets a role: in one product, or in every product there is (product_id None)."""

    group: str
    role: GrantedRole
    product_id: int | None = None


class ProviderOptions(msgspec.Struct, frozen=True):
    """What the settings say of the provider.

    name: how the sign-in page calls it.  role_claim: the claim with a person's groups; '' for none.  domains: of e-mail
    addresses that may come in; none: all.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = ""
    scope: str = "openid email profile"
    role_claim: str = ""
    grants: tuple[Grant, ...] = ()
    domains: tuple[str, ...] = ()


class Begun(msgspec.Struct, frozen=True):
    """What the browser keeps while its reader is at the provider.  back: where they go on in the app."""

    state: str
    nonce: str
    verifier: str
    back: str = "/"


class Provided(msgspec.Struct, frozen=True):
    """Who somebody is, as the provider says.  verified: is the e-mail address theirs?  None: it does not say."""

    subject: str
    email: str
    verified: bool | None
    name: str
    groups: tuple[str, ...]


class Reception:
    """Lets in whom the provider sends."""

    def __init__(self, meta: MetaStore, clock: Clock, door: SignIn, options: ProviderOptions) -> None:
        self._meta, self._store, self._clock, self._door = meta, meta.people, clock, door
        self._options = options

    def enter(self, provided: Provided, origin: Origin) -> Opened:
        """Open a session for them.  Raises UptakeError (`provider_refused`)."""
        try:
            person = self._known(provided) or self._new(provided, origin)
            if person.disabled_us is not None:
                raise UptakeError("provider_refused", "you are kept out: ask an owner")
            person = self._with_roles(self._with_subject(person, provided, origin), provided, origin)
        except UptakeError as error:
            self._meta.audit.add(
                Entry(self._clock(), NOBODY, "sign_in_failed", about=f"{HOW}: {error.message}", address=origin.address)
            )
            raise
        return self._door.open(person, origin, how=HOW)

    def _known(self, provided: Provided) -> Person | None:
        """Who it is: by the provider's own word for them, or by an address that is surely theirs."""
        by_subject = self._store.person_by_subject(provided.subject)
        if by_subject is None or self._options.domains:
            self._demand_address(provided)
        found = by_subject or self._store.person_by_email(provided.email)
        if found is not None and found.subject not in ("", provided.subject):
            raise UptakeError("provider_refused", "somebody else at the provider has this address here")
        return found

    def _demand_address(self, provided: Provided) -> None:
        email = provided.email
        if not email:
            raise UptakeError("provider_refused", "the provider tells no e-mail address")
        domains = self._options.domains
        if domains and email.rpartition("@")[2] not in domains:
            raise UptakeError("provider_refused", "addresses of this domain may not sign in")
        # A provider that does not say is believed only where it answers for the domain.
        if not (provided.verified or (provided.verified is None and domains)):
            raise UptakeError("provider_refused", "the provider has not verified your e-mail address")

    def _new(self, provided: Provided, origin: Origin) -> Person:
        """Somebody who is invited, or to whom the provider gives a role."""
        links, now_us = [] if self._options.grants else self._invitations(provided.email), self._clock()
        roles, owner = self._granted(provided)
        for link in links:
            if link.product_id is None or link.role is None:
                owner = True
            elif not at_least(roles.get(link.product_id), link.role):
                roles[link.product_id] = link.role
        if not roles and not owner:
            raise UptakeError("provider_refused", "nobody has invited you, and no group of yours has a role here")
        for link in links:
            self._store.use_link(link.id, now_us, None)
        name = provided.name[:MOST_NAME] or provided.email.partition("@")[0]
        fresh = Person(0, checked_email(provided.email), name, owner, now_us, roles=roles, subject=provided.subject)
        entry = self._entry(provided, "person_added", origin, after=_short(fresh))
        try:
            return self._store.add_person(fresh, "", entry)
        except EmailTaken as error:
            raise UptakeError("provider_refused", "you came in a moment ago: try again") from error

    def _invitations(self, email: str) -> list[Link]:
        now_us = self._clock()
        links = [link for link in self._store.links() if link.kind == "invitation" and link.email == email]
        return [link for link in links if link.expires_us > now_us]

    def _with_subject(self, person: Person, provided: Provided, origin: Origin) -> Person:
        if person.subject:
            return person
        entry = self._entry(provided, "provider_linked", origin)
        return self._store.change_person(
            person.id, lambda each: msgspec.structs.replace(each, subject=provided.subject), entry
        )

    def _with_roles(self, person: Person, provided: Provided, origin: Origin) -> Person:
        if not self._options.grants:
            return person
        roles, owner = self._granted(provided)

        def changed(before: Person) -> Person:
            return msgspec.structs.replace(before, roles=roles, owner=owner or before.owner)

        if changed(person) != person:
            before, after = _short(person), _short(changed(person))
            entry = self._entry(provided, "role_changed", origin, before=before, after=after)
            person = self._store.change_person(person.id, changed, entry)
        if not roles and not person.owner:
            raise UptakeError("provider_refused", "no group of yours has a role here")
        return person

    def _granted(self, provided: Provided) -> tuple[dict[int, Role], bool]:
        """Roles by product, and whether they are an owner."""
        products = [product.id for product in self._meta.products()]
        roles: dict[int, Role] = {}
        owner = False
        for grant in self._options.grants:
            if grant.group not in provided.groups:
                continue
            if grant.role == "owner":
                owner = True
                continue
            for product_id in products if grant.product_id is None else {grant.product_id} & set(products):
                if not at_least(roles.get(product_id), grant.role):
                    roles[product_id] = grant.role
        return roles, owner

    def _entry(self, provided: Provided, what: str, origin: Origin, *, before: str = "", after: str = "") -> Entry:
        return Entry(self._clock(), provided.email, what, None, HOW, before, after, origin.address)


def _short(person: Person) -> str:
    """What a person may do, for the audit log."""
    roles = [f"{role} of product {product_id}" for product_id, role in sorted(person.roles.items())]
    return ", ".join((["owner"] if person.owner else []) + roles) or "nothing"
