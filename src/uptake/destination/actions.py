"""The five actions: from an event, by a mapping, to the payload that Segment's Accoil Analytics destination would send.

An action is compiled once with its mapping; for a call only `apply` runs, and it never raises: what is wrong comes back
as sentences, each with its field.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from uptake.destination.errors import ActionError, MappingError
from uptake.destination.fields import Field, Refusal, check_of, missing
from uptake.destination.jsvalues import UNDEFINED, article, kind_of
from uptake.destination.mapping import CompiledMapping
from uptake.destination.paths import is_null_at
from uptake.destination.presets import ACTIONS, Action, preset_mapping

Event = Mapping[str, Any]
MappingOrPreset = Mapping[str, Any] | Literal["preset"]
Errors = tuple[tuple[str, str], ...]
"""Fields and what is wrong with them, a sentence each."""


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What an action made of one event.

    payload: what would be sent, or None where the event is refused; it may share parts with the event.
    errors: why it is refused, as (field, sentence); field is "" where the fault is not one field's.
    left_out: optional fields that a lenient mapping did without, as (field, sentence).
    cleared: traits that the event sets to null, but that the payload does not name: an explicit null clears a trait.
    """

    payload: dict[str, Any] | None = None
    errors: Errors = ()
    left_out: Errors = ()
    cleared: tuple[str, ...] = ()


class CompiledAction:
    """An action with its mapping, ready to run on events."""

    def __init__(self, action: Action, mapping: CompiledMapping, *, lenient: bool) -> None:
        self.action = action
        self.mapping = mapping
        self.lenient = lenient
        self._checks = tuple((field.key, check_of(field, lenient=lenient), field.required) for field in action.fields)

    def resolve(self, event: Event) -> Any:
        """The mapping's result before removal of blanks and validation, None for nothing; raises MappingError."""
        return self.mapping(event)

    def apply(self, event: Event) -> Applied:
        """Map and validate one event."""
        try:
            resolved = self.mapping.evaluate(event)
        except MappingError as error:
            return self._without_failures(event, error)
        return self._validated(event, resolved)

    def _validated(self, event: Event, resolved: Any, failures: Mapping[str, str] | None = None) -> Applied:
        if type(resolved) is not dict:
            kind = "undefined" if resolved is None or resolved == "" else kind_of(resolved)
            was = kind if kind == "undefined" else article(kind)
            return Applied(errors=(("", f"The root value must be an object but it was {was}."),))
        values: dict[str, Any] = {}
        absent: list[tuple[str, str]] = []
        refused: list[tuple[str, str]] = []
        left_out: list[tuple[str, str]] = list((failures or {}).items())
        for key, check, required in self._checks:
            value = resolved.get(key)
            if value is None or value == "":
                if required:
                    absent.append((key, missing(key)))
                continue
            value = check(value)
            if type(value) is not Refusal:
                values[key] = value
            elif required or not self.lenient:
                refused.append((key, value.sentence))
            else:
                left_out.append((key, value.sentence))
        if absent or refused:
            return Applied(errors=(*absent, *refused), left_out=tuple(left_out))
        return self._payload(event, resolved, values, tuple(left_out))

    def _payload(self, event: Event, resolved: dict[str, Any], values: dict[str, Any], left_out: Errors) -> Applied:
        payload: dict[str, Any] = {"type": self.action.name}
        cleared: list[str] = []
        for key in self.action.sent:
            if key in values:
                payload[key] = values[key]
            elif key == "traits":
                payload[key] = {}
        if self.action.traits:
            payload["traits"] = traits = dict(payload["traits"])
            for key in self.action.traits:
                if key in values:
                    traits[key] = values[key]
                elif traits.pop(key, UNDEFINED) is None or self._said_null(key, event, resolved):
                    cleared.append(key)
        if left_out and cleared:
            kept = {key for key, _ in left_out}
            cleared = [key for key in cleared if key not in kept]
        return Applied(payload, (), left_out, tuple(cleared))

    def _said_null(self, key: str, event: Event, resolved: dict[str, Any]) -> bool:
        """Did a field resolve to a null that stands in the event, or in the mapping, itself?

        A path through null gives null too: `traits: null` says nothing about each trait, and must not clear them all.
        """
        if resolved.get(key, UNDEFINED) is not None:
            return False
        node = (self.mapping.fields or {}).get(key)
        return node is None or node.constant or any(is_null_at(event, path) for path in node.reads)

    def _without_failures(self, event: Event, error: MappingError) -> Applied:
        """What is left of an event on which the mapping failed: nothing, unless only optional fields failed."""
        field, sentence = "", str(error)
        failures: dict[str, str] = {}
        resolved: dict[str, Any] = {}
        for key in self.mapping.fields or {}:
            try:
                value = self.mapping.evaluate_field(key, event)
            except MappingError as failure:
                failures[key] = str(failure)
                field = field or key
            else:
                if value is not UNDEFINED:
                    resolved[key] = value
        required = {field.key for field in self.action.fields if field.required}
        if not self.lenient or not failures or required & failures.keys():
            return Applied(errors=((field, sentence),))
        return self._validated(event, resolved, failures)


def compile_action(action: str, mapping: MappingOrPreset, *, lenient: bool) -> CompiledAction:
    """Compile an action with a mapping ("preset": the action's defaults).

    lenient: take moments in other forms, and leave an invalid optional field out instead of refusing the event.
    Raises ActionError for an unknown action, MappingError for a mapping that cannot be used.
    """
    if mapping == "preset":
        return _compiled_preset(action, lenient=lenient)
    return CompiledAction(action_named(action), CompiledMapping(mapping), lenient=lenient)


@lru_cache(maxsize=2 * len(ACTIONS))
def _compiled_preset(action: str, *, lenient: bool) -> CompiledAction:
    return CompiledAction(action_named(action), CompiledMapping(preset_mapping(action)), lenient=lenient)


def action_named(name: str) -> Action:
    """The action of that name; raises ActionError where there is none."""
    if name not in ACTIONS:
        raise ActionError(("", f"There is no action {name!r}: it is one of {', '.join(ACTIONS)}."))
    return ACTIONS[name]


def action_fields(action: str) -> tuple[Field, ...]:
    """The fields of an action, in the order in which an editor shows them; raises ActionError for an unknown action."""
    return action_named(action).fields


def run_action(
    action: str,
    event: Event,
    mapping: MappingOrPreset = "preset",
    lenient: bool = False,  # noqa: FBT001, FBT002
) -> dict[str, Any]:
    """The payload that the official destination would send for an event.

    mapping: "preset" is the action's preset, whose trigger asks for calls of the action's own type; a mapping of one's
    own runs on any event, since its trigger is not part of it.
    Raises ActionError with Segment's sentences, joined by a space, where the event is refused, and MappingError where
    the mapping cannot be used.

    >>> run_action("track", {"type": "track", "event": "Paid", "userId": 7, "timestamp": "2026-01-01T09:00:00Z"})
    {'type': 'track', 'event': 'Paid', 'userId': '7', 'timestamp': '2026-01-01T09:00:00Z'}
    """
    compiled = compile_action(action, mapping, lenient=lenient)
    if mapping == "preset" and isinstance(event, dict) and event.get("type") != action:
        raise ActionError(("", "not subscribed"))
    applied = compiled.apply(event)
    if applied.payload is None:
        raise ActionError(*applied.errors)
    return applied.payload
