"""Accoil's own ingest API: /v2/identify, group and track, and the legacy /v1/users, groups and events.

What they carry is what a mapping would yield, so it passes none.  Both spellings of the ids are taken on both; the
legacy routes demand a timestamp in whole Unix milliseconds, as Accoil's do.
"""

from typing import Any

from uptake.core.calls import Call
from uptake.sources.base import Decoded, Incoming, Unfit, one
from uptake.sources.fields import type_name
from uptake.sources.reading import MAPPED, call_of, item_in

_CAMEL = {"user_id": "userId", "group_id": "groupId", "anonymous_id": "anonymousId", "message_id": "messageId"}


def decode_v2(body: bytes, incoming: Incoming) -> Decoded:
    """Decode a body of /v2/<type>."""
    return one(lambda: call_of(_item(body), MAPPED, incoming))


def decode_legacy(body: bytes, incoming: Incoming) -> Decoded:
    """Decode a body of /v1/users, /v1/groups or /v1/events."""
    return one(lambda: _legacy(body, incoming))


def _legacy(body: bytes, incoming: Incoming) -> Call:
    item = _item(body)
    stamp = item.get("timestamp")
    if stamp is None:
        raise Unfit("missing_timestamp", "$.timestamp", "this route needs timestamp, in whole Unix milliseconds")
    if not isinstance(stamp, int) or isinstance(stamp, bool):
        raise Unfit("bad_timestamp", "$.timestamp", f"expected whole Unix milliseconds, got {type_name(stamp)}")
    return call_of(item, MAPPED, incoming)


def _item(body: bytes) -> dict[str, Any]:
    """The body's object with its ids in Segment's spelling, which wins where both are there."""
    item = item_in(body)
    for snake, camel in _CAMEL.items():
        if snake in item:
            value = item.pop(snake)
            if item.get(camel) is None:
                item[camel] = value
    return item
