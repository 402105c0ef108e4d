"""How a trigger's operators treat each kind of value, row by row as Segment's engine does."""

import pytest

from uptake.destination.fql import Clause, compile_ast

MISSING = object()
KINDS = {
    "missing": MISSING,
    "null": None,
    "same text": "v",
    "text with it": "xvx",
    "other text": "w",
    "empty text": "",
    "digits": "5",
    "the word": "true",
    "5": 5,
    "5.0": 5.0,
    "6": 6,
    "0": 0,
    "true": True,
    "false": False,
    "list": ["v"],
    "empty list": [],
    "object": {"v": "v"},
}
TEXTS = {"same text", "text with it", "other text", "empty text", "digits", "the word"}
EVERYTHING = set(KINDS)

ROWS = [
    ("=", "v", {"same text"}),
    ("!=", "v", EVERYTHING - {"same text"}),
    ("=", "5", {"digits"}),
    ("!=", "true", EVERYTHING - {"the word"}),
    ("=", "", {"empty text"}),
    ("number_equals", 5, {"5", "5.0"}),
    ("number_equals", 0, {"0"}),
    ("number_equals", 1, set()),
    ("number_not_equals", 5, {"6", "0"}),
    ("<", 6, {"5", "5.0", "0"}),
    ("<=", 5, {"5", "5.0", "0"}),
    (">", 5, {"6"}),
    (">=", 5, {"5", "5.0", "6"}),
    (">", "5", {"6"}),
    (">", " 0x5 ", {"6"}),
    (">=", "", {"5", "5.0", "6", "0"}),
    ("<", "1e1", {"5", "5.0", "6", "0"}),
    ("<", "Infinity", {"5", "5.0", "6", "0"}),
    (">", "-Infinity", {"5", "5.0", "6", "0"}),
    ("<", "v", set()),
    (">=", "v", set()),
    ("contains", "v", {"same text", "text with it"}),
    ("contains", "", TEXTS),
    ("not_contains", "v", TEXTS - {"same text", "text with it"}),
    ("starts_with", "x", {"text with it"}),
    ("starts_with", "", TEXTS),
    ("not_starts_with", "x", TEXTS - {"text with it"}),
    ("ends_with", "x", {"text with it"}),
    ("not_ends_with", "x", TEXTS - {"text with it"}),
    ("exists", None, EVERYTHING - {"missing", "null"}),
    ("not_exists", None, {"missing", "null"}),
    ("is_true", None, {"true"}),
    ("is_false", None, {"false"}),
]


@pytest.mark.parametrize(("operator", "value", "fires"), ROWS, ids=[f"{op} {value!r}" for op, value, _ in ROWS])
def test_an_operator_holds_for_exactly_these_values(operator, value, fires):
    """Text compares with text and number with number; a boolean is no number; only `!=` holds for what is missing."""
    trigger = compile_ast(Clause(("properties", "x"), operator, value))

    held = {kind for kind, found in KINDS.items() if trigger({"properties": {} if found is MISSING else {"x": found}})}

    assert held == fires


@pytest.mark.parametrize("event", [None, {}, {"properties": None}, {"properties": "x"}, {"properties": []}])
def test_no_operator_stumbles_over_an_event_without_the_field(event):
    """Whatever stands in the field's place, a trigger says true or false, and false for no event at all."""
    for operator, value, _ in ROWS:
        for path in (("properties", "x"), ("properties", "x", "y")):
            fired = compile_ast(Clause(path, operator, value))(event)

            assert isinstance(fired, bool)
            assert not (fired and event is None)


def test_an_empty_object_leads_nowhere():
    """An empty object or list is no false value: a path through it is missing."""
    trigger = compile_ast(Clause(("properties", "a", "b"), "not_exists"))

    assert trigger({"properties": {"a": {}}})
    assert trigger({"properties": {"a": []}})
    assert not trigger({"properties": {"a": ""}})


def test_length_counts_as_javascript_does():
    """`length` of a text counts UTF-16 units, of a list its items."""
    trigger = compile_ast(Clause(("properties", "x", "length"), "number_equals", 2))

    assert trigger({"properties": {"x": "😀"}})
    assert trigger({"properties": {"x": ["a", "b"]}})
    assert not trigger({"properties": {"x": {}}})
