"""What a changed model would make of a day: the new ranking beside the old, before anything is published.

Nothing is stored and nobody waits: the candidate's numbers are imagined by the event store at one commit, and compared
with those of the model in force at that same commit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import get_args

import msgspec

from uptake.core.config import ProductConfig
from uptake.core.effects import Kind
from uptake.core.scores import Level, Numbers, ScoringModel
from uptake.scoring.curve import level_of
from uptake.scoring.versions import Change, model_changes
from uptake.stores.events.base import EventStore, ListQuery
from uptake.views.base import ProductView, Unknown, begun_day, model_of

MOST_MOVERS = 100
LEVELS: tuple[Level, ...] = get_args(Level)
Scores = Mapping[str, tuple[int, float]]


class Mover(msgspec.Struct, frozen=True):
    """Somebody whose score would differ, with both scores."""

    id: str
    tracking_id: str
    name: str
    score: int
    score_after: int
    level: Level
    level_after: Level
    raw_score: float
    raw_score_after: float


class Ranked(msgspec.Struct, frozen=True):
    """A ranking as a whole.

    listed: the inactive too.  average_score: of the active, None without any.  levels: how many on each.  deciles: how
    many active ones have a score of 1–10, 11–20, … 91–100.
    """

    listed: int
    active: int
    average_score: float | None
    p90: float | None
    levels: Mapping[Level, int]
    deciles: Sequence[int]


class Comparison(msgspec.Struct, frozen=True):
    """Both rankings of the accounts or users.

    left, entered: who is listed in only one of them.  The rest is of those in both: changed: another score;
    level_changed; levels: level before → level after → how many; up, down: the largest changes first.
    """

    before: Ranked
    after: Ranked
    entered: int
    left: int
    changed: int
    level_changed: int
    levels: Mapping[Level, Mapping[Level, int]]
    up: Sequence[Mover]
    down: Sequence[Mover]


class WhatIf(msgspec.Struct, frozen=True):
    """What a candidate would change in a workspace on a day; changes: what it is that differs."""

    workspace_id: int
    day: date
    changes: Sequence[Change]
    accounts: Comparison
    users: Comparison


class Candidate(msgspec.Struct, frozen=True):
    """A day under the model in force of a workspace, and under one that a configuration would have.

    old, new: both models; `new` stands under an id that no workspace has.
    """

    old: ScoringModel
    new: ScoringModel
    day: date
    changes: Sequence[Change]


def workspace_named(candidate: ProductConfig, name: str | None) -> int | None:
    """The id of a candidate's workspace, one that it adds as well; None for no name.  Raises Unknown."""
    if name is None:
        return None
    found = next((each.id for each in candidate.workspaces if each.name == name), None)
    if found is None:
        raise Unknown("unknown_workspace", f"the document has no workspace {name!r}")
    return found


def candidate_of(
    product: ProductView,
    workspace_id: int | None,
    config: ProductConfig,
    day: date | None = None,
    *,
    beside: int | None = None,
) -> Candidate:
    """What is compared; see `what_if`.  Raises Unknown, BadDay."""
    chosen = _day(product, day)
    old = model_of(product, workspace_id, chosen)
    number = old.workspace_id if beside is None else beside
    new = product.model_under(number, config)
    if new is None:
        raise Unknown("unknown_workspace", f"the candidate has no workspace {number}")
    changes = model_changes(product.version.config, config, old.workspace_id, beside=number)
    return Candidate(old, msgspec.structs.replace(new, workspace_id=-number), chosen, changes)


def what_if(
    product: ProductView,
    workspace_id: int | None,
    candidate: ProductConfig,
    day: date | None = None,
    *,
    most: int = 20,
    beside: int | None = None,
) -> WhatIf:
    """The rankings of a day, by default the last full one with events, under the models in force and of `candidate`.

    candidate: a configuration without faults.  most: movers up and down each, at most 100.  beside: the workspace of
    the candidate that is held against this one, by default the same; one that the candidate adds.  Raises Unknown,
    also where the candidate has no such workspace; BadDay.
    """
    asked = candidate_of(product, workspace_id, candidate, day, beside=beside)
    with product.store.imagined([asked.old, asked.new], [asked.day]) as store:
        both = _Both(store, asked.old, asked.new, asked.day, min(most, MOST_MOVERS))
        return WhatIf(
            workspace_id=asked.old.workspace_id,
            day=asked.day,
            changes=asked.changes,
            accounts=_compared(both, "account"),
            users=_compared(both, "user"),
        )


class _Both(msgspec.Struct, frozen=True):
    """A store with both models scored on a day."""

    store: EventStore
    old: ScoringModel
    new: ScoringModel
    day: date
    most: int


def _day(product: ProductView, day: date | None) -> date:
    if day is not None:
        return begun_day(product, day)
    first = product.store.totals().first_day
    full = product.last_full_day()
    return full if first is not None and first <= full else product.today()


def _compared(both: _Both, kind: Kind) -> Comparison:
    store, day = both.store, both.day
    then, now = store.standings(kind, both.old, day), store.standings(kind, both.new, day)
    out, came = _left_out(both.new, kind), _left_out(both.old, kind)
    left = _listed(both, kind, both.old, out - came)
    entered = _listed(both, kind, both.new, came - out)
    before = _ranked(store, both.old, kind, day, then)
    after = _ranked(store, both.new, kind, day, now)
    shared = [each for each in {**then, **now} if each not in out and each not in came]
    changes = {each: now.get(each, _NOTHING)[0] - then.get(each, _NOTHING)[0] for each in shared}
    pairs = Counter(
        (level_of(then.get(each, _NOTHING)[0], both.old.levels), level_of(now.get(each, _NOTHING)[0], both.new.levels))
        for each in shared
    )
    pairs["inactive", "inactive"] += before.listed - left - len(shared)
    up = sorted((each for each in shared if changes[each] > 0), key=lambda each: (-changes[each], each))
    down = sorted((each for each in shared if changes[each] < 0), key=lambda each: (changes[each], each))
    movers = _movers(both, kind, (then, now), [*up[: both.most], *down[: both.most]])
    return Comparison(
        before=before,
        after=after,
        entered=entered,
        left=left,
        changed=sum(change != 0 for change in changes.values()),
        level_changed=sum(times for (one, other), times in pairs.items() if one != other),
        levels={one: {other: pairs[one, other] for other in LEVELS} for one in LEVELS},
        up=[movers[each] for each in up[: both.most]],
        down=[movers[each] for each in down[: both.most]],
    )


_NOTHING = (0, 0.0)


def _left_out(model: ScoringModel, kind: Kind) -> frozenset[str]:
    return model.excluded_users if kind == "user" else model.excluded_accounts


def _listed(both: _Both, kind: Kind, model: ScoringModel, some: frozenset[str]) -> int:
    """How many of some are listed under a model."""
    if not some:
        return 0
    return both.store.numbers(kind, model, both.day, ListQuery(tracking_ids=tuple(sorted(some)), limit=0))[1]


def _ranked(store: EventStore, model: ScoringModel, kind: Kind, day: date, found: Scores) -> Ranked:
    listed = store.numbers(kind, model, day, ListQuery(limit=0))[1]
    scores = [score for score, _ in found.values()]
    levels = Counter(level_of(score, model.levels) for score in scores)
    levels["inactive"] = listed - len(scores)
    deciles = Counter((score - 1) // 10 for score in scores)
    return Ranked(
        listed=listed,
        active=len(scores),
        average_score=sum(scores) / len(scores) if scores else None,
        p90=store.p90(model, day, kind),
        levels={level: levels[level] for level in LEVELS},
        deciles=[deciles[place] for place in range(10)],
    )


def _movers(both: _Both, kind: Kind, ends: tuple[Scores, Scores], some: Sequence[str]) -> dict[str, Mover]:
    query = ListQuery(tracking_ids=tuple(some), limit=len(some))
    rows = both.store.numbers(kind, both.new, both.day, query)[0] if some else []
    return {row.tracking_id: _mover(both, row, *ends) for row in rows}


def _mover(both: _Both, row: Numbers, then: Scores, now: Scores) -> Mover:
    (score, raw), (after, raw_after) = then.get(row.tracking_id, _NOTHING), now.get(row.tracking_id, _NOTHING)
    return Mover(
        id=row.id,
        tracking_id=row.tracking_id,
        name=row.name,
        score=score,
        score_after=after,
        level=level_of(score, both.old.levels),
        level_after=level_of(after, both.new.levels),
        raw_score=raw,
        raw_score_after=raw_after,
    )
