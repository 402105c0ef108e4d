"""A mapping while it is edited: from a saved mapping or a posted form, to a mapping with every fault at its control."""

import json
from collections.abc import Mapping as Mapped
from typing import Any

import msgspec

from uptake.core.config import Mapping, ProductConfig
from uptake.destination.actions import action_fields
from uptake.destination.errors import MappingError
from uptake.destination.fields import Field
from uptake.destination.fql import TriggerError, parse
from uptake.destination.mapping import CompiledMapping
from uptake.destination.presets import ACTIONS, preset_mapping
from uptake.web.pages.destination_sources import CONTROLS, Source, SourceError, source_of, value_of
from uptake.web.pages.destination_trigger import (
    BadCondition,
    Condition,
    TriggerDraft,
    conditions_of,
    fql_of,
    trigger_draft,
)
from uptake.web.pages.forms import Form

MOST_CONDITIONS = 50
DEFAULT_ACTION = "track"


class Draft(msgspec.Struct, frozen=True):
    """A mapping as the editor's controls hold it.

    view: `fields` (sources count) or `json` (the text counts).  enabled: as it is saved; the editor does not switch it.
    """

    name: str = ""
    action: str = DEFAULT_ACTION
    lenient: bool = True
    enabled: bool = False
    trigger: TriggerDraft = TriggerDraft()
    view: str = "fields"
    sources: dict[str, Source] = {}
    json: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the action."""
        return action_fields(self.action)


class Checked(msgspec.Struct, frozen=True):
    """What a draft comes to: the mapping, None where it has faults; faults by control (`trigger`, `trigger.0`, `json`,
    `field.email`, `name`); the trigger as FQL, as it is saved; spellings in which it can be read, one where Segment
    misreads it (`misread` says what), more where it has more than one meaning; doubts, which do not keep it from being
    saved."""

    mapping: Mapping | None
    faults: dict[str, str]
    fql: str = ""
    spellings: tuple[str, ...] = ()
    misread: str = ""
    doubts: tuple[str, ...] = ()


def fresh_draft(name: str = "", action: str = DEFAULT_ACTION, conditions: tuple[Condition, ...] = ()) -> Draft:
    """A new mapping: the action's preset fields, and a trigger for calls of its type."""
    trigger = TriggerDraft(conditions=conditions or (Condition(value=action),))
    return Draft(name, action, trigger=trigger, sources=_sources(preset_mapping(action), action))


def draft_of(mapping: Mapping) -> Draft:
    """A saved mapping as the editor shows it: field by field where that shows all of it, else as JSON."""
    fields = preset_mapping(mapping.action) if mapping.fields == "preset" else mapping.fields
    known = {field.key for field in action_fields(mapping.action)}
    return Draft(
        mapping.name,
        mapping.action,
        mapping.lenient,
        mapping.enabled,
        trigger_draft(mapping.trigger),
        "fields" if set(fields) <= known else "json",
        _sources(fields, mapping.action),
        json.dumps(fields, indent=2, ensure_ascii=False),
    )


def posted_draft(form: Form, *, enabled: bool) -> Draft:
    """The draft that a form holds."""
    action = form.text("action")
    action = action if action in ACTIONS else DEFAULT_ACTION
    shown = form.text("shown_action", action)
    sources = {field.key: _posted_source(form, field.key) for field in action_fields(action)}
    if shown != action and shown in ACTIONS:
        kept = {field.key for field in action_fields(shown)}
        preset = _sources(preset_mapping(action), action)
        sources = {key: source if key in kept else preset[key] for key, source in sources.items()}
    return Draft(
        form.text("name").strip(),
        action,
        form.has("lenient"),
        enabled,
        _posted_trigger(form, shown, action),
        "json" if form.text("view") == "json" else "fields",
        sources,
        form.text("json"),
    )


def checked(draft: Draft) -> Checked:
    """The mapping that the draft makes, or every fault of it."""
    faults: dict[str, str] = {}
    read = _checked_trigger(draft.trigger, faults)
    fields = _checked_fields(draft, faults)
    doubts: tuple[str, ...] = ()
    if not 1 <= len(draft.name) <= 200:
        faults["name"] = "Give the mapping a name of 1 to 200 characters."
    if fields is not None:
        doubts = _compiled(draft, fields, faults)
    if faults or fields is None:
        return Checked(None, faults, *read, doubts)
    preset = json.dumps(fields, sort_keys=True) == json.dumps(preset_mapping(draft.action), sort_keys=True)
    document = {
        "name": draft.name,
        "action": draft.action,
        "trigger": read[0],
        "fields": "preset" if preset else fields,
    }
    mapping = msgspec.convert({**document, "enabled": draft.enabled, "lenient": draft.lenient}, Mapping)
    return Checked(mapping, {}, *read, doubts)


def viewed(draft: Draft, view: str) -> Draft:
    """The draft in another view (`fields`, `json`, `build`, `fql`), or as it is where that view cannot show it."""
    if view == "fql":
        try:
            text = draft.trigger.text
        except BadCondition:
            text = draft.trigger.fql
        return _with_trigger(draft, msgspec.structs.replace(draft.trigger, view="fql", fql=text))
    if view == "build":
        built = conditions_of(draft.trigger.fql)
        return _with_trigger(draft, TriggerDraft("build", *built)) if built else draft
    faults: dict[str, str] = {}
    fields = _checked_fields(draft, faults)
    if fields is None:
        return draft
    if view == "json":
        text = json.dumps(fields, indent=2, ensure_ascii=False)
        return msgspec.structs.replace(draft, view="json", json=text)
    if set(fields) - {field.key for field in draft.fields}:
        return draft
    return msgspec.structs.replace(draft, view="fields", sources=_sources(fields, draft.action))


def rewritten(draft: Draft, fql: str) -> Draft:
    """The draft with another trigger, as text."""
    return _with_trigger(draft, TriggerDraft("fql", fql=fql))


def with_condition(draft: Draft) -> Draft:
    """The draft with one more condition."""
    conditions = (*draft.trigger.conditions, Condition("event"))[:MOST_CONDITIONS]
    return _with_trigger(draft, msgspec.structs.replace(draft.trigger, conditions=conditions))


def without_condition(draft: Draft, index: int) -> Draft:
    """The draft without one of its conditions."""
    kept = tuple(each for place, each in enumerate(draft.trigger.conditions) if place != index)
    return _with_trigger(draft, msgspec.structs.replace(draft.trigger, conditions=kept))


def in_words(config: ProductConfig, name: str) -> dict[str, str]:
    """A mapping as its editor tells it, by the control's name in words: its switch is none of them.

    Nothing where there is no mapping of this name.
    """
    mapping = next((each for each in config.destination.mappings if each.name == name), None)
    if mapping is None:
        return {}
    fields = preset_mapping(mapping.action) if mapping.fields == "preset" else mapping.fields
    labels = {field.key: field.label for field in action_fields(mapping.action)}
    return {
        "Name": mapping.name,
        "Action": mapping.action.title(),
        "Lenient": "Yes" if mapping.lenient else "No",
        "Trigger": mapping.trigger,
        **{f"Field: {labels.get(key, key)}": _value_in_words(value) for key, value in fields.items()},
    }


def _value_in_words(value: Any) -> str:
    """A path or a text as it stands in its control, anything else as mapping JSON of one line."""
    source = source_of(value)
    if source.kind == "path":
        return source.values["path"]
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _with_trigger(draft: Draft, trigger: TriggerDraft) -> Draft:
    return msgspec.structs.replace(draft, trigger=trigger)


def _sources(fields: Mapped[str, Any], action: str) -> dict[str, Source]:
    return {
        field.key: source_of(fields[field.key]) if field.key in fields else Source() for field in action_fields(action)
    }


# ---- from a form
def _posted_source(form: Form, key: str) -> Source:
    kind = form.text(f"f.{key}.kind", "none")
    kind = kind if kind in CONTROLS else "none"
    values = {control.name: form.text(f"f.{key}.{control.name}") for control in CONTROLS[kind]}
    first = form.text(f"f.{key}.path1")
    if kind != "concat" and "path" in values and not values["path"] and first:
        values["path"] = first
    if kind == "concat" and not values["path1"]:
        values["path1"] = form.text(f"f.{key}.path")
    return Source(kind, {name: value for name, value in values.items() if value})


def _posted_trigger(form: Form, shown: str, action: str) -> TriggerDraft:
    columns = (form.every(name) for name in ("c_field", "c_key", "c_operator", "c_value"))
    rows = [Condition(*row).settled() for row in zip(*columns, strict=False)][:MOST_CONDITIONS]
    if rows == [Condition(value=shown)]:  # a trigger that only asks for the action's own type follows the action
        rows = [Condition(value=action)]
    view = "fql" if form.text("trigger_view") == "fql" else "build"
    return TriggerDraft(view, "any" if form.text("match") == "any" else "all", tuple(rows), form.text("fql"))


# ---- checks
def _checked_trigger(trigger: TriggerDraft, faults: dict[str, str]) -> tuple[str, tuple[str, ...], str]:
    """The trigger as it is saved, spellings to choose from, and what Segment misreads."""
    if trigger.view == "build":
        try:
            return fql_of(trigger.match, trigger.conditions), (), ""
        except BadCondition as error:
            faults[f"trigger.{error.index}"] = str(error)
            return "", (), ""
    try:
        parse(trigger.fql)
    except TriggerError as error:
        if error.rewrite:
            return error.rewrite, (error.rewrite,), f"{error.problem} ({error.place})."
        text = f"{error.place}: {error.problem}" if error.readings else str(error)
        faults["trigger"] = text[:1].upper() + text[1:] + "."
        return trigger.fql, error.readings, ""
    return trigger.fql, (), ""


def _checked_fields(draft: Draft, faults: dict[str, str]) -> dict[str, Any] | None:
    if draft.view == "json":
        try:
            fields = json.loads(draft.json)
        except (ValueError, RecursionError) as error:
            faults["json"] = f"This is no JSON: {error}."
            return None
        if isinstance(fields, dict):
            return fields
        faults["json"] = "A mapping is a JSON object: each key a field, each value where it comes from."
        return None
    made: dict[str, Any] = {}
    for key, source in draft.sources.items():
        if source.kind != "none":
            try:
                made[key] = value_of(source)
            except SourceError as error:
                faults[f"field.{key}"] = str(error)
    return None if any(place.startswith("field.") for place in faults) else made


def _compiled(draft: Draft, fields: dict[str, Any], faults: dict[str, str]) -> tuple[str, ...]:
    try:
        return tuple(map(str, CompiledMapping(fields).doubts))
    except MappingError as error:
        known = {field.key for field in draft.fields}
        for fault in error.faults:
            key = fault.path.lstrip("/").split("/")[0]
            place = f"field.{key}" if draft.view == "fields" and key in known else "json"
            faults[place] = " ".join(filter(None, (faults.get(place), str(fault))))
        return ()
