"""Why a score is what it is on a day, and what moved it since another day.

Nothing of this is stored: parts are asked of the event store, and `uptake.scoring.explain` does the arithmetic.  So the
parts sum to raw and the difference adds up by construction, also while new events arrive.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta

import msgspec

from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, ScoringModel
from uptake.scoring import explain as why
from uptake.scoring.curve import rounded
from uptake.stores.events.base import EventStore, ListQuery
from uptake.views.base import FIRST_DAY, BadDay, ProductView, Unknown, model_of, scored_day
from uptake.views.words import Told, sentence

KEYS = (why.by_feature, why.by_event, why.by_user)
MOST_SUMMARIES = 50


class Difference(msgspec.Struct, frozen=True):
    """What moved the score since `against`: the lines add up to the changes of raw and score, exactly.

    features, events, users: the change of each, largest first; what lines and shifts mean is said in
    `uptake.scoring.explain`.
    """

    against: date
    score: int
    raw: float
    p90: float | None
    score_change: int
    raw_change: float
    lines: Sequence[why.Line]
    features: Sequence[why.Shift]
    events: Sequence[why.Shift]
    users: Sequence[why.Shift]


class WorthPart(msgspec.Struct, frozen=True):
    """A part of the raw score with its share of the points."""

    user: str
    feature: str
    event: str
    times: int
    weight: int
    raw: float
    points: float


class Explanation(msgspec.Struct, frozen=True):
    """One score taken apart.  raw = the sum of the parts; points (unrounded) = the sum of their points.

    p90: the benchmark, None where nobody was active.  mean: is an account's score the mean of its active users'?
    user_names: display names of the users in parts and difference.
    """

    kind: Kind
    tracking_id: str
    workspace_id: int
    window_days: int
    day: date
    score: int
    raw: float
    points: float
    p90: float | None
    curve: str
    mean: bool
    summary: str
    parts: Sequence[WorthPart]
    features: Sequence[why.Share]
    events: Sequence[why.Share]
    users: Sequence[why.Share]
    user_names: dict[str, str]
    difference: Difference


def explain(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    tracking_id: str,
    day: date | None = None,
    *,
    against: date | None = None,
) -> Explanation:
    """Take a score apart, and its difference from an earlier day, by default one window before.

    Both ends are under the model in force.  Raises Unknown for a workspace, and for an account or user that is not
    known or is excluded; BadDay, also where `against` is after the day.
    """
    model = model_of(product, workspace_id)
    chosen = scored_day(product, day)
    earlier = scored_day(product, against or max(chosen - timedelta(days=model.window_days), FIRST_DAY))
    if earlier > chosen:
        raise BadDay(f"expected a day to compare with up to {chosen}, got {earlier}")
    scale = why.Scale(model.curve, mean=kind == "account" and model.account_score == "mean")
    asked = _Asked(_Rows(product.store), kind, model, tracking_id, scale)
    return _told(asked, asked.end(earlier), asked.end(chosen))


def summaries(
    product: ProductView, kind: Kind, workspace_id: int | None, tracking_ids: Sequence[str], days: tuple[date, date]
) -> dict[str, str]:
    """Why the scores of a few (50 at most) moved between two days, the earlier first: by id the sentence of `explain`.

    Who is not known or is excluded is left out.  Raises Unknown for a workspace, BadDay, and ValueError for too many.
    """
    if len(tracking_ids) > MOST_SUMMARIES:
        raise ValueError(f"expected up to {MOST_SUMMARIES} ids, got {len(tracking_ids)}")
    model, rows = model_of(product, workspace_id), _Rows(product.store)
    before, after = (scored_day(product, day) for day in days)
    scale = why.Scale(model.curve, mean=kind == "account" and model.account_score == "mean")
    known = {each.tracking_id for each in rows.numbers(kind, model, after, tracking_ids)}
    rows.numbers(kind, model, before, tracking_ids)
    asked = [_Asked(rows, kind, model, each, scale) for each in tracking_ids if each in known]
    ends = [(each.end(before), each.end(after)) for each in asked]
    people = {part.user for pair in ends for end in pair for part in end.parts}
    for day in (before, after):
        rows.numbers("user", model, day, people)
    return {each.tracking_id: sentence(_compared(each, *pair).told) for each, pair in zip(asked, ends, strict=True)}


class _Rows:
    """A store whose numbers and benchmarks are asked for once: those of many at a time serve each of them."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self._numbers: dict[tuple[Kind, date], dict[str, Numbers | None]] = defaultdict(dict)
        self._p90: dict[date, float | None] = {}

    def numbers(self, kind: Kind, model: ScoringModel, day: date, tracking_ids: Collection[str]) -> list[Numbers]:
        """The numbers of these on a scored day; of the unknown and the excluded none."""
        held = self._numbers[kind, day]
        if missing := [each for each in tracking_ids if each not in held]:
            rows, _ = self.store.numbers(kind, model, day, ListQuery(tracking_ids=tuple(missing), limit=len(missing)))
            held.update({**dict.fromkeys(missing), **{row.tracking_id: row for row in rows}})
        found = (held[each] for each in tracking_ids)
        return [row for row in found if row is not None]

    def p90(self, model: ScoringModel, day: date, kind: Kind) -> float | None:
        """The benchmark of a scored day."""
        if day not in self._p90:
            self._p90[day] = self.store.p90(model, day, kind)
        return self._p90[day]


class _Asked(msgspec.Struct, frozen=True):
    """Whose score is explained, under which model, from which store."""

    rows: _Rows
    kind: Kind
    model: ScoringModel
    tracking_id: str
    scale: why.Scale

    def end(self, day: date) -> why.End:
        """What makes up the score of a scored day."""
        rows = self.rows.numbers(self.kind, self.model, day, [self.tracking_id])
        if not rows:
            raise Unknown(f"unknown_{self.kind}", f"the product knows no {self.kind} {self.tracking_id!r}")
        parts = self.parts(self.model, day)
        p90 = self.rows.p90(self.model, day, self.kind)
        return why.End(day, parts, p90, _score(rows[0], parts, p90, self.scale))

    def parts(self, model: ScoringModel, day: date) -> list[Part]:
        """The parts on a day under a model."""
        return self.rows.store.parts(self.kind, self.tracking_id, model, day)

    def users(self, day: date, tracking_ids: Collection[str]) -> Sequence[Numbers]:
        """The numbers of these users on a scored day, over all their accounts."""
        return self.rows.numbers("user", self.model, day, tracking_ids)


def _score(numbers: Numbers, parts: Sequence[Part], p90: float | None, scale: why.Scale) -> int:
    """The score as it is listed; where events arrived since it was published, the score of the parts."""
    raw = why.total_raw(parts)
    if abs(raw - numbers.raw_score) < 1e-6:
        return numbers.score
    return rounded(why.worth(parts, p90, scale), active=raw > 0)


def _changes(asked: _Asked, before: why.End, after: why.End) -> list[why.Addend]:
    """Every change of raw between the two days with its reason: by what only one of their windows holds."""
    window, shift = asked.model.window_days, (after.day - before.day).days
    if shift >= window:
        return why.addends(before.parts, after.parts, entered=after.parts, left=before.parts)
    if shift == 0:
        return why.addends(before.parts, after.parts, entered=(), left=())
    edge = msgspec.structs.replace(asked.model, window_days=shift)
    overlap, half_life = window - shift, asked.model.half_life_days
    gone = asked.parts(edge, before.day - timedelta(days=overlap))
    aged = why.scaled(gone, 0.5 ** (overlap / half_life)) if half_life else gone
    return why.addends(before.parts, after.parts, entered=asked.parts(edge, after.day), left=aged)


def _moved(asked: _Asked, before: why.End, after: why.End, people: Sequence[Numbers]) -> set[str]:
    """Users of the account on one of the two days alone who on the other one were active, but for another account."""
    if asked.kind == "user":
        return set()
    then, now = ({part.user for part in end.parts} for end in (before, after))
    away = {person.tracking_id for person in people if person.raw_score > 0} & (then - now)
    earlier = asked.users(before.day, now - then)
    return away | {person.tracking_id for person in earlier if person.raw_score > 0}


class _Compared(msgspec.Struct, frozen=True):
    """Two ends of a score with what moved it, and with whom the sentence names."""

    told: Told
    difference: Difference
    people: Sequence[Numbers]


def _compared(asked: _Asked, before: why.End, after: why.End) -> _Compared:
    people = asked.users(after.day, {part.user for part in (*before.parts, *after.parts)})
    moved = _moved(asked, before, after, people)
    changes = why.as_membership(_changes(asked, before, after), moved)
    difference = _difference(before, after, changes, asked.scale)
    told = Told(asked.kind, asked.model.window_days, before, after, difference.lines, difference.events, moved)
    return _Compared(told, difference, people)


def _told(asked: _Asked, before: why.End, after: why.End) -> Explanation:
    model, scale = asked.model, asked.scale
    compared = _compared(asked, before, after)
    worths = why.part_points(after.parts, after.p90, scale)
    features, events, users = (why.shares(after.parts, worths, key) for key in KEYS)
    return Explanation(
        kind=asked.kind,
        tracking_id=asked.tracking_id,
        workspace_id=model.workspace_id,
        window_days=model.window_days,
        day=after.day,
        score=after.score,
        raw=why.total_raw(after.parts),
        points=why.worth(after.parts, after.p90, scale),
        p90=after.p90,
        curve=model.curve,
        mean=scale.mean,
        summary=sentence(compared.told),
        parts=[_worth_part(part, its_points) for part, its_points in zip(after.parts, worths, strict=True)],
        features=features,
        events=events,
        users=users,
        user_names={person.tracking_id: person.name for person in compared.people},
        difference=compared.difference,
    )


def _difference(before: why.End, after: why.End, changes: Sequence[why.Addend], scale: why.Scale) -> Difference:
    features, events, users = (why.shifts(before, after, changes, scale, key) for key in KEYS)
    return Difference(
        against=before.day,
        score=before.score,
        raw=why.total_raw(before.parts),
        p90=before.p90,
        score_change=after.score - before.score,
        raw_change=math.fsum(each.raw for each in changes),
        lines=why.difference(before, after, changes, scale),
        features=features,
        events=events,
        users=users,
    )


def _worth_part(part: Part, its_points: float) -> WorthPart:
    return WorthPart(part.user, part.feature, part.event, part.times, part.weight, part.raw, its_points)
