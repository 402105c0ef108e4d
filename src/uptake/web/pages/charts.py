"""What a chart draws, as data: frontend/src/charts.js decides how it looks.  Every chart carries its table."""

from collections.abc import Sequence
from datetime import date

import msgspec

from uptake.core.scores import Point
from uptake.stores.events.changes import DayLevels
from uptake.web.pages.formats import LEVEL_NAMES, day_text


class Series(msgspec.Struct, frozen=True):
    """One line or row of bars; `color` is a token of frontend/src/css/tokens.css.

    stack: series with the same name stand on one another.
    """

    name: str
    values: Sequence[float]
    kind: str = "area"
    color: str = "series-1"
    stack: str = ""


class Mark(msgspec.Struct, frozen=True):
    """A day from which something is otherwise, with its name."""

    day: date
    text: str


class Figure(msgspec.Struct, frozen=True):
    """A chart by day.

    most, step: the top of the scale and its steps, None for what fits.  least: its bottom, None where values lie below
    0.  partial: is the last day still running?  marks: days that get a line with a name.
    """

    label: str
    days: Sequence[date]
    series: Sequence[Series]
    most: float | None = None
    step: float | None = None
    unit: str = ""
    least: float | None = 0.0
    partial: bool = True
    marks: Sequence[Mark] = ()

    @property
    def spec(self) -> str:
        """The chart as JSON."""
        return msgspec.json.encode(self).decode()

    @property
    def names(self) -> list[str]:
        """The heads of the table's columns."""
        return [each.name for each in self.series]

    @property
    def rows(self) -> list[tuple[str, list[float]]]:
        """The table: day and values, the latest first."""
        days = [(day_text(day), [each.values[index] for each in self.series]) for index, day in enumerate(self.days)]
        return days[::-1]


def history_figures(
    points: Sequence[Point], *, of_account: bool, window_days: int, marks: Sequence[Mark], partial: bool
) -> list[tuple[str, str, Figure]]:
    """Id, title and chart of each number that has a history."""
    days = [point.day for point in points]
    active = "Weekly active users" if window_days == 7 else f"Active users, {window_days} days"
    whole = (100.0, 25.0)
    found: list[tuple[str, str, Sequence[float], tuple[float | None, float | None], str]] = [
        ("score", "Score", [point.score for point in points], whole, ""),
        ("adoption", "Adoption", [point.adoption for point in points], whole, "%"),
        ("frequency", "Frequency", [point.frequency for point in points], (None, None), " d"),
        ("users", active, [point.active_users for point in points], (None, None), ""),
    ]
    return [
        (
            f"history-{key}",
            title,
            Figure(
                f"{title} by day", days, [Series(title, values)], most, step, unit=unit, partial=partial, marks=marks
            ),
        )
        for key, title, values, (most, step), unit in found
        if of_account or key != "users"
    ]


def levels_figure(points: Sequence[DayLevels]) -> Figure:
    """How many stood on each level by day, the lowest level at the bottom."""
    series = [
        Series(name, [getattr(each, level) for each in points], "area", f"level-{level.split('_')[0]}", "levels")
        for level, name in list(LEVEL_NAMES.items())[-2::-1]
    ]
    return Figure("Levels by day", [each.day for each in points], series, partial=False)


def volume_figure(totals: dict[date, int]) -> Figure:
    """Events of the product by day."""
    return Figure("Events by day", list(totals), [Series("Events", list(totals.values()), kind="bar")])
