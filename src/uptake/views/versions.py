"""The history of a workspace's scoring model, and numbers under a version of it that does not score any more.

The numbers of another version are not kept: they are imagined by the event store for as long as a question takes, and
the answers are remembered until scores are published again.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

from uptake.core.days import days_between
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Point
from uptake.scoring import versions as scoring
from uptake.scoring.versions import ModelVersion
from uptake.segments.looking_back import looks_back
from uptake.stores.events.base import ListQuery
from uptake.views.base import FIRST_DAY, ProductView, Unknown, model_of
from uptake.views.summary import Asked


def model_versions(product: ProductView, workspace_id: int | None) -> Sequence[ModelVersion]:
    """Every version that changed the model of a workspace or whom it counts, the latest first.  Raises Unknown."""
    return scoring.model_versions(product.versions, model_of(product, workspace_id).workspace_id)


def asked_at(product: ProductView, workspace_id: int | None, revision: int, day: date) -> Asked:
    """A day of a workspace under the model that it had at a revision.  Raises Unknown."""
    workspace = model_of(product, workspace_id).workspace_id
    model = product.model_at(workspace, revision)
    if model is None:
        raise Unknown("unknown_revision", f"workspace {workspace} has no version {revision}")
    store = product.store
    return Asked(store, model, day, store.published(), under=revision)


@lru_cache(maxsize=64)
def page_at(asked: Asked, kind: Kind, query: ListQuery) -> tuple[list[Numbers], int]:
    """One page of the ranked list under another version, and how many there are."""
    earlier = [max(asked.day - timedelta(days=days), FIRST_DAY) for days in looks_back(query.where)]
    with asked.store.imagined([asked.model], [*earlier, asked.day]) as store:
        return store.numbers(kind, asked.model, asked.day, query)


@lru_cache(maxsize=64)
def series_at(asked: Asked, kind: Kind, tracking_id: str, first: date) -> list[Point]:
    """The days from the first up to the one asked about under another version."""
    begun = asked.store.totals().first_day
    days = list(days_between(max(first, begun or asked.day), asked.day))
    with asked.store.imagined([asked.model], days) as store:
        return store.series(kind, tracking_id, asked.model, (first, asked.day))
