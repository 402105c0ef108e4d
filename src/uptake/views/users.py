"""Users of a workspace: the ranked list, one user, his events, traits and history."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from uptake.stores.events.base import ActedRow, ListQuery
from uptake.views.base import ProductView
from uptake.views.ranking import History, NumbersPage, Standing, history, known, ranked, standing


def user_list(
    product: ProductView,
    workspace_id: int | None,
    query: ListQuery,
    day: date | None = None,
    *,
    revision: int | None = None,
) -> NumbersPage:
    """One page of the ranked users on a day, by default today.  Raises Unknown, BadDay."""
    return ranked(product, "user", workspace_id, query, day=day, revision=revision)


def user_detail(product: ProductView, workspace_id: int | None, tracking_id: str, day: date | None = None) -> Standing:
    """One user's numbers on a day, by default today.  Raises Unknown, BadDay."""
    return standing(product, "user", workspace_id, tracking_id, day=day)


def user_named(product: ProductView, some_id: str) -> str:
    """The tracking id of the user with this opaque id or tracking id.  Raises Unknown."""
    return known(product, "user", some_id)


def user_history(
    product: ProductView,
    workspace_id: int | None,
    tracking_id: str,
    *,
    first: date | None = None,
    last: date | None = None,
    revision: int | None = None,
) -> History:
    """The user's series by day, by default of the last 30 days.  Raises Unknown, BadDay."""
    return history(product, "user", workspace_id, tracking_id, first=first, last=last, revision=revision)


def user_traits(product: ProductView, tracking_id: str) -> dict[str, Any]:
    """The user's traits by key."""
    return product.store.traits("user", tracking_id)


def user_events(product: ProductView, tracking_id: str, *, most: int = 20) -> Sequence[ActedRow]:
    """The user's latest events, newest first."""
    return product.store.latest_events("user", tracking_id, most=most)
