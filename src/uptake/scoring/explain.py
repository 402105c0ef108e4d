"""Why a score is what it is, and what moved it between two days: pure arithmetic on parts.

One day: the parts of a raw score sum to it, and each part has its share of the points.  Two days: every change of raw
is an `Addend` with its reason, and the addends sum to the change.  Points follow a documented apportioning
(docs/concepts.md): the drift of P90 is the mean of its effect before and after the activity changed; what remains
belongs to activity, spread over the addends at the curve's secant slope; where a mean over active users is taken, their
changed number is a line of its own; and rounding is the last line, so that all lines together are exactly the
difference of the two scores that are shown.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from uptake.core.scores import Part
from uptake.scoring.curve import points

Reason = Literal["entered", "left", "faded", "reweighted", "membership", "exclusions", "averaged", "p90", "rounding"]
REASONS: tuple[Reason, ...] = (
    "entered", "left", "faded", "reweighted", "membership", "exclusions", "averaged", "p90", "rounding",
)  # fmt: skip

_TINY = 1e-9


class Scale(msgspec.Struct, frozen=True):
    """How parts become points: the curve's name, and whether the score is the mean over active users or of one pool."""

    curve: str
    mean: bool


class End(msgspec.Struct, frozen=True):
    """One end of a comparison: its day, the parts, the P90 behind the score (None: nobody active), the score shown."""

    day: date
    parts: Sequence[Part]
    p90: float | None
    score: int


class Addend(msgspec.Struct, frozen=True):
    """One change of raw, with its sign, and why: `times` and `raw` are what came (+) or went (−)."""

    reason: Reason
    user: str
    feature: str
    event: str
    times: int
    raw: float


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


Key = Callable[[Part | Addend], str]


def by_user(each: Part | Addend) -> str:
    """Group by the user."""
    return each.user


def by_event(each: Part | Addend) -> str:
    """Group by the event's name."""
    return each.event


def by_feature(each: Part | Addend) -> str:
    """Group by the feature; '' stands for events in no feature."""
    return each.feature


def total_raw(parts: Iterable[Part]) -> float:
    """The raw score that the parts make up."""
    return math.fsum(part.raw for part in parts)


def worth(parts: Iterable[Part], p90: float | None, scale: Scale) -> float:
    """The unrounded points, 0 to 100, of the parts under a benchmark."""
    return _mean_points(_pools(parts, scale), p90, scale.curve)


def part_points(parts: Sequence[Part], p90: float | None, scale: Scale) -> list[float]:
    """Each part's share of the points, in the order of the parts; together they are `worth`."""
    pools = _pools(parts, scale)
    rate = {name: points(raw, p90, scale.curve) / raw / len(pools) for name, raw in pools.items()}
    return [part.raw * rate[_pool(part, scale)] if part.raw else 0.0 for part in parts]


def shares(parts: Sequence[Part], worths: Sequence[float], key: Key) -> list[Share]:
    """The parts summed by feature, event or user, the largest contribution first, then by name."""
    groups: dict[str, list[tuple[Part, float]]] = defaultdict(list)
    for part, its_points in zip(parts, worths, strict=True):
        groups[key(part)].append((part, its_points))
    found = [
        Share(
            name=name,
            times=sum(part.times for part, _ in group),
            raw=math.fsum(part.raw for part, _ in group),
            points=math.fsum(its_points for _, its_points in group),
        )
        for name, group in groups.items()
    ]
    return sorted(found, key=lambda share: (-share.raw, share.name))


def addends(
    before: Sequence[Part], after: Sequence[Part], *, entered: Sequence[Part], left: Sequence[Part]
) -> list[Addend]:
    """Every change of raw between two ends of the same model; together they are raw after − raw before.

    entered: the part of `after` from days that only the later window has.  left: the part of `before` from days that
    only the earlier one has.  What is in both windows differs only by fading (a half-life).
    """
    came = [_addend("entered", part, 1) for part in entered]
    went = [_addend("left", part, -1) for part in left]
    rest = [_addend("faded", part, 1) for part in after] + [_addend("faded", part, -1) for part in before]
    kept: dict[tuple[str, str, str], list[Addend]] = defaultdict(list)
    for each in (*rest, *map(_negated, came), *map(_negated, went)):
        kept[each.user, each.feature, each.event].append(each)
    faded = [
        Addend("faded", *place, sum(each.times for each in group), math.fsum(each.raw for each in group))
        for place, group in kept.items()
    ]
    return [*came, *went, *(each for each in faded if abs(each.raw) > _TINY)]


def scaled(parts: Iterable[Part], factor: float) -> list[Part]:
    """The same parts with raw multiplied, as a half-life does from one day to a later one."""
    return [msgspec.structs.replace(part, raw=part.raw * factor) for part in parts]


def reweighted(before: Sequence[Part], retold: Sequence[Part]) -> list[Addend]:
    """What other weights make of the same activity: `before` under the old model, `retold` under the new one."""
    gone = [_addend("reweighted", part, -1) for part in before]
    return [each for each in [*gone, *(_addend("reweighted", part, 1) for part in retold)] if each.raw]


def as_membership(changes: Iterable[Addend], moved: Collection[str]) -> list[Addend]:
    """The same changes, those of users who moved between accounts told as membership."""
    return [msgspec.structs.replace(each, reason="membership") if each.user in moved else each for each in changes]


def difference(before: End, after: End, changes: Sequence[Addend], scale: Scale) -> list[Line]:
    """One line a reason, in the order of `REASONS`, those without effect left out.

    Raw sums to the change of raw; points sum to after.score − before.score.
    """
    rates = _rates(before, after, scale)
    raw: dict[Reason, list[float]] = defaultdict(list)
    worths: dict[Reason, list[float]] = defaultdict(list)
    for each in changes:
        raw[each.reason].append(each.raw)
        worths[each.reason].append(each.raw * rates[_pool(each, scale)])
    worths["averaged"].append(_averaged(before, after, scale))
    worths["p90"].append(_benchmark(before, after, scale))
    told = math.fsum(each for group in worths.values() for each in group)
    worths["rounding"].append(after.score - before.score - told)
    return lines_of(raw, worths)


def lines_of(raw: Mapping[Reason, Sequence[float]], worths: Mapping[Reason, Sequence[float]]) -> list[Line]:
    """A line for each reason that has an effect, in the order of `REASONS`."""
    lines = [Line(reason, math.fsum(raw.get(reason, ())), math.fsum(worths.get(reason, ()))) for reason in REASONS]
    return [line for line in lines if abs(line.raw) > _TINY or abs(line.points) > _TINY]


def shifts(before: End, after: End, changes: Sequence[Addend], scale: Scale, key: Key) -> list[Shift]:
    """The change of each feature, event or user, the largest in points first, then by name.

    Raw sums to the change of raw; points to what the lines say of activity (all but averaged, benchmark and rounding).
    """
    rates = _rates(before, after, scale)
    gained: dict[str, list[float]] = defaultdict(list)
    for each in changes:
        gained[key(each)].append(each.raw * rates[_pool(each, scale)])
    then, now = sums(before.parts, key), sums(after.parts, key)
    found = []
    for name in gained.keys() | then.keys() | now.keys():
        (times, raw), (times_before, raw_before) = now.get(name, (0, 0.0)), then.get(name, (0, 0.0))
        found.append(Shift(name, times, times_before, raw, raw_before, math.fsum(gained[name])))
    return by_size(found)


def by_size(found: Iterable[Shift]) -> list[Shift]:
    """The largest change in points first, then in raw, then by name."""
    return sorted(found, key=lambda shift: (-abs(shift.points), -abs(shift.raw - shift.raw_before), shift.name))


def _addend(reason: Reason, part: Part, sign: int) -> Addend:
    return Addend(reason, part.user, part.feature, part.event, sign * part.times, sign * part.raw)


def _negated(each: Addend) -> Addend:
    return msgspec.structs.replace(each, times=-each.times, raw=-each.raw)


def sums(parts: Iterable[Part], key: Key) -> dict[str, tuple[int, float]]:
    """Name → times and raw of the parts of a feature, event or user."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[key(part)].append(part)
    return {name: (sum(part.times for part in group), total_raw(group)) for name, group in groups.items()}


def _pool(each: Part | Addend, scale: Scale) -> str:
    """What is put through the curve as one: each user by himself under a mean, else everything."""
    return each.user if scale.mean else ""


def _pools(parts: Iterable[Part], scale: Scale) -> dict[str, float]:
    """Raw of each active pool."""
    groups: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        groups[_pool(part, scale)].append(part.raw)
    sums = {name: math.fsum(group) for name, group in groups.items()}
    return {name: raw for name, raw in sums.items() if raw > 0}


def _mean_points(pools: Mapping[str, float], p90: float | None, curve: str) -> float:
    return math.fsum(points(raw, p90, curve) for raw in pools.values()) / len(pools) if pools else 0.0


def _benchmarks(before: End, after: End) -> tuple[float | None, float | None]:
    """Both benchmarks; one that is missing (nobody was active) counts as unchanged."""
    return before.p90 or after.p90, after.p90 or before.p90


def _benchmark(before: End, after: End, scale: Scale) -> float:
    """Points owed to the drift of P90: the mean of its effect on the earlier and on the later activity."""
    p90_before, p90_after = _benchmarks(before, after)
    effects = (worth(end.parts, p90_after, scale) - worth(end.parts, p90_before, scale) for end in (before, after))
    return sum(effects) / 2


def _counts(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[int, int]:
    """How many the mean is taken over at both ends; nobody counts as unchanged."""
    return len(before) or len(after) or 1, len(after) or len(before) or 1


def _rates(before: End, after: End, scale: Scale) -> Mapping[str, float]:
    """Points per raw of each pool: the curve's secant slope between its two raw scores, the mean of both benchmarks."""
    then, now = _pools(before.parts, scale), _pools(after.parts, scale)
    count_before, count_after = _counts(then, now)
    dilution = (1 / count_before + 1 / count_after) / 2
    rates: dict[str, float] = defaultdict(float)
    for name in then.keys() | now.keys():
        slopes = [
            _slope(then.get(name, 0.0), now.get(name, 0.0), p90, scale.curve) for p90 in _benchmarks(before, after)
        ]
        rates[name] = dilution * sum(slopes) / 2
    return rates


def _slope(raw_before: float, raw_after: float, p90: float | None, curve: str) -> float:
    step = raw_after - raw_before
    if not p90 or abs(step) < _TINY * p90:
        step = (p90 or 1.0) * 1e-6
    return (points(raw_before + step, p90, curve) - points(raw_before, p90, curve)) / step


def _averaged(before: End, after: End, scale: Scale) -> float:
    """Points owed to a changed number of active users under the mean."""
    then, now = _pools(before.parts, scale), _pools(after.parts, scale)
    count_before, count_after = _counts(then, now)
    spread = 1 / count_after - 1 / count_before
    halves = [
        (points(raw, p90, scale.curve)) / 4
        for pools in (then, now)
        for raw in pools.values()
        for p90 in _benchmarks(before, after)
    ]
    return spread * math.fsum(halves)
