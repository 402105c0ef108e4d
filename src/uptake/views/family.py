"""The accounts above and below one account."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from uptake.core.conditions import All, AnyOf, Not, Trait
from uptake.core.scores import Numbers
from uptake.stores.events.base import MOST_ANCESTORS, ListQuery
from uptake.views.accounts import account_list, account_traits
from uptake.views.base import ProductView

PARENT_TRAITS = ("parent_group_id", "parent")
MOST_CHILDREN = 50


class Family(msgspec.Struct, frozen=True):
    """parents: the nearest first.  children: the first 50 by score, of so many.  Unknown and excluded ones are left
    out, and in a circle nobody stands on both sides."""

    parents: Sequence[Numbers]
    children: Sequence[Numbers]
    total: int


def family(product: ProductView, workspace_id: int | None, tracking_id: str, day: date | None = None) -> Family:
    """Who stands above and below an account, with the numbers of a day, by default today.  Raises Unknown, BadDay."""
    ids = _above(product, tracking_id)
    asked = ListQuery(tracking_ids=tuple(ids), limit=len(ids))
    found = {row.tracking_id: row for row in account_list(product, workspace_id, asked, day).rows} if ids else {}
    below = ListQuery(where=_child_of(tracking_id), limit=MOST_CHILDREN)
    listed = account_list(product, workspace_id, below, day)
    children = [row for row in listed.rows if row.tracking_id not in (tracking_id, *ids)]
    total = listed.total - (len(listed.rows) - len(children))
    return Family([found[each] for each in ids if each in found], children, total)


def _above(product: ProductView, tracking_id: str) -> list[str]:
    """Parent, its parent and so on, until an id repeats."""
    found: list[str] = []
    parent = _parent(account_traits(product, tracking_id))
    while parent and parent not in (tracking_id, *found) and len(found) < MOST_ANCESTORS:
        found.append(parent)
        parent = _parent(account_traits(product, parent))
    return found


def _parent(traits: Mapping[str, Any]) -> str:
    named = next((traits[key] for key in PARENT_TRAITS if traits.get(key)), "")
    return str(named) if isinstance(named, str | int | float) else ""


def _child_of(tracking_id: str) -> AnyOf:
    by_group, by_parent = (Trait("account", key, "=", tracking_id) for key in PARENT_TRAITS)
    return AnyOf((by_group, All((Not(Trait("account", PARENT_TRAITS[0], "exists")), by_parent))))
