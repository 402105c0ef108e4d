"""Activity as a heat map: a table whose cells are darker the more was done, so that it can be read as a table too."""

import math
from collections.abc import Sequence
from datetime import date

import msgspec

from uptake.views.activity import Activity
from uptake.web.pages.formats import day_text

SHADES = 5
MOST_ROWS = 15


class Cell(msgspec.Struct, frozen=True):
    """One day of a row: times, its shade from 0 (never) to 5, and the day in words."""

    times: int
    shade: int
    told: str


class HeatRow(msgspec.Struct, frozen=True):
    """A feature or an event by day."""

    name: str
    total: int
    cells: Sequence[Cell]


class HeatMap(msgspec.Struct, frozen=True):
    """Days, of which every Monday has a label, and rows; `more`: rows that are left out because they are the least."""

    days: Sequence[date]
    rows: Sequence[HeatRow]
    by_feature: bool
    more: int

    @property
    def empty(self) -> bool:
        """Was nothing done at all?"""
        return not any(row.total for row in self.rows)


def heat_map(told: Activity) -> HeatMap:
    """The map of an activity; shades grow with the logarithm, so that one busy day does not bleach all others."""
    rows = [
        HeatRow(
            row.name or "In no feature",
            row.total,
            [_cell(day, times, told.most) for day, times in zip(told.days, row.times, strict=True)],
        )
        for row in told.rows[:MOST_ROWS]
    ]
    return HeatMap(told.days, rows, told.by_feature, max(0, len(told.rows) - MOST_ROWS))


def _cell(day: date, times: int, most: int) -> Cell:
    return Cell(times, shade(times, most), f"{times:,} on {day_text(day)}")


def shade(times: int, most: int) -> int:
    """From 0 for nothing to 5 for the most.

    >>> [shade(times, 100) for times in (0, 1, 3, 10, 40, 100)]
    [0, 1, 2, 3, 5, 5]
    """
    if times <= 0:
        return 0
    return max(1, math.ceil(SHADES * math.log1p(times) / math.log1p(max(most, 1)) - 1e-9))
