"""One product while the server runs: its event store and configuration in force, swapped under one lock.

Whoever reads takes `product.store` once and asks it several questions, so that all answers come from one generation.
"""

import logging
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.config import ConfigVersion
from uptake.core.days import day_of, days_between
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.pipeline.configure import reaches_rows, rules_of
from uptake.pipeline.eras import Eras, by_models, changed_since, eras_of, hash_of, models_on
from uptake.pipeline.generation import Making
from uptake.pipeline.in_force import Clock, InForce
from uptake.pipeline.merges import Counted, WhoIsWho
from uptake.pipeline.purge import Purge, Purged
from uptake.pipeline.rescore import DAYS_A_STEP, oldest_kept, recomputed, rescore
from uptake.pipeline.retention import Archive, Retention
from uptake.pipeline.steps import Step, Work
from uptake.stores.events.base import EventStore, StoreRules
from uptake.stores.log.base import CallLog
from uptake.stores.meta.base import MetaStore, Product
from uptake.stores.retained.base import Retained

__all__ = ["Clock", "DropStore", "OpenStore", "Progress", "RunningProduct", "Status"]

log_ = logging.getLogger("uptake.product")


OpenStore = Callable[[int, int, StoreRules], EventStore]
DropStore = Callable[[int, int], None]
Progress = Callable[[int, int], None]

DAYS_AT_ONCE = 15
"""How many days are scored for a reader while the worker waits."""

LONGEST_WAIT_US = 600_000_000

RETIRE_AFTER_US = 60_000_000
"""How long a store that was swapped out stays open for those who still read it."""


def in_force_fact(product_id: int) -> str:
    """The name of the fact that tells the generation in force and the revision under which it was folded."""
    return f"product:{product_id}:in-force"


class Status(msgspec.Struct, frozen=True):
    """How far a product is: equal offsets mean settled.

    scored_offset: −1 while the scores in force are of another configuration or day.
    """

    log_offset: int
    folded_offset: int
    scored_offset: int
    as_of_us: int | None
    revision: int
    scored_revision: int
    generation: int
    rebuilding: bool

    @property
    def settled(self) -> bool:
        """Is everything that was logged folded and scored under the configuration in force?"""
        return self.log_offset == self.folded_offset == self.scored_offset


class RunningProduct(InForce):
    """One product's event store and configuration in force."""

    folds = True
    """Is it this process that writes to the store, and to the facts about it?"""

    def __init__(
        self,
        product: Product,
        meta: MetaStore,
        log: CallLog,
        open_store: OpenStore,
        clock: Clock,
        *,
        archive: Archive | None = None,
    ) -> None:
        """archive: where old calls go; None where they always stay in the log."""
        self.product_id = product.id
        self._meta, self._log, self._open_store, self._clock = meta, log, open_store, clock
        self.lock = threading.RLock()
        self._one_rebuild = threading.Lock()
        self.rebuilding = False
        self._retired: list[tuple[int, EventStore]] = []
        self._reaching = (0, 0, False)
        self._purge = Purge(product.id, meta, log)
        self._retention = Retention(product.id, log, archive)
        self._who = WhoIsWho(product.id, meta)
        generation = int(meta.fact(f"product:{product.id}:generation") or 1)
        self._who.read(generation)
        self._load(meta.versions(product.id))
        self._built = self._version_of(int(meta.fact(f"product:{product.id}:built") or self.version.revision))
        if self.folds:
            self._tell_built(generation)
        self._store = open_store(product.id, generation, self._store_rules())
        self._eras = eras_of(self._inforce.timeline, self._store, self.today())
        known = meta.fact(self._scored_fact()) == hash_of(self._eras)
        self._scored_under: Eras | None = self._eras if known else None
        self.rescore_due_us = 0
        self.rescore_took_us = 0

    def _tell_built(self, generation: int) -> None:
        """Write down under which configuration the rows in force were folded; both together for who only reads."""
        self._meta.set_fact(f"product:{self.product_id}:built", str(self._built.revision))
        self._meta.set_fact(in_force_fact(self.product_id), f"{generation} {self._built.revision}")

    def status(self) -> Status:
        """How far log, fold and scores are."""
        store = self._store
        published = store.published()
        current = (
            published is not None
            and published.revision == self.version.revision
            and day_of(published.as_of_us, self._zone) == self.today()
            and not self.rebuild_due
        )
        return Status(
            log_offset=self._log.end(self.product_id),
            folded_offset=store.offset(),
            scored_offset=published.offset if published and current else -1,
            as_of_us=published.as_of_us if published else None,
            revision=self.version.revision,
            scored_revision=published.revision if published else 0,
            generation=store.generation,
            rebuilding=self.rebuilding,
        )

    # ---- changes
    @property
    def rebuild_due(self) -> bool:
        """Was the configuration, or who is who, changed in a way that reaches into folded rows?"""
        asked = (self._built.revision, self.version.revision)
        if self._reaching[:2] != asked:
            self._reaching = (*asked, reaches_rows(self._versions, self._built.revision))
        return self._who.differs or self._reaching[2]

    def reload(self, *, anew: bool = False) -> None:
        """Take the configuration, and the merges, that the meta store now holds into force.

        anew: also where older versions were changed, as an erasure does.
        """
        versions = self._meta.versions(self.product_id)
        merged_anew = self._who.look_again()
        if versions[-1].revision == self.version.revision and not merged_anew and not anew:
            return
        with self.lock:
            self._who.spare_rebuild(self._store)
            self._load(versions)
            self._purge.look_again()
            self._retention.look_again()
            if self._store.offset() == 0:
                self._built = self.version  # nothing is folded yet, so that nothing needs a rebuild
                self._tell_built(self._store.generation)
            self._store.rules = self._store_rules()
            self._eras = eras_of(self._inforce.timeline, self._store, self.today())
            self.rescore_due_us = 0

    def canonical_behind(self, kind: Kind, some_id: str) -> str | None:
        """The id that a merged one's calls count for, by its opaque id or itself; None for who was not merged."""
        return self._who.behind(kind, some_id)

    def fold(self, *, most: int) -> int:
        """Fold the next calls into the store in force; return how many."""
        with self.lock:
            return self._retention.fold(self._store, self._inforce.rules, most=most)

    def purge_if_due(self) -> bool:
        """Cut some of the calls down that were kept whole for long enough; True if there may be more."""
        with self.lock:
            return self._purge.step(self._versions, self._clock())

    def retain_if_due(self) -> bool:
        """Take some of the calls whose days in the log are over into the base snapshot; True if there may be more."""
        with self.lock:
            if self.rebuild_due:  # what calls mean is about to change
                return False
            return self._retention.step(self._versions, self._store.offset(), self._clock())

    @property
    def retained(self) -> Retained | None:
        """Which calls left the log for the base snapshot; None for none."""
        return self._retention.reached

    @property
    def purged(self) -> tuple[Purged, ...]:
        """What was cut from older calls, by until when, ascending."""
        return self._purge.done

    def rescore_if_due(self, *, backlog: bool) -> bool:
        """Bring the scores up to date unless that was done a moment ago; True if there was something to do.

        While calls wait to be folded, scoring takes at most a third of the time.
        """
        started_us = self._clock()
        # A clock that was set back, or ahead while the last scoring ran, must not put the next one off for long.
        early = 0 < self.rescore_due_us - started_us <= LONGEST_WAIT_US
        if self._scores_stand() or (backlog and early):
            return False
        with self.lock:
            today = self.today()
            self._eras = eras_of(self._inforce.timeline, self._store, today)
            revision, since = self._scored_revision(), self._scored_anew_since()
            rescore(self._store, self._eras, today, revision=revision, now_us=started_us, since=since)
            self._remember_eras()
        self.rescore_took_us = self._clock() - started_us
        self.rescore_due_us = self._clock() + max(1_000_000, 2 * self.rescore_took_us)
        return True

    def _scores_stand(self) -> bool:
        """Do the scores tell all that is folded, as far as the rows are those of the configuration?"""
        published = self._store.published()
        return (
            published is not None
            and published.offset == self._store.offset() == self._log.end(self.product_id)
            and published.revision == self._scored_revision()
            and day_of(published.as_of_us, self._zone) == self.today()
        )

    def recompute_steps(self, place: dict[str, Any]) -> Work[int]:
        """Compute the numbers of every kept day anew, the latest first; returns how many days.

        Calls are folded between the steps.  place: where an earlier run came to.
        """
        oldest = oldest_kept(self._store, self.today())
        days = sorted(days_between(oldest, self.today()), reverse=True) if oldest else [self.today()]
        before = date.fromisoformat(place["before"]) if "before" in place else date.max
        left = [day for day in days if day < before]
        if oldest and not place:
            with self.lock:
                self._store.forget((date.min, oldest - timedelta(days=1)))
        for at in range(0, len(left), DAYS_A_STEP):
            some = left[at : at + DAYS_A_STEP]
            with self.lock:
                recomputed(self._store, self._eras, some, now_us=self._clock())
            done = len(days) - len(left) + at + len(some)
            yield Step(done, len(days), "Scoring", place={"before": some[-1].isoformat()})
        return len(days)

    def _scored_anew_since(self) -> date | None:
        """The first day whose kept numbers are of other models, or count others, than now; None where none is."""
        if self._scored_under is None:
            return date.min
        return changed_since(self._scored_under, self._eras, self._store)

    def _remember_eras(self) -> None:
        if self._eras != self._scored_under:
            self._meta.set_fact(self._scored_fact(), hash_of(self._eras))
        self._scored_under = self._eras

    def _scored_fact(self) -> str:
        return f"product:{self.product_id}:scored-under"

    def _scored_revision(self) -> int:
        return self._built.revision if self.rebuild_due else self.version.revision

    def ensure_scored(self, day: date) -> None:
        """Compute the numbers of a day that has none yet (older than what is kept scored, or just begun)."""
        if any(day not in self._store.scored_days(model.workspace_id) for model in self.models):
            with self.lock:
                self._store.rescore(models_on(self._eras, day), [day], at_us=self._clock())

    def ensure_scored_days(self, first: date, last: date) -> None:
        """Compute the numbers of the days between that have none yet, since the first event.

        A few at a time, so that folding goes on between them.
        """
        store = self._store
        scored = [set(store.scored_days(model.workspace_id)) for model in self.models]
        missing = [day for day in days_between(first, last) if not all(day in each for each in scored)]
        begun = store.totals().first_day if missing else None
        waiting = [day for day in missing if begun is not None and day >= begun]
        for at in range(0, len(waiting), DAYS_AT_ONCE):
            with self.lock:
                for models, days in by_models(self._eras, waiting[at : at + DAYS_AT_ONCE]):
                    self._store.rescore(models, days, at_us=self._clock())

    def rebuild(self, drop_store: DropStore, progress: Progress | None = None, *, most: int = 20_000) -> None:
        """As `rebuild_steps`, all at once."""
        for step in self.rebuild_steps(drop_store, most=most):
            if progress:
                progress(step.done, step.total)

    def rebuild_steps(self, drop_store: DropStore, *, most: int = 20_000) -> Work[None]:
        """Fold the whole log into a new generation beside the live one, score it, and swap it in.

        Where the configuration changes meanwhile in a way that reaches into rows, it begins again.  The live store is
        folded into between the steps.  Raises UptakeError (E010).
        """
        if not self._one_rebuild.acquire(blocking=False):
            raise UptakeError("E010", "The product is being rebuilt already.", hint="`uptake jobs list` shows it.")
        self.rebuilding = True
        try:
            while not (yield from self._rebuilt(drop_store, most=most)):
                log_.info("rebuild_restarted", extra={"product": self.product_id})
        finally:
            self.rebuilding = False
            self._one_rebuild.release()

    def _rebuilt(self, drop_store: DropStore, *, most: int) -> Work[bool]:
        with self.lock:
            decided, version = self._decided, self._version
        generation = self._store.generation + 1
        drop_store(self.product_id, generation)
        fresh = self._open_store(self.product_id, generation, rules_of(version.config))
        making = Making(
            fresh,
            lambda: self._retention.fold(fresh, decided.rules, most=most),
            end=lambda: self._log.end(self.product_id),
            retained=self._retention.end,
            few=most // 2,
        )
        try:
            yield from making.folded()
            eras = eras_of(decided.timeline, fresh, self.today())
            yield from making.scored(eras, self.today(), revision=version.revision, now_us=self._clock())
            yield from making.folded()
            return self._swapped(making, decided, version, eras)
        finally:
            if self._store is not fresh:
                fresh.close()
                drop_store(self.product_id, generation)

    def _swapped(self, making: Making, decided: Counted, version: ConfigVersion, before: Eras) -> bool:
        """Put a generation in force, with the last calls; not where what was decided is another now."""
        fresh, today = making.store, self.today()
        with self.lock:
            if decided is not self._decided:
                return False
            making.fold_rest()
            eras = eras_of(decided.timeline, fresh, today)
            since = changed_since(before, eras, fresh)
            rescore(fresh, eras, today, revision=version.revision, now_us=self._clock(), since=since)
            self._swap(fresh, version)
            self._who.remember(fresh.generation, decided.rules.canonical)
            self._inforce = decided
            self._eras = eras
            self._remember_eras()
        return True

    def _swap(self, fresh: EventStore, version: ConfigVersion) -> None:
        self._meta.set_fact(f"product:{self.product_id}:generation", str(fresh.generation))
        self._retired.append((self._clock(), self._store))
        self._store, self._built = fresh, version
        self._tell_built(fresh.generation)

    def drop_retired(self, drop_store: DropStore, *, after_us: int = RETIRE_AFTER_US) -> bool:
        """Close and delete swapped-out stores that nobody reads any more; True if none is left."""
        for since_us, store in list(self._retired):
            if not after_us or abs(self._clock() - since_us) > after_us:
                self._retired.remove((since_us, store))
                store.close()
                drop_store(self.product_id, store.generation)
        return not self._retired

    def let_go(self) -> None:
        """Give the stores back and delete nothing: they are another process's from now on."""
        with self.lock:
            for store in (*(each for _, each in self._retired), self._store):
                store.close()

    def close(self, drop_store: DropStore) -> None:
        """Give the stores back."""
        with self.lock:
            self.drop_retired(drop_store, after_us=0)
            self._store.close()
