"""What moved a score between two days that were scored by different models.

The way goes over a third end: the earlier day as the later model has it (`Remodel.retold`).  From there on everything
is `uptake.scoring.explain`, under one model.  The step before it, on the earlier day alone, is told by two lines:
`exclusions`, what those are worth whom only one of the models counts, and `reweighted`, whatever else the other model
makes of the same activity: weights, window, curve, benchmark.  Both are exact differences of unrounded points, so that
everything still adds up to the difference of the two scores as they were shown.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from uptake.core.scores import Part
from uptake.scoring import explain as why
from uptake.scoring.explain import Change, End, Ends, Key, Line, Reason, Scale, Shift


class Remodel(msgspec.Struct, frozen=True):
    """The earlier day under its own model (`stood`, `scale`) and as the later model has it (`retold`).

    uncounted: users whom only one of the two models counts.  alike: do the models differ in nothing else?
    """

    stood: End
    scale: Scale
    retold: End
    uncounted: frozenset[str]
    alike: bool

    def kept(self, end: End) -> list[Part]:
        """The parts at an end of users whom both models count."""
        return [part for part in end.parts if part.user not in self.uncounted]


def changes(remodel: Remodel) -> list[Change]:
    """What the other model makes of the raw score of the earlier day; together they are raw retold − raw stood."""
    reason: Reason = "exclusions" if remodel.alike else "reweighted"
    told = [Change(reason, -1, remodel.stood.parts), Change(reason, 1, remodel.retold.parts)]
    return why.told_apart(told, remodel.uncounted, "exclusions")


def difference(remodel: Remodel, ends: Ends, later: Sequence[Change]) -> list[Line]:
    """One line a reason from the score that stood to the later one.

    ends: `retold` and the later day; later: the changes between them.  Raw sums to the change of raw; points sum to
    after.score − stood.score.
    """
    raw: dict[Reason, list[float]] = defaultdict(list)
    points: dict[Reason, list[float]] = defaultdict(list)
    for each in changes(remodel):
        raw[each.reason].append(each.raw)
    for reason, worth in _step(remodel, ends.scale).items():
        points[reason].append(worth)
    for line in why.difference(ends, later):
        raw[line.reason].append(line.raw)
        points[line.reason].append(line.points)
    told = math.fsum(each for reason, group in points.items() if reason != "rounding" for each in group)
    points["rounding"] = [ends.after.score - remodel.stood.score - told]
    return why.lines_of(raw, points)


def shifts(remodel: Remodel, ends: Ends, key: Key) -> list[Shift]:
    """The change of each feature, event or user since the score that stood, the largest in points first.

    ends: `retold` and the later day.
    """
    stood, retold = remodel.stood, remodel.retold
    then = stood.sums(why.part_points(stood.parts, stood.p90, remodel.scale), key)
    worths = retold.sums(why.part_points(retold.parts, retold.p90, ends.scale), key)
    found = {each.name: each for each in why.shifts(ends, key)}
    told = []
    for name in found.keys() | worths.keys() | then.keys():
        since = found.get(name, Shift(name, 0, 0, 0.0, 0.0, 0.0))
        times_before, raw_before, points_before = then.get(name, (0, 0.0, 0.0))
        step = worths.get(name, (0, 0.0, 0.0))[2] - points_before
        told.append(Shift(name, since.times, times_before, since.raw, raw_before, since.points + step))
    return why.by_size(told)


def _step(remodel: Remodel, scale: Scale) -> Mapping[Reason, float]:
    """Points that the other model is worth on the earlier day, by reason."""
    stood, retold = remodel.stood, remodel.retold
    before, after = why.worth(stood.parts, stood.p90, remodel.scale), why.worth(retold.parts, retold.p90, scale)
    if remodel.alike:
        return {"exclusions": after - before}
    kept_before = why.worth(remodel.kept(stood), stood.p90, remodel.scale)
    kept_after = why.worth(remodel.kept(retold), retold.p90, scale)
    return {"exclusions": (kept_before - before) + (after - kept_after), "reweighted": kept_after - kept_before}
