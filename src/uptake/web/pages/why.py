"""Why a score is what it is, in bars and lines: the explanation of `uptake.views.explanation`, ready to be drawn."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import msgspec

from uptake.scoring.explain import Line, Share, Shift
from uptake.views.explanation import Explanation
from uptake.web.pages.formats import day_text, number, signed
from uptake.web.pages.visit import Visit

MOST_BARS = 10
MOST_SHIFTS = 12
LEAST_SCALE = 5.0
"""The bars of a difference fill their half at so many points at least: what is next to nothing looks so."""

CURVES = {"exponential-1": "100 × (1 − 10^(−raw ÷ P90))", "linear-1": "100 × raw ÷ P90, at most 100"}
Name = Callable[[str], str]


class Bar(msgspec.Struct, frozen=True):
    """A name with the points that it is worth; share is its part of the widest bar, in percent."""

    name: str
    value: float
    share: float
    of: str
    href: str = ""


class BarGroup(msgspec.Struct, frozen=True):
    """The same points told by event, by feature or by user; bars beyond the most important are one."""

    id: str
    title: str
    bars: Sequence[Bar]


class Step(msgspec.Struct, frozen=True):
    """One step from the earlier score to the later one: why, by how many points, and where its bar stands.

    left, width: the bar in a box of 100.  edge: where the sum stands after it.
    """

    text: str
    points: float
    left: float
    width: float
    edge: float

    @property
    def sign(self) -> str:
        """The class of the number: what is shown as 0 is neither good nor bad."""
        return sign_of(self.points)


class ShiftLine(msgspec.Struct, frozen=True):
    """How the contribution of one feature, event or user changed; left and width place its bar in a box of 100."""

    name: str
    times_before: int
    times: int
    points: float
    left: float
    width: float
    href: str = ""

    @property
    def sign(self) -> str:
        """The class of the number."""
        return sign_of(self.points)


class ShiftGroup(msgspec.Struct, frozen=True):
    """What changed, told by event, by feature or by user, the largest change first."""

    id: str
    title: str
    lines: Sequence[ShiftLine]


def sign_of(points: float) -> str:
    """Good or bad; what is shown as 0 is neither."""
    return "" if signed(points) == "0.0" else "plus-text" if points > 0 else "minus-text"


def bar_groups(visit: Visit, explanation: Explanation) -> list[BarGroup]:
    """The points of a score by event, by feature where the product has any, and for an account by user."""
    weights = {part.event: part.weight for part in explanation.parts}

    def sum_of(share: Share) -> str:
        product = share.times * weights.get(share.name, 0)
        told = f"{share.times:,} × {weights.get(share.name, 0)} = {number(share.raw)}"
        return told if abs(product - share.raw) < 1e-6 else times_of(share)

    groups = [BarGroup("by-event", "By event", _bars(explanation.events, sum_of))]
    if visit.product.config.features:
        features = _bars(explanation.features, times_of, named=lambda name: name or "In no feature")
        groups.append(BarGroup("by-feature", "By feature", features))
    if explanation.kind == "account":
        names = explanation.user_names
        users = _bars(
            explanation.users,
            times_of,
            named=lambda name: names.get(name, name),
            linked=lambda name: visit.link("/users", name),
        )
        groups.append(BarGroup("by-user", "By user", users))
    return groups


def times_of(share: Share) -> str:
    """How often, and what raw that makes."""
    return f"{share.times:,} time{'' if share.times == 1 else 's'}, raw {number(share.raw)}"


def _bars(
    shares: Sequence[Share], sum_of: Callable[[Share], str], *, named: Name = str, linked: Name = lambda name: ""
) -> list[Bar]:
    most = max((share.points for share in shares), default=0) or 1
    shown, rest = shares[:MOST_BARS], shares[MOST_BARS:]
    bars = [
        Bar(named(each.name), each.points, 100 * each.points / most, sum_of(each), linked(each.name)) for each in shown
    ]
    if rest:
        together = Share(
            f"{len(rest)} more",
            sum(each.times for each in rest),
            sum(each.raw for each in rest),
            sum(each.points for each in rest),
        )
        bars.append(Bar(together.name, together.points, 100 * together.points / most, times_of(together)))
    return bars


def waterfall(explanation: Explanation) -> list[Step]:
    """The steps from the earlier score to the later one; each begins where the one before it ended.

    The box is 100 points wide, or wider where the sum goes beyond on its way.
    """
    difference = explanation.difference
    sums = list(accumulate((line.points for line in difference.lines), initial=float(difference.score)))
    low, high = min(0.0, *sums), max(100.0, *sums)
    at = [100 * (each - low) / (high - low) for each in sums]
    return [
        Step(_reason(line, explanation), line.points, min(one, other), abs(other - one), other)
        for line, (one, other) in zip(difference.lines, pairwise(at), strict=True)
    ]


def shift_groups(visit: Visit, explanation: Explanation) -> list[ShiftGroup]:
    """The change of each event, feature and user; what did not change is left out."""
    difference, names = explanation.difference, explanation.user_names
    groups = [ShiftGroup("moved-event", "By event", _shift_lines(difference.events))]
    if visit.product.config.features:
        features = _shift_lines(difference.features, named=lambda name: name or "In no feature")
        groups.append(ShiftGroup("moved-feature", "By feature", features))
    if explanation.kind == "account":
        users = _shift_lines(
            difference.users,
            named=lambda name: names.get(name, name),
            linked=lambda name: visit.link("/users", name),
        )
        groups.append(ShiftGroup("moved-user", "By user", users))
    return [group for group in groups if group.lines]


def _shift_lines(shifts: Sequence[Shift], *, named: Name = str, linked: Name = lambda name: "") -> list[ShiftLine]:
    widest = max([LEAST_SCALE, *(abs(shift.points) for shift in shifts)])
    lines = []
    for shift in shifts[:MOST_SHIFTS]:
        if shift.times != shift.times_before or signed(shift.points) != "0.0":
            width = 50 * abs(shift.points) / widest
            left = 50 - width if shift.points < 0 else 50
            name, href = named(shift.name), linked(shift.name)
            lines.append(ShiftLine(name, shift.times_before, shift.times, shift.points, left, width, href))
    return lines


def _reason(line: Line, explanation: Explanation) -> str:
    difference, window = explanation.difference, explanation.window_days
    raw = f" (raw {'+' if line.raw > 0 else '−'}{number(abs(line.raw))})" if line.raw else ""
    p90 = " to ".join(number(each) for each in (difference.p90, explanation.p90) if each is not None)
    words = {
        "entered": f"Activity since {day_text(difference.against)}{raw}",
        "left": f"Activity that is now older than {window} day{'' if window == 1 else 's'}{raw}",
        "faded": f"Activity that counts less as it ages{raw}",
        "reweighted": f"Another scoring model{raw}",
        "membership": f"Users who came from or went to another account{raw}",
        "exclusions": f"Users whom only one of the scoring models counts{raw}",
        "averaged": "The mean is over another number of active users",
        "p90": f"The benchmark P90 moved from {p90}",
        "rounding": "Rounding to whole points",
    }
    return words[line.reason]
