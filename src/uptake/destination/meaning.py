"""From a call to its meaning: filters, then every matching mapping, then effects.

A product's destination is compiled once per configuration (`Meaning`).  What is already mapped (`Call.direct`) passes
no filter and no mapping.  Beside an action's payload, outside any mapping, every effect happens at the call's own
event time and under its messageId; the fold adds both.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from uptake.core.calls import CALL_TYPES, Call, CallType
from uptake.core.config import Destination, ProductConfig
from uptake.core.config import Mapping as MappingConfig
from uptake.core.days import iso_ms
from uptake.core.effects import Acted, Effect, Fate, Joined, Note, Outcome, TraitsSet
from uptake.core.traits import flattened
from uptake.destination.actions import Applied, CompiledAction, compile_action
from uptake.destination.filters import FilterVerdict, compile_filters
from uptake.destination.fql import TriggerError, canonical, compile_trigger, parse, required_type

Event = dict[str, Any]

NAMES = ("Uptake", "Accoil Analytics")
"""The names under which a call's `integrations` object knows this destination; the first one present decides."""


class CompiledMapping(msgspec.Struct, frozen=True):
    """An enabled mapping, ready to run."""

    name: str
    action: str
    fires: Callable[[Mapping[str, Any]], bool]
    run: CompiledAction


def spelt(mapping: MappingConfig) -> MappingConfig:
    """The mapping with its trigger in a spelling that Segment reads alike; as it is where that cannot be read."""
    try:
        trigger = canonical(mapping.trigger)
    except TriggerError:
        return mapping
    return mapping if trigger == mapping.trigger else msgspec.structs.replace(mapping, trigger=trigger)


def id_text(value: Any) -> str | None:
    """An id as text: a non-empty string as it is, a whole number in digits, anything else None."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else None


def event_of(call: Call, received_us: int) -> Event:
    """The event as triggers, filters and mappings see it, in Segment's own field names; absent fields are left out."""
    event: Event = {"type": call.type, "messageId": call.message_id, "timestamp": iso_ms(call.at_us)}
    for key, value in (
        ("userId", call.user_id),
        ("anonymousId", call.anonymous_id),
        ("groupId", call.group_id),
        ("event", call.event),
        ("name", call.name),
        ("traits", call.traits),
        ("properties", call.properties),
        ("context", call.context),
        ("integrations", call.integrations),
    ):
        if value is not None:
            event[key] = value
    event["receivedAt"] = iso_ms(received_us)
    if call.extra:
        event.update((key, value) for key, value in call.extra.items() if key not in event)
    if call.type == "identify" and not call.traits and call.context:
        stand_in = call.context.get("traits")
        if isinstance(stand_in, dict):
            event["traits"] = stand_in
    return event


def switched_off(integrations: Mapping[str, Any] | None) -> bool:
    """Does the call's integrations object keep it from this destination?  `All` is true unless said otherwise."""
    if not integrations:
        return False
    for name in NAMES:
        if name in integrations:
            return integrations[name] is False or integrations[name] is None
    return integrations.get("All") is False


class Meaning:
    """One configuration's destination, compiled."""

    def __init__(self, config: ProductConfig, destination: Destination | None = None) -> None:
        """config: page names, Account ID trait and, unless given apart, the destination.

        Raises TriggerError or MappingError for an enabled mapping that does not compile: check before saving.
        """
        self._config = config
        chosen = destination or config.destination
        self._enabled = chosen.enabled
        filters = [msgspec.to_builtins(each) for each in chosen.filters if each.enabled]
        self._filters = compile_filters(filters) if filters else None
        self._by_type = _by_type(chosen.mappings)
        self._ignored = frozenset(config.ignored_events)

    def outcome(self, call: Call, received_us: int) -> Outcome:
        """What the call means.  Never raises: whatever is wrong with a call is its fate."""
        if call.type == "alias":
            if call.erased:
                return Outcome("erased")
            return _without("recorded", "alias_recorded", "alias calls are recorded, not applied")
        if call.direct:
            payload = {"userId": call.user_id, "groupId": call.group_id, "event": call.event, "name": call.name}
            applied = Applied(payload={**payload, "traits": call.traits or {}})
            return self._counted(self._effects(call.type, applied, call), call, [])
        if not self._enabled:
            return _without("filtered", "FILTERED_AT_MAPPING", "the destination is switched off")
        if switched_off(call.integrations):
            return _without("filtered", "FILTERED_BY_INTEGRATIONS_OBJECT", "the integrations object switches this off")
        event = event_of(call, received_us)
        if self._filters is not None:
            verdict = self._filters(event)
            if not verdict.passed:
                return _without("filtered", "FILTERED_BY_RULES", _why(verdict))
            event = dict(verdict.event)
        return self.mapped(call, event)

    def trimmed(self, event: Event) -> Event:
        """The event as filters leave it to the mappings; as it is where one of them drops it."""
        verdict = self._filters(event) if self._filters else None
        return dict(verdict.event) if verdict and verdict.passed else event

    def mapped(self, call: Call, event: Event) -> Outcome:
        """What the mappings make of the call, of which filters have left this event."""
        effects: list[Effect] = []
        notes: list[Note] = []
        matched = valid = False
        for mapping in self._by_type[call.type]:
            if not mapping.fires(event):
                continue
            matched = True
            applied = mapping.run.apply(event)
            if applied.errors or applied.left_out:
                notes += _notes(applied, mapping.name)
            if applied.payload is not None:
                valid = True
                effects += self._effects(mapping.action, applied, call)
        if not matched:
            return _without("unmatched", "NO_MATCHING_MAPPING", "no enabled mapping's trigger matches the call")
        return self._counted(effects, call, notes) if valid else Outcome("invalid", notes=tuple(notes))

    def _counted(self, effects: list[Effect], call: Call, notes: list[Note]) -> Outcome:
        if not effects:
            return Outcome("no_user", notes=(*notes, Note("no_user", "$.userId", f"a {call.type} call without a user")))
        kept = effects
        if self._ignored:
            kept = [each for each in effects if not (isinstance(each, Acted) and each.event in self._ignored)]
            if not kept:
                return _without("filtered", "ignored_event", "the event is on the product's list of ignored events")
        return Outcome("applied", _once(kept) if len(kept) > 1 else tuple(kept), tuple(notes))

    def _effects(self, action: str, applied: Applied, call: Call) -> list[Effect]:
        payload = applied.payload or {}
        if action == "identify":
            return self._identified(payload, applied.cleared, call)
        if action == "group":
            return _grouped(payload, applied.cleared)
        return self._acted(action, payload, call)

    def _identified(self, payload: Mapping[str, Any], cleared: tuple[str, ...], call: Call) -> list[Effect]:
        user = id_text(payload.get("userId"))
        if user is None:
            return []
        traits = _traits(payload, cleared)
        account = call.group_id or _named_account(call) or id_text(traits.get(self._config.account_id_trait))
        known: list[Effect] = [TraitsSet("user", user, traits)]
        return [*known, Joined(user, account)] if account else known

    def _acted(self, action: str, payload: Mapping[str, Any], call: Call) -> list[Effect]:
        user = id_text(payload.get("userId"))
        event = payload.get("event") if action == "track" else self._viewed(action, payload.get("name"))
        if user is None or not isinstance(event, str):
            return []
        return [Acted(user, event, _named_account(call))]

    def _viewed(self, action: str, name: Any) -> str:
        config = self._config
        if not isinstance(name, str) or not name:
            return config.page_event_unnamed if action == "page" else config.screen_event_unnamed
        pattern = config.page_event if action == "page" else config.screen_event
        return pattern.replace("{name}", name)


def _by_type(mappings: tuple[MappingConfig, ...]) -> dict[CallType, tuple[CompiledMapping, ...]]:
    """Enabled mappings by the call types that their trigger can match, so that a call asks only those."""
    compiled = [
        (
            required_type(parse(each.trigger)),
            CompiledMapping(
                each.name,
                each.action,
                compile_trigger(each.trigger),
                compile_action(each.action, each.fields, lenient=each.lenient),
            ),
        )
        for each in mappings
        if each.enabled
    ]
    return {
        call_type: tuple(mapping for needed, mapping in compiled if needed in (None, call_type))
        for call_type in CALL_TYPES
    }


def _grouped(payload: Mapping[str, Any], cleared: tuple[str, ...]) -> list[Effect]:
    account, user = id_text(payload.get("groupId")), id_text(payload.get("userId"))
    if account is None:
        return []
    known: list[Effect] = [TraitsSet("account", account, _traits(payload, cleared))]
    return [*known, Joined(user, account)] if user else known


def _traits(payload: Mapping[str, Any], cleared: tuple[str, ...]) -> dict[str, Any]:
    """The payload's traits, nested ones with dots, and the cleared ones as None; `created_at` and `createdAt` are one,
    and createdAt wins."""
    traits = flattened(payload.get("traits") or {})
    for key in cleared:
        traits.setdefault(key, None)
    if "created_at" in traits:
        snake = traits.pop("created_at")
        traits.setdefault("createdAt", snake)
    return traits


def _named_account(call: Call) -> str | None:
    return id_text(call.context.get("groupId")) if call.context else None


def _once(effects: list[Effect]) -> tuple[Effect, ...]:
    """Each effect once, in order; traits hold dicts, so equality and not hashing decides."""
    once: list[Effect] = []
    for effect in effects:
        if effect not in once:
            once.append(effect)
    return tuple(once)


def _notes(applied: Applied, mapping: str) -> list[Note]:
    refused = [Note("BAD_REQUEST", field, sentence, mapping) for field, sentence in applied.errors]
    return refused + [Note("left_out", field, sentence, mapping) for field, sentence in applied.left_out]


def _without(fate: Fate, code: str, message: str) -> Outcome:
    return Outcome(fate, notes=(Note(code, "", message),))


def _why(verdict: FilterVerdict) -> str:
    return f"filter {verdict.filter!r}: {verdict.reason}"
