"""Ids as text, and a messageId for a call that has none.

A call without messageId gets one from a hash of the item as received, properties too, so that the same item sent
twice is one call.  Its type counts in it, since some routes name the type and the item does not.
"""

import json
from hashlib import blake2b
from typing import Any

import msgspec

CREDENTIALS = frozenset({"writeKey", "api_key"})
"""Top-level fields that hold a key: never logged, never hashed."""

_CHANGES_WHEN_REPEATED = frozenset({"sentAt", "receivedAt", "_metadata"})

_encode = msgspec.json.Encoder(order="deterministic").encode


def id_text(value: Any) -> str | None:
    """An id as text: a text as it is, a whole number in digits; None for anything else.

    >>> id_text(42), id_text(42.0), id_text("42"), id_text(True), id_text(4.2)
    ('42', '42', '42', None, None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else None


def derived_id(item: dict[str, Any], call_type: str) -> str:
    """A messageId from the item's content; equal for equal items, in whatever order their keys stand.

    >>> derived_id({"event": "A", "userId": "ana"}, "track") == derived_id({"userId": "ana", "event": "A"}, "track")
    True
    """
    content = {key: item[key] for key in item if key not in _CHANGES_WHEN_REPEATED and key not in CREDENTIALS}
    content["type"] = call_type
    return "hash-" + blake2b(_canonical(content), digest_size=16).hexdigest()


def _canonical(content: dict[str, Any]) -> bytes:
    try:
        return _encode(content)
    except UnicodeEncodeError:  # half of a surrogate pair, in a field that is dropped
        return json.dumps(content, sort_keys=True).encode()
