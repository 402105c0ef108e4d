"""Who is asking, and what they may do: the one place that compares roles."""

from typing import Literal

import msgspec

from uptake.core.errors import UptakeError
from uptake.stores.meta.people import Person, Role, Session, at_least

Power = Literal["viewer", "editor", "admin", "owner"]
"""What something needs: a role in the product, or to be an owner of the installation."""


class Standing(msgspec.Struct, frozen=True):
    """Who is asking.

    by: what the audit log and the versions call them.  person and session: None for the command line, and for whoever
    sits at the machine of an installation that is open there.
    """

    by: str
    owner: bool = False
    roles: dict[int, Role] = {}
    address: str = ""
    person: Person | None = None
    session: Session | None = None

    def role_in(self, product_id: int) -> Power | None:
        """What they may do in a product; None: they must not know that there is one."""
        return "owner" if self.owner else self.roles.get(product_id)

    def may(self, power: Power, product_id: int) -> bool:
        """May they do in the product what needs this power?"""
        if self.owner or power == "owner":
            return self.owner
        return at_least(self.roles.get(product_id), power)

    def demand(self, power: Power, product_id: int) -> None:
        """Raises UptakeError (`not_permitted`) unless they may."""
        if not self.may(power, product_id):
            raise UptakeError("not_permitted", f"this needs the role {power}")

    def manages(self, person: Person) -> bool:
        """May they keep the person out or let them have a new password?

        Only where the person can do nothing that they themselves do not administer: whoever makes a new password for
        somebody can become them.
        """
        return self.owner or (
            not person.owner and bool(person.roles) and all(self.may("admin", product) for product in person.roles)
        )


def standing_of(person: Person, session: Session | None, address: str) -> Standing:
    """The standing of somebody who is signed in."""
    return Standing(person.email, person.owner, person.roles, address, person, session)
