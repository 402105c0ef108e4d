"""Erasing again what a backup from before an erasure still holds, while it is unpacked and nobody has it open.

A receipt knows ids by salted digests, so every id that the log and the meta store name is asked about.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from uptake.backup.manifest import BASE, META
from uptake.control.requests import Told
from uptake.core.calls import Call
from uptake.core.effects import Kind
from uptake.core.erasure import Erasure, Suppression
from uptake.destination.meaning import Meaning
from uptake.engines import open_log
from uptake.pipeline.fold import Rules
from uptake.pipeline.merges import forget_built
from uptake.pipeline.retention import left_of
from uptake.stores.log.base import CallLog
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.sql import SqlMetaStore
from uptake.stores.retained.base import BaseSnapshot
from uptake.stores.retained.sqlite import SqliteBaseSnapshot

CALLS_AT_ONCE = 2_000
EVER_US = 2**62
NO_SECRET = b"no text of a key is read or written"


def erase_again(staged: Path, receipts: Sequence[Erasure], told: Told) -> None:
    """Repeat erasures on an unpacked backup, and keep their receipts there.  May raise what stores raise."""
    # Not as the server opens it: that would make a secret where the backup was made under a setting.
    with (
        closing(SqlMetaStore(f"sqlite:///{staged / META}", NO_SECRET)) as meta,
        closing(open_log(staged)) as log,
        _base(staged) as base,
    ):
        for product in meta.products():
            theirs = [each for each in receipts if each.product_id == product.id]
            if theirs:
                if base:
                    _erase_rows(product.id, base, theirs)
                _erase(product.id, meta, log, theirs, told)
        meta.erasures.scrub()


def let_nobody_in(staged: Path) -> None:
    """Forget the sessions and links that an unpacked backup holds."""
    with closing(SqlMetaStore(f"sqlite:///{staged / META}", NO_SECRET)) as meta:
        meta.people.forget_ways_in()


@contextmanager
def _base(staged: Path) -> Iterator[BaseSnapshot | None]:
    if not (staged / BASE).exists():
        yield None
        return
    with closing(SqliteBaseSnapshot(staged / BASE)) as base:
        yield base


def _erase_rows(product_id: int, base: BaseSnapshot, receipts: Sequence[Erasure]) -> None:
    """Rows tell of no later moment than that of their receipt, so that only what was erased since then is met."""
    suppression = Suppression(receipts)

    def gone(kind: Kind, tracking_id: str, at_us: int) -> bool:
        erased_us = suppression.erased_us(kind, tracking_id)
        return erased_us is not None and min(at_us, base.before_us(product_id)) <= erased_us

    base.rewrite(product_id, lambda piece: left_of(piece, gone))
    base.scrub()


def _erase(product_id: int, meta: MetaStore, log: CallLog, receipts: Sequence[Erasure], told: Told) -> None:
    suppression = Suppression(receipts)
    meanings = Rules(meta.versions(product_id)).meanings
    first = 0
    for erased_us in (*sorted({each.asked_us for each in receipts}), EVER_US):
        first = _erase_calls(product_id, log, suppression, meanings, first, erased_us, told)
    for kind, tracking_id in _decided(product_id, meta):
        suppression.erased_us(kind, tracking_id)
    known = {each.digests for each in meta.erasures.all(product_id)}
    met: set[str] = set()
    kinds: tuple[Kind, ...] = ("user", "account")
    for kind in kinds:
        met |= suppression.met(kind)
        meta.erasures.forget(product_id, kind, suppression.met(kind))
    forget_built(meta, product_id)
    log.scrub(product_id, met)
    for each in receipts:
        if each.digests not in known:
            meta.erasures.add(msgspec.structs.replace(each, ids=(), step="done"), None)


def _erase_calls(
    product_id: int,
    log: CallLog,
    suppression: Suppression,
    meanings: Sequence[Meaning],
    first: int,
    before_us: int,
    told: Told,
) -> int:
    """Go through calls received before an erasure, whatever time they give; return the offset after them."""

    def change(call: Call) -> Call:
        return suppression.left_of(call, min(call.at_us, before_us), meanings)

    while True:
        after = log.rewrite(product_id, first, before_us=before_us, most=CALLS_AT_ONCE, change=change)
        if after == first:
            return after
        first = after
        told.progress(after, log.end(product_id), "Erasing again")


def _decided(product_id: int, meta: MetaStore) -> Iterator[tuple[Kind, str]]:
    for merge in meta.merges.all(product_id):
        yield merge.kind, merge.merged
        yield merge.kind, merge.into
    for note in meta.care.notes(product_id):
        yield note.kind, note.tracking_id
    yield from _each("account", meta.care.owners(product_id))
    for version in meta.versions(product_id):
        yield from _each("user", version.config.exclusions.users)
        yield from _each("account", version.config.exclusions.accounts)


def _each(kind: Kind, ids: Iterable[str]) -> Iterator[tuple[Kind, str]]:
    return ((kind, each) for each in ids)
