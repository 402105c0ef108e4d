"""How events and features are used: by how many of those who do anything, how that changes, who does, and who stopped.

An event or a feature is asked about as a `Thing`, over some days up to a day, by default today.  Answers are kept until
scores are published again.  What they count agrees with conditions: `did("Export") within 30 days` holds for as many
accounts as `Adoption.accounts` tells of 30 days.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from uptake.core.conditions import All, Condition, Did
from uptake.core.days import days_between
from uptake.core.effects import Kind
from uptake.core.scores import Numbers
from uptake.stores.events.base import ListQuery
from uptake.stores.events.usage import EVERYBODY, Doer, Use
from uptake.views.base import FIRST_DAY, ProductView, Unknown
from uptake.views.ranking import NumbersPage, ranked
from uptake.views.summary import Asked, asked_about

EVERY_EVENT: tuple[str, ...] = ()
MOST_DAYS = 90
NOTHING = Use(0, None, 0, 0, 0)


class Thing(msgspec.Struct, frozen=True):
    """An event or a feature with its events; a feature may have none yet."""

    name: str
    events: tuple[str, ...]
    feature: bool = False

    def did(self, *, never: bool = False, within_days: int | None = None) -> Did:
        """The condition that it was done, or was not."""
        return Did(
            event="" if self.feature else self.name,
            feature=self.name if self.feature else "",
            comparison="=" if never else ">=",
            times=0 if never else 1,
            within_days=within_days,
        )


class Adoption(msgspec.Struct, frozen=True):
    """Who did something in some days, of all who did anything in them, and the same of as many days before."""

    now: Use
    before: Use
    everyone: Use
    everyone_before: Use

    def count(self, kind: Kind) -> int:
        """How many did it."""
        return self.now.users if kind == "user" else self.now.accounts

    def share(self, kind: Kind) -> float:
        """Their share of all who did anything, in percent."""
        return _share(self.now, self.everyone, kind)

    def change(self, kind: Kind) -> float:
        """By how many points the share changed."""
        return self.share(kind) - _share(self.before, self.everyone_before, kind)


class UsedDay(msgspec.Struct, frozen=True):
    """One day: times, users and accounts that did it, and how many of each did anything in the window up to the day."""

    day: date
    use: Use
    active_users: int
    active_accounts: int

    def share(self, kind: Kind) -> float:
        """Who did it on the day, of those active in the window up to it, in percent."""
        done, active = (
            (self.use.users, self.active_users) if kind == "user" else (self.use.accounts, self.active_accounts)
        )
        return 100 * done / active if active else 0.0


class TopDoer(msgspec.Struct, frozen=True):
    """Who did something, with the numbers of the day."""

    doer: Doer
    numbers: Numbers


def thing_of(product: ProductView, *, event: str = "", feature: str = "") -> Thing:
    """The event or the feature of this name.  Raises Unknown."""
    config = product.version.config
    if feature:
        for each in config.features:
            if each.name == feature:
                return Thing(feature, each.events, feature=True)
        raise Unknown("unknown_feature", f"the product has no feature {feature!r}")
    configured = any(event in each.events for each in config.features)
    if configured or product.store.event_volumes([event], of=()):
        return Thing(event, (event,))
    raise Unknown("unknown_event", f"the product has never seen an event {event!r}")


def adoptions(
    product: ProductView, workspace_id: int | None, things: Sequence[Thing], *, days: int, last: date | None = None
) -> list[Adoption]:
    """How far each is adopted in so many days (1–90) up to a day.  Raises Unknown, BadDay."""
    asked = asked_about(product, workspace_id, last)
    sets = tuple(each.events for each in things)
    before, now = _in_all(asked, sets, days)
    everyone = len(things)
    return [Adoption(now[n], before[n], now[everyone], before[everyone]) for n in range(len(things))]


def used_by_day(
    product: ProductView,
    workspace_id: int | None,
    things: Sequence[Thing],
    *,
    days: int,
    last: date | None = None,
    of: tuple[Kind, ...] = EVERYBODY,
) -> list[list[UsedDay]]:
    """How each was used on every one of the days, days without use included, ascending.

    of: who is counted of those who used it; of others it tells 0.  Raises Unknown, BadDay.
    """
    asked = asked_about(product, workspace_id, last)
    first = max(asked.day - timedelta(days=days - 1), FIRST_DAY)
    found = _by_day(asked, tuple(each.events for each in things), first, of)
    active = _active(asked, first)
    return [
        [UsedDay(day, found.get((n, day), NOTHING), *active.get(day, (0, 0))) for day in days_between(first, asked.day)]
        for n in range(len(things))
    ]


def times_by_day(
    product: ProductView, workspace_id: int | None, things: Sequence[Thing], *, days: int
) -> list[list[int]]:
    """How often each was done on every one of the days up to today, ascending.  Raises Unknown."""
    asked = asked_about(product, workspace_id, None)
    first = max(asked.day - timedelta(days=days - 1), FIRST_DAY)
    found = _by_day(asked, tuple(each.events for each in things), first, ())
    return [[found.get((n, day), NOTHING).times for day in days_between(first, asked.day)] for n in range(len(things))]


def top_doers(
    product: ProductView, kind: Kind, workspace_id: int | None, thing: Thing, *, days: int, most: int
) -> list[TopDoer]:
    """Who did it most in so many days up to today.  Raises Unknown."""
    asked = asked_about(product, workspace_id, None)
    first = max(asked.day - timedelta(days=days - 1), FIRST_DAY)
    doers = asked.store.doers(kind, thing.events, asked.model, (first, asked.day), most=most) if thing.events else []
    ids = tuple(each.tracking_id for each in doers)
    rows, _ = asked.store.numbers(kind, asked.model, asked.day, ListQuery(tracking_ids=ids, limit=most))
    numbers = {row.tracking_id: row for row in rows}
    return [TopDoer(each, numbers[each.tracking_id]) for each in doers if each.tracking_id in numbers]


def stopped(thing: Thing, *, days: int) -> Condition:
    """Who did it in so many days (1–45) before the last so many, and no more in these."""
    return All((thing.did(within_days=2 * days), thing.did(never=True, within_days=days)))


def those_who_stopped(
    product: ProductView, kind: Kind, workspace_id: int | None, thing: Thing, *, days: int, most: int
) -> NumbersPage:
    """Who stopped doing it, the highest score first.  Raises Unknown."""
    return ranked(product, kind, workspace_id, ListQuery(where=stopped(thing, days=days), limit=most), day=None)


def _share(use: Use, of: Use, kind: Kind) -> float:
    done, all_of = (use.users, of.users) if kind == "user" else (use.accounts, of.accounts)
    return 100 * done / all_of if all_of else 0.0


@lru_cache(maxsize=64)
def _in_all(asked: Asked, sets: tuple[tuple[str, ...], ...], days: int) -> tuple[Mapping[int, Use], Mapping[int, Use]]:
    """By place of the set what was done in so many days up to that day, and in as many before them, those before
    first; after the sets what anybody did at all."""
    named = [(n, each) for n, each in enumerate(sets) if each]
    questions = [*(each for _, each in named), EVERY_EVENT]
    places = [*(n for n, _ in named), len(sets)]
    since = asked.day - timedelta(days=days - 1)
    first = max(since - timedelta(days=days), FIRST_DAY)
    found = asked.store.use(questions, asked.model, (first, asked.day), since=since)
    told: tuple[dict[int, Use], ...] = tuple(dict.fromkeys(range(len(sets) + 1), NOTHING) for _ in range(2))
    for use in found:
        told[use.day == asked.day][places[use.number]] = use
    return told[0], told[1]


@lru_cache(maxsize=64)
def _by_day(
    asked: Asked, sets: tuple[tuple[str, ...], ...], first: date, of: tuple[Kind, ...]
) -> Mapping[tuple[int, date], Use]:
    named = [(n, each) for n, each in enumerate(sets) if each]
    found = asked.store.use([each for _, each in named], asked.model, (first, asked.day), by_day=True, of=of)
    return {(named[use.number][0], use.day): use for use in found if use.day is not None}


@lru_cache(maxsize=64)
def _active(asked: Asked, first: date) -> Mapping[date, tuple[int, int]]:
    """Day → how many users and accounts did anything in the window up to it."""
    found = asked.store.active_by_day(asked.model, (first, asked.day))
    return {each.day: (each.users, each.accounts) for each in found}
