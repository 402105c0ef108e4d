"""The ingest key that a body carries, for senders that have none in a header: found without reading the calls."""

import json
from typing import Any

import msgspec

from uptake.sources.base import Unfit
from uptake.sources.pixel import item_of_query, parameters_in


class _Keyed(msgspec.Struct, gc=False):
    """A body's keys; `writeKey` is Segment's name, `api_key` Accoil's."""

    writeKey: Any = None  # noqa: N815  (the sender's spelling)
    api_key: Any = None


class _KeyedBatch(_Keyed, gc=False):
    """A batch's keys: its own, or those of its items."""

    batch: list[_Keyed] = []


_one = msgspec.json.Decoder(_KeyedBatch).decode
_many = msgspec.json.Decoder(list[_Keyed]).decode


def key_in_body(body: bytes) -> str | None:
    """The key in a body: the body's own, else its first item's that has one; None where there is none."""
    try:
        found = _many(body) if body.lstrip()[:1] == b"[" else _flat(_one(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _odd(body)
    keys = (key for keyed in found for key in (keyed.writeKey, keyed.api_key))
    return next((key for key in keys if isinstance(key, str) and key), None)


def key_in_query(query: bytes) -> str | None:
    """The key in a pixel's query, in a parameter of its own or inside its data; None where there is none."""
    try:
        parameters = dict(parameters_in(query))
        return parameters.get("writeKey") or parameters.get("api_key") or key_in_body(item_of_query(query))
    except Unfit:
        return None


def _flat(body: _KeyedBatch) -> list[_Keyed]:
    return [body, *body.batch]


def _odd(body: bytes) -> list[_Keyed]:
    """The keys of a body with NaN, with bytes that are no UTF-8, or with a batch that is no list of objects."""
    try:
        value = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return []
    top = value if isinstance(value, list) else [value]
    batch = value.get("batch") if isinstance(value, dict) else None
    items = top + (batch if isinstance(batch, list) else [])
    return [_Keyed(each.get("writeKey"), each.get("api_key")) for each in items if isinstance(each, dict)]
