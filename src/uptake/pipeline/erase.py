"""Erasing a user or an account, step by step, so that a kill at any moment leaves something to go on from.

First their calls go from the log, then what people decided about them, then the event store is made anew from what is
left, and last the bytes go: the old store's file, and what SQLite still holds of the old rows.  Until the receipt is
given, the ids stand in the meta store; afterwards there are digests alone.  Calls that come in until the log was looked
at to its end are erased too; later ones are new.
"""

import logging
from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from uptake.core.calls import Call
from uptake.core.effects import Kind
from uptake.core.erasure import Erasure, Step, digest_of, erased_from, new_salt
from uptake.core.errors import UptakeError
from uptake.core.merges import MOST_ID_LENGTH, canonical_of
from uptake.pipeline.jobs import Bench, Jobs, inputs_of
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.retention import calls_told, left_of
from uptake.pipeline.steps import Step as Progressed
from uptake.pipeline.steps import Work
from uptake.stores.events.base import FoldBatch
from uptake.stores.files.base import FilesUnavailable
from uptake.stores.log.base import LogUnavailable
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.jobs import Job
from uptake.stores.retained.base import BaseUnavailable

log_ = logging.getLogger("uptake.erase")

CALLS_AT_ONCE = 2_000
EVER_US = 2**62

STEP_WORDS: dict[Step, str] = {
    "log": "Erasing calls",
    "notes": "Erasing decisions",
    "rebuild": "Counting anew",
    "bytes": "Erasing bytes",
    "sweep": "Erasing bytes",
    "done": "Erased",
}
"""What an erasure that is at a step does, for people."""

READERS_US = 5_000_000
"""How long after the new event store is in force the old one may still be read."""


class Installed(Protocol):
    """What asking for an erasure needs of the running installation."""

    meta: MetaStore
    jobs: Jobs

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""

    def refresh(self) -> bool:
        """Take what the meta store holds into force."""


def ask_erasure(running: Installed, product_id: int, kind: Kind, tracking_id: str, *, by: str) -> Erasure:
    """Begin to erase a user or account, under all ids that were merged; the worker does it.

    It need not be known: then there is only a receipt.  Raises UptakeError (bad_id, erasure_exists).
    """
    if not 0 < len(tracking_id) <= MOST_ID_LENGTH or "\x00" in tracking_id:
        raise UptakeError("bad_id", f"Expected an id of 1 to {MOST_ID_LENGTH} characters.")
    ids = all_ids(running.meta, product_id, kind, tracking_id)
    for each in running.meta.erasures.all(product_id):
        if each.kind == kind and not ids.isdisjoint(each.ids):
            raise UptakeError("erasure_exists", f"Erasure {each.id} of this {kind} is on its way.")
    now_us, salt = running.clock(), new_salt()
    digests = tuple(sorted(digest_of(salt, kind, each) for each in ids))
    wanted = Erasure(0, product_id, kind, now_us, by, salt, digests, tuple(sorted(ids)))
    made = running.meta.erasures.add(wanted, Entry(now_us, by, "erasure_asked", product_id, f"a {kind}"))
    ask_waiting(running.meta, running.jobs, {product_id})
    running.refresh()
    return made


def ask_waiting(meta: MetaStore, jobs: Jobs, product_ids: Collection[int]) -> None:
    """Ask for the work of every erasure for which nobody does it: a kill may have come between the two."""
    known = {each.request.get("erasure") for each in meta.jobs.unfinished() if each.kind == "erase"}
    for each in meta.erasures.all():
        if each.step != "done" and each.id not in known and each.product_id in product_ids:
            jobs.ask(each.product_id, "erase", {"erasure": each.id, "kind": each.kind}, by=each.by, always=True)


def cancel_erasure(running: Installed, product_id: int, erasure_id: int, *, by: str) -> None:
    """Take back an erasure that waits.  Raises UptakeError (unknown_erasure, job_goes_on)."""
    if running.meta.erasures.one(product_id, erasure_id) is None:
        raise UptakeError("unknown_erasure", f"There is no erasure {erasure_id}.")
    for job in running.meta.jobs.unfinished():
        if job.kind == "erase" and job.request["erasure"] == erasure_id:
            running.jobs.cancel(product_id, job.id, by=by)
            return
    raise UptakeError("job_goes_on", f"Erasure {erasure_id} has begun, or is done.")


def work_of(meta: MetaStore, product_id: int, erasure_id: int) -> Job | None:
    """The latest job that carries an erasure out; None where it is so old that its job is forgotten."""
    jobs = (each for each in meta.jobs.all(product_id) if each.kind == "erase")
    return next((each for each in jobs if each.request["erasure"] == erasure_id), None)


def all_ids(meta: MetaStore, product_id: int, kind: Kind, tracking_id: str) -> set[str]:
    """The id with every other one that counts as the same user or account."""
    canonical = canonical_of(meta.merges.all(product_id))
    same = canonical.id(kind, tracking_id)
    merged = canonical.users if kind == "user" else canonical.accounts
    return {tracking_id, same, *(each for each, into in merged.items() if into == same)}


class Eraser:
    """Carries one erasure out."""

    def __init__(self, bench: Bench, product: RunningProduct) -> None:
        self._meta, self._log, self._drop_store, self._clock = bench.meta, bench.log, bench.drop_store, bench.clock
        self._files, self._archive, self._product = bench.files, bench.archive, product
        self._steps: dict[Step, Callable[[Erasure, RunningProduct], Erasure]] = {
            "log": self._erase_calls,
            "notes": self._erase_decisions,
            "rebuild": self._note_generation,
            "bytes": self._erase_bytes,
            "sweep": self._sweep,
        }

    def work(self, erasure: Erasure) -> Work[Erasure]:
        """Go on with the erasure until it has its receipt, which is returned."""
        while erasure.step != "done":
            if erasure.step == "rebuild" and self._product.store.generation <= erasure.generation:
                yield from self._product.rebuild_steps(self._drop_store)
            after = self._after(erasure)
            if after != erasure:
                self._meta.erasures.keep(after)
            yield self._told(after, idle=after == erasure)
            erasure = after
        log_.info("erased", extra={"erasure": erasure.id, "calls": erasure.calls})
        return erasure

    def _after(self, erasure: Erasure) -> Erasure:
        """The erasure after one step; itself where that must wait."""
        try:
            return self._steps[erasure.step](erasure, self._product)
        except (LogUnavailable, BaseUnavailable, FilesUnavailable) as error:  # calls that come in go first
            log_.info("erasure_waits", extra={"erasure": erasure.id, "why": str(error)})
            return erasure

    def _told(self, erasure: Erasure, *, idle: bool) -> Progressed:
        end = self._log.end(erasure.product_id)
        return Progressed(min(erasure.offset, end), end, STEP_WORDS[erasure.step], idle)

    def _erase_calls(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        meanings, calls = product.rules.meanings, 0

        def change(call: Call) -> Call:
            nonlocal calls
            left = erased_from(call, erasure.kind, erasure.ids, meanings)
            calls += left.erased and not call.erased
            return left

        with product.lock:
            offset = self._log.rewrite(
                product.product_id, erasure.offset, before_us=EVER_US, most=CALLS_AT_ONCE, change=change
            )
            if offset == erasure.offset:
                calls += self._erase_rows(erasure)
        step: Step = "notes" if offset == erasure.offset else "log"
        return msgspec.structs.replace(erasure, offset=offset, calls=erasure.calls + calls, step=step)

    def _erase_rows(self, erasure: Erasure) -> int:
        """Take rows out of the base snapshot, too; return of how many calls."""
        gone = 0

        def change(piece: FoldBatch) -> FoldBatch:
            nonlocal gone
            left = left_of(piece, lambda kind, each, _: kind == erasure.kind and each in erasure.ids)
            gone += calls_told(piece) - calls_told(left)
            return left

        if self._archive:
            self._archive.base.rewrite(erasure.product_id, change)
        return gone

    def _erase_decisions(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        gone = self._meta.erasures.forget(product.product_id, erasure.kind, erasure.ids)
        product.reload(anew=True)
        return msgspec.structs.replace(erasure, decisions=erasure.decisions + gone, step="rebuild")

    def _note_generation(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        """Write down which generation must go; whatever is later was made of what is left."""
        if not erasure.generation:
            return msgspec.structs.replace(erasure, generation=product.store.generation)
        return msgspec.structs.replace(erasure, step="bytes")

    def _erase_bytes(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        """The old event store, the log's free pages, and every file that was made of either before."""
        if not product.drop_retired(self._drop_store, after_us=READERS_US) or self._copying():
            return erasure
        self._files.drop_results(product.product_id, inputs_of(self._meta.jobs.unfinished()))
        self._log.scrub(product.product_id, erasure.ids)
        if self._archive and not self._archive.base.scrub():
            return erasure
        return msgspec.structs.replace(erasure, ids=(), step="sweep")

    def _copying(self) -> bool:
        """Is a backup being made, perhaps from before the calls went?"""
        return any(each.kind == "backup" and each.state == "running" for each in self._meta.jobs.unfinished())

    def _sweep(self, erasure: Erasure, _product: RunningProduct) -> Erasure:
        """The ids themselves stood in the meta store until now."""
        self._meta.erasures.scrub()
        return msgspec.structs.replace(erasure, step="done", done_us=self._clock())
