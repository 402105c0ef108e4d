"""Mappings and events that nobody thought of: a value or a MappingError, and the event as it was."""

import copy
import json

from hypothesis import example, given
from hypothesis import strategies as st

from uptake.destination import MappingError, compile_mapping
from uptake.destination.actions import compile_action
from uptake.destination.directives import DIRECTIVES
from uptake.destination.jsvalues import UNDEFINED
from uptake.destination.mapping import CompiledMapping
from uptake.destination.paths import lookup
from uptake.destination.presets import ACTIONS

KEYS = st.sampled_from(["a", "b", "userId", "traits", "email", "0", "", "length", "exists", "value", "x y"])
TEXTS = st.text(max_size=5) | st.sampled_from(
    ["{{a}}", "{{{a}}}", "$&", "lower", "left", "encode", ".", "a.b[0]", "{{ a | json }}"]
)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
EVENTS = st.dictionaries(KEYS, VALUES, max_size=5)
PATHS = st.sampled_from(["$.a", "b", "$.traits.email", "a.b.0", "", "a.length", "x y", "nope"])
OPTION = st.sampled_from(
    [
        "exists",
        "blank",
        "then",
        "else",
        "operator",
        "value",
        "pattern",
        "replacement",
        "pattern2",
        "replacement2",
        "global",
        "ignorecase",
        "separator",
        "omitArrays",
        "mode",
        "direction",
        "objects",
        "apply",
        "mapping",
    ]
)


def directives(inner):
    """A directive with options that fit it, or any that do not."""
    fitting = st.one_of(
        st.builds(lambda path: {"@path": path}, PATHS),
        st.builds(lambda text: {"@template": text}, TEXTS),
        st.builds(lambda text: {"@liquid": text}, TEXTS | st.sampled_from(["{{ a }}", "{% if a %}{{ b }}{% endif %}"])),
        st.builds(lambda value: {"@literal": value}, inner),
        st.builds(
            lambda test, then, other: {"@if": {"exists": test, "then": then, "else": other}}, inner, inner, inner
        ),
        st.builds(lambda test, then: {"@if": {"blank": test, "then": then}}, inner, inner),
        st.builds(lambda value: {"@case": {"operator": "upper", "value": value}}, inner),
        st.builds(
            lambda value, text: {"@replace": {"pattern": "a", "replacement": text, "value": value}}, inner, TEXTS
        ),
        st.builds(lambda path, shape: {"@arrayPath": [path, {"x": shape}]}, PATHS | inner, inner),
        st.builds(lambda value: {"@flatten": {"separator": ".", "value": value}}, inner),
        st.builds(
            lambda mode, value: {"@json": {"mode": mode, "value": value}}, st.sampled_from(["encode", "decode"]), inner
        ),
        st.builds(lambda values: {"@merge": {"direction": "left", "objects": values}}, st.lists(inner, max_size=3)),
        st.builds(lambda value, then: {"@transform": {"apply": {"a": value}, "mapping": then}}, inner, inner),
        st.builds(lambda value: {"@excludeWhenNull": value}, inner),
    )
    name = st.sampled_from([*DIRECTIVES, "@oops", "@"])
    any_options = inner | st.dictionaries(OPTION, inner, max_size=4) | st.lists(inner, max_size=3)
    return fitting | st.builds(lambda name, options: {name: options}, name, any_options)


PARTS = st.recursive(
    ATOMS | st.builds(lambda path: {"@path": path}, PATHS),
    lambda inner: directives(inner) | st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
MAPPINGS = st.dictionaries(KEYS, PARTS, max_size=4) | directives(PARTS)


@given(mapping=MAPPINGS, event=EVENTS)
@example(mapping={"v": {"@json": {"mode": "decode", "value": "9" * 5_000}}}, event={})
@example(mapping={"v": {"@path": "s[" + "9" * 5_000 + "]"}}, event={"s": "x"})
def test_any_mapping_gives_a_value_or_a_mapping_error(mapping, event):
    """Nothing but MappingError escapes; the event and the mapping stay as they were; no undefined comes out."""
    event_before, mapping_before = copy.deepcopy(event), copy.deepcopy(mapping)

    try:
        value = compile_mapping(mapping)(event)
    except MappingError:
        value = None

    json.dumps(value)  # would raise TypeError for undefined

    assert repr(event) == repr(event_before)
    assert repr(mapping) == repr(mapping_before)


@given(action=st.sampled_from([*ACTIONS]), mapping=MAPPINGS | st.just("preset"), event=EVENTS, lenient=st.booleans())
def test_any_action_gives_a_payload_or_says_why_not(action, mapping, event, lenient):
    """`apply` never raises: a payload without errors, or errors without a payload."""
    event_before = copy.deepcopy(event)
    try:
        compiled = compile_action(action, mapping, lenient=lenient)
    except MappingError:
        return

    applied = compiled.apply(event)

    assert (applied.payload is None) == bool(applied.errors)
    assert lenient or not applied.left_out
    assert repr(event) == repr(event_before)
    json.dumps(applied.payload)


@given(action=st.sampled_from([*ACTIONS]), mapping=MAPPINGS | st.just("preset"), event=EVENTS)
def test_lenient_takes_all_that_strict_takes_and_changes_nothing_in_it(action, mapping, event):
    """Where the official destination would send a payload, a lenient mapping gives the same one."""
    try:
        strict = compile_action(action, mapping, lenient=False).apply(event)
    except MappingError:
        return

    if strict.payload is not None:
        assert repr(compile_action(action, mapping, lenient=True).apply(event)) == repr(strict)


def kept(event, paths):
    """The event without whatever is not at, above or below one of the paths; what is above loses its other keys."""
    projected = {}
    for path in paths:
        *above, last = path.split(".")
        source, target = event, projected
        for key in above:
            if not isinstance(source.get(key), dict):
                if key in source:
                    target[key] = source[key]
                break
            source, target = source[key], target.setdefault(key, {})
        else:
            if last in source:
                target[last] = source[last]
    return event if "" in paths else projected


@given(mapping=MAPPINGS, event=EVENTS)
def test_what_a_mapping_does_not_read_makes_no_difference(mapping, event):
    """An event that keeps only the paths that the mapping reads gives the same value, or the same error."""
    try:
        compiled = CompiledMapping(mapping)
    except MappingError:
        return

    def answer(payload):
        try:
            return repr(compiled.evaluate(payload))
        except MappingError as error:
            return str(error)

    assert answer(kept(event, compiled.reads)) == answer(event)


@given(value=VALUES, steps=st.lists(st.text(max_size=4) | KEYS, max_size=5))
def test_any_path_leads_somewhere_or_nowhere(value, steps):
    """Looking up never raises."""
    found = lookup(value, tuple(steps))

    assert found is UNDEFINED or steps or found is value
