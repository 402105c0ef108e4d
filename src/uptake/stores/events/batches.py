"""What a fold adds to an event store: a batch of rows in log order.  Readers import them from `base`."""

from collections.abc import Sequence

import msgspec

from uptake.core.effects import Kind


class ActedRow(msgspec.Struct, frozen=True, gc=False):
    """An event: account is the one that the call named, or None."""

    user: str
    account: str | None
    event: str
    at_us: int


class JoinedRow(msgspec.Struct, frozen=True, gc=False):
    """A membership call."""

    user: str
    account: str
    at_us: int
    message_id: str


class TraitRow(msgspec.Struct, frozen=True, gc=False):
    """One trait's value (JSON text; None clears) with its stamp."""

    kind: Kind
    id: str
    key: str
    value: str | None
    at_us: int
    message_id: str


class KnownRow(msgspec.Struct, frozen=True, gc=False):
    """A user or account that a counted call named, also where it brought no trait, event or membership."""

    kind: Kind
    id: str


class FateRow(msgspec.Struct, frozen=True, gc=False):
    """One folded call as the live page lists it.  code and message are '' where there is nothing to say.

    mapping: the one that the code is about, '' for none.
    """

    offset: int
    received_us: int
    at_us: int
    type: str
    user: str
    account: str
    event: str
    fate: str
    code: str = ""
    field: str = ""
    message: str = ""
    mapping: str = ""


class OutcomeRow(msgspec.Struct, frozen=True):
    """How many calls of a type met a fate (code and mapping, '' for none) within ten minutes from bucket_us
    (receivedAt)."""

    bucket_us: int
    type: str
    fate: str
    code: str
    mapping: str
    times: int


class FoldBatch(msgspec.Struct, frozen=True):
    """What one fold adds: offsets [first, after), and rows in log order.

    messages: (16-byte digest of messageId, received_us) of each call that was not a duplicate.
    known: users and accounts named by the calls (repeats allowed).
    """

    first: int
    after: int
    messages: Sequence[tuple[bytes, int]]
    known: Sequence[KnownRow]
    acted: Sequence[ActedRow]
    joined: Sequence[JoinedRow]
    traits: Sequence[TraitRow]
    fates: Sequence[FateRow]
    outcomes: Sequence[OutcomeRow]
