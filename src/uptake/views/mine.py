"""Who owns which account: by what was said here, or else by a trait that holds the owner's e-mail address."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from uptake.core.conditions import Trait
from uptake.stores.meta.people import Person
from uptake.views.base import ProductView, model_of, scored_day


class Owner(msgspec.Struct, frozen=True):
    """Whom an account belongs to.

    name: as they are called; for a trait that names nobody here, what it holds.  person_id: None then.
    by_trait: is it the trait that says so?
    """

    name: str
    person_id: int | None
    by_trait: bool


def owned_accounts(product: ProductView, owners: Mapping[str, int], person: Person) -> tuple[str, ...]:
    """The accounts that somebody owns, ascending.

    owners: account → person, as it was said here; the trait counts where nothing was.
    """
    said = {account for account, person_id in owners.items() if person_id == person.id}
    trait = product.version.config.account_owner_trait
    if not trait:
        return tuple(sorted(said))
    model, day = model_of(product, None), scored_day(product, None)
    by_trait = product.store.matching("account", Trait("account", trait, "=", person.email), model, day)
    return tuple(sorted(said.union(account for account in by_trait if account not in owners)))


def owner_of(
    product: ProductView, owners: Mapping[str, int], people: Sequence[Person], account: str, traits: Mapping[str, Any]
) -> Owner | None:
    """Who owns an account; None where nobody does."""
    by_id = {person.id: person for person in people}
    if (person := by_id.get(owners.get(account, 0))) is not None:
        return Owner(person.name or person.email, person.id, by_trait=False)
    told = traits.get(product.version.config.account_owner_trait) if product.version.config.account_owner_trait else ""
    if not isinstance(told, str) or not told:
        return None
    named = next((person for person in people if person.email == told), None)
    return Owner(named.name or named.email, named.id, by_trait=True) if named else Owner(told, None, by_trait=True)
