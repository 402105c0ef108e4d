"""Two days of a score side by side: the ends, the changes between them, and whom they are owed to.

Where both days were scored by one model, or are asked to be seen by the later one, everything is
`uptake.scoring.explain`; else the way goes over the earlier day as the later model has it
(`uptake.scoring.remodelled`).  Numbers of many are asked for together, so that a list of sentences costs little more
than one.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, ScoringModel
from uptake.scoring import explain as why
from uptake.scoring import remodelled
from uptake.scoring.curve import rounded
from uptake.scoring.remodelled import Remodel
from uptake.stores.events.base import EventStore
from uptake.views.base import ProductView, model_of
from uptake.views.summary import Asked
from uptake.views.words import Told

KEYS = (why.by_feature, why.by_event, why.by_user)


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


class Compared(msgspec.Struct, frozen=True):
    """Both ends of a score, the later one's model, what moved it, and whom its sentence names.

    told.before: the score that the difference is from.  people: the users whose activity is in it.
    """

    told: Told
    difference: Difference
    people: Collection[str]


class Between:
    """Two scored days of a workspace, for any number of its accounts or users."""

    def __init__(
        self, product: ProductView, kind: Kind, workspace_id: int | None, days: tuple[date, date], *, as_stood: bool
    ) -> None:
        """days: the earlier first.  as_stood: from the score that stood on the earlier day, though another model made
        it; else as the later model has it.  Raises Unknown."""
        self.kind, (self.earlier, self.later) = kind, days
        self.model = model_of(product, workspace_id, self.later)
        self.scale = _scale(kind, self.model)
        self.rows = _Rows(product.store, self.model)
        own = model_of(product, self.model.workspace_id, self.earlier)
        self._own = None if own == self.model else _Rows(product.store, own)
        self._as_stood = as_stood
        if self._own is not None:
            under = (product.version.revision, self.later)
            asked = Asked(product.store, self.model, self.earlier, product.store.published(), under=under)
            self._p90 = benchmark_under(asked, kind)

    def ask(self, tracking_ids: Collection[str]) -> list[str]:
        """Ask for what these need together; return those that are listed."""
        excluded = self.model.excluded_users if self.kind == "user" else self.model.excluded_accounts
        known = self.rows.names(self.kind, tracking_ids)
        listed = [each for each in tracking_ids if each in known and each not in excluded]
        self.rows.ask_standings(self.kind, self.later, listed)
        (self._own or self.rows).ask_standings(self.kind, self.earlier, listed)
        ends = [(self._before(each), self._end(self.rows, each, self.later)) for each in listed]
        if self.kind == "account":
            users = [(before.users, after.users) for before, after in ends]
            self.rows.ask_standings("user", self.later, {user for then, now in users for user in then - now})
            self.rows.ask_standings("user", self.earlier, {user for then, now in users for user in now - then})
        return listed

    def compared(self, tracking_id: str) -> Compared:
        """What moved the score of one who is listed (see `ask`)."""
        before, after = self._before(tracking_id), self._end(self.rows, tracking_id, self.later)
        moved = self._moved(before, after)
        changes = why.as_membership(self._changes(tracking_id, before, after), moved)
        remodel = self._remodel(tracking_id, before)
        difference = _difference(why.Ends(before, after, self.scale), changes, remodel)
        stood = remodel.stood if remodel else before
        window = self.model.window_days
        told = Told(self.kind, window, stood, after, difference.lines, difference.events, moved)
        return Compared(told, difference, before.users | after.users)

    # ---- ends
    def _before(self, tracking_id: str) -> why.End:
        """The earlier day under the model of the later one."""
        if self._own is None:
            return self._end(self.rows, tracking_id, self.earlier)
        parts = self.rows.parts(self.kind, tracking_id, self.earlier)
        score = rounded(why.worth(parts, self._p90, self.scale), active=why.total_raw(parts) > 0)
        return why.End(self.earlier, parts, self._p90, score)

    def _remodel(self, tracking_id: str, retold: why.End) -> Remodel | None:
        """The step from the score that stood on the earlier day, where another model made it and it is asked for."""
        if self._own is None or not self._as_stood:
            return None
        own = self._own.model
        return Remodel(
            stood=self._end(self._own, tracking_id, self.earlier),
            scale=_scale(self.kind, own),
            retold=retold,
            uncounted=own.excluded_users ^ self.model.excluded_users,
            alike=_arithmetic(own) == _arithmetic(self.model),
        )

    def _end(self, rows: "_Rows", tracking_id: str, day: date) -> why.End:
        """What makes up the score of a day under the model that scored it; nothing for who is not listed."""
        p90, parts = rows.p90(self.kind, day), rows.parts(self.kind, tracking_id, day)
        score = _score(rows.standing(self.kind, day, tracking_id), parts, p90, _scale(self.kind, rows.model))
        return why.End(day, parts, p90, score)

    # ---- changes
    def _changes(self, tracking_id: str, before: why.End, after: why.End) -> list[why.Change]:
        """Every change of raw between the days with its reason: by what only one of their windows holds."""
        window, shift = self.model.window_days, (after.day - before.day).days
        if shift >= window:
            return why.changes_between(before.parts, after.parts, entered=after.parts, left=before.parts)
        if shift == 0:
            return why.changes_between(before.parts, after.parts, entered=(), left=())
        overlap, half_life = window - shift, self.model.half_life_days
        gone = self.rows.parts(self.kind, tracking_id, before.day - timedelta(days=overlap), window_days=shift)
        aged = why.scaled(gone, 0.5 ** (overlap / half_life)) if half_life else gone
        came = self.rows.parts(self.kind, tracking_id, after.day, window_days=shift)
        return why.changes_between(before.parts, after.parts, entered=came, left=aged)

    def _moved(self, before: why.End, after: why.End) -> set[str]:
        """Users of the account on one of the two days alone who on the other one were active, but for another
        account."""
        if self.kind == "user":
            return set()
        gone, come = before.users - after.users, after.users - before.users
        return self.rows.active(after.day, gone) | self.rows.active(before.day, come)


class _Rows:
    """A store under a model, whose scores, names, benchmarks and parts are asked for once: those of many at a time
    serve each."""

    def __init__(self, store: EventStore, model: ScoringModel) -> None:
        self.store, self.model = store, model
        self._standings: dict[tuple[Kind, date], dict[str, tuple[int, float]]] = defaultdict(dict)
        self._names: dict[tuple[Kind, str], str | None] = {}
        self._p90: dict[date, float | None] = {}
        self._parts: dict[tuple[Kind, str, int, date], Sequence[Part]] = {}

    def hold(self, day: date, numbers: Numbers) -> None:
        """Take numbers that were asked for elsewhere."""
        self._standings[numbers.kind, day][numbers.tracking_id] = numbers.score, numbers.raw_score
        self._names[numbers.kind, numbers.tracking_id] = numbers.name

    def names(self, kind: Kind, tracking_ids: Collection[str]) -> dict[str, str]:
        """Tracking id → display name of those of them that are known."""
        if missing := [each for each in tracking_ids if (kind, each) not in self._names]:
            found = self.store.names(kind, missing)
            self._names.update({(kind, each): found.get(each) for each in missing})
        told = ((each, self._names[kind, each]) for each in tracking_ids)
        return {each: name for each, name in told if name is not None}

    def ask_standings(self, kind: Kind, day: date, tracking_ids: Collection[str]) -> None:
        """Ask for the scores of these on a scored day together."""
        held = self._standings[kind, day]
        if missing := [each for each in tracking_ids if each not in held]:
            held.update(dict.fromkeys(missing, (0, 0.0)) | self.store.standings(kind, self.model, day, only=missing))

    def standing(self, kind: Kind, day: date, tracking_id: str) -> tuple[int, float]:
        """Score and raw score on a scored day; zeros for who has none."""
        self.ask_standings(kind, day, [tracking_id])
        return self._standings[kind, day][tracking_id]

    def active(self, day: date, users: Collection[str]) -> set[str]:
        """Those of the users who have a score on a scored day."""
        self.ask_standings("user", day, users)
        return {user for user in users if self._standings["user", day][user][0]}

    def p90(self, kind: Kind, day: date) -> float | None:
        """The benchmark of a scored day."""
        if day not in self._p90:
            self._p90[day] = self.store.p90(self.model, day, kind)
        return self._p90[day]

    def parts(self, kind: Kind, tracking_id: str, day: date, *, window_days: int | None = None) -> Sequence[Part]:
        """The parts on any day, of the model's window or another one."""
        span = window_days or self.model.window_days
        asked = (kind, tracking_id, span, day)
        if asked not in self._parts:
            model = msgspec.structs.replace(self.model, window_days=span)
            self._parts[asked] = self.store.parts(kind, tracking_id, model, day)
        return self._parts[asked]


@lru_cache(maxsize=256)
def benchmark_under(asked: Asked, kind: Kind) -> float | None:
    """The benchmark of a day under a model that did not score it."""
    with asked.store.imagined([asked.model], [asked.day]) as store:
        return store.p90(asked.model, asked.day, kind)


def _scale(kind: Kind, model: ScoringModel) -> why.Scale:
    return why.Scale(model.curve, mean=kind == "account" and model.account_score == "mean")


def _arithmetic(model: ScoringModel) -> ScoringModel:
    """The model without whom it counts and how things are called."""
    nobody: frozenset[str] = frozenset()
    return msgspec.structs.replace(
        model, excluded_users=nobody, excluded_accounts=nobody, features={}, user_activation=(), account_activation=()
    )


def _score(standing: tuple[int, float], parts: Sequence[Part], p90: float | None, scale: why.Scale) -> int:
    """The score as it is listed; where events arrived since it was published, the score of the parts."""
    (score, listed_raw), raw = standing, why.total_raw(parts)
    if abs(raw - listed_raw) < 1e-6:
        return score
    return rounded(why.worth(parts, p90, scale), active=raw > 0)


def _difference(ends: why.Ends, changes: Sequence[why.Change], remodel: Remodel | None) -> Difference:
    if remodel is None:
        stood, every = ends.before, changes
        lines = why.difference(ends, changes)
        features, events, users = (why.shifts(ends, key) for key in KEYS)
    else:
        stood, every = remodel.stood, [*remodelled.changes(remodel), *changes]
        lines = remodelled.difference(remodel, ends, changes)
        features, events, users = (remodelled.shifts(remodel, ends, key) for key in KEYS)
    return Difference(
        against=stood.day,
        score=stood.score,
        raw=stood.raw,
        p90=stood.p90,
        score_change=ends.after.score - stood.score,
        raw_change=math.fsum(each.raw for each in every),
        lines=lines,
        features=features,
        events=events,
        users=users,
    )
