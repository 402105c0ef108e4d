"""An explanation in plain words: one sentence, computed from the same lines that add up."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from uptake.core.effects import Kind
from uptake.scoring.explain import End, Line, Reason, Shift

WORTH_TELLING = 0.5
"""Points from which a reason is told."""


class Told(msgspec.Struct, frozen=True):
    """What the sentence is made from; `moved`: users who count for another account at one of the ends."""

    kind: Kind
    window_days: int
    before: End
    after: End
    lines: Sequence[Line]
    events: Sequence[Shift]
    moved: Collection[str]

    @property
    def change(self) -> int:
        """Points that the score changed by."""
        return self.after.score - self.before.score

    def pulls(self, reason: Reason) -> bool:
        """Did this reason move the score noticeably the way it went?"""
        worth = sum(line.points for line in self.lines if line.reason == reason)
        return worth * self.change > 0 and abs(worth) >= WORTH_TELLING


def sentence(told: Told) -> str:
    """Why the score changed, e.g. `Score fell 12: Report_Shared used 40 fewer times; 2 of 5 users inactive.`"""
    if not told.after.parts and not told.before.parts:
        return f"Inactive: no scored event in the last {_number(told.window_days, 'day')}."
    if not told.change:
        return f"Score unchanged at {told.after.score}."
    head = f"Score {'rose' if told.change > 0 else 'fell'} {abs(told.change)}"
    clauses = [*_model(told), *_use(told), *_fading(told), *_moving(told), *_people(told), *_benchmark(told)]
    return f"{head}: {'; '.join(clauses)}." if clauses else f"{head}."


def _model(told: Told) -> Iterator[str]:
    """Another scoring model on the later day."""
    if told.pulls("reweighted"):
        yield "the scoring model changed"
    if told.pulls("exclusions"):
        yield "other users are counted"


def _use(told: Told) -> Iterator[str]:
    """The event whose use moved the score most, the way it went."""
    for shift in told.events:
        more = shift.times - shift.times_before
        if shift.points * told.change > 0 and more * told.change > 0:
            # "3 times more" would read as a factor.
            yield f"{shift.name} used {_number(abs(more), 'more time' if more > 0 else 'fewer time')}"
            return


def _fading(told: Told) -> Iterator[str]:
    if told.pulls("faded"):
        yield "older use counts for less"


def _moving(told: Told) -> Iterator[str]:
    then, now = told.before.users, told.after.users
    if told.moved and told.pulls("membership"):
        came, went = len((now - then) & set(told.moved)), len((then - now) & set(told.moved))
        if told.change > 0 and came:
            yield f"{_number(came, 'user')} came from another account"
        if told.change < 0 and went:
            yield f"{_number(went, 'user')} went to another account"


def _people(told: Told) -> Iterator[str]:
    if told.kind == "user":
        return
    then, now = told.before.users, told.after.users
    gone, fresh = len(then - now - set(told.moved)), len(now - then - set(told.moved))
    if told.change < 0 and gone:
        yield f"{gone} of {_number(len(then), 'user')} inactive"
    elif told.change > 0 and fresh:
        yield f"{_number(fresh, 'more user')} active"
    elif told.pulls("averaged"):
        yield f"the mean is now over {_number(len(now), 'active user')}, before {len(then)}"


def _benchmark(told: Told) -> Iterator[str]:
    then, now = told.before.p90, told.after.p90
    if then and now and told.pulls("p90"):
        yield f"the benchmark (P90) {'rose' if now > then else 'fell'} from {_amount(then)} to {_amount(now)}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _amount(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
