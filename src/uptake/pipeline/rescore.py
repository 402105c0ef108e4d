"""Which days' numbers must be computed anew, and doing it.

An event changes its own day's counts, and through windows, 90-day totals and "ever" numbers every later day up to
today; so the days from the earliest changed one on are scored again, newest first, and then published together.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from uptake.core.days import days_between
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import EventStore, Published

KEPT_DAYS = 400
"""How far back numbers are kept up to date; an older day is computed when it is asked for."""


def days_to_score(
    store: EventStore, models: Sequence[ScoringModel], today: date, *, every_day: bool, since: date | None = None
) -> list[date]:
    """The days whose numbers are out of date, newest first; always today.

    every_day: the model changed, so that every day with data counts as out of date.  since: from this day on, others
    are counted than before.
    """
    totals = store.totals()
    if totals.first_day is None:
        return [today]
    oldest = max(totals.first_day, today - timedelta(days=KEPT_DAYS))
    if every_day:
        return sorted(days_between(min(oldest, today), today), reverse=True)
    changed = [day for day in store.dirty_days() if day <= today]
    first = min([*changed, today, since or today])
    for model in models:
        scored = store.scored_days(model.workspace_id)
        first = min(first, scored[-1] + timedelta(days=1) if scored else oldest)
    return sorted(days_between(max(first, oldest), today), reverse=True)


def rescore(
    store: EventStore,
    models: Sequence[ScoringModel],
    today: date,
    *,
    revision: int,
    now_us: int,
    every_day: bool = False,
    since: date | None = None,
) -> None:
    """Bring the kept numbers up to date with the store's rows and say so (`published`); see `days_to_score`."""
    offset = store.offset()
    published = store.published()
    remodelled = published is None or published.revision != revision
    days = days_to_score(store, models, today, every_day=every_day or remodelled, since=since)
    store.rescore(models, days)
    store.publish(Published(offset, revision, now_us), clear_dirty=True)
