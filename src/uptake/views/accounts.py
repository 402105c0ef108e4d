"""Accounts of a workspace: the ranked list, one account, its users, events, traits and history."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from uptake.stores.events.base import ActedRow, ListQuery
from uptake.views.base import ProductView
from uptake.views.ranking import History, NumbersPage, Standing, history, known, ranked, standing


def account_list(
    product: ProductView,
    workspace_id: int | None,
    query: ListQuery,
    day: date | None = None,
    *,
    revision: int | None = None,
) -> NumbersPage:
    """One page of the ranked accounts on a day, by default today.  Raises Unknown, BadDay."""
    return ranked(product, "account", workspace_id, query, day=day, revision=revision)


def account_detail(
    product: ProductView, workspace_id: int | None, tracking_id: str, day: date | None = None
) -> Standing:
    """One account's numbers on a day, by default today.  Raises Unknown, BadDay."""
    return standing(product, "account", workspace_id, tracking_id, day=day)


def account_named(product: ProductView, some_id: str) -> str:
    """The tracking id of the account with this opaque id or tracking id.  Raises Unknown."""
    return known(product, "account", some_id)


def account_history(
    product: ProductView,
    workspace_id: int | None,
    tracking_id: str,
    *,
    first: date | None = None,
    last: date | None = None,
    revision: int | None = None,
) -> History:
    """The account's series by day, by default of the last 30 days.  Raises Unknown, BadDay."""
    return history(product, "account", workspace_id, tracking_id, first=first, last=last, revision=revision)


def account_users(
    product: ProductView, workspace_id: int | None, tracking_id: str, query: ListQuery, day: date | None = None
) -> NumbersPage:
    """One page of the users whose events count for the account or who belong to it.  Raises Unknown, BadDay."""
    of_account = ListQuery(
        sort=query.sort,
        descending=query.descending,
        search=query.search,
        level=query.level,
        account=tracking_id,
        limit=query.limit,
        offset=query.offset,
    )
    return ranked(product, "user", workspace_id, of_account, day=day)


def account_traits(product: ProductView, tracking_id: str) -> dict[str, Any]:
    """The account's traits by key."""
    return product.store.traits("account", tracking_id)


def account_events(product: ProductView, tracking_id: str, *, most: int = 20) -> Sequence[ActedRow]:
    """The latest events that count for the account, newest first."""
    return product.store.latest_events("account", tracking_id, most=most)
