"""Erasing a user or an account: which calls are theirs, what a receipt says, and who was erased before.

A receipt holds nothing personal.  It knows ids by salted digests alone, so that a backup or a file from before the
erasure can be kept from bringing them back.
"""

import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec

from uptake.core.calls import ERASED, Call
from uptake.core.effects import Acted, Effect, Joined, Kind, Outcome
from uptake.core.merges import PARENT_KEYS

Step = Literal["log", "notes", "rebuild", "bytes", "sweep", "done"]


class Erasure(msgspec.Struct, frozen=True):
    """An erasure on its way, and after `done` its receipt.

    asked_us, done_us: µs since 1970 UTC.  by: who asked.  salt, digests: see `digest_of`.  ids: all ids of the person
    or account; none once everything is erased.  offset: calls before it were looked at.  generation: of the event store
    that must go.  calls, decisions: how many were erased; decisions are merges, notes, owners, saved views and
    exclusions.
    """

    id: int
    product_id: int
    kind: Kind
    asked_us: int
    by: str
    salt: str
    digests: tuple[str, ...]
    ids: tuple[str, ...] = ()
    step: Step = "log"
    offset: int = 0
    generation: int = 0
    calls: int = 0
    decisions: int = 0
    done_us: int | None = None


class Means(Protocol):
    """What calls mean somewhere in the log."""

    def outcome(self, call: Call, received_us: int) -> Outcome:
        """The call's effects."""


def digest_of(salt: str, kind: Kind, tracking_id: str) -> str:
    """32 hexadecimal digits that stand for an id; salt: hexadecimal."""
    told = f"{kind}\0{tracking_id}".encode(errors="surrogatepass")
    return blake2b(told, digest_size=16, key=bytes.fromhex(salt)).hexdigest()


def new_salt() -> str:
    """A random salt."""
    return secrets.token_hex(32)


def ids_of(call: Call, kind: Kind) -> set[str]:
    """Whom a call names in its own fields."""
    if kind == "user":
        return {each for each in (call.user_id, call.anonymous_id, call.previous_id) if each}
    named = (call.context or {}).get("groupId")
    return {str(each) for each in (call.group_id, named) if each}


def theirs(call: Call, kind: Kind, ids: Collection[str], meanings: Iterable[Means]) -> bool:
    """Is the call one of theirs: does it name them, or does it mean anything for them?"""
    if not ids_of(call, kind).isdisjoint(ids):
        return True
    return any(_concerns(effect, kind, ids) for each in meanings for effect in each.outcome(call, 0).effects)


def _concerns(effect: Effect, kind: Kind, ids: Collection[str]) -> bool:
    if isinstance(effect, Acted | Joined):
        return (effect.user if kind == "user" else effect.account) in ids
    return effect.kind == kind and effect.id in ids


def erased_from(call: Call, kind: Kind, ids: Collection[str], meanings: Iterable[Means]) -> Call:
    """What is to stand in the place of a call: the call, `ERASED`, or for an account's child the call without it."""
    if call.erased or theirs(call, kind, ids, meanings):
        return ERASED
    return without_parents(call, ids.__contains__) if kind == "account" else call


def without_parents(call: Call, gone: Callable[[str], bool]) -> Call:
    """The call without traits that name an account which is gone as the parent of another."""
    traits = call.traits or {}
    named = [key for key in PARENT_KEYS if key in traits and gone(str(traits[key]))]
    if not named:
        return call
    return msgspec.structs.replace(call, traits={key: traits[key] for key in traits if key not in named} or None)


class Suppression:
    """Whom erasures took out, known by their digests alone."""

    def __init__(self, erasures: Sequence[Erasure]) -> None:
        self._erasures = erasures
        self._known: dict[tuple[Kind, str], tuple[Erasure, ...]] = {}

    def erased_us(self, kind: Kind, tracking_id: str) -> int | None:
        """When the id was erased last; None if never."""
        key = (kind, tracking_id)
        if key not in self._known:
            self._known[key] = tuple(each for each in self._erasures if each.kind == kind and _has(each, tracking_id))
        return max((each.asked_us for each in self._known[key]), default=None)

    def covers(self, call: Call, at_us: int, meanings: Iterable[Means] = ()) -> bool:
        """Does a call of this moment tell of somebody who was erased later, or mean anything for them?"""
        named = {*_named(call), *_meant(call, meanings)}
        return any((erased_us := self.erased_us(*each)) is not None and at_us <= erased_us for each in named)

    def left_of(self, call: Call, at_us: int, meanings: Iterable[Means] = ()) -> Call:
        """What is to stand in the place of a call of this moment; see `erased_from`."""
        if call.erased or self.covers(call, at_us, meanings):
            return ERASED
        return without_parents(call, lambda each: at_us <= (self.erased_us("account", each) or -1))

    def met(self, kind: Kind) -> set[str]:
        """The ids of this kind that were asked about and are erased ones."""
        return {tracking_id for (of, tracking_id), erasures in self._known.items() if of == kind and erasures}


def _has(erasure: Erasure, tracking_id: str) -> bool:
    digest = digest_of(erasure.salt, erasure.kind, tracking_id)
    return any(hmac.compare_digest(digest, each) for each in erasure.digests)


def _meant(call: Call, meanings: Iterable[Means]) -> Iterator[tuple[Kind, str]]:
    for effect in (each for meaning in meanings for each in meaning.outcome(call, 0).effects):
        if isinstance(effect, Acted | Joined):
            yield "user", effect.user
            if effect.account is not None:
                yield "account", effect.account
        else:
            yield effect.kind, effect.id


def _named(call: Call) -> Iterator[tuple[Kind, str]]:
    for each in ids_of(call, "user"):
        yield "user", each
    for each in ids_of(call, "account"):
        yield "account", each
