"""What changed in a workspace up to the last full day: who rose and fell and why, who fell silent, who is new, and how
the levels stand.

The answer is kept until scores are published again; the reasons of those who moved, which cost most, until the numbers
that they explain are others.
"""

from collections.abc import Hashable, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from uptake.core.conditions import Number
from uptake.core.effects import Kind
from uptake.core.scores import Numbers
from uptake.stores.events.base import EventStore, ListQuery
from uptake.stores.events.changes import DayLevels, Move, Movers, Moves
from uptake.views.base import FIRST_DAY, ProductView, model_of, scored_day
from uptake.views.explanation import summaries
from uptake.views.summary import Asked, asked_about

MOST_MOVERS = 6
COMPLETE = Number("activation", ">=", 100)


class Mover(msgspec.Struct, frozen=True):
    """Somebody who moved: the numbers of the later day, the score of the earlier one, and why in a sentence.

    reason: '' where it is not told (for the new and the silent).
    """

    numbers: Numbers
    score_before: int
    reason: str = ""

    @property
    def change(self) -> int:
        """Points between the two days."""
        return self.numbers.score - self.score_before


class Group(msgspec.Struct, frozen=True):
    """How many moved in one way, and the first of them."""

    total: int
    first: Sequence[Mover]


class Activation(msgspec.Struct, frozen=True):
    """How many have met all conditions of activation on the later day and on the earlier one, of how many."""

    complete: int
    before: int
    known: int


class Changes(msgspec.Struct, frozen=True):
    """What happened between two full days.

    moves: as the store tells them.  levels: both days, with their averages.  activation: None without conditions.
    retold: did another model score the earlier day?  Then it is told as the model of the later day has it, as every
    change of a score is.
    """

    kind: Kind
    day: date
    against: date
    moves: Moves
    before: DayLevels
    after: DayLevels
    rose: Group
    fell: Group
    stopped: Group
    came: Group
    activation: Activation | None
    retold: bool


def what_changed(
    product: ProductView,
    workspace_id: int | None,
    kind: Kind = "account",
    *,
    days: int | None = None,
    only: tuple[str, ...] | None = None,
) -> Changes:
    """The last full day against the one so many days before, by default a window.  Raises Unknown, BadDay.

    The first six of each way to move are told.  only: of these tracking ids; None: of all.
    """
    asked = asked_about(product, workspace_id, max(product.last_full_day(), FIRST_DAY))
    against = scored_day(product, max(asked.day - timedelta(days=days or asked.model.window_days), FIRST_DAY))
    retold = model_of(product, asked.model.workspace_id, against) != asked.model
    span = _Span(asked, kind, against, only, retold)
    return _changes(_Asking(product, span), span)


def levels_over_time(
    product: ProductView, workspace_id: int | None, kind: Kind, days: int, only: tuple[str, ...] | None = None
) -> Sequence[DayLevels]:
    """How levels stood on each of so many days up to the last full one, of all or `only` these.

    Days never scored are left out.
    """
    asked = asked_about(product, workspace_id, max(product.last_full_day(), FIRST_DAY))
    return _levels(asked, kind, days, only)


class _Span(msgspec.Struct, frozen=True):
    """The two days that are compared: what is asked about the later one, and the earlier one.

    retold: did another model score the earlier one?
    """

    asked: Asked
    kind: Kind
    against: date
    only: tuple[str, ...] | None
    retold: bool

    @property
    def days(self) -> tuple[date, date]:
        """The earlier day and the later one."""
        return self.against, self.asked.day


class _Asking:
    """A question with the product that answers it; equal where the key is."""

    def __init__(self, product: ProductView, key: Hashable) -> None:
        self.product, self._key = product, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asking) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=32)
def _changes(asking: _Asking, span: _Span) -> Changes:
    store, model = span.asked.store, span.asked.model
    if not span.retold:
        return _seen_by(store, asking, span)
    with store.imagined([model], span.days) as retold:
        return _seen_by(retold, asking, span)


def _seen_by(store: EventStore, asking: _Asking, span: _Span) -> Changes:
    """The changes by a store that has both days scored by the model of the later one."""
    model, kind = span.asked.model, span.kind
    moves = store.moves(kind, model, span.days, most=MOST_MOVERS, only=span.only)
    groups = (moves.rose, moves.fell, moves.stopped, moves.came)
    named = tuple(move.tracking_id for group in groups for move in group.first)
    rows, _ = store.numbers(kind, model, span.asked.day, ListQuery(tracking_ids=named, limit=len(named)))
    numbers = {row.tracking_id: row for row in rows}
    reasons = _why(asking.product, span, (*moves.rose.first, *moves.fell.first), numbers)
    rose, fell, stopped, came = (_group(group, numbers, reasons) for group in groups)
    levels = {each.day: each for each in store.levels_by_day(kind, model, span.days, only=span.only)}
    return Changes(
        kind=kind,
        day=span.asked.day,
        against=span.against,
        moves=moves,
        before=levels[span.against],
        after=levels[span.asked.day],
        rose=rose,
        fell=fell,
        stopped=stopped,
        came=came,
        activation=_activation(store, span),
        retold=span.retold,
    )


def _why(product: ProductView, span: _Span, moved: tuple[Move, ...], numbers: dict[str, Numbers]) -> dict[str, str]:
    """The reasons of those who moved, asked for again where a number that they explain is another."""
    if not moved:
        return {}
    store, model = span.asked.store, span.asked.model
    p90s = tuple(store.p90(model, day, span.kind) for day in span.days)
    rows = tuple(numbers.get(move.tracking_id) for move in moved)
    key = (id(store), store.generation, product.version.revision, model.workspace_id, span.kind, p90s, moved, rows)
    return _reasons(_Asking(product, (key, span.days)), span.kind, model.workspace_id, (moved, span.days))


@lru_cache(maxsize=32)
def _reasons(
    asking: _Asking, kind: Kind, workspace_id: int, moved: tuple[tuple[Move, ...], tuple[date, date]]
) -> dict[str, str]:
    moves, days = moved
    return summaries(asking.product, kind, workspace_id, [move.tracking_id for move in moves], days)


def _group(movers: Movers, numbers: dict[str, Numbers], reasons: dict[str, str]) -> Group:
    first = [
        Mover(numbers[move.tracking_id], move.before, reasons.get(move.tracking_id, ""))
        for move in movers.first
        if move.tracking_id in numbers
    ]
    return Group(movers.total, first)


def _activation(store: EventStore, span: _Span) -> Activation | None:
    asked, kind = span.asked, span.kind
    conditions = asked.model.user_activation if kind == "user" else asked.model.account_activation
    if not conditions or span.only is not None:
        return None
    now, then = (store.group_sizes(kind, [COMPLETE], asked.model, day)[0].members for day in (asked.day, span.against))
    _, known = store.numbers(kind, asked.model, asked.day, ListQuery(limit=0))
    return Activation(now, then, known)


@lru_cache(maxsize=64)
def _levels(asked: Asked, kind: Kind, days: int, only: tuple[str, ...] | None) -> Sequence[DayLevels]:
    first = max(asked.day - timedelta(days=days - 1), FIRST_DAY)
    return asked.store.levels_by_day(kind, asked.model, (first, asked.day), only=only)
