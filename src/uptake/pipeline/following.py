"""Products whose event stores several processes share: what a process that only reads does, and what workers look out
for.

One worker at a time has the lease of a product and writes to its store.  Web nodes follow: they read the configuration
and the generation in force from the meta store.  What they need computed they write down there, and wait for it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import msgspec

from uptake.core.config import ConfigVersion
from uptake.core.days import days_between
from uptake.pipeline.eras import eras_of
from uptake.pipeline.product import RETIRE_AFTER_US, DropStore, RunningProduct, in_force_fact
from uptake.pipeline.rescore import KEPT_DAYS
from uptake.pipeline.steps import Work
from uptake.stores.events.base import Published
from uptake.stores.meta.base import MetaStore

Part = Literal["all", "web", "worker"]
"""What of the work a process does: all of it, alone; taking calls and serving what is read; or folding and scoring."""

LOOK_EVERY_S = 0.1
PATIENCE_S = 20.0
"""How long a reader waits for a worker that is asked to score days."""


class NotScoredYet(Exception):
    """Days that were never scored were asked for, and no worker has scored them yet."""


class FollowedProduct(RunningProduct):
    """A product that another process folds and scores; this one reads its store, and never writes to it."""

    folds = False
    _seen: tuple[str, Published | None, int] | None = None

    def follow(self) -> None:
        """Take into force what the product's worker has done: another generation, other scores."""
        told = self._meta.fact(in_force_fact(self.product_id))
        if told is None:  # no worker has come to it yet
            return
        generation, built = map(int, told.split())
        with self.lock:
            self._built = self._version_of(built)
            if generation != self._store.generation:
                self._retired.append((self._clock(), self._store))
                self._store = self._open_store(self.product_id, generation, self._store_rules())
            seen = (told, self._store.published(), self.version.revision)
            if seen != self._seen or self.rebuild_due:
                self._take_in_force()
                self._seen = seen
            self._close_retired()

    def _take_in_force(self) -> None:
        self._who.read(self._store.generation)
        self._load(self._versions)
        self._store.rules = self._store_rules()
        self._eras = eras_of(self._inforce.timeline, self._store, self.today())

    def _close_retired(self) -> None:
        for since_us, store in list(self._retired):
            if abs(self._clock() - since_us) > RETIRE_AFTER_US:
                self._retired.remove((since_us, store))
                store.close()

    def reload(self, *, anew: bool = False) -> None:
        """Take the configuration and the merges that the meta store now holds into force."""
        with self.lock:
            self._who.look_again()
            self._load(self._meta.versions(self.product_id))
            self._take_in_force()

    def ensure_scored(self, day: date) -> None:
        """Have the numbers of a day computed.  Raises NotScoredYet."""
        self._have_scored([day])

    def ensure_scored_days(self, first: date, last: date) -> None:
        """Have the numbers of the days between computed, since the first event.  Raises NotScoredYet."""
        begun = self._store.totals().first_day
        if begun is not None:
            self._have_scored(list(days_between(max(first, begun), last)))

    def _have_scored(self, days: Sequence[date]) -> None:
        missing = self._missing(days)
        if missing:
            ask_days(self._meta, self.product_id, missing)
            wait_for(lambda: not self._missing(days), "these days are not scored yet: no worker has come to them")

    def _missing(self, days: Sequence[date]) -> list[date]:
        scored = [set(self._store.scored_days(model.workspace_id)) for model in self.models]
        return [day for day in days if not all(day in each for each in scored)]

    def recompute_steps(self, place: dict[str, Any]) -> Work[int]:
        """Only the product's worker may do that."""
        raise NotScoredYet("scores are computed anew by workers, not here")

    def rebuild_steps(self, drop_store: DropStore, *, most: int = 20_000) -> Work[None]:
        """Only the product's worker may do that."""
        raise NotScoredYet("event stores are made anew by workers, not here")

    def close(self, drop_store: DropStore) -> None:
        """Give the stores back; none of them is this process's to delete."""
        self.let_go()


def wait_for(happened: Callable[[], bool], told: str) -> None:
    """Return when it is so.  Raises NotScoredYet."""
    until = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > until:
            raise NotScoredYet(told)
        time.sleep(LOOK_EVERY_S)


# ---- days that readers wait for
def ask_days(meta: MetaStore, product_id: int, days: Sequence[date]) -> None:
    """Let the product's worker score these days: the latest of all that are asked for, as many as are ever kept."""

    def added(before: str | None) -> str:
        asked = {*_decode(before or "[]"), *days}
        return _encode(sorted(asked)[-KEPT_DAYS:])

    meta.change_fact(_days_fact(product_id), added)


def score_asked(meta: MetaStore, product: RunningProduct) -> bool:
    """Score the days that readers wait for; True if there were any."""
    asked = _decode(meta.fact(_days_fact(product.product_id)) or "[]")
    if not asked:
        return False
    for day in asked:
        product.ensure_scored(day)
    meta.change_fact(
        _days_fact(product.product_id), lambda before: _encode(sorted({*_decode(before or "[]")} - {*asked}))
    )
    return True


_decode = msgspec.json.Decoder(tuple[date, ...]).decode


def _encode(days: Sequence[date]) -> str:
    return msgspec.json.encode(days).decode()


def _days_fact(product_id: int) -> str:
    return f"product:{product_id}:days-asked"


# ---- calls that were folded before their configuration was known
def folded_too_early(meta: MetaStore, product: RunningProduct) -> bool:
    """Does a destination apply to calls that were folded before their worker knew of it?  A rebuild puts that right."""
    told = meta.fact(_known_fact(product.product_id))
    return told is not None and applied_late(product.versions, int(told), product.store.offset())


def fold_from_now(meta: MetaStore, product: RunningProduct) -> None:
    """Remember under which configuration the product is folded from now on."""
    name, latest = _known_fact(product.product_id), str(product.version.revision)
    if meta.fact(name) != latest:
        meta.set_fact(name, latest)


def _known_fact(product_id: int) -> str:
    return f"product:{product_id}:folded-under"


def applied_late(versions: Sequence[ConfigVersion], known: int, folded: int) -> bool:
    """Does a destination of a version after `known` apply from an offset on that was folded already?  Oldest first."""
    since = [version for version in versions if version.revision >= known]
    return any(
        after.from_offset < folded and after.config.destination != before.config.destination
        for before, after in pairwise(since)
    )
