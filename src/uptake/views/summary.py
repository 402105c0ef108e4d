"""A workspace at a glance: how many are on each level, and the averages of its accounts.

Both go over everyone, so they are kept until scores are published again.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import msgspec

from uptake.core.conditions import Condition
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import EventStore, ListQuery, Published, Totals
from uptake.views.base import ProductView, model_of, scored_day

EVERY = 10_000_000


class Averages(msgspec.Struct, frozen=True):
    """Means over the active accounts of a day; 0 where there is none.

    active: accounts with a score.  score: of those.  active_users_percent: of those, each one's share of active users.
    """

    active: int
    score: float
    active_users_percent: float


class Asked:
    """What a summary is of; equal where the answer must be."""

    def __init__(
        self,
        store: EventStore,
        model: ScoringModel,
        day: date,
        published: Published | None,
        *,
        under: object = None,
    ) -> None:
        """under: which model, where it is not the one in force on the day."""
        self.store, self.model, self.day = store, model, day
        self._key = (id(store), store.generation, model.workspace_id, under, day, published, repr(store.rules))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asked) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def level_counts(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    day: date | None = None,
    *,
    search: str = "",
    where: Condition | None = None,
    only: tuple[str, ...] | None = None,
) -> Mapping[str, int]:
    """How many are on each level on a day, by default today, of those that `search` finds and `where` holds for.

    only: of these tracking ids; None: of all.  Raises Unknown, BadDay.
    """
    asked_for = ListQuery(search=search, where=where, tracking_ids=only, limit=0)
    return _level_counts(asked_about(product, workspace_id, day, where), kind, asked_for)


def account_averages(product: ProductView, workspace_id: int | None, day: date | None = None) -> Averages:
    """Averages over the accounts on a day, by default today.  Raises Unknown, BadDay."""
    return _averages(asked_about(product, workspace_id, day))


def user_benchmark(product: ProductView, workspace_id: int | None, day: date | None = None) -> float | None:
    """The P90 of users' raw scores on a day, by default today; None where nobody was.  Raises Unknown, BadDay."""
    asked = asked_about(product, workspace_id, day)
    return asked.store.p90(asked.model, asked.day)


def product_totals(product: ProductView) -> Totals:
    """The product's size."""
    return product.store.totals()


def asked_about(
    product: ProductView, workspace_id: int | None, day: date | None, where: Condition | None = None
) -> Asked:
    """What a summary is of, of those that `where` holds for.  Raises Unknown, BadDay."""
    chosen = scored_day(product, day, where)
    model = model_of(product, workspace_id, chosen)
    store = product.store
    return Asked(store, model, chosen, store.published())


@lru_cache(maxsize=256)
def _level_counts(asked: Asked, kind: Kind, query: ListQuery) -> Mapping[str, int]:
    return asked.store.levels(kind, asked.model, asked.day, query)


@lru_cache(maxsize=64)
def _averages(asked: Asked) -> Averages:
    rows, _ = asked.store.numbers("account", asked.model, asked.day, ListQuery(limit=EVERY))
    active = [row for row in rows if row.score > 0]
    count = max(len(active), 1)
    shares = (100 * row.active_users / row.total_users for row in active if row.total_users)
    return Averages(len(active), sum(row.score for row in active) / count, sum(shares) / count)
