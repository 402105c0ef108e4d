"""The route /segment: what Segment's, RudderStack's and PostHog's Accoil destinations post, and raw Segment events.

A body with messageId or context is a raw event (Segment's Webhooks destination) and passes the product's mappings.
Any other is what a mapping already made, and is taken as it is.  An empty object is a connection test and holds no
call.
"""

from typing import Any

from uptake.core.calls import Call
from uptake.sources.base import Decoded, Incoming, Unfit, one
from uptake.sources.ids import CREDENTIALS
from uptake.sources.reading import FORWARDED, MAPPED, call_of, item_in
from uptake.sources.segment import batch_in, read_each


def decode(body: bytes, incoming: Incoming) -> Decoded:
    """Decode one event, or a list of them."""
    if body.lstrip()[:1] == b"[":
        try:
            items, _ = batch_in(body)
        except Unfit as unfit:
            return Decoded(fault=unfit.rejection())
        return read_each(items, lambda item: _read(item, incoming))
    try:
        item = item_in(body)
    except Unfit as unfit:
        return Decoded(refused=[unfit.rejection()], single=True)
    if not item.keys() - CREDENTIALS:
        return Decoded(single=True)
    return one(lambda: _read(body, incoming))


def _read(body: bytes, incoming: Incoming) -> Call:
    item = item_in(body)
    return call_of(item, FORWARDED if is_raw(item) else MAPPED, incoming)


def is_raw(item: dict[str, Any]) -> bool:
    """Is this a raw Segment event, and not what a mapping made of one?"""
    return item.get("messageId") is not None or item.get("context") is not None
