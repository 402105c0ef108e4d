"""Moving an installation between engines: from a data folder to servers, and back.

The meta store is copied row by row, the base snapshot piece by piece, the call log call by call with every offset; the
event stores are made from these, as after a restore, and then everything is compared: rows, pieces, calls, and digests
of every table of every event store, scores too.  The source is only read.  What broke off goes on where it was.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any, cast

import msgspec

from uptake.control.requests import Told
from uptake.core.calls import LoggedCall
from uptake.core.errors import UptakeError
from uptake.engines import open_archive, open_log, open_meta, open_stores
from uptake.folder import DataFolder
from uptake.installation import Installation
from uptake.pipeline.fold import lost_batch
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.retention import Archive
from uptake.settings import Settings
from uptake.stores.events.base import FoldBatch
from uptake.stores.log.base import CallLog, Request, read_past_damage
from uptake.stores.meta.base import chosen
from uptake.stores.meta.copying import copied_rows, difference, refuse_filled, write_rows
from uptake.stores.meta.sql import SqlMetaStore
from uptake.stores.retained.base import BaseDamaged, BaseSnapshot

CALLS_AT_ONCE = 2_000
MOST_REFUSALS = 10_000
EVER_US = 2**61


class Migrated(msgspec.Struct, frozen=True):
    """A product that was moved and compared: its calls, configuration, and the digest of its event store's tables."""

    id: int
    name: str
    calls: int
    revision: int
    digest: dict[str, str]


class Copied(msgspec.Struct, frozen=True):
    """Rows of a meta store by table, and which installation they are of."""

    rows: dict[str, Any]
    origin: str


def migrate(source: Settings, target: Settings, told: Told, product: str | None = None) -> list[Migrated]:
    """Copy all products, or the one with this name, into a target that is empty or was begun before; compare all.

    Neither may be in use.  Raises UptakeError: E004 where one is, E018 where the target holds something else, E019
    where anything differs in the end.
    """
    with ExitStack() as opened:
        ours = Installation(source, role="command")
        opened.callback(ours.close)
        running = ours.running
        some = [chosen(running.products(), product)] if product else running.products()
        for each in some:
            running.settle(each.product_id)
            while each.retain_if_due():  # or it would be done in the target, which then has more than was copied
                pass
        origin = running.meta.change_fact("installation:origin", lambda before: before or str(running.clock()))
        only = some[0].product_id if product else None
        rows = Copied(copied_rows(cast(SqlMetaStore, running.meta), only), origin)
        _copy(ours, some, target, rows, told)
        theirs = Installation(target, role="command")
        opened.callback(theirs.close)
        return [_compared(each, theirs, told) for each in some]


def _copy(ours: Installation, some: Sequence[RunningProduct], target: Settings, rows: Copied, told: Told) -> None:
    """Fill meta store and log of the target, before anybody opens it as an installation."""
    with ExitStack() as opened:
        folder = DataFolder(target.data_dir, "command")
        opened.callback(folder.close)
        meta = cast(SqlMetaStore, open_meta(folder.path, target))
        opened.callback(meta.close)
        if not meta.lead():
            raise UptakeError("E004", "Another process works on the target.", hint="Stop it.")
        log = open_log(folder.path, target.log_url)
        opened.callback(log.close)
        archive = open_archive(folder.path, target, log)
        opened.callback(archive.base.close)
        refuse_filled(meta, rows.origin)
        if not meta.products():
            _refuse_remains(folder, target, archive, [each.product_id for each in some])
        write_rows(meta, rows.rows, rows.origin)
        if table := difference(rows.rows, copied_rows(meta, None)):
            raise _differs(f"the table {table} of the meta store")
        for each in some:
            assert ours.running.archive is not None
            copy_pieces(each.product_id, ours.running.archive.base, archive.base, told)
            copy_calls(each.product_id, ours.running.log, log, told)
            compare_calls(each.product_id, ours.running.log, log, told)


def _refuse_remains(folder: DataFolder, target: Settings, archive: Archive, product_ids: Sequence[int]) -> None:
    """Raises UptakeError (E018) where something of another installation lies in the target."""
    hint = "Empty it, or name another one in its address."
    if any(archive.log.end(each) for each in product_ids):
        raise UptakeError("E018", "The call log of the target has calls already.", hint=hint)
    if any(archive.base.end(each) for each in product_ids):
        raise UptakeError("E018", "The base snapshot of the target has calls already.", hint=hint)
    if open_stores(folder, target).generations():
        raise UptakeError("E018", "There are event stores in the target already.", hint=hint)


def copy_pieces(product_id: int, source: BaseSnapshot, target: BaseSnapshot, told: Told) -> None:
    """Append the product's pieces to another base snapshot, from where that ends, and compare all of them.

    Raises UptakeError: E018 where the target holds other pieces, as after an erasure since they were copied, E019
    where they differ in the end.
    """
    if (first := _differing_piece(product_id, source, target)) is not None:
        message = f"The target has another base snapshot of product {product_id}, from offset {first} on."
        raise UptakeError("E018", message, hint="Empty the target, and begin anew.")
    end, before_us = source.end(product_id), source.before_us(product_id)
    while (at := target.end(product_id)) < end:
        piece = _piece(source, product_id, at)
        assert piece is not None  # where one ends the next begins
        target.append(product_id, piece, before_us=before_us, dedupe_us=EVER_US)
        told.progress(piece.after, end, "Copying the base snapshot")
    first = _differing_piece(product_id, source, target)
    if first is not None or target.before_us(product_id) != before_us:
        raise _differs(f"the base snapshot of product {product_id}")


def _differing_piece(product_id: int, source: BaseSnapshot, target: BaseSnapshot) -> int | None:
    """Where the first piece of the target begins that is not the source's; None where all of them are."""
    at, end = 0, target.end(product_id)
    while at < end:
        theirs = _piece(target, product_id, at)
        if theirs is None or theirs != _piece(source, product_id, at):
            return at
        at = theirs.after
    return None


def _piece(base: BaseSnapshot, product_id: int, first: int) -> FoldBatch | None:
    """The piece that begins at an offset, its messages in an order that every engine tells; a damaged one is lost."""
    try:
        piece = base.piece(product_id, first)
    except BaseDamaged as damage:
        return lost_batch(first, damage.after)
    return msgspec.structs.replace(piece, messages=sorted(piece.messages)) if piece else None


def copy_calls(product_id: int, source: CallLog, target: CallLog, told: Told) -> None:
    """Append the product's calls to another log under their own offsets, from where that ends; refused items last."""
    end = source.end(product_id)
    while (at := target.end(product_id)) < end:
        calls, _ = read_past_damage(source, product_id, at, most=CALLS_AT_ONCE)
        if not calls:
            break
        if calls[0].offset > at:
            target.continue_from(product_id, calls[0].offset)
        target.append(_requests(product_id, calls))
        told.progress(calls[-1].offset + 1, end, "Copying calls")
    if target.end(product_id) < end:  # the last ones were lost; offsets go on behind them all the same
        target.continue_from(product_id, end)
    if not target.refusal_counts(product_id, since_us=0):
        refused = [
            Request(product_id, each.received_us, each.source, (), (each.rejection,))
            for each in reversed(source.refusals(product_id, most=MOST_REFUSALS))
        ]
        for start in range(0, len(refused), CALLS_AT_ONCE):
            target.append(refused[start : start + CALLS_AT_ONCE])


def _requests(product_id: int, calls: Sequence[LoggedCall]) -> list[Request]:
    return [
        Request(product_id, received_us, source, [each.call for each in group])
        for (received_us, source), group in groupby(calls, key=lambda each: (each.received_us, each.source))
    ]


def compare_calls(product_id: int, source: CallLog, target: CallLog, told: Told) -> None:
    """Raises UptakeError (E019) where the two logs of a product differ in any call, offset or moment of receipt."""
    at, end = 0, source.end(product_id)
    while at < end:
        ours, after = read_past_damage(source, product_id, at, most=CALLS_AT_ONCE)
        if not ours:
            break
        theirs, _ = read_past_damage(target, product_id, ours[0].offset, most=len(ours))
        if ours != theirs[: len(ours)]:
            raise _differs(f"the calls from offset {ours[0].offset} on of product {product_id}")
        at = after
        told.progress(at, end, "Comparing calls")
    if target.end(product_id) != end:
        raise _differs(f"the end of the log of product {product_id}")


def _compared(ours: RunningProduct, theirs: Installation, told: Told) -> Migrated:
    """Fold and score in the target, and compare every table of the two event stores."""
    running, product_id = theirs.running, ours.product_id
    product, end = running.product(product_id), ours.status().log_offset
    running.step()
    while not (status := product.status()).settled:
        told.progress(status.folded_offset, end, "Folding")
        running.step()
    told.progress(end, end, "Folding")
    _score_alike(ours, product)
    _score_alike(product, ours)
    mine, other = dict(ours.store.digest()), dict(product.store.digest())
    for table in mine:
        if mine[table] != other.get(table):
            raise _differs(f"the table {table} of the event store of {ours.name!r}")
    return Migrated(product_id, product.name, status.log_offset, status.revision, other)


def _score_alike(one: RunningProduct, other: RunningProduct) -> None:
    """Score what the other one has scored: days that somebody has asked for are kept too."""
    for model in other.models:
        for day in set(other.store.scored_days(model.workspace_id)) - set(one.store.scored_days(model.workspace_id)):
            one.ensure_scored(day)


def _differs(what: str) -> UptakeError:
    return UptakeError("E019", f"What was copied is not what is there: {what} differs.", hint="Please report this.")
