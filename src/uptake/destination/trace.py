"""How a call's meaning came about, step by step: what a tester shows.

Runs the same compiled parts as `uptake.destination.meaning`, over every mapping whether it is enabled or not, and keeps
nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from uptake.core.calls import Call
from uptake.core.config import Mapping, ProductConfig
from uptake.core.effects import Effect, Outcome
from uptake.destination.actions import compile_action
from uptake.destination.errors import MappingError
from uptake.destination.fql import TriggerError, explain, parse
from uptake.destination.meaning import Event, Meaning, event_of, spelt


class ClauseTrace(msgspec.Struct, frozen=True):
    """One clause of a trigger that decided: its text, what was found in the event, and how it came out."""

    clause: str
    found: Any
    result: bool


class FieldFault(msgspec.Struct, frozen=True):
    """A field and what is wrong with its value, in Segment's words."""

    field: str
    message: str


class MappingTrace(msgspec.Struct, frozen=True):
    """One mapping on one event.

    fault: why the mapping itself cannot run ('' if it can).  fired: did its trigger match; decided_by: the clauses that
    decided.  resolved: what its fields resolved to before validation; payload: what would be sent, None where refused.
    left_out: optional fields that a lenient mapping does without.  effects: what it would do, if it is enabled.
    """

    name: str
    action: str
    enabled: bool
    fault: str
    fired: bool
    decided_by: tuple[ClauseTrace, ...] = ()
    resolved: Any = None
    payload: dict[str, Any] | None = None
    errors: tuple[FieldFault, ...] = ()
    left_out: tuple[FieldFault, ...] = ()
    effects: tuple[Effect, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """A call as the mappings see it (`event`: what filters leave of it, all of it where they drop it), each mapping on
    it, and the outcome that would be counted.  A call that is already mapped passes no mapping."""

    event: Event
    outcome: Outcome
    mappings: tuple[MappingTrace, ...]


def trace(call: Call, received_us: int, config: ProductConfig, mappings: Sequence[Mapping] | None = None) -> Trace:
    """Follow a call through the product's destination, or through these mappings, as if enabled, instead of its own."""
    chosen = config.destination.mappings if mappings is None else tuple(map(spelt, mappings))
    destination = msgspec.structs.replace(config.destination, mappings=_sound(chosen, tried=mappings is not None))
    meaning = Meaning(config, destination)
    event = meaning.trimmed(event_of(call, received_us))
    if call.direct and mappings is None:
        chosen = ()
    return Trace(
        event,
        meaning.outcome(call, received_us),
        tuple(_mapping_trace(each, event, call, config) for each in chosen),
    )


def _sound(mappings: Sequence[Mapping], *, tried: bool) -> tuple[Mapping, ...]:
    sound = (each for each in mappings if not fault_of(each))
    return tuple(msgspec.structs.replace(each, enabled=tried or each.enabled) for each in sound)


def fault_of(mapping: Mapping) -> str:
    """Why a mapping cannot run, or ''."""
    try:
        parse(mapping.trigger)
        compile_action(mapping.action, mapping.fields, lenient=mapping.lenient)
    except (TriggerError, MappingError) as error:
        return str(error)
    return ""


def _mapping_trace(mapping: Mapping, event: Event, call: Call, config: ProductConfig) -> MappingTrace:
    fault = fault_of(mapping)
    if fault:
        return MappingTrace(mapping.name, mapping.action, mapping.enabled, fault, fired=False)
    explanation = explain(parse(mapping.trigger), event)
    decided = tuple(ClauseTrace(each.condition, each.found, each.result) for each in explanation.deciding())
    if not explanation.result:
        return MappingTrace(mapping.name, mapping.action, mapping.enabled, "", fired=False, decided_by=decided)
    action = compile_action(mapping.action, mapping.fields, lenient=mapping.lenient)
    applied = action.apply(event)
    try:
        resolved = action.resolve(event)
    except MappingError as error:
        resolved = {"error": str(error)}
    alone = msgspec.structs.replace(
        config.destination, filters=(), mappings=(msgspec.structs.replace(mapping, enabled=True),), enabled=True
    )
    effects = Meaning(config, alone).mapped(call, event).effects
    return MappingTrace(
        mapping.name,
        mapping.action,
        mapping.enabled,
        "",
        fired=True,
        decided_by=decided,
        resolved=resolved,
        payload=applied.payload,
        errors=_faults(applied.errors),
        left_out=_faults(applied.left_out),
        effects=effects,
    )


def _faults(faults: Sequence[tuple[str, str]]) -> tuple[FieldFault, ...]:
    return tuple(FieldFault(field, message) for field, message in faults)
