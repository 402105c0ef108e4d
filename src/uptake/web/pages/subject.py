"""What the pages of an account and of a user have in common: numbers, history, traits, and why the score is so."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.effects import Kind
from uptake.stores.events.base import ActedRow
from uptake.views.explanation import Explanation
from uptake.views.ranking import History, Standing
from uptake.web.pages.charts import history_figures
from uptake.web.pages.traits import trait_lines
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.pages.why import CURVES, bar_groups, difference_lines

RANGES = (30, 90)
RECENT = 100
MOST_SHOWN = 12


class Subject(msgspec.Struct, frozen=True):
    """Whom a page is about, with what the views said."""

    kind: Kind
    standing: Standing
    explanation: Explanation
    history: History
    traits: Mapping[str, Any]
    events: Sequence[ActedRow]


class RecentEvent(msgspec.Struct, frozen=True):
    """How often a user did an event lately, and when last."""

    event: str
    user: str
    times: int
    at_us: int


def recent_events(events: Sequence[ActedRow]) -> list[RecentEvent]:
    """The latest events, newest first, the same one by the same user told once."""
    times = Counter((event.event, event.user) for event in events)
    latest: dict[tuple[str, str], int] = {}
    for event in events:
        latest.setdefault((event.event, event.user), event.at_us)
    return [RecentEvent(*key, times[key], at_us) for key, at_us in list(latest.items())[:MOST_SHOWN]]


def range_asked(request: PageRequest) -> int:
    """How many days of history the address asks for."""
    text = request.query_params.get("days", "")
    return next((days for days in RANGES if str(days) == text), RANGES[0])


def first_day(visit: Visit, days: int) -> date:
    """The first of so many days up to today."""
    return visit.product.today() - timedelta(days=days - 1)


def told(visit: Visit, subject: Subject, days: int) -> dict[str, Any]:
    """What the templates say about the subject."""
    explanation = subject.explanation
    config = visit.product.config
    figures = history_figures(subject.history.points, of_account=subject.kind == "account")
    groups = bar_groups(visit, explanation)
    types = config.trait_types.account if subject.kind == "account" else config.trait_types.user
    return {
        "numbers": subject.standing.numbers,
        "standing": subject.standing,
        "explanation": explanation,
        "difference": explanation.difference,
        "lines": difference_lines(explanation),
        "groups": groups,
        "group_tabs": [(group.id, group.title) for group in groups],
        "curve": CURVES.get(explanation.curve, explanation.curve),
        "window_start": explanation.day - timedelta(days=explanation.window_days - 1),
        "figures": figures,
        "figure_tabs": [(key, title) for key, title, _ in figures],
        "range": days,
        "ranges": RANGES,
        "events": recent_events(subject.events),
        "traits": trait_lines(subject.traits, types, config),
    }
