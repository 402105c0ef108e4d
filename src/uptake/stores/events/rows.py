"""From a batch's rows to columns, and the little that engines must know of a trait's value.

A trait is kept with its JSON text, with the plain text by which it is compared, and with the moment that it names, so
that no query parses JSON or dates.
"""

import re
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from uptake.core.days import SECOND_US, to_us
from uptake.core.effects import Kind
from uptake.stores.events.base import ActedRow, FateRow, FoldBatch, JoinedRow, OutcomeRow, TraitRow

_decode = msgspec.json.decode
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_UNIX = re.compile(r"\d{9,13}")
_MILLISECONDS_FROM = 100_000_000_000
"""A Unix time of at least so much is in milliseconds: as seconds it would be the year 5138."""
_FIRST_US, _LAST_US = to_us(datetime(1, 1, 2, tzinfo=UTC)), to_us(datetime(9999, 12, 30, tzinfo=UTC))


def opaque_id(kind: Kind, tracking_id: str) -> str:
    """The id that the read API shows: the same on every engine and after every rebuild.

    >>> opaque_id("account", "acme")
    '586547ebb127317fdfa4'
    """
    return blake2b(f"{kind}:{tracking_id}".encode(), digest_size=10).hexdigest()


@lru_cache(maxsize=65_536)
def meaning_of(value: str | None) -> tuple[str, int | None]:
    """The plain text of a trait's JSON text ('' for null, lists and objects), and the moment it names, if any.

    >>> meaning_of('"Acme"'), meaning_of("12.0"), meaning_of("true"), meaning_of("[1]")
    (('Acme', None), ('12', 12000000), ('true', None), ('', None))
    """
    decoded = _decode(value) if value is not None else None
    if isinstance(decoded, bool):
        return str(decoded).lower(), None
    if isinstance(decoded, str):
        return decoded, _moment_in(decoded)
    if isinstance(decoded, int | float):
        whole = isinstance(decoded, int) or decoded.is_integer()
        return (str(int(decoded)) if whole else str(value)), _unix_us(decoded)
    return "", None


def _moment_in(text: str) -> int | None:
    """The moment of an ISO 8601 text (UTC where it says none), or of nine to thirteen digits of Unix time."""
    if _UNIX.fullmatch(text):
        return _unix_us(int(text))
    if not _ISO.match(text):
        return None
    try:
        return to_us(datetime.fromisoformat(text))
    except ValueError:
        return None


def _unix_us(number: float) -> int | None:
    if abs(number) > _LAST_US:
        return None
    scale = SECOND_US if abs(number) < _MILLISECONDS_FROM else 1_000
    moment_us = round(number * scale)
    return moment_us if _FIRST_US <= moment_us <= _LAST_US else None


def acted_table(rows: Sequence[ActedRow]) -> pa.Table:
    """Columns user_id, account_id ('' for none), event, at_us."""
    return _table(
        user_id=_texts(row.user for row in rows),
        account_id=_texts(row.account or "" for row in rows),
        event=_texts(row.event for row in rows),
        at_us=_numbers(row.at_us for row in rows),
    )


def joined_table(rows: Sequence[JoinedRow]) -> pa.Table:
    """Columns user_id, account_id, at_us, message_id."""
    return _table(
        user_id=_texts(row.user for row in rows),
        account_id=_texts(row.account for row in rows),
        at_us=_numbers(row.at_us for row in rows),
        message_id=_texts(row.message_id for row in rows),
    )


def traits_table(rows: Sequence[TraitRow]) -> pa.Table:
    """Columns kind, id, key, value (None clears), text, moment_us (None for none), at_us, message_id."""
    meanings = [meaning_of(row.value) for row in rows]
    return _table(
        kind=_texts(row.kind for row in rows),
        id=_texts(row.id for row in rows),
        key=_texts(row.key for row in rows),
        value=_texts(row.value for row in rows),
        text=_texts(text for text, _ in meanings),
        moment_us=_numbers(moment_us for _, moment_us in meanings),
        at_us=_numbers(row.at_us for row in rows),
        message_id=_texts(row.message_id for row in rows),
    )


def known_table(pairs: Iterable[tuple[Kind, str]]) -> pa.Table:
    """Columns kind, id, opaque_id."""
    named = list(pairs)
    return _table(
        kind=_texts(kind for kind, _ in named),
        id=_texts(each for _, each in named),
        opaque_id=_texts(opaque_id(kind, each) for kind, each in named),
    )


def named_in(batch: FoldBatch) -> dict[tuple[Kind, str], None]:
    """Every user and account that a row of the batch names, parents too, each once in order."""
    named: dict[tuple[Kind, str], None] = {}
    named.update({("user", row.user): None for row in batch.acted})
    named.update({("account", row.account): None for row in batch.acted if row.account})
    named.update({("user", row.user): None for row in batch.joined})
    named.update({("account", row.account): None for row in batch.joined})
    named.update({(row.kind, row.id): None for row in batch.known})
    for trait in batch.traits:
        named[trait.kind, trait.id] = None
        if names_parent(trait) and (parent := parent_in(trait.value)):
            named["account", parent] = None
    return named


def names_parent(trait: TraitRow) -> bool:
    """Is this the trait that may name an account's parent?"""
    return trait.kind == "account" and trait.key in ("parent_group_id", "parent")


def parent_in(value: str | None) -> str:
    """The account that a parent trait's JSON text names: a text or a number; '' for none."""
    return "" if value in ("true", "false") else meaning_of(value)[0]


def messages_table(messages: Sequence[tuple[bytes, int]]) -> pa.Table:
    """Columns low, high (a digest's two halves) and received_us."""
    halves = array("q")
    halves.frombytes(b"".join(digest for digest, _ in messages))
    return _table(
        low=_packed(halves[0::2]),
        high=_packed(halves[1::2]),
        received_us=_numbers(received_us for _, received_us in messages),
    )


def fates_table(rows: Sequence[FateRow]) -> pa.Table:
    """Columns as `FateRow`, in its order; log_offset, user_id and account_id stand for offset, user and account."""
    return _table(
        log_offset=_numbers(row.offset for row in rows),
        received_us=_numbers(row.received_us for row in rows),
        at_us=_numbers(row.at_us for row in rows),
        type=_texts(row.type for row in rows),
        user_id=_texts(row.user for row in rows),
        account_id=_texts(row.account for row in rows),
        event=_texts(row.event for row in rows),
        fate=_texts(row.fate for row in rows),
        code=_texts(row.code for row in rows),
        field=_texts(row.field for row in rows),
        message=_texts(row.message for row in rows),
    )


def outcomes_table(rows: Sequence[OutcomeRow]) -> pa.Table:
    """Columns as `OutcomeRow`."""
    return _table(
        bucket_us=_numbers(row.bucket_us for row in rows),
        type=_texts(row.type for row in rows),
        fate=_texts(row.fate for row in rows),
        code=_texts(row.code for row in rows),
        mapping=_texts(row.mapping for row in rows),
        times=_numbers(row.times for row in rows),
    )


def _table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def _texts(values: Iterable[str | None]) -> Any:
    return pa.array(list(values), pa.string())


def _numbers(values: Iterable[int | None]) -> Any:
    return pa.array(list(values), pa.int64())


def _packed(numbers: "array[int]") -> Any:
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
