"""The traits of a product's users and accounts: which there are, of which type, and what does not fit it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from uptake.core.config import TraitType
from uptake.core.effects import Kind
from uptake.core.traits import TraitForms, TraitValue, fitting, inferred, stored_key
from uptake.views.base import ProductView
from uptake.views.summary import Asked

MOST_LENGTH = 200
"""A sample value is cut after so many characters."""


class TraitSummary(msgspec.Struct, frozen=True):
    """A trait with its type.

    type: the one in force: chosen, else inferred.  chosen: the operator's, None where there is none.  inferred: what
    the values suggest, and share (0–1) of them that fit it.  have: how many users or accounts have it.
    unfit: how many values do not fit the type in force; samples: the commonest of them, as JSON texts.
    """

    kind: Kind
    key: str
    type: TraitType
    chosen: TraitType | None
    inferred: TraitType
    share: float
    have: int
    unfit: int
    samples: Sequence[TraitValue] = ()


def trait_list(product: ProductView, kind: Kind, *, samples: int = 5) -> list[TraitSummary]:
    """Every trait that was seen or typed, by key, with at most so many sample values that do not fit."""
    store, types = product.store, product.version.config.trait_types
    seen = {forms.key: forms for forms in store.trait_forms(kind)}
    typed = types.user if kind == "user" else types.account
    unseen = {stored_key(key) for key in typed} - seen.keys()
    found = []
    for key in sorted(seen.keys() | unseen):
        summary = _summary(kind, seen.get(key) or TraitForms(key, *[0] * 8), types.of(kind, key))
        if summary.unfit and samples:
            values = store.trait_values(kind, key, unfit=summary.type, most=samples)
            summary = msgspec.structs.replace(summary, samples=[_cut(value) for value in values])
        found.append(summary)
    return found


def trait_values(product: ProductView, kind: Kind, key: str, *, most: int = 20) -> list[TraitValue]:
    """The commonest values of a trait, as JSON texts, for whoever writes a condition."""
    return [_cut(value) for value in product.store.trait_values(kind, key, most=most)]


def trait_columns(product: ProductView, kind: Kind) -> Sequence[str]:
    """The keys of the traits, that which most users or accounts have first; of the latest published scores."""
    store = product.store
    return _by_use(Asked(store, product.models[0], product.today(), store.published()), kind)


@lru_cache(maxsize=64)
def _by_use(asked: Asked, kind: Kind) -> Sequence[str]:
    held = asked.store.trait_keys(kind)
    return sorted(held, key=lambda key: (-held[key], key))


def traits_among(
    product: ProductView, kind: Kind, tracking_ids: Sequence[str], keys: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Tracking id → trait key → value, of these; who has none of them is left out."""
    return product.store.traits_among(kind, tracking_ids, keys) if keys else {}


def _summary(kind: Kind, forms: TraitForms, chosen: TraitType | None) -> TraitSummary:
    suggested = inferred(forms)
    in_force = chosen or suggested.type
    return TraitSummary(
        kind=kind,
        key=forms.key,
        type=in_force,
        chosen=chosen,
        inferred=suggested.type,
        share=suggested.share,
        have=forms.values,
        unfit=forms.values - fitting(forms, in_force),
    )


def _cut(value: TraitValue) -> TraitValue:
    text = value.value
    return value if len(text) <= MOST_LENGTH else TraitValue(text[:MOST_LENGTH] + "…", value.times)
