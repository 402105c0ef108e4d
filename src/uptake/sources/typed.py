"""The fast way: a whole body decoded into typed structs at once, fields that nobody keeps skipped unread.

It takes only items without any oddity: ids and times of the usual types, a messageId, nothing missing.  For
everything else it answers None, and `uptake.sources.reading` decides; where both take an item, both give the same
call.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from uptake.core.calls import Call, CallType, Projection
from uptake.sources.base import MAX_ID_LENGTH, MAX_MESSAGE_ID_LENGTH, Incoming, Unfit
from uptake.sources.fields import fit
from uptake.sources.project import kept_context, kept_integrations, kept_properties
from uptake.sources.times import NO_NOTES, placed, skew_us, us_of

Text = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
MessageId = Annotated[str, Meta(min_length=1, max_length=MAX_MESSAGE_ID_LENGTH)]
Stamp = datetime | int | float
Object = dict[str, Any]


class Skipped(msgspec.Struct, gc=False):
    """An object of which nothing is read."""


class AccountContext(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a context by default."""

    group_id: Text | None = None
    traits: Object | None = None

    def kept(self, call_type: CallType) -> Object | None:
        """As `kept_context` of the whole object."""
        kept: Object | None = None if self.group_id is None else {"groupId": self.group_id}
        if self.traits is not None and call_type == "identify":
            kept = {**(kept or {}), "traits": self.traits}
        return kept


class Item(msgspec.Struct, gc=False, rename="camel", kw_only=True):
    """One call, of whose properties and further context nothing is kept."""

    message_id: MessageId
    type: CallType | None = None
    user_id: Text | None = None
    anonymous_id: Text | None = None
    group_id: Text | None = None
    previous_id: Text | None = None
    event: Text | None = None
    name: Text | None = None
    timestamp: Stamp | None = None
    original_timestamp: Stamp | None = None
    sent_at: Stamp | None = None
    received_at: Stamp | None = None
    traits: Object | None = None
    properties: Any = None
    context: Any = None
    integrations: Object | None = None


class LeanItem(Item, kw_only=True):
    """For products whose mappings read neither properties nor further context."""

    properties: Skipped | None = None
    context: AccountContext | None = None


class WideItem(Item, kw_only=True):
    """For products whose mappings read some of properties or context."""

    properties: Object | None = None
    context: Object | None = None


AnyItem = TypeVar("AnyItem", bound=Item)


class Batch(msgspec.Struct, Generic[AnyItem], rename="camel", gc=False):
    """A batch of calls with what it says for all of them."""

    batch: list[AnyItem]
    sent_at: Stamp | None = None
    context: Object | None = None
    integrations: Object | None = None


_lean_item, _wide_item = msgspec.json.Decoder(LeanItem).decode, msgspec.json.Decoder(WideItem).decode
_lean_batch, _wide_batch = msgspec.json.Decoder(Batch[LeanItem]).decode, msgspec.json.Decoder(Batch[WideItem]).decode


def calls_in_batch(body: bytes, incoming: Incoming) -> list[Call] | None:
    """The calls of a batch's body; None where item by item must decide."""
    projection = incoming.projection
    if projection.extra or projection.everything or _holds_nul(body):
        return None
    try:
        batch = _wide_batch(body) if _wide(projection) else _lean_batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if batch.context or batch.integrations:
        return None
    behind_us = 0 if batch.sent_at is None or incoming.repeated else skew_us(batch.sent_at, incoming.received_us)
    calls = []
    for item in batch.batch:
        call = None if item.type is None else _call(item, item.type, behind_us, incoming)
        if call is None:
            return None
        calls.append(call)
    return calls


def call_alone(body: bytes, incoming: Incoming) -> Call | None:
    """The call of a body that is one call of the route's type; None where the slow way must decide."""
    projection, call_type = incoming.projection, incoming.call_type
    if call_type is None or projection.extra or projection.everything or _holds_nul(body):
        return None
    try:
        item = _wide_item(body) if _wide(projection) else _lean_item(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _call(item, call_type, 0, incoming)


def _holds_nul(body: bytes) -> bool:
    return b"\\" in body and b"\\u0000" in body  # one byte is found much faster than six, and mostly there is none


def _wide(projection: Projection) -> bool:
    return bool(projection.properties or projection.context)


def _call(item: Item, call_type: CallType, behind_us: int, incoming: Incoming) -> Call | None:
    if (item.user_id is None and item.anonymous_id is None) or _lacks(item, call_type):
        return None
    try:
        at_us, notes = _time_of(item, behind_us, incoming)
        properties, context = _kept(item, call_type, incoming.projection)
    except (ValueError, Unfit):
        return None
    return Call(
        type=call_type,
        message_id=item.message_id,
        at_us=at_us,
        user_id=item.user_id,
        anonymous_id=item.anonymous_id,
        group_id=item.group_id,
        previous_id=item.previous_id,
        event=item.event,
        name=item.name,
        traits=item.traits,
        properties=properties,
        context=context,
        integrations=kept_integrations(item.integrations) if item.integrations else None,
        notes=notes,
    )


def _lacks(item: Item, call_type: CallType) -> bool:
    """Is the field missing that the type cannot do without?"""
    if call_type == "track":
        return item.event is None
    if call_type == "group":
        return item.group_id is None
    return call_type == "alias" and item.previous_id is None


def _time_of(item: Item, behind_us: int, incoming: Incoming) -> tuple[int, tuple[str, ...]]:
    """As in the slow way.  Raises ValueError for a time that the slow way must look at."""
    stamp = item.original_timestamp if item.timestamp is None else item.timestamp
    if stamp is None:
        return incoming.received_us, NO_NOTES
    if item.sent_at is not None:
        behind_us = 0 if incoming.repeated else skew_us(item.sent_at, incoming.received_us)
    at_us = us_of(stamp)
    if behind_us == 0 and at_us <= incoming.received_us:  # as almost always
        return at_us, NO_NOTES
    if item.received_at is not None or (item.timestamp is not None and item.original_timestamp is not None):
        behind_us = 0
    return placed(at_us, behind_us, incoming.received_us)


def _kept(item: Item, call_type: CallType, projection: Projection) -> tuple[Object | None, Object | None]:
    """Properties and context as they are kept.  Raises Unfit for a value that the slow way must look at."""
    properties, context = item.properties, item.context
    if context.__class__ is AccountContext:
        context = context.kept(call_type)
    elif context:
        context = kept_context(context, projection, call_type)
        if context and not _plain(context):
            raise Unfit("bad_field", "$.context", "the slow way decides")
    properties = None if properties.__class__ is Skipped else kept_properties(properties, projection)
    if item.traits or properties or context:
        for value in (item.traits, properties, context):
            fit(value, "$")
    return properties, context or None


def _plain(context: Object) -> bool:
    """Are what a context names of the types that need no second look?"""
    named, traits = context.get("groupId", "-"), context.get("traits", {})
    return isinstance(named, str) and 0 < len(named) <= MAX_ID_LENGTH and isinstance(traits, dict)
