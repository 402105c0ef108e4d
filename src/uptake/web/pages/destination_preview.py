"""What a mapping makes of one call, field by field: the live preview of the editor and each mapping of the tester."""

from collections.abc import Sequence
from typing import Any

import msgspec

from uptake.core.calls import Call
from uptake.core.config import Destination, Mapping
from uptake.destination.fields import Field
from uptake.destination.trace import ClauseTrace, MappingTrace
from uptake.pipeline.preview import Missing, missing_in
from uptake.pipeline.product import RunningProduct
from uptake.views.base import Unknown
from uptake.views.destination import CallRefused, trace_call
from uptake.web.pages.destination_draft import Checked, Draft, checked
from uptake.web.pages.destination_frame import picked
from uptake.web.pages.destination_seen import counted_words, shown_json
from uptake.web.pages.faults import sentence


class FieldNote(msgspec.Struct, frozen=True):
    """What became of one field; kind: '' for a value, `bad` for a fault, `notice` for what is left out, `dim` for
    nothing."""

    kind: str
    text: str


class Traced(msgspec.Struct, frozen=True):
    """One mapping on one call, in words.

    verdict and kind: what happened, and the colour of its badge.  notes: by the key of a field.  errors: those of no
    field.  counted: what it would do.  clauses: those that decided, each with what it found.
    """

    trace: MappingTrace
    verdict: str
    kind: str
    notes: dict[str, FieldNote]
    rows: tuple[tuple[Field, FieldNote], ...]
    errors: tuple[str, ...]
    counted: tuple[str, ...]
    clauses: tuple[tuple[ClauseTrace, str], ...]
    payload: str
    resolved: str


class Shown(msgspec.Struct, frozen=True):
    """The editor's preview: the mapping on the chosen call, or why there is none, and what the log does not hold."""

    call: str = ""
    traced: Traced | None = None
    event: str = ""
    fault: str = ""
    missing: tuple[Missing, ...] = ()


def traced(trace: MappingTrace, fields: Sequence[Field]) -> Traced:
    """A mapping's trace in words."""
    notes = {field.key: _note(field.key, trace) for field in fields} if trace.fired else {}
    verdict, kind = _verdict(trace)
    return Traced(
        trace,
        verdict,
        kind,
        notes,
        tuple((field, notes[field.key]) for field in fields if field.key in notes),
        tuple(each.message for each in trace.errors if each.field not in notes),
        tuple(counted_words(trace.effects)),
        tuple((each, _found(each.found)) for each in trace.decided_by),
        "" if trace.payload is None else shown_json(trace.payload),
        shown_json(trace.resolved),
    )


def previewed(product: RunningProduct, draft: Draft, call: str, now_us: int) -> Shown:
    """The draft on a call that `log:12` or `sample:track` names; a name is not needed for that."""
    told = checked(msgspec.structs.replace(draft, name=draft.name[:200] or "This mapping"))
    if told.mapping is None:
        return Shown(call, fault="The preview waits until the faults are mended.")
    try:
        found, received_us = picked(product, call, now_us)
    except (Unknown, CallRefused) as error:
        return Shown(call, fault=sentence(str(error)))
    return _on_call(product, told, found, received_us, call)


def _on_call(product: RunningProduct, told: Checked, call: Call, received_us: int, choice: str) -> Shown:
    assert told.mapping is not None
    trace = trace_call(product, call, received_us, (told.mapping,))
    missing = missing_paths(product, told.mapping) if choice.startswith("log:") else ()
    shown = traced(trace.mappings[0], _fields(told.mapping))
    return Shown(choice, shown, shown_json(trace.event), missing=missing)


def missing_paths(product: RunningProduct, mapping: Mapping) -> tuple[Missing, ...]:
    """The paths that a mapping reads and that some or all logged calls were not kept with."""
    alone = Destination(mappings=(msgspec.structs.replace(mapping, enabled=True),))
    config = msgspec.structs.replace(product.config, destination=alone)
    return tuple(missing_in(product.versions, config, product.purged))


def _fields(mapping: Mapping) -> tuple[Field, ...]:
    return Draft(action=mapping.action).fields


def _note(key: str, trace: MappingTrace) -> FieldNote:
    for kind, faults in (("bad", trace.errors), ("notice", trace.left_out)):
        for fault in faults:
            if fault.field == key:
                return FieldNote(kind, fault.message + (" Left out." if kind == "notice" else ""))
    resolved = trace.resolved if isinstance(trace.resolved, dict) else {}
    if key not in resolved:
        return FieldNote("dim", "nothing")
    return FieldNote("", _short(resolved[key]))


def _found(value: Any) -> str:
    return "nothing" if value is None else _short(value)


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 160 else text[:159] + "…"


def _verdict(trace: MappingTrace) -> tuple[str, str]:
    if trace.fault:
        return "Cannot run", "bad"
    if not trace.fired:
        return "Trigger does not match", ""
    if trace.payload is None:
        return "Matches, but fails validation", "bad"
    if not trace.effects:
        return "Matches, but counts nothing", "notice"
    return "Matches", "good"
