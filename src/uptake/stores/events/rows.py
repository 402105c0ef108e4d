"""From a batch's rows to columns, and the little that engines must know of a trait's value.

A trait is kept with its JSON text, with the plain text by which it is compared, and with the moment that it names, so
that no query parses JSON or dates.
"""

import re
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from uptake.core.calls import LoggedCall
from uptake.core.days import SECOND_US, to_us
from uptake.core.effects import Kind, Outcome
from uptake.stores.events.base import ActedRow, FateRow, FoldBatch, JoinedRow, OutcomeRow, TraitRow

_decode = msgspec.json.decode
_ISO = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNIX = re.compile("[0-9]{9,13}")
_MILLISECONDS_FROM = 100_000_000_000
"""A Unix time of at least so much is in milliseconds: as seconds it would be the year 5138."""
_FIRST_US, _LAST_US = to_us(datetime(1, 1, 2, tzinfo=UTC)), to_us(datetime(9999, 12, 30, tzinfo=UTC))


def opaque_id(kind: Kind, tracking_id: str) -> str:
    """The id that the read API shows: the same on every engine and after every rebuild.

    >>> opaque_id("account", "acme")
    '586547ebb127317fdfa4'
    """
    return blake2b(f"{kind}:{tracking_id}".encode(), digest_size=10).hexdigest()


def reason_of(outcome: Outcome) -> tuple[str, str]:
    """Why a call met its fate: a code, and the mapping that it is about; '' for none."""
    if outcome.fate == "duplicate":
        return "duplicate", ""
    return (outcome.notes[0].code, outcome.notes[0].mapping) if outcome.notes else ("", "")


def fate_row(logged: LoggedCall, outcome: Outcome) -> FateRow:
    """A call with what became of it, as it is listed."""
    call, note = logged.call, outcome.notes[0] if outcome.notes else None
    code, mapping = reason_of(outcome)
    return FateRow(
        logged.offset,
        logged.received_us,
        call.at_us,
        call.type,
        call.user_id or call.anonymous_id or "",
        call.group_id or str((call.context or {}).get("groupId") or ""),
        call.event or call.name or "",
        outcome.fate,
        code,
        note.field if note else "",
        note.message if note else "",
        mapping,
    )


def meaning_of(value: str | None) -> tuple[str, int | None]:
    """The plain text of a trait's JSON text ('' for null, lists and objects), and the moment it names, if any.

    >>> meaning_of('"Acme"'), meaning_of("12.0"), meaning_of("true"), meaning_of("[1]")
    (('Acme', None), ('12', 12000000), ('true', None), ('', None))
    """
    if value is None:
        return "", None
    if value[0] == '"' and "\\" not in value:  # most values, and nothing to decode
        text = value[1:-1]
        return text, _moment_in(text)
    decoded = _decode(value)
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
    if not text[:4].isdecimal():
        return None
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
        user_id=_texts([row.user for row in rows]),
        account_id=_texts([row.account or "" for row in rows]),
        event=_texts([row.event for row in rows]),
        at_us=_numbers([row.at_us for row in rows]),
    )


def joined_table(rows: Sequence[JoinedRow]) -> pa.Table:
    """Columns user_id, account_id, at_us, message_id."""
    return _table(
        user_id=_texts([row.user for row in rows]),
        account_id=_texts([row.account for row in rows]),
        at_us=_numbers([row.at_us for row in rows]),
        message_id=_texts([row.message_id for row in rows]),
    )


def traits_table(rows: Sequence[TraitRow]) -> pa.Table:
    """Columns kind, id, key, value (None clears), text, moment_us (None for none), at_us, message_id.

    One row a key: the later (moment, messageId), and of one call the larger text.
    """
    latest = latest_traits(rows)
    meanings = [meaning_of(row.value) for row in latest]
    return _table(
        kind=_texts([row.kind for row in latest]),
        id=_texts([row.id for row in latest]),
        key=_texts([row.key for row in latest]),
        value=_texts([row.value for row in latest]),
        text=_texts([text for text, _ in meanings]),
        moment_us=_numbers([moment_us for _, moment_us in meanings]),
        at_us=_numbers([row.at_us for row in latest]),
        message_id=_texts([row.message_id for row in latest]),
    )


def latest_traits(rows: Sequence[TraitRow]) -> list[TraitRow]:
    """The row that wins for each key of each user and account."""
    latest: dict[tuple[str, str, str], TraitRow] = {}
    for row in rows:
        held = latest.setdefault((row.kind, row.id, row.key), row)
        if held is not row and _stamp(row) > _stamp(held):
            latest[row.kind, row.id, row.key] = row
    return list(latest.values())


def _stamp(row: TraitRow) -> tuple[int, str, str]:
    return row.at_us, row.message_id, row.value or ""


def named_table(users: Iterable[str], accounts: Iterable[str]) -> pa.Table:
    """Columns kind, id."""
    named = {"user": list(users), "account": list(accounts)}
    return _table(
        kind=_texts([kind for kind, ids in named.items() for _ in ids]),
        id=_texts([each for ids in named.values() for each in ids]),
    )


def known_table(named: Sequence[tuple[Kind, str]]) -> pa.Table:
    """Columns kind, id, opaque_id."""
    return _table(
        kind=_texts([kind for kind, _ in named]),
        id=_texts([each for _, each in named]),
        opaque_id=_texts([opaque_id(kind, each) for kind, each in named]),
    )


def named_in(batch: FoldBatch) -> tuple[set[str], set[str]]:
    """Every user and every account that a row of the batch names, parents too."""
    users = {row.user for row in batch.acted} | {row.user for row in batch.joined}
    accounts = {row.account for row in batch.acted if row.account} | {row.account for row in batch.joined}
    for rows in (batch.known, batch.traits):
        users |= {row.id for row in rows if row.kind == "user"}
        accounts |= {row.id for row in rows if row.kind == "account"}
    accounts |= {parent_in(trait.value) for trait in batch.traits if names_parent(trait)} - {""}
    return users, accounts


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
        received_us=_numbers([received_us for _, received_us in messages]),
    )


def fates_table(rows: Sequence[FateRow]) -> pa.Table:
    """Columns as `FateRow`, in its order; log_offset, user_id and account_id stand for offset, user and account."""
    return _table(
        log_offset=_numbers([row.offset for row in rows]),
        received_us=_numbers([row.received_us for row in rows]),
        at_us=_numbers([row.at_us for row in rows]),
        type=_texts([row.type for row in rows]),
        user_id=_texts([row.user for row in rows]),
        account_id=_texts([row.account for row in rows]),
        event=_texts([row.event for row in rows]),
        fate=_texts([row.fate for row in rows]),
        code=_texts([row.code for row in rows]),
        field=_texts([row.field for row in rows]),
        message=_texts([row.message for row in rows]),
        mapping=_texts([row.mapping for row in rows]),
    )


def outcomes_table(rows: Sequence[OutcomeRow]) -> pa.Table:
    """Columns as `OutcomeRow`."""
    return _table(
        bucket_us=_numbers([row.bucket_us for row in rows]),
        type=_texts([row.type for row in rows]),
        fate=_texts([row.fate for row in rows]),
        code=_texts([row.code for row in rows]),
        mapping=_texts([row.mapping for row in rows]),
        times=_numbers([row.times for row in rows]),
    )


def _table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def _texts(values: Sequence[str | None]) -> Any:
    return pa.array(values, pa.string())


def _numbers(values: Sequence[int | None]) -> Any:
    return pa.array(values, pa.int64())


def _packed(numbers: "array[int]") -> Any:
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
