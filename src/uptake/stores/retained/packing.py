"""A piece of the base snapshot as every engine stores it: rows of a batch, each a tuple of its fields, compressed."""

import zlib

import msgspec

from uptake.core.effects import Kind
from uptake.stores.events.batches import ActedRow, FoldBatch, JoinedRow, KnownRow, OutcomeRow, TraitRow
from uptake.stores.events.rows import latest_traits


class _Rows(msgspec.Struct, array_like=True):
    """A piece as it is stored: every row a tuple of its fields in order."""

    known: list[tuple[Kind, str]]
    acted: list[tuple[str, str | None, str, int]]
    joined: list[tuple[str, str, int, str]]
    traits: list[tuple[Kind, str, str, str | None, int, str]]
    outcomes: list[tuple[int, str, str, str, str, int]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Rows).decode


def packed(batch: FoldBatch) -> bytes:
    """The rows of a batch, compressed: of known ids one, of traits the latest, no fates and no messages."""
    rows = _Rows(
        known=list(dict.fromkeys((row.kind, row.id) for row in batch.known)),
        acted=[(row.user, row.account, row.event, row.at_us) for row in batch.acted],
        joined=[(row.user, row.account, row.at_us, row.message_id) for row in batch.joined],
        traits=[
            (row.kind, row.id, row.key, row.value, row.at_us, row.message_id) for row in latest_traits(batch.traits)
        ],
        outcomes=[(row.bucket_us, row.type, row.fate, row.code, row.mapping, row.times) for row in batch.outcomes],
    )
    return zlib.compress(_encode(rows))


def unpacked(first: int, after: int, body: bytes, messages: list[tuple[bytes, int]]) -> FoldBatch:
    """The batch again, with the messages that it may repeat."""
    rows = _decode(zlib.decompress(body))
    return FoldBatch(
        first=first,
        after=after,
        messages=messages,
        known=[KnownRow(*row) for row in rows.known],
        acted=[ActedRow(*row) for row in rows.acted],
        joined=[JoinedRow(*row) for row in rows.joined],
        traits=[TraitRow(*row) for row in rows.traits],
        fates=[],
        outcomes=[OutcomeRow(*row) for row in rows.outcomes],
    )
