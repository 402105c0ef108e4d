"""One item as a plain object → one call, with a reason for each refusal.

Sources share it: each says in a `Dialect` what it demands.  `uptake.sources.typed` does the same faster for items
without any oddity; whatever it does not take comes here, so that this module alone decides.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from uptake.core.calls import CALL_TYPES, Call, CallType
from uptake.sources.base import MAX_CALL_BYTES, MAX_MESSAGE_ID_LENGTH, Incoming, Unfit
from uptake.sources.fields import Item, fit, id_at, object_at, stamp_at, text_at, type_name
from uptake.sources.ids import derived_id
from uptake.sources.project import kept_context, kept_extra, kept_integrations, kept_properties
from uptake.sources.times import placed, skew_us

STAMPS = ("timestamp", "originalTimestamp")

NEEDS: dict[CallType, tuple[str, str, str]] = {
    "group": ("groupId", "missing_group_id", "a group call needs groupId"),
    "track": ("event", "missing_event", "a track call needs event, a non-empty text"),
    "alias": ("previousId", "missing_previous_id", "an alias call needs previousId"),
}
"""What a type cannot do without, beside its user: field, code, sentence."""


class Dialect(msgspec.Struct, frozen=True):
    """What a source demands of an item.

    direct: its calls pass no mapping.  live: they come straight from an SDK, so its clock may be corrected.
    some_user: types that need userId or anonymousId.  user_id: types that need userId.
    """

    direct: bool = False
    live: bool = False
    some_user: frozenset[str] = frozenset()
    user_id: frozenset[str] = frozenset()


SDK = Dialect(live=True, some_user=frozenset(CALL_TYPES))
FORWARDED = Dialect(some_user=frozenset(CALL_TYPES))
MAPPED = Dialect(direct=True, user_id=frozenset({"identify", "track"}))


class Shared(msgspec.Struct, frozen=True):
    """What a batch says once for all its items; an item's own word wins."""

    sent_at: Any = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None


ALONE = Shared()


def item_in(raw: bytes) -> Item:
    """The object that one item's JSON stands for, if it is not too large.  Raises Unfit."""
    if len(raw) > MAX_CALL_BYTES:
        raise Unfit("call_too_large", "$", f"one call may be {MAX_CALL_BYTES} bytes, got {len(raw)}")
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _lenient(raw)
    except RecursionError:
        raise Unfit("bad_json", "$", "it is nested too deeply") from None
    if not isinstance(value, dict):
        raise Unfit("not_an_object", "$", f"expected an object, got {type_name(value)}")
    return value


def _lenient(text: bytes) -> Any:
    """JSON with bytes that are no UTF-8, or halves of surrogate pairs: a call is refused if it keeps such text."""
    try:
        return json.loads(text.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unfit("bad_json", "$", "it is not JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def type_of(item: Item, incoming: Incoming) -> CallType:
    """The call's type: the route's, else the item's own.  Raises Unfit."""
    if incoming.call_type:
        return incoming.call_type
    value = item.get("type")
    if value in CALL_TYPES:
        return cast(CallType, value)
    got = f"{value[:40]!r}" if isinstance(value, str) else type_name(value)
    raise Unfit("unknown_type", "$.type", f"expected one of {', '.join(CALL_TYPES)}; got {got}")


def call_of(item: Item, dialect: Dialect, incoming: Incoming, shared: Shared = ALONE) -> Call:
    """The call that an item stands for.  Raises Unfit."""
    call_type = type_of(item, incoming)
    ids = {key: id_at(item, key) for key in ("userId", "anonymousId", "groupId", "previousId")}
    texts = {key: text_at(item, key) for key in ("event", "name")}
    _demand(call_type, dialect, {**ids, **texts})
    at_us, notes = _time_of(item, dialect, incoming, shared)
    properties, context, integrations = (object_at(item, key) for key in ("properties", "context", "integrations"))
    call = Call(
        type=call_type,
        message_id=_message_id(item, call_type, incoming),
        at_us=at_us,
        user_id=ids["userId"],
        anonymous_id=ids["anonymousId"],
        group_id=ids["groupId"],
        previous_id=ids["previousId"],
        event=texts["event"],
        name=texts["name"],
        traits=object_at(item, "traits"),
        properties=kept_properties(properties, incoming.projection),
        context=_context(context, call_type, incoming, shared),
        integrations=kept_integrations(_merged(shared.integrations, integrations)),
        extra=kept_extra(item, incoming.projection),
        direct=dialect.direct,
        notes=notes,
    )
    for place in ("traits", "properties", "context", "extra"):
        fit(getattr(call, place), f"$.{place}" if place != "extra" else "$")
    return call


def _demand(call_type: CallType, dialect: Dialect, found: Mapping[str, str | None]) -> None:
    if call_type in dialect.user_id and not found["userId"]:
        raise Unfit("missing_user_id", "$.userId", f"this route's {call_type} needs userId; it was not present")
    if call_type in dialect.some_user and not (found["userId"] or found["anonymousId"]):
        needs = f"{call_type} needs userId or anonymousId; neither was present"
        raise Unfit("missing_user", "$.userId", needs)
    need = NEEDS.get(call_type)
    if need and not found[need[0]]:
        if call_type == "alias" and dialect.direct:
            return
        raise Unfit(need[1], f"$.{need[0]}", f"{need[2]}; it was not present")


def _message_id(item: Item, call_type: CallType, incoming: Incoming) -> str:
    given = id_at(item, "messageId", longest=MAX_MESSAGE_ID_LENGTH)
    if given:
        return given
    if all(item.get(key) is None for key in STAMPS):
        return incoming.fresh_id()
    return derived_id(item, call_type)


def _time_of(item: Item, dialect: Dialect, incoming: Incoming, shared: Shared) -> tuple[int, tuple[str, ...]]:
    own = sum(item.get(key) is not None for key in STAMPS)
    behind_us = 0
    if dialect.live and own == 1 and not incoming.repeated and item.get("receivedAt") is None:
        sent_at = item.get("sentAt")
        behind_us = skew_us(shared.sent_at if sent_at is None else sent_at, incoming.received_us)
    return placed(stamp_at(item, *STAMPS), behind_us, incoming.received_us)


def _context(
    context: dict[str, Any] | None, call_type: CallType, incoming: Incoming, shared: Shared
) -> dict[str, Any] | None:
    kept = kept_context(_merged(shared.context, context), incoming.projection, call_type)
    if not kept:
        return None
    named = id_at(kept, "groupId", place="$.context.")
    if named is None and "groupId" in kept:
        kept = {key: value for key, value in kept.items() if key != "groupId"}
    elif named is not None:
        kept = {**kept, "groupId": named}
    if call_type == "identify" and kept.get("traits") is not None and not isinstance(kept["traits"], dict):
        raise Unfit("bad_field", "$.context.traits", f"expected an object, got {type_name(kept['traits'])}")
    return {key: value for key, value in kept.items() if value is not None} or None


def _merged(shared: dict[str, Any] | None, own: dict[str, Any] | None) -> dict[str, Any] | None:
    """The item's keys over the batch's; an item's null leaves the batch's word."""
    if not shared:
        return own
    return {**shared, **{key: value for key, value in (own or {}).items() if value is not None or key not in shared}}
