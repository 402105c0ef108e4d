"""What an event store answers about change: who moved between two days, how levels stood by day, what was done by day.

Scores are the kept ones of scored days; the excluded of a model are in none of the answers.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import msgspec

from uptake.core.scores import Level

Only = Collection[str] | None
"""These tracking ids, or all."""


class Move(msgspec.Struct, frozen=True):
    """Somebody's score on two days, 0 where there was none."""

    tracking_id: str
    before: int
    after: int


class Movers(msgspec.Struct, frozen=True):
    """How many moved in one way, and the first of them."""

    total: int = 0
    first: Sequence[Move] = ()


class Moves(msgspec.Struct, frozen=True):
    """What happened between two scored days.

    flow: (level before, level after) → how many of all known ones.  came: whose first event lies between, after the
    earlier day.  Of the others, rose and fell: to another score above 0.  stopped: from a score to 0.  Each is ordered
    by the change, largest first, then by tracking_id.
    """

    flow: Mapping[tuple[Level, Level], int]
    rose: Movers
    fell: Movers
    stopped: Movers
    came: Movers


class DayLevels(msgspec.Struct, frozen=True):
    """How many stood on each level above inactive at a scored day, and the mean of their scores, 0 where nobody is."""

    day: date
    most_engaged: int
    slightly_engaged: int
    passive: int
    least_engaged: int
    average_score: float

    @property
    def active(self) -> int:
        """How many stood above inactive."""
        return self.most_engaged + self.slightly_engaged + self.passive + self.least_engaged


class DayActs(msgspec.Struct, frozen=True):
    """How often an event was done on a day, and by how many users."""

    day: date
    event: str
    times: int
    users: int
