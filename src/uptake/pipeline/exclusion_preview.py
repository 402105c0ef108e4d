"""Whom exclusions would leave out, before they are saved."""

from collections.abc import Iterable

import msgspec

from uptake.core.config import Exclusions
from uptake.core.effects import Kind
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.configure import faults_in
from uptake.pipeline.population import LeftOut, excluded
from uptake.pipeline.product import RunningProduct
from uptake.stores.events.base import ListQuery

MOST_SAMPLES = 20
MOST_UNKNOWN = 50


class Leaving(msgspec.Struct, frozen=True):
    """Known users or accounts that exclusions would leave out.

    total: all of them.  more, back: how many of them are counted now, and how many left out now would be counted again.
    sample: tracking ids of the first `more`.  unknown: excluded ids that the product does not know.
    """

    total: int
    more: int
    back: int
    sample: tuple[str, ...]
    unknown: tuple[str, ...]


class ExclusionPreview(msgspec.Struct, frozen=True):
    """What exclusions would do to users and accounts."""

    users: Leaving
    accounts: Leaving


def preview_exclusions(product: RunningProduct, rules: Exclusions) -> ExclusionPreview:
    """What the exclusions would do if they were saved.  Raises ConfigInvalid with their faults."""
    config = msgspec.structs.replace(product.config, exclusions=rules)
    faults = [fault for fault in faults_in(config) if fault.place.startswith("$.exclusions")]
    if faults:
        raise ConfigInvalid(faults)
    store, today = product.store, product.today()
    now, then = excluded(product.config, store, today), excluded(config, store, today)
    return ExclusionPreview(
        users=_leaving(product, "user", (now, then), rules.users),
        accounts=_leaving(product, "account", (now, then), rules.accounts),
    )


def _leaving(product: RunningProduct, kind: Kind, left_out: tuple[LeftOut, LeftOut], named: Iterable[str]) -> Leaving:
    now, then = (each.users if kind == "user" else each.accounts for each in left_out)
    known = _known(product, kind, now | then | frozenset(named))
    more = sorted((then - now) & known)
    return Leaving(
        total=len(then & known),
        more=len(more),
        back=len((now - then) & known),
        sample=tuple(more[:MOST_SAMPLES]),
        unknown=tuple(each for each in dict.fromkeys(named) if each not in known)[:MOST_UNKNOWN],
    )


def _known(product: RunningProduct, kind: Kind, ids: frozenset[str]) -> frozenset[str]:
    nobody_left_out = msgspec.structs.replace(
        product.models[0], excluded_users=frozenset(), excluded_accounts=frozenset()
    )
    query = ListQuery(tracking_ids=tuple(sorted(ids)), sort="tracking_id", limit=len(ids))
    rows, _ = product.store.numbers(kind, nobody_left_out, product.today(), query)
    return frozenset(row.tracking_id for row in rows)
