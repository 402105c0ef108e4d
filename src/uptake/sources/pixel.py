"""Segment's pixel: one call in a query, as base64 of JSON in `data`, or as plain parameters with dotted keys.

The query becomes the JSON that a single call would have been, and the rest is as there.
"""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from uptake.sources.base import Decoded, Incoming, Unfit
from uptake.sources.segment import decode_one

_MOST_PARAMETERS = 1_000


def decode(query: bytes, incoming: Incoming) -> Decoded:
    """Decode a raw query string; the route says the type."""
    try:
        return decode_one(item_of_query(query), incoming)
    except Unfit as unfit:
        return Decoded(refused=[unfit.rejection()], single=True)


def item_of_query(query: bytes) -> bytes:
    """The JSON of the call in a query.

    Raises Unfit for a query of which no call can be read.

    >>> item_of_query(b"userId=ana&context.groupId=acme")
    b'{"userId":"ana","context":{"groupId":"acme"}}'
    """
    parameters = parameters_in(query)
    data = next((value for name, value in parameters if name == "data"), None)
    if data is not None:
        return _unpacked(data)
    item: dict[str, Any] = {}
    for name, value in parameters:
        _put(item, name.split("."), value)
    return msgspec.json.encode(item)


def parameters_in(query: bytes) -> list[tuple[str, str]]:
    """Names and values of a query.  Raises Unfit for too many."""
    try:
        return parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Unfit("bad_json", "$", f"expected at most {_MOST_PARAMETERS} parameters") from None


def _unpacked(data: str) -> bytes:
    """Base64 of either alphabet, with or without padding; a plus may have become a space on the way."""
    text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("bad_encoding", "$.data", "expected base64 of JSON") from None


def _put(item: dict[str, Any], path: list[str], value: str) -> None:
    for key in path[:-1]:
        below = item.setdefault(key, {})
        if not isinstance(below, dict):
            return
        item = below
    if not isinstance(item.get(path[-1]), dict):
        item[path[-1]] = value
