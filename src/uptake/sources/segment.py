"""Segment's tracking API: single calls, batches, and what raw events on other routes share with them.

A body is first decoded as a whole into typed structs (`uptake.sources.typed`).  Where that does not take it, each
item is read by itself, so that a malformed one costs its neighbours nothing.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from uptake.core.calls import Call
from uptake.core.errors import Rejection
from uptake.sources.base import MAX_BATCH_CALLS, MAX_CALL_BYTES, Decoded, Incoming, Unfit, one
from uptake.sources.fields import type_name
from uptake.sources.reading import ALONE, SDK, Shared, call_of, item_in
from uptake.sources.typed import call_alone, calls_in_batch

NULL = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, rename="camel", gc=False):
    """A batch's body with its items unread."""

    batch: list[msgspec.Raw]
    sent_at: msgspec.Raw = NULL
    context: msgspec.Raw = NULL
    integrations: msgspec.Raw = NULL


_envelope = msgspec.json.Decoder(_Envelope).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode_one(body: bytes, incoming: Incoming) -> Decoded:
    """Decode the body of a route that takes one call of its own type, e.g. /v1/track."""
    if len(body) <= MAX_CALL_BYTES:
        call = call_alone(body, incoming)
        if call is not None:
            return Decoded([call], single=True)
    return one(lambda: call_of(item_in(body), SDK, incoming))


def decode_batch(body: bytes, incoming: Incoming) -> Decoded:
    """Decode a batch: an object with the list `batch`, or the list alone."""
    if len(body) <= MAX_CALL_BYTES:  # then each of its calls is no larger
        calls = calls_in_batch(body, incoming)
        if calls is not None and len(calls) <= MAX_BATCH_CALLS:
            return Decoded(calls)
    try:
        items, shared = batch_in(body)
    except Unfit as unfit:
        return Decoded(fault=unfit.rejection())
    if all(len(item) <= MAX_CALL_BYTES for item in items):
        calls = calls_in_batch(body, incoming)
        if calls is not None:
            return Decoded(calls)
    return read_each(items, lambda item: call_of(item_in(item), SDK, incoming, shared))


def read_each(items: list[bytes], read: Callable[[bytes], Call]) -> Decoded:
    """Read each item by itself; `read` raises Unfit for one that is refused."""
    calls: list[Call] = []
    refused: list[Rejection] = []
    for index, item in enumerate(items):
        try:
            calls.append(read(item))
        except Unfit as unfit:
            refused.append(unfit.rejection(index))
    return Decoded(calls, refused)


def batch_in(body: bytes) -> tuple[list[bytes], Shared]:
    """A batch's items as they came, and what it says for all of them.  Raises Unfit where the body is no batch."""
    shared = ALONE
    try:
        if body.lstrip()[:1] == b"[":
            items = [bytes(item) for item in _list(body)]
        else:
            envelope = _envelope(body)
            items = [bytes(item) for item in envelope.batch]
            shared = _shared(
                *(_value(bytes(raw)) for raw in (envelope.sent_at, envelope.context, envelope.integrations))
            )
    except (msgspec.DecodeError, UnicodeDecodeError):
        items, shared = _odd_batch_in(body)
    except RecursionError:
        raise Unfit("bad_json", "$", "the body is nested too deeply") from None
    if len(items) > MAX_BATCH_CALLS:
        raise Unfit("batch_too_long", "$.batch", f"expected at most {MAX_BATCH_CALLS} calls, got {len(items)}")
    return items, shared


def _odd_batch_in(body: bytes) -> tuple[list[bytes], Shared]:
    """A batch with NaN or Infinity somewhere, which some SDKs write though JSON has neither: only those items fail."""
    try:
        value = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        raise Unfit("bad_json", "$", "the body is not JSON") from None
    shared = ALONE
    if isinstance(value, dict):
        shared = _shared(value.get("sentAt"), value.get("context"), value.get("integrations"))
        value = value.get("batch")
    if not isinstance(value, list):
        raise Unfit("bad_json", "$.batch", f"expected an object with a list `batch`, got {type_name(value)} there")
    return [json.dumps(item).encode() for item in value], shared


def _value(raw: bytes) -> Any:
    """What a batch says for all its items, or None where that cannot be read: no reason to lose the calls."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _shared(sent_at: Any, context: Any, integrations: Any) -> Shared:
    return Shared(
        sent_at,
        context if isinstance(context, dict) else None,
        integrations if isinstance(integrations, dict) else None,
    )
