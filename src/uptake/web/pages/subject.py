"""What the pages of an account and of a user have in common: numbers, history, activity, traits, and reasons.

The day, the day that it is compared with and the length of the history are all in the address.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.effects import Kind
from uptake.stores.events.base import ActedRow
from uptake.views.activity import Activity, activity
from uptake.views.base import FIRST_DAY, model_of
from uptake.views.explanation import Explanation, explain
from uptake.views.ranking import History, Standing, history, standing
from uptake.views.segments import SegmentName, segments_of
from uptake.views.versions import model_versions
from uptake.web.pages.charts import Mark, history_figures
from uptake.web.pages.heat import heat_map
from uptake.web.pages.traits import trait_lines
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.pages.why import CURVES, bar_groups, shift_groups, waterfall

RANGES = (30, 90)
RECENT = 100
MOST_SHOWN = 12
HEAT_DAYS = 28
AGAINST_DAYS = (1, 7, 30)


class Place:
    """Whom a page is about and which days: its address, and the addresses that differ from it in one thing."""

    def __init__(self, visit: Visit, kind: Kind, tracking_id: str) -> None:
        """Days that cannot be shown are taken as absent: an old link still opens."""
        self.visit, self.kind, self.tracking_id = visit, kind, tracking_id
        self.path = "/accounts" if kind == "account" else "/users"
        self.today = visit.product.today()
        self.day = day_asked(visit.request, "day", self.today) or self.today
        self.window_days = model_of(visit.product, visit.workspace.id, self.day).window_days
        self._usual = max(self.day - timedelta(days=self.window_days), FIRST_DAY)
        self.against = day_asked(visit.request, "against", self.day) or self._usual
        self.days = range_asked(visit.request)

    @property
    def is_today(self) -> bool:
        """Is the page about today?"""
        return self.day == self.today

    def link(self, *, days: int | None = None, day: date | None = None, against: date | None = None) -> str:
        """The address with something changed, without what goes without saying."""
        chosen = day or self.day
        compared = against or (None if day else self.against)
        length = days or self.days
        return self.visit.link(
            self.path,
            self.tracking_id,
            days="" if length == RANGES[0] else length,
            day="" if chosen == self.today else chosen,
            against="" if compared in (None, self._usual if chosen == self.day else None) else compared,
        )

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form of days keeps beside its own fields."""
        return [*self.visit.kept, *([("days", str(self.days))] if self.days != RANGES[0] else [])]

    @property
    def presets(self) -> list[tuple[str, str, bool]]:
        """Days to compare with that are one click away: label, address, is it chosen?"""
        steps = sorted({*AGAINST_DAYS, self.window_days})
        found = [(step, max(self.day - timedelta(days=step), FIRST_DAY)) for step in steps]
        return [
            (f"{step} day{'' if step == 1 else 's'}", self.link(against=earlier), earlier == self.against)
            for step, earlier in found
        ]


class Subject(msgspec.Struct, frozen=True):
    """What the views said of whom a page is about."""

    standing: Standing
    explanation: Explanation
    history: History
    activity: Activity
    segments: Sequence[SegmentName]


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


def day_asked(request: PageRequest, name: str, latest: date) -> date | None:
    """The day that a parameter names; None for none, and for a text or day that cannot be shown."""
    try:
        day = date.fromisoformat(request.query_params.get(name, ""))
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= latest else None


def subject_of(place: Place) -> Subject:
    """Ask the views.  Raises Unknown."""
    product, workspace_id = place.visit.product, place.visit.workspace.id
    kind, tracking_id, day = place.kind, place.tracking_id, place.day
    stands = standing(product, kind, workspace_id, tracking_id, day=day)
    first = max(day - timedelta(days=place.days - 1), FIRST_DAY)
    return Subject(
        standing=stands,
        explanation=explain(
            product, kind, workspace_id, tracking_id, day, against=place.against, numbers=stands.numbers
        ),
        history=history(product, kind, workspace_id, tracking_id, first=first, last=day),
        activity=activity(product, kind, workspace_id, tracking_id, days=HEAT_DAYS, last=day),
        segments=segments_of(product, workspace_id, stands.numbers, day),
    )


def told(place: Place, subject: Subject, traits: Mapping[str, Any], events: Sequence[ActedRow]) -> dict[str, Any]:
    """What the templates say about the subject."""
    visit, explanation = place.visit, subject.explanation
    config = visit.product.config
    groups = bar_groups(visit, explanation)
    shifts = shift_groups(visit, explanation)
    types = config.trait_types.account if place.kind == "account" else config.trait_types.user
    figures = history_figures(
        subject.history.points,
        of_account=place.kind == "account",
        window_days=place.window_days,
        marks=_marks(place, subject.history.first),
        partial=not subject.standing.day_complete,
    )
    return {
        "place": place,
        "numbers": subject.standing.numbers,
        "standing": subject.standing,
        "explanation": explanation,
        "difference": explanation.difference,
        "steps": waterfall(explanation),
        "shifts": shifts,
        "shift_tabs": [("moved-waterfall", "Waterfall"), *((group.id, group.title) for group in shifts)],
        "groups": groups,
        "group_tabs": [(group.id, group.title) for group in groups],
        "curve": CURVES.get(explanation.curve, explanation.curve),
        "window_start": explanation.day - timedelta(days=explanation.window_days - 1),
        "figures": figures,
        "figure_tabs": [(key, title) for key, title, _ in figures],
        "trend": [point.score for point in subject.history.points],
        "ranges": RANGES,
        "heat": heat_map(subject.activity),
        "segments": subject.segments,
        "events": recent_events(events),
        "traits": trait_lines(traits, types, config),
    }


def _marks(place: Place, first: date) -> list[Mark]:
    """Where another version of the model begins to score, within what is shown."""
    versions = model_versions(place.visit.product, place.visit.workspace.id)
    return [
        Mark(version.first, f"Model v{version.revision}")
        for version in versions
        if version.scores and version.first is not None and first < version.first <= place.day
    ]
