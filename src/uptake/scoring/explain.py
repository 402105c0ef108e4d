"""Why a score is what it is, and what moved it between two days: pure arithmetic on parts.

One day: the parts of a raw score sum to it, and each part has its share of the points.  Two days: every change of raw
is a `Change` with its reason, and together they are the change of raw.  Points follow a documented apportioning
(docs/concepts.md): the drift of P90 is the mean of its effect before and after the activity changed; what remains
belongs to activity, spread over the parts that changed at the curve's secant slope; where a mean over active users is
taken, their changed number is a line of its own; and rounding is the last line, so that all lines together are exactly
the difference of the two scores that are shown.

A large account has tens of thousands of parts: they are gone through in few plain loops, and what several questions
need of an end, or of both, is found once and kept with it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Literal

import msgspec

from uptake.core.scores import Part
from uptake.scoring.curve import points

Reason = Literal["entered", "left", "faded", "reweighted", "membership", "exclusions", "averaged", "p90", "rounding"]
REASONS: tuple[Reason, ...] = (
    "entered", "left", "faded", "reweighted", "membership", "exclusions", "averaged", "p90", "rounding",
)  # fmt: skip

_TINY = 1e-9

Key = Callable[[Part], str]
"""What parts are grouped by: one of the three that follow."""
by_user: Key = attrgetter("user")
by_event: Key = attrgetter("event")
by_feature: Key = attrgetter("feature")
"""'' stands for events in no feature."""


class Scale(msgspec.Struct, frozen=True):
    """How parts become points: the curve's name, and whether the score is the mean over active users or of one pool."""

    curve: str
    mean: bool


class End(msgspec.Struct, frozen=True, dict=True):
    """One end of a comparison: its day, the parts, the P90 behind the score (None: nobody active), the score shown."""

    day: date
    parts: Sequence[Part]
    p90: float | None
    score: int

    @cached_property
    def raw(self) -> float:
        """The raw score."""
        return total_raw(self.parts)

    @cached_property
    def users(self) -> frozenset[str]:
        """Whose parts they are."""
        return frozenset(map(by_user, self.parts))

    @cached_property
    def _columns(self) -> tuple[list[int], list[float]]:
        return [part.times for part in self.parts], [part.raw for part in self.parts]

    @cached_property
    def _places(self) -> dict[Key, Mapping[str, Sequence[int]]]:
        return {}

    def places(self, key: Key) -> Mapping[str, Sequence[int]]:
        """Name → where among the parts those of a feature, event or user stand."""
        if key not in self._places:
            self._places[key] = _places(self.parts, key)
        return self._places[key]

    def sums(self, worths: Sequence[float], key: Key) -> dict[str, tuple[int, float, float]]:
        """Name → times, raw and worth of the parts of a feature, event or user; a worth for each part."""
        times, raws = self._columns
        return {
            name: (
                sum([times[place] for place in places]),
                math.fsum([raws[place] for place in places]),
                math.fsum([worths[place] for place in places]),
            )
            for name, places in self.places(key).items()
        }


class Change(msgspec.Struct, frozen=True):
    """What came (sign 1) or went (−1), as parts, and why."""

    reason: Reason
    sign: Literal[1, -1]
    parts: Sequence[Part]

    @property
    def raw(self) -> float:
        """The change of raw."""
        return self.sign * total_raw(self.parts)


class Share(msgspec.Struct, frozen=True):
    """What one feature, event or user contributes on a day."""

    name: str
    times: int
    raw: float
    points: float


class Shift(msgspec.Struct, frozen=True):
    """How the contribution of one feature, event or user changed; points is the change."""

    name: str
    times: int
    times_before: int
    raw: float
    raw_before: float
    points: float


class Line(msgspec.Struct, frozen=True):
    """One reason's part of the difference between two scores; `raw` is 0 where the reason does not touch activity."""

    reason: Reason
    raw: float
    points: float


class Ends:
    """Two ends of a comparison under one scale, and what they make of activity together."""

    def __init__(self, before: End, after: End, scale: Scale) -> None:
        self.before, self.after, self.scale = before, after, scale
        self.pools = _pools(before.parts, scale), _pools(after.parts, scale)
        self.benchmarks = before.p90 or after.p90, after.p90 or before.p90
        """One that is missing (nobody was active) counts as unchanged."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many the mean is taken over at both ends; nobody counts as unchanged."""
        before, after = map(len, self.pools)
        return before or after or 1, after or before or 1

    @cached_property
    def rates(self) -> Mapping[str, float]:
        """Points per raw of each pool: the curve's secant slope between its two raw scores, the mean of both
        benchmarks."""
        then, now = self.pools
        before, after = self.counts
        dilution = (1 / before + 1 / after) / 2
        rates: dict[str, float] = defaultdict(float)
        for name in then.keys() | now.keys():
            slopes = [_slope(then.get(name, 0.0), now.get(name, 0.0), p90, self.scale.curve) for p90 in self.benchmarks]
            rates[name] = dilution * sum(slopes) / 2
        return rates

    @cached_property
    def worths(self) -> tuple[list[float], list[float]]:
        """What the activity of each end is worth in the difference, in points, in the order of its parts."""
        return self.worths_of(self.before.parts), self.worths_of(self.after.parts)

    def worths_of(self, parts: Sequence[Part]) -> list[float]:
        """What activity is worth in the difference, in points, in the order of the parts."""
        return _at_rates(parts, self.rates, self.scale)


# ---- one end
def total_raw(parts: Iterable[Part]) -> float:
    """The raw score that the parts make up."""
    return math.fsum([part.raw for part in parts])


def worth(parts: Sequence[Part], p90: float | None, scale: Scale) -> float:
    """The unrounded points, 0 to 100, of the parts under a benchmark."""
    return _mean_points(_pools(parts, scale), p90, scale.curve)


def part_points(parts: Sequence[Part], p90: float | None, scale: Scale) -> list[float]:
    """Each part's share of the points, in the order of the parts; together they are `worth`."""
    pools = _pools(parts, scale)
    rates: dict[str, float] = defaultdict(float)
    rates |= {name: points(raw, p90, scale.curve) / raw / len(pools) for name, raw in pools.items()}
    return _at_rates(parts, rates, scale)


def shares(end: End, worths: Sequence[float], key: Key) -> list[Share]:
    """The parts summed by feature, event or user, the largest contribution first, then by name; worths: their
    points."""
    found = [Share(name, *its_sums) for name, its_sums in end.sums(worths, key).items()]
    return sorted(found, key=lambda share: (-share.raw, share.name))


# ---- what changed between two
def changes_between(
    before: Sequence[Part], after: Sequence[Part], *, entered: Sequence[Part], left: Sequence[Part]
) -> list[Change]:
    """Every change of raw between two ends of the same model; together they are raw after − raw before.

    entered: the part of `after` from days that only the later window has.  left: the part of `before` from days that
    only the earlier one has.  What is in both windows differs only by fading (a half-life).
    """
    found = [Change("entered", 1, entered), Change("left", -1, left)]
    if not (entered is after and left is before):
        found.append(Change("faded", 1, list(_faded(before, after, entered, left))))
    return found


def _faded(
    before: Sequence[Part], after: Sequence[Part], entered: Sequence[Part], left: Sequence[Part]
) -> Iterator[Part]:
    """What is left of the change of each user's times of an event; no weight tells of it."""
    kept: dict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for sign, parts in ((1, after), (-1, before), (-1, entered), (1, left)):
        for part in parts:
            kept[part.user, part.feature, part.event].append((sign * part.times, sign * part.raw))
    for place, group in kept.items():
        raw = math.fsum([each for _, each in group])
        if abs(raw) > _TINY:
            yield Part(*place, sum(times for times, _ in group), 0, raw)


def scaled(parts: Iterable[Part], factor: float) -> list[Part]:
    """The same parts with raw multiplied, as a half-life does from one day to a later one."""
    return [msgspec.structs.replace(part, raw=part.raw * factor) for part in parts]


def as_membership(changes: Iterable[Change], moved: Collection[str]) -> list[Change]:
    """The same changes, those of users who moved between accounts told as membership."""
    return told_apart(changes, moved, "membership") if moved else list(changes)


def told_apart(changes: Iterable[Change], users: Collection[str], reason: Reason) -> list[Change]:
    """The same changes, those of some users told by another reason."""
    found = []
    for each in changes:
        others = [part for part in each.parts if part.user not in users]
        theirs = [part for part in each.parts if part.user in users]
        found += [Change(each.reason, each.sign, others), Change(reason, each.sign, theirs)]
    return [each for each in found if each.parts]


def difference(ends: Ends, changes: Iterable[Change]) -> list[Line]:
    """One line a reason, in the order of `REASONS`, those without effect left out.

    Raw sums to the change of raw; points sum to after.score − before.score.
    """
    raw: dict[Reason, list[float]] = defaultdict(list)
    worths: dict[Reason, list[float]] = defaultdict(list)
    for each in changes:
        raw[each.reason].append(each.raw)
        worths[each.reason].append(each.sign * math.fsum(ends.worths_of(each.parts)))
    worths["averaged"].append(_averaged(ends))
    worths["p90"].append(_benchmark(ends))
    told = math.fsum(each for group in worths.values() for each in group)
    worths["rounding"].append(ends.after.score - ends.before.score - told)
    return lines_of(raw, worths)


def lines_of(raw: Mapping[Reason, Sequence[float]], worths: Mapping[Reason, Sequence[float]]) -> list[Line]:
    """A line for each reason that has an effect, in the order of `REASONS`."""
    lines = [Line(reason, math.fsum(raw.get(reason, ())), math.fsum(worths.get(reason, ()))) for reason in REASONS]
    return [line for line in lines if abs(line.raw) > _TINY or abs(line.points) > _TINY]


def shifts(ends: Ends, key: Key) -> list[Shift]:
    """The change of each feature, event or user, the largest in points first, then by name.

    Raw sums to the change of raw; points to what the lines say of activity (all but averaged, benchmark and rounding).
    """
    then, now = (end.sums(worths, key) for end, worths in zip((ends.before, ends.after), ends.worths, strict=True))
    found = []
    for name in then.keys() | now.keys():
        times, raw, points_now = now.get(name, (0, 0.0, 0.0))
        times_before, raw_before, points_then = then.get(name, (0, 0.0, 0.0))
        found.append(Shift(name, times, times_before, raw, raw_before, points_now - points_then))
    return by_size(found)


def by_size(found: Iterable[Shift]) -> list[Shift]:
    """The largest change in points first, then in raw, then by name."""
    return sorted(found, key=lambda shift: (-abs(shift.points), -abs(shift.raw - shift.raw_before), shift.name))


# ---- pools: what is put through the curve as one, each user by himself ('' everything) under a mean
def _places(parts: Sequence[Part], key: Key) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(map(key, parts)):
        found[name].append(place)
    return found


def _pools(parts: Sequence[Part], scale: Scale) -> dict[str, float]:
    """Raw of each active pool."""
    groups: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        groups[part.user if scale.mean else ""].append(part.raw)
    sums = {name: math.fsum(group) for name, group in groups.items()}
    return {name: raw for name, raw in sums.items() if raw > 0}


def _at_rates(parts: Iterable[Part], rates: Mapping[str, float], scale: Scale) -> list[float]:
    """Raw at the points per raw of its pool, in the order of the parts."""
    if scale.mean:
        return [part.raw * rates[part.user] for part in parts]
    return [part.raw * rates[""] for part in parts]


def _mean_points(pools: Mapping[str, float], p90: float | None, curve: str) -> float:
    return math.fsum([points(raw, p90, curve) for raw in pools.values()]) / len(pools) if pools else 0.0


def _slope(raw_before: float, raw_after: float, p90: float | None, curve: str) -> float:
    step = raw_after - raw_before
    if not p90 or abs(step) < _TINY * p90:
        step = (p90 or 1.0) * 1e-6
    return (points(raw_before + step, p90, curve) - points(raw_before, p90, curve)) / step


def _benchmark(ends: Ends) -> float:
    """Points owed to the drift of P90: the mean of its effect on the earlier and on the later activity."""
    before, after = ends.benchmarks
    curve = ends.scale.curve
    effects = (_mean_points(pools, after, curve) - _mean_points(pools, before, curve) for pools in ends.pools)
    return sum(effects) / 2


def _averaged(ends: Ends) -> float:
    """Points owed to a changed number of active users under the mean."""
    before, after = ends.counts
    halves = [
        points(raw, p90, ends.scale.curve) / 4
        for pools in ends.pools
        for raw in pools.values()
        for p90 in ends.benchmarks
    ]
    return (1 / after - 1 / before) * math.fsum(halves)
