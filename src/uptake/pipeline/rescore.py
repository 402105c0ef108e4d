"""Which days' numbers must be computed anew, and doing it.

An event changes its own day's counts, and through windows, 90-day totals and "ever" numbers every later day up to
today; so the days from the earliest changed one on are scored again, newest first, each under the models in force on
it, and then published together.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from uptake.core.days import days_between
from uptake.core.scores import ScoringModel
from uptake.pipeline.eras import Eras, by_models
from uptake.pipeline.steps import Step, Work, finished
from uptake.stores.events.base import EventStore, Published

DAYS_A_STEP = 15
"""How many days are scored between two moments for other things: as many as a store makes in one pass at most."""

KEPT_DAYS = 400
"""How far back numbers are kept up to date; an older day is computed when it is asked for."""


def days_to_score(
    store: EventStore, eras: Eras, today: date, *, every_day: bool, since: date | None = None
) -> list[date]:
    """The days whose numbers are out of date, newest first; always today.

    every_day: every day with data counts as out of date.  since: from this day on numbers are made of something else
    than before.
    """
    oldest = oldest_kept(store, today)
    if oldest is None:
        return [today]
    if every_day:
        return sorted(days_between(oldest, today), reverse=True)
    first = min(_first_stale(store, today), since or today)
    for model in eras[-1].models:
        scored = store.scored_days(model.workspace_id)
        first = min(first, scored[-1] + timedelta(days=1) if scored else oldest)
    return sorted(days_between(max(first, oldest), today), reverse=True)


def oldest_kept(store: EventStore, today: date) -> date | None:
    """The first day whose numbers are kept up to date; None where nothing has happened yet."""
    first_day = store.totals().first_day
    return None if first_day is None else min(today, max(first_day, today - timedelta(days=KEPT_DAYS)))


def rescore(
    store: EventStore,
    eras: Eras,
    today: date,
    *,
    revision: int,
    now_us: int,
    since: date | None = None,
) -> None:
    """Bring the kept numbers up to date with the store's rows and say so (`published`); see `days_to_score`."""
    finished(rescore_steps(store, eras, today, revision=revision, now_us=now_us, since=since))


def rescore_steps(
    store: EventStore,
    eras: Eras,
    today: date,
    *,
    revision: int,
    now_us: int,
    every_day: bool = False,
    since: date | None = None,
) -> Work[None]:
    """As `rescore`, some days a step; nothing may be folded into the store between them."""
    offset = store.offset()
    days = days_to_score(store, eras, today, every_day=every_day, since=since)
    oldest = oldest_kept(store, today)
    stale = date.min if every_day else min(_first_stale(store, today), since or today)
    if oldest is not None and stale < oldest:
        store.forget((stale, oldest - timedelta(days=1)))
    for done, models, within in _some_at_a_time(eras, days):
        yield Step(done, len(days), "Scoring")
        store.rescore(models, within, at_us=now_us)
    store.publish(Published(offset, revision, now_us), clear_dirty=True)


def recomputed(store: EventStore, eras: Eras, days: Sequence[date], *, now_us: int) -> None:
    """Compute the numbers of these days anew, whatever is out of date beside them."""
    for _, models, within in _some_at_a_time(eras, days):
        store.rescore(models, within, at_us=now_us)


def _some_at_a_time(eras: Eras, days: Sequence[date]) -> Iterator[tuple[int, tuple[ScoringModel, ...], list[date]]]:
    """Days with their models, and how many came before them."""
    done = 0
    for models, within in by_models(eras, days):
        for at in range(0, len(within), DAYS_A_STEP):
            some = within[at : at + DAYS_A_STEP]
            yield done, models, some
            done += len(some)


def _first_stale(store: EventStore, today: date) -> date:
    return min([*(day for day in store.dirty_days() if day <= today), today])
