"""Erasing a user or an account, step by step, so that a kill at any moment leaves something to go on from.

First their calls go from the log, then what people decided about them, then the event store is made anew from what is
left, and last the bytes go: the old store's file, and what SQLite still holds of the old rows.  Until the receipt is
given, the ids stand in the meta store; afterwards there are digests alone.  Calls that come in until the log was looked
at to its end are erased too; later ones are new.
"""

import logging
from collections.abc import Callable
from typing import Protocol

import msgspec

from uptake.core.calls import Call
from uptake.core.effects import Kind
from uptake.core.erasure import Erasure, Step, digest_of, erased_from, new_salt
from uptake.core.errors import UptakeError
from uptake.core.merges import MOST_ID_LENGTH, canonical_of
from uptake.pipeline.product import Clock, DropStore, RunningProduct
from uptake.pipeline.retention import Archive, calls_told, left_of
from uptake.stores.events.base import FoldBatch
from uptake.stores.log.base import CallLog, LogUnavailable
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore

log_ = logging.getLogger("uptake.erase")

CALLS_AT_ONCE = 2_000
EVER_US = 2**62

READERS_US = 5_000_000
"""How long after the new event store is in force the old one may still be read."""


class Installed(Protocol):
    """What asking for an erasure needs of the running installation."""

    meta: MetaStore

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
    running.refresh()
    return made


def all_ids(meta: MetaStore, product_id: int, kind: Kind, tracking_id: str) -> set[str]:
    """The id with every other one that counts as the same user or account."""
    canonical = canonical_of(meta.merges.all(product_id))
    same = canonical.id(kind, tracking_id)
    merged = canonical.users if kind == "user" else canonical.accounts
    return {tracking_id, same, *(each for each, into in merged.items() if into == same)}


class Eraser:
    """Carries erasures out, one at a time, for every product."""

    def __init__(
        self,
        meta: MetaStore,
        log: CallLog,
        drop_store: DropStore,
        rebuild: Callable[[int], None],
        *,
        clock: Clock,
        archive: Archive | None = None,
    ) -> None:
        """rebuild: makes a product's event store anew.  archive: where calls are that have left the log."""
        self._make_anew, self._archive = rebuild, archive
        self._meta, self._log, self._drop_store, self._clock = meta, log, drop_store, clock
        self._steps: dict[Step, Callable[[Erasure, RunningProduct], Erasure]] = {
            "log": self._erase_calls,
            "notes": self._erase_decisions,
            "rebuild": self._rebuild,
            "bytes": self._erase_bytes,
            "sweep": self._sweep,
        }
        self.look_again()

    def look_again(self) -> None:
        """Find out what is to be done."""
        self._waiting = [each for each in self._meta.erasures.all() if each.step != "done"]

    @property
    def waiting(self) -> list[Erasure]:
        """What is to be done, as far as it was looked for."""
        return list(self._waiting)

    def step(self, product: RunningProduct) -> bool:
        """Do some of the product's first erasure; True if there may be more to do at once."""
        erasure = next((each for each in self._waiting if each.product_id == product.product_id), None)
        if erasure is None:
            return False
        try:
            after = self._steps[erasure.step](erasure, product)
        except LogUnavailable as error:  # calls that come in go first
            log_.info("erasure_waits", extra={"erasure": erasure.id, "why": str(error)})
            return False
        if after == erasure:
            return False
        self._meta.erasures.keep(after)
        self._waiting[self._waiting.index(erasure)] = after
        if after.step == "done":
            self.look_again()
            log_.info("erased", extra={"erasure": after.id, "calls": after.calls})
        return True

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

    def _rebuild(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        """Make rows anew; a rebuild that somebody else began before may have read the calls that are gone."""
        if product.rebuilding:
            return erasure
        if not erasure.generation:
            return msgspec.structs.replace(erasure, generation=product.store.generation)
        if product.store.generation <= erasure.generation:
            self._make_anew(product.product_id)
        return msgspec.structs.replace(erasure, step="bytes")

    def _erase_bytes(self, erasure: Erasure, product: RunningProduct) -> Erasure:
        if not product.drop_retired(self._drop_store, after_us=READERS_US):
            return erasure
        self._log.scrub(product.product_id, erasure.ids)
        if self._archive and not self._archive.base.scrub():
            return erasure
        return msgspec.structs.replace(erasure, ids=(), step="sweep")

    def _sweep(self, erasure: Erasure, _product: RunningProduct) -> Erasure:
        """The ids themselves stood in the meta store until now."""
        self._meta.erasures.scrub()
        return msgspec.structs.replace(erasure, step="done", done_us=self._clock())
