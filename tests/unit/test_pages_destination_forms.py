"""What the editor's controls make: sources and conditions, there and back, and why some are not complete."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.config import Mapping, preset_mappings
from uptake.destination.fql import parse
from uptake.destination.presets import preset_mapping
from uptake.web.pages.destination_draft import checked, draft_of, fresh_draft, rewritten, viewed
from uptake.web.pages.destination_sources import CONTROLS, KINDS, Source, SourceError, source_of, value_of
from uptake.web.pages.destination_trigger import BadCondition, Condition, conditions_of, fql_of, key_steps, key_text

PATH = {"@path": "$.traits.plan"}
SHOWN = {
    "path": PATH,
    "value": "fixed",
    "template": {"@template": "Hi {{traits.name}}"},
    "concat": {"@template": "{{traits.first}} {{traits.last}}"},
    "coalesce": {"@if": {"exists": PATH, "then": PATH, "else": {"@path": "$.traits.tier"}}},
    "case": {"@case": {"operator": "upper", "value": PATH}},
    "replace": {"@replace": {"pattern": "-", "replacement": " ", "value": PATH, "global": False}},
    "flatten": {"@flatten": {"separator": "_", "value": PATH, "omitArrays": True}},
    "json": {"@json": {"mode": "decode", "value": PATH}},
    "liquid": {"@liquid": "{{ traits.plan | upcase }}"},
    "raw": {"@merge": {"objects": [PATH], "direction": "left"}},
}


@pytest.mark.parametrize("kind", SHOWN)
def test_each_kind_of_source_is_shown_by_its_controls_and_made_again(kind):
    """Every function of the editor is recognised in a mapping, and makes exactly what was there."""
    source = source_of(SHOWN[kind])

    assert source.kind == kind
    assert value_of(source) == SHOWN[kind]


def test_every_kind_on_offer_has_controls():
    """The list of sources and the table of controls name the same kinds."""
    assert {kind for kind, _ in KINDS} == set(CONTROLS)
    assert set(SHOWN) | {"none"} == set(CONTROLS)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@path", "@template", "@if", "@replace", "@json", "exists", "then", "else", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(value=VALUES)
def test_no_value_is_changed_by_being_shown(value):
    """Whatever stands in a mapping, the editor gives back the same JSON."""
    made = value_of(source_of(value))

    assert json.dumps(made, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (Source("path"), "Name a path"),
        (Source("value", {"type": "number", "value": "many"}), "Expected a number, got 'many'"),
        (Source("value", {"type": "bool", "value": "perhaps"}), "Expected true or false"),
        (Source("concat", {"path1": "$.a"}), "at least two paths"),
        (Source("replace", {"path": "$.a"}), "Say what to find"),
        (Source("flatten", {"path": "$.a"}), "what to put between"),
        (Source("coalesce", {"path": "$.a"}), "Name a path"),
        (Source("raw", {"json": "{"}), "This is no JSON"),
    ],
)
def test_a_source_that_is_not_complete_says_what_is_missing(source, told):
    """A sentence at the field, not a mapping that half works."""
    with pytest.raises(SourceError, match=told):
        value_of(source)


CONDITIONS = [
    'type = "track"',
    'type = "track" and event != "Opened"',
    'properties.plan = "pro" or properties.seats >= 10',
    'properties.seats = 5 and properties."a.b" != null',
    "traits.admin = true and context.page.url = null",
    '!contains(event, "test") and match(event, "Report *") and userId = "5"',
]


@pytest.mark.parametrize("fql", CONDITIONS)
def test_a_flat_trigger_is_built_and_written_again(fql):
    """The builder's conditions make the same tree as the text."""
    match, conditions = conditions_of(fql)

    assert parse(fql_of(match, conditions)) == parse(fql)


@pytest.mark.parametrize("fql", ['type = "track" and (event = "a" or event = "b")', "nonsense", 'none(event = "a")'])
def test_what_the_builder_cannot_show_stays_text(fql):
    """A group in a group, a negated group, and what cannot be read."""
    assert conditions_of(fql) is None


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (Condition("properties"), "Name the property"),
        (Condition("properties", "seats", ">=", "many"), "Expected a number"),
        (Condition("properties", "seats", "number_equals", "nan"), "Expected a number"),
        (Condition("planet", "", "=", "earth"), "cannot read 'planet'"),
    ],
)
def test_a_condition_that_is_not_complete_says_which_and_why(condition, told):
    """The fault names the row, so that it stands beside it."""
    with pytest.raises(BadCondition, match=told) as error:
        fql_of("all", [Condition(value="track"), condition])

    assert error.value.index == 1


@given(steps=st.lists(st.text(st.characters(exclude_characters='"'), min_size=1, max_size=6), min_size=1, max_size=3))
def test_keys_are_written_and_read_again(steps):
    """Keys with dots stand in quotes; the path reads back to the same keys."""
    text = key_text(steps)

    assert text != text.strip() or key_steps(text) == tuple(steps)


@pytest.mark.parametrize("preset", preset_mappings(), ids=lambda each: each.action)
def test_every_view_of_a_mapping_is_the_same_mapping(preset):
    """Through JSON and back, through FQL and back."""
    draft = draft_of(preset)

    assert checked(draft).mapping == preset
    assert checked(viewed(viewed(draft, "json"), "fields")).mapping == preset
    assert checked(viewed(viewed(draft, "fql"), "build")).mapping == preset


def test_keys_that_no_field_has_keep_a_mapping_in_json():
    """They would be lost among the fields, so that the view is not offered."""
    fields = {**preset_mapping("track"), "colour": "red"}
    draft = draft_of(Mapping("M", "track", 'type = "track"', fields))

    assert draft.view == "json"
    assert viewed(draft, "fields").view == "json"
    assert checked(draft).mapping.fields == fields


def test_a_trigger_that_segment_misreads_is_saved_as_it_is_meant():
    """What has one meaning is no fault: it is saved in a spelling that both read, and the editor says so."""
    draft = rewritten(draft_of(Mapping("M", "track", 'type = "track"')), "type = 'track'")

    result = checked(draft)

    assert result.mapping.trigger == 'type = "track"'
    assert result.spellings == ('type = "track"',)
    assert result.misread == "Segment misreads single quotes (line 1, column 8)."


def test_a_trigger_with_two_meanings_is_refused_with_both():
    """`and` beside `or` is a fault, and each of its meanings is one click away."""
    draft = rewritten(draft_of(Mapping("M", "track", 'type = "track"')), 'type = "a" and name = "b" or name = "c"')

    result = checked(draft)

    assert result.mapping is None
    assert result.faults == {"trigger": "Line 1, column 27: 'and' beside 'or' in one group is ambiguous."}
    assert result.spellings == (
        '(type = "a" and name = "b") or name = "c"',
        'type = "a" and (name = "b" or name = "c")',
    )


def test_faults_stand_at_their_controls():
    """A directive that cannot be is told at its field; a trigger at the trigger; a missing name at the name."""
    draft = fresh_draft()
    wrong = Source("raw", {"json": '{"@case": {"operator": 5}}'})
    result = checked(
        rewritten(
            draft_of(Mapping("M", "track", 'type = "track"', {"event": json.loads(wrong.values["json"])})), "TYPE = 'a'"
        )
    )

    assert set(result.faults) == {"trigger", "field.event"}
    assert result.spellings == ('type = "a"',)
    assert set(checked(draft).faults) == {"name"}
