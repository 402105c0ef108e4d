"""The events of a product by name, with their feature and what a workspace weighs them."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import msgspec

from uptake.core.days import days_between
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.stores.events.usage import EVERYBODY
from uptake.views.base import ProductView, model_of


class EventSummary(msgspec.Struct, frozen=True):
    """An event's name with its feature ('' for none), its weight in the workspace, and its volume ever."""

    event: str
    feature: str
    weight: int
    times: int
    users: int
    accounts: int
    first_us: int
    last_us: int


def event_list(
    product: ProductView,
    workspace_id: int | None = None,
    *,
    with_hidden: bool = False,
    only: Collection[str] | None = None,
    of: Collection[Kind] = EVERYBODY,
) -> Sequence[EventSummary]:
    """Every event ever counted that is not hidden, the most frequent first, then by name; or only those of them.

    of: who is counted; of others it tells 0, and sooner.  Raises Unknown for a workspace.
    """
    model = model_of(product, workspace_id)
    hidden = () if with_hidden else product.version.config.hidden_events
    found = [
        EventSummary(
            event=volume.event,
            feature=model.features.get(volume.event, ""),
            weight=weight_of(model, volume.event),
            times=volume.times,
            users=volume.users,
            accounts=volume.accounts,
            first_us=volume.first_us,
            last_us=volume.last_us,
        )
        for volume in product.store.event_volumes(only, of=of)
        if volume.event not in hidden
    ]
    return sorted(found, key=lambda each: (-each.times, each.event))


def weight_of(model: ScoringModel, event: str) -> int:
    """What one time of the event is worth in the workspace."""
    return model.weights.get(event, 1 if model.every_event else 0)


def events_by_day(product: ProductView, days: int = 30) -> dict[date, int]:
    """Events of the whole product on each of the last days up to today, zeros included, ascending."""
    last = product.today()
    first = last - timedelta(days=days - 1)
    totals = product.store.daily_totals((first, last))
    return {day: totals.get(day, 0) for day in days_between(first, last)}
