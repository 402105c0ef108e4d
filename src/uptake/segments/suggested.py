"""The segments that every workspace has from the start, for users and for accounts."""

import msgspec

from uptake.core.conditions import All, Condition, Everyone, LevelIs, Number, NumberField
from uptake.core.effects import Kind

HOT = 10
"""Points of change from which a score counts as red hot, or with the other sign ice cold."""
SILENT_FROM, SILENT_UNTIL = 30, 60
"""Days since the last event within which somebody counts as recently inactive."""
MATURE_AFTER = 180
"""Days since creation after which somebody counts as mature."""


class Suggested(msgspec.Struct, frozen=True):
    """A ready-made segment: a stable word, its name, and what it holds."""

    key: str
    name: str
    condition: Condition


def suggested(kind: Kind, *, window_days: int) -> list[Suggested]:
    """The ready-made segments, in the order in which they are shown; new is who came within the workspace's window."""
    found = [
        Suggested("most_engaged", "Most engaged", LevelIs("most_engaged")),
        Suggested("slightly_engaged", "Slightly engaged", LevelIs("slightly_engaged")),
        Suggested("passive", "Passive", LevelIs("passive")),
        Suggested("least_engaged", "Least engaged", LevelIs("least_engaged")),
        Suggested("red_hot", "Red hot", Number("score_change", ">=", HOT)),
        Suggested("ice_cold", "Ice cold", Number("score_change", "<=", -HOT)),
        Suggested("active_today", "Active today", Number("last_active_days", "=", 0)),
        Suggested("recently_inactive", "Recently inactive", _between("last_active_days", SILENT_FROM, SILENT_UNTIL)),
        Suggested("new", "New", _between("tenure_days", 0, window_days - 1)),
        Suggested("mature", "Mature", Number("tenure_days", ">", MATURE_AFTER)),
        Suggested("all_active", "All active", Number("score", ">", 0)),
        Suggested("multi_user", "Multi-user accounts", Number("active_users", ">", 1)),
        Suggested("all", "All", Everyone()),
    ]
    return [each for each in found if kind == "account" or each.key != "multi_user"]


def _between(field: NumberField, low: int, high: int) -> Condition:
    return All((Number(field, ">=", low), Number(field, "<=", high)))
