"""Two rankings beside each other, row by row: the one in force and the one that a changed model would give.

Everybody who is listed in either of them has a row.  Both rankings are imagined once and remembered for the next page
or order, until scores are published again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import msgspec

from uptake.core.conditions import Everyone
from uptake.core.config import ProductConfig
from uptake.core.effects import Kind
from uptake.core.scores import Level, Numbers
from uptake.scoring.curve import level_of
from uptake.stores.events.base import ListQuery
from uptake.views.base import ProductView
from uptake.views.summary import Asked
from uptake.views.what_if import Candidate, Scores, candidate_of

PlaceSort = Literal["score_after", "score", "change", "name", "tracking_id"]
CHUNK = 5_000
_NOTHING = (0, 0.0)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One row of both rankings.

    place: in the ranking, from 1; None for the inactive and for who is not listed.  level: None for who is not listed.
    change: points from the one score to the other.
    """

    id: str
    tracking_id: str
    name: str
    place: int | None
    place_after: int | None
    score: int
    score_after: int
    change: int
    level: Level | None
    level_after: Level | None
    raw_score: float
    raw_score_after: float


class PlacesPage(msgspec.Struct, frozen=True):
    """Some rows of `total`, on a day."""

    rows: Sequence[Place]
    total: int
    day: date


class PlacesQuery(msgspec.Struct, frozen=True):
    """One page of both rankings, names in lower case.  Ties: the score after, then before, both falling, then
    tracking_id."""

    kind: Kind
    sort: PlaceSort = "score_after"
    descending: bool = True
    limit: int = 25
    offset: int = 0


class _Rankings(msgspec.Struct, frozen=True):
    """Scores of the active, the place of each, and who is listed, in both rankings."""

    then: Scores
    now: Scores
    places: Mapping[str, int]
    places_after: Mapping[str, int]
    listed: frozenset[str]
    listed_after: frozenset[str]


class Rankings:
    """Both rankings of a candidate on a day."""

    def __init__(
        self,
        product: ProductView,
        workspace_id: int | None,
        config: ProductConfig,
        day: date | None = None,
        *,
        beside: int | None = None,
    ) -> None:
        """As `uptake.views.what_if.what_if`.  Raises Unknown, BadDay."""
        self._candidate: Candidate = candidate_of(product, workspace_id, config, day, beside=beside)
        asked, store = self._candidate, product.store
        self._old = Asked(store, asked.old, asked.day, store.published())
        self._new = Asked(
            store, asked.new, asked.day, store.published(), under=(asked.old.workspace_id, msgspec.json.encode(config))
        )

    def page(self, query: PlacesQuery) -> PlacesPage:
        """One page of the rows."""
        found = _rankings(self._old, self._new, query.kind)
        ids = self._ordered(found, query)
        chosen = ids[query.offset : query.offset + query.limit]
        return PlacesPage(self._rows(found, query.kind, chosen), len(ids), self._candidate.day)

    def whole(self, query: PlacesQuery) -> Iterator[Sequence[Place]]:
        """Every row, some thousands at a time; limit and offset count for nothing."""
        found = _rankings(self._old, self._new, query.kind)
        ids = self._ordered(found, query)
        for first in range(0, len(ids), CHUNK):
            yield self._rows(found, query.kind, ids[first : first + CHUNK])

    def _ordered(self, found: _Rankings, query: PlacesQuery) -> list[str]:
        """Everybody in the order that is asked for."""

        def score(each: str) -> tuple[int, float]:
            return found.then.get(each, _NOTHING)

        def after(each: str) -> tuple[int, float]:
            return found.now.get(each, _NOTHING)

        usual = sorted(
            sorted(found.listed | found.listed_after), key=lambda each: (*after(each), *score(each)), reverse=True
        )
        names = _names(self._old, self._new, query.kind) if query.sort == "name" else {}
        keys: dict[PlaceSort, Callable[[str], Any]] = {
            "score_after": after,
            "score": score,
            "change": lambda each: after(each)[0] - score(each)[0],
            "name": lambda each: names.get(each, each),
            "tracking_id": str,
        }
        return sorted(usual, key=keys[query.sort], reverse=query.descending)

    def _rows(self, found: _Rankings, kind: Kind, ids: Sequence[str]) -> list[Place]:
        named = {row.tracking_id: row for model in (self._old, self._new) for row in _named(model, kind, ids)}
        return [self._row(found, named[each]) for each in ids if each in named]

    def _row(self, found: _Rankings, who: Numbers) -> Place:
        each = who.tracking_id
        (score, raw), (after, raw_after) = found.then.get(each, _NOTHING), found.now.get(each, _NOTHING)
        old, new = self._candidate.old.levels, self._candidate.new.levels
        return Place(
            id=who.id,
            tracking_id=each,
            name=who.name,
            place=found.places.get(each),
            place_after=found.places_after.get(each),
            score=score,
            score_after=after,
            change=after - score,
            level=level_of(score, old) if each in found.listed else None,
            level_after=level_of(after, new) if each in found.listed_after else None,
            raw_score=float(raw),
            raw_score_after=float(raw_after),
        )


@lru_cache(maxsize=8)
def _rankings(old: Asked, new: Asked, kind: Kind) -> _Rankings:
    day = old.day
    with old.store.imagined([old.model, new.model], [day]) as store:
        then, now = store.standings(kind, old.model, day), store.standings(kind, new.model, day)
        listed, listed_after = (frozenset(store.matching(kind, Everyone(), each.model, day)) for each in (old, new))
    return _Rankings(then, now, _places(then), _places(now), listed, listed_after)


def _places(scores: Scores) -> dict[str, int]:
    ranked = sorted(scores, key=lambda each: (-scores[each][0], -scores[each][1], each))
    return {each: place for place, each in enumerate(ranked, 1)}


@lru_cache(maxsize=2)
def _names(old: Asked, new: Asked, kind: Kind) -> Mapping[str, str]:
    """What everybody is called, in lower case, by tracking_id."""
    found = _rankings(old, new, kind)
    rows = (*_named(old, kind, [*found.listed]), *_named(new, kind, [*(found.listed_after - found.listed)]))
    return {row.tracking_id: row.name.lower() for row in rows}


def _named(asked: Asked, kind: Kind, ids: Sequence[str]) -> list[Numbers]:
    query = ListQuery(tracking_ids=tuple(ids), limit=len(ids))
    return asked.store.numbers(kind, asked.model, asked.day, query)[0] if ids else []
