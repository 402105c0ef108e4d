"""What a client said: one message, after decoding and before anyone asked what it means.

A `Call` is what the call log keeps.  Its event time is already decided (see `uptake.sources.times`), ids are strings,
and of `properties` and `context` only what the product's destination reads is left.
"""

from hashlib import blake2b
from typing import Any, Literal

import msgspec

CallType = Literal["identify", "group", "track", "page", "screen", "alias"]
CALL_TYPES: tuple[CallType, ...] = ("identify", "group", "track", "page", "screen", "alias")


class Call(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename="camel", gc=False):
    """One Segment call as it lies in the log.

    message_id: the sender's, else derived (`uptake.sources.ids`), 1 to 200 characters.
    at_us: event time in microseconds since 1970 UTC.
    direct: True for what is already mapped (/v2/*, legacy, mapped /segment bodies): it passes no filter and no mapping.
    extra: further top-level fields that a mapping of the product reads; else None.
    notes: codes of what was corrected on the way in: `future_time`, `clock_corrected`.
    erased: True for what stands where a call was that was erased (`ERASED`); nothing else of it is left.
    """

    type: CallType
    message_id: str
    at_us: int
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str | None = None
    previous_id: str | None = None
    event: str | None = None
    name: str | None = None
    traits: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None
    direct: bool = False
    notes: tuple[str, ...] = ()
    erased: bool = False


ERASED = Call(type="alias", message_id="", at_us=0, erased=True)
"""What is left of an erased call, so that the offsets of the others stay."""


def message_digest(message_id: str) -> bytes:
    """16 bytes that stand for a messageId; two ids share them with a chance of about 2^-128."""
    return blake2b(message_id.encode(), digest_size=16).digest()


class Projection(msgspec.Struct, frozen=True):
    """What of a call's `properties`, `context` and unknown top-level fields must be kept for the product.

    Paths are tuples of keys below the named root; an empty tuple keeps the root whole.  `context.groupId` and an
    identify's `context.traits` are always kept.  `everything` keeps all of it.
    """

    properties: frozenset[tuple[str, ...]] = frozenset()
    context: frozenset[tuple[str, ...]] = frozenset()
    extra: frozenset[str] = frozenset()
    everything: bool = False


class LoggedCall(msgspec.Struct, frozen=True, gc=False):
    """A call with its place in the log: its offset in the product's log, when it was received (µs since 1970 UTC), and
    the route's family that it came by, e.g. `segment`."""

    offset: int
    received_us: int
    call: Call
    source: str = ""
