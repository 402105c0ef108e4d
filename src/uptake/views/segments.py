"""Which suggested segments an account or user is in: those that its own numbers decide.

Saved segments of the configuration are not evaluated here.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from uptake.core.days import day_of
from uptake.core.scores import Numbers

LEVEL_NAMES = {
    "most_engaged": "Most engaged",
    "slightly_engaged": "Slightly engaged",
    "passive": "Passive",
    "least_engaged": "Least engaged",
}
HOT = 10
"""Points of change from which a score counts as red hot, or with the other sign ice cold."""


class SegmentName(msgspec.Struct, frozen=True):
    """A segment's id and name."""

    id: str
    name: str


def suggested_segments(numbers: Numbers, *, window_days: int, day: date, zone: ZoneInfo) -> list[SegmentName]:
    """The suggested segments that the numbers of a day put it into, in the order in which they are shown."""
    active = numbers.score > 0
    idle_days = _days_since(numbers.last_active_us, day, zone)
    age_days = _days_since(numbers.created_us, day, zone)
    tests = [
        (numbers.level, LEVEL_NAMES.get(numbers.level, ""), active),
        ("red_hot", "Red hot", numbers.score_change >= HOT),
        ("ice_cold", "Ice cold", numbers.score_change <= -HOT),
        ("active_today", "Active today", idle_days == 0),
        ("recently_inactive", "Recently inactive", idle_days is not None and 30 <= idle_days <= 60),
        ("new", "New", age_days is not None and 0 <= age_days < window_days),
        ("mature", "Mature", age_days is not None and age_days > 180),
        ("all_active", "All active", active),
        ("multi_user", "Multi-user accounts", numbers.active_users > 1),
        ("all", "All", True),
    ]
    return [SegmentName(name, title) for name, title, inside in tests if inside]


def _days_since(moment_us: int | None, day: date, zone: ZoneInfo) -> int | None:
    return None if moment_us is None else (day - day_of(moment_us, zone)) // timedelta(days=1)
