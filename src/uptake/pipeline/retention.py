"""Retention: months of calls leave the log for the base snapshot, which a rebuild begins with.

A product without `retention_days` has none of it.  With so many days, every month of receipt that lies before them
whole is folded into the base snapshot, piece by piece, and only when all of it is durable there do its calls go.  What
they meant then stays: a mapping that is changed later cannot reach them.  Moments, memberships and ids are kept, so
that days, accounts and merges are still computed anew.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC
from itertools import takewhile
from typing import TypeVar

import msgspec

from uptake.core.calls import LoggedCall
from uptake.core.config import ConfigVersion
from uptake.core.days import DAY_US, from_us, to_us
from uptake.core.effects import Kind, TraitsSet
from uptake.core.merges import PARENT_KEYS, Canonical
from uptake.pipeline.fold import NOBODY_MERGED, Rules, batch_of, fold, lost_batch
from uptake.stores.events.base import ActedRow, EventStore, FoldBatch, JoinedRow, StoreDamaged, TraitRow
from uptake.stores.events.rows import names_parent, parent_in
from uptake.stores.log.base import CallLog, LogDamaged, LogUnavailable, PeriodLog
from uptake.stores.retained.base import BaseDamaged, BaseSnapshot, BaseUnavailable, Overtaken, Retained

log_ = logging.getLogger("uptake.retention")

CALLS_AT_ONCE = 20_000

LOOK_EVERY_US = 3_600 * 1_000_000
"""How long after a look that found no more to do the next one is."""

Row = TypeVar("Row", ActedRow, JoinedRow)

Gone = Callable[[Kind, str, int], bool]
"""Is this user or account to be left out of what happened at a moment (µs)?"""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Archive:
    """Where old calls go: the base snapshot, and a log that gives whole periods back."""

    def __init__(self, log: PeriodLog, base: BaseSnapshot) -> None:
        self.log, self.base = log, base


class Retention:
    """The base snapshot of one product, and how far it reaches."""

    def __init__(self, product_id: int, log: CallLog, archive: Archive | None) -> None:
        """archive: None where the log gives no periods back."""
        self._product_id, self._log, self._archive = product_id, log, archive
        self._due_us = 0
        self._end: int | None = None
        self._told: Retained | None = None

    def look_again(self) -> None:
        """The configuration has changed: look now, not later."""
        self._due_us = 0

    @property
    def end(self) -> int:
        """The first offset that is not in the base snapshot, for whoever folds: nobody else moves it.  Asked once, so
        that calls are folded while its server is away."""
        if self._end is None:
            self._end = self._archive.base.end(self._product_id) if self._archive else 0
        return self._end

    @property
    def reached(self) -> Retained | None:
        """What is in the base snapshot alone, as far as can be told; None for nothing."""
        if self._archive is None:
            return None
        try:
            end = self._archive.base.end(self._product_id)
            self._told = Retained(end, self._archive.base.before_us(self._product_id)) if end else None
        except BaseUnavailable as error:
            log_.warning("retention_unknown", extra={"product": self._product_id, "why": str(error)})
        return self._told

    # ---- from the snapshot
    def fold(self, store: EventStore, rules: Rules, *, most: int) -> int:
        """Fold the next calls into a store, from the base snapshot as far as that reaches; return how many."""
        if self._archive is None or (first := store.offset()) >= self.end:
            return fold(self._product_id, self._log, store, rules, most=most)
        try:
            piece = self._archive.base.piece(self._product_id, first)
        except BaseDamaged as damage:
            log_.error("calls_unreadable", extra={"why": str(damage), "first": first, "after": damage.after})
            piece = lost_batch(first, damage.after)
        if piece is None:  # it was folded from calls that are gone
            raise StoreDamaged(f"the store ends at {first}, inside the base snapshot")
        store.commit(counted_now(piece, rules))
        return piece.after - first

    # ---- into the snapshot
    def step(self, versions: Sequence[ConfigVersion], folded: int, now_us: int) -> bool:
        """Take some of the calls whose days are over into the snapshot, or drop what is in it; True if there may be
        more.

        folded: the product's calls that the store in force holds; no others are taken.  The caller sees to it that this
        process saves no configuration meanwhile, and has the product to itself.  What another process saves is noticed
        by the snapshot: then nothing is taken until it is in force here.
        """
        days = versions[-1].config.retention_days
        if self._archive is None or not days or now_us < self._due_us:
            return False
        before_us, first = month_before(now_us - days * DAY_US), self.end
        try:
            if first < folded and self._taken(versions, first, folded, before_us):
                return True
            self._archive.log.drop(self._product_id, first)
        except (LogUnavailable, BaseUnavailable, Overtaken) as error:  # calls that come in go first
            log_.info("retention_waits", extra={"product": self._product_id, "why": str(error)})
        self._due_us = now_us + LOOK_EVERY_US
        return False

    def _taken(self, versions: Sequence[ConfigVersion], first: int, folded: int, before_us: int) -> bool:
        assert self._archive is not None
        base, product_id, rules = self._archive.base, self._product_id, Rules(versions)

        def due(logged: LoggedCall) -> bool:
            return logged.offset < folded and logged.received_us < before_us

        try:
            calls = list(takewhile(due, self._log.read(product_id, first, most=CALLS_AT_ONCE)))
            batch = batch_of(calls, _Remembered(base, product_id, rules.dedupe_us), rules) if calls else None
        except LogDamaged as damage:
            batch = lost_batch(first, damage.after) if first < damage.after <= folded else None
        if batch is None:
            return False
        self._end = None  # known again once that went well
        base.append(product_id, batch, before_us=before_us, dedupe_us=rules.dedupe_us, under=versions[-1].revision)
        self._end = batch.after
        return True


class _Remembered:
    """Which messages of one product the snapshot holds."""

    def __init__(self, base: BaseSnapshot, product_id: int, dedupe_us: int) -> None:
        self._base, self._product_id, self._dedupe_us = base, product_id, dedupe_us

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """As `EventStore.seen`."""
        return self._base.seen(self._product_id, messages, dedupe_us=self._dedupe_us)


def month_before(moment_us: int) -> int:
    """The beginning of the month, UTC, that a moment lies in (µs): months before it are over."""
    first = from_us(moment_us).astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return to_us(first)


# ---- rows of a piece
def counted_now(piece: FoldBatch, rules: Rules) -> FoldBatch:
    """The rows under the ids that count now, without events that are ignored now."""
    canonical, ignored = rules.canonical, rules.ignored
    acted = [row for row in piece.acted if row.event not in ignored] if ignored else piece.acted
    if canonical == NOBODY_MERGED:
        return msgspec.structs.replace(piece, acted=acted)
    replace, user, account = msgspec.structs.replace, canonical.users, canonical.accounts

    def counted(row: Row) -> Row:
        return replace(row, user=user.get(row.user, row.user), account=account.get(row.account or "", row.account))

    return replace(
        piece,
        known=[replace(row, id=canonical.id(row.kind, row.id)) for row in piece.known],
        acted=[counted(row) for row in acted],
        joined=[counted(row) for row in piece.joined],
        traits=[each for row in piece.traits for each in _trait_counted(row, canonical)],
    )


def _trait_counted(row: TraitRow, canonical: Canonical) -> list[TraitRow]:
    """The trait under the ids that count; none for a parent that an account would be of itself by a merge."""
    value = None if row.value is None else msgspec.json.decode(row.value)
    effect = canonical.effect(TraitsSet(row.kind, row.id, {row.key: value}))
    assert isinstance(effect, TraitsSet)
    same = msgspec.structs.replace(row, id=effect.id)
    if row.key not in PARENT_KEYS:
        return [same]
    if row.key not in effect.traits:
        return []
    after = effect.traits[row.key]
    return [same if after == value else msgspec.structs.replace(same, value=_encode(after).decode())]


def left_of(piece: FoldBatch, gone: Gone) -> FoldBatch:
    """The rows without those that tell of users or accounts who were erased."""

    def is_gone(kind: Kind, tracking_id: str | None, at_us: int) -> bool:
        return bool(tracking_id) and gone(kind, tracking_id or "", at_us)

    def acts(user: str, account: str | None, at_us: int) -> bool:
        return not is_gone("user", user, at_us) and not is_gone("account", account, at_us)

    acted = [row for row in piece.acted if acts(row.user, row.account, row.at_us)]
    joined = [row for row in piece.joined if acts(row.user, row.account, row.at_us)]
    traits = [row for row in piece.traits if not is_gone(row.kind, row.id, row.at_us)]
    traits = [row for row in traits if not (names_parent(row) and gone("account", parent_in(row.value), row.at_us))]
    known = [row for row in piece.known if not gone(row.kind, row.id, 0)]
    return msgspec.structs.replace(piece, known=known, acted=acted, joined=joined, traits=traits)


def calls_told(piece: FoldBatch) -> int:
    """Of how many calls, about, the rows tell: every event is one, and others by their moment and messageId."""
    stamps = {(row.at_us, row.message_id) for rows in (piece.joined, piece.traits) for row in rows}
    return len(piece.acted) + len(stamps)
