"""From logged calls to rows: dedupe, meaning, and one commit of rows and offset together.

A fold is a function of the log, of the configuration versions and of what the store holds; it asks no clock, so that a
rebuild gives the same rows.
"""

import bisect
import logging
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from uptake.core.calls import LoggedCall, message_digest
from uptake.core.config import ConfigVersion, destinations_by_offset
from uptake.core.effects import Acted, Effect, Joined, Outcome, TraitsSet
from uptake.core.merges import Canonical
from uptake.destination.meaning import Meaning
from uptake.stores.events.base import (
    KEPT_OF_REASON,
    ActedRow,
    EventStore,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    OutcomeRow,
    TraitRow,
)
from uptake.stores.events.rows import fate_row, reason_of
from uptake.stores.log.base import CallLog, LogDamaged

log_ = logging.getLogger("uptake.fold")

BUCKET_US = 600 * 1_000_000
LISTED_FATES = 500
"""How many calls of a batch are listed one by one; of the others some of each reason, and all are counted."""

NOBODY_MERGED = Canonical()

_encode = msgspec.json.Encoder(order="deterministic").encode
_DUPLICATE = Outcome("duplicate")


class Remembers(Protocol):
    """Knows which messages were counted before."""

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """See `EventStore.seen`."""


class Rules:
    """What calls mean, by their place in the log: the latest configuration with each destination in force from its
    offset."""

    def __init__(self, versions: Sequence[ConfigVersion], canonical: Canonical = NOBODY_MERGED) -> None:
        """versions: all of the product's, oldest first, at least one.  canonical: whose calls count as whose."""
        latest = versions[-1].config
        inforce = destinations_by_offset(versions)
        self.canonical = canonical
        self.ignored = frozenset(latest.ignored_events)
        self.dedupe_us = latest.dedupe_days * 86_400_000_000
        self._from = [offset for offset, _ in inforce]
        self._meanings = [Meaning(latest, destination) for _, destination in inforce]

    @property
    def meanings(self) -> Sequence[Meaning]:
        """Every meaning in force somewhere in the log."""
        return self._meanings

    def meaning(self, offset: int) -> Meaning:
        """The meaning in force for the call at this offset."""
        return self._meanings[bisect.bisect_right(self._from, offset) - 1]

    def counted(self, effects: Sequence[Effect]) -> Sequence[Effect]:
        """The effects under the ids that count."""
        if self.canonical == NOBODY_MERGED:
            return effects
        return [self.canonical.effect(each) for each in effects]


def fold(product_id: int, log: CallLog, store: EventStore, rules: Rules, *, most: int = 10_000) -> int:
    """Fold the next calls of a product, about `most` at once; return how many (0: nothing to do)."""
    first = store.offset()
    try:
        calls = log.read(product_id, first, most=most)
    except LogDamaged as damage:
        if damage.after <= first:
            raise
        log_.error("calls_unreadable", extra={"why": str(damage), "first": first, "after": damage.after})
        store.commit(lost_batch(first, damage.after))
        return damage.after - first
    if calls:
        store.commit(batch_of(calls, store, rules))
    return len(calls)


def lost_batch(first: int, after: int) -> FoldBatch:
    """What is kept of calls that the log cannot give any more: how many they are."""
    outcomes = [OutcomeRow(0, "", "unreadable", "log_damaged", "", after - first)]
    return FoldBatch(first, after, messages=[], known=[], acted=[], joined=[], traits=[], fates=[], outcomes=outcomes)


def batch_of(calls: Sequence[LoggedCall], store: Remembers, rules: Rules) -> FoldBatch:
    """The rows that calls, in log order and without a gap, add to what the store holds."""
    there = [each for each in calls if not each.call.erased]
    messages = [(message_digest(each.call.message_id), each.received_us) for each in there]
    repeated = _repeats(messages, store.seen(messages), rules.dedupe_us)
    rows = _Rows(len(there))
    rows.miss(each for each in calls if each.call.erased)
    for index, logged in enumerate(there):
        if repeated[index]:
            rows.tell(index, logged, _DUPLICATE)
            continue
        outcome = rules.meaning(logged.offset).outcome(logged.call, logged.received_us)
        rows.add(rules.counted(outcome.effects), logged)
        rows.tell(index, logged, outcome)
    return FoldBatch(
        first=calls[0].offset,
        after=calls[-1].offset + 1,
        messages=[message for message, repeat in zip(messages, repeated, strict=True) if not repeat],
        known=rows.known,
        acted=rows.acted,
        joined=rows.joined,
        traits=rows.traits,
        fates=rows.fates,
        outcomes=rows.outcomes(),
    )


def _repeats(messages: Sequence[tuple[bytes, int]], seen: Sequence[bool], dedupe_us: int) -> list[bool]:
    """Which messages repeat one that was counted before, in the store or earlier in this batch."""
    counted: dict[bytes, int] = {}
    repeated: list[bool] = []
    for (digest, received_us), known in zip(messages, seen, strict=True):
        earlier = counted.get(digest)
        repeat = known or (earlier is not None and received_us - earlier < dedupe_us)
        repeated.append(repeat)
        if not repeat:
            counted[digest] = received_us
    return repeated


class _Rows:
    """Rows in the making, in log order."""

    def __init__(self, calls: int) -> None:
        self._listed_from = calls - LISTED_FATES
        self._counts: Counter[tuple[int, str, str, str, str]] = Counter()
        self.known: list[KnownRow] = []
        self.acted: list[ActedRow] = []
        self.joined: list[JoinedRow] = []
        self.traits: list[TraitRow] = []
        self._latest: list[FateRow] = []
        self._samples: dict[tuple[str, str, str], deque[FateRow]] = {}

    def add(self, effects: Sequence[Effect], logged: LoggedCall) -> None:
        """The rows of one call's effects, at its event time and under its messageId."""
        at_us, message_id = logged.call.at_us, logged.call.message_id
        for effect in effects:
            if isinstance(effect, Acted):
                self.acted.append(ActedRow(effect.user, effect.account, effect.event, at_us))
            elif isinstance(effect, Joined):
                self.joined.append(JoinedRow(effect.user, effect.account, at_us, message_id))
            else:
                self._add_traits(effect, at_us, message_id)

    def _add_traits(self, effect: TraitsSet, at_us: int, message_id: str) -> None:
        self.known.append(KnownRow(effect.kind, effect.id))
        for key, value in effect.traits.items():
            text = None if value is None else _encode(value).decode()
            self.traits.append(TraitRow(effect.kind, effect.id, key, text, at_us, message_id))

    def miss(self, erased: Iterable[LoggedCall]) -> None:
        """Count calls of which nothing is left."""
        self._counts.update((each.received_us - each.received_us % BUCKET_US, "", "erased", "", "") for each in erased)

    def tell(self, index: int, logged: LoggedCall, outcome: Outcome) -> None:
        """Count the call's fate, and list it if it is among the batch's last, or among the last of its reason."""
        code, mapping = reason_of(outcome)
        bucket_us = logged.received_us - logged.received_us % BUCKET_US
        self._counts[bucket_us, logged.call.type, outcome.fate, code, mapping] += 1
        if index >= self._listed_from:
            self._latest.append(fate_row(logged, outcome))
        elif code:
            samples = self._samples.setdefault((outcome.fate, code, mapping), deque(maxlen=KEPT_OF_REASON))
            samples.append(fate_row(logged, outcome))

    @property
    def fates(self) -> list[FateRow]:
        """The calls that are listed one by one, in log order."""
        samples = [row for rows in self._samples.values() for row in rows]
        return sorted(samples, key=lambda row: row.offset) + self._latest

    def outcomes(self) -> list[OutcomeRow]:
        """How often each fate was met."""
        return [OutcomeRow(*key, times) for key, times in sorted(self._counts.items())]
