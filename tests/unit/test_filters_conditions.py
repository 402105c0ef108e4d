"""The condition language of filters beyond the corpus: globs against a slow oracle, any text, and bounded time."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.destination.filters import ConditionError, compile_filter
from uptake.destination.filters_glob import MAX_GLOB_CHARS, glob
from uptake.destination.filters_parse import FUNCTIONS


def fits(pattern, text):
    """A glob's meaning by trying everything; classes are read as single letters and a-b ranges."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1))
    if not text:
        return False
    if pattern[0] == "?":
        return fits(pattern[1:], text[1:])
    if pattern[0] == "\\":
        return pattern[1] == text[0] and fits(pattern[2:], text[1:])
    if pattern[0] == "[":
        members, rest = pattern[1 : pattern.index("]")], pattern[pattern.index("]") + 1 :]
        inside = text[0] in members or (len(members) == 3 and members[1] == "-" and members[0] <= text[0] <= members[2])
        return inside and fits(rest, text[1:])
    return pattern[0] == text[0] and fits(pattern[1:], text[1:])


PATTERNS = st.lists(
    st.sampled_from(["*", "?", "a", "b", "\n", "\\*", "\\a", "[ab]", "[a-c]", ".", "^", "$"]), max_size=8
)


@given(PATTERNS.map("".join), st.text("abc*.\n", max_size=8))
def test_a_glob_fits_as_the_oracle_says(pattern, text):
    """Stars that take the earliest fit find every text that trying all of them finds."""
    assert bool(glob(pattern).fullmatch(text)) is fits(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("[^a]b", "bb", True),
        ("[^a]b", "ab", False),
        ("[a\\]]", "]", True),
        ("[\\^a]", "^", True),
        ("[a-]", "-", True),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        ("[[]", "[", True),
        ("a]", "a]", True),
        ("**", "", True),
        ("\\\\", "\\", True),
        ("é?", "éü", True),
    ],
)
def test_classes_and_escapes_of_globs(pattern, text, expected):
    """Classes can be negated and hold escaped characters; a range the wrong way round holds nothing."""
    assert bool(glob(pattern).fullmatch(text)) is expected


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "a\\", "a" * (MAX_GLOB_CHARS + 1)])
def test_a_malformed_or_endless_glob_fits_nothing(pattern):
    """In a condition it is refused; from an event it matches no text."""
    assert glob(pattern) is None
    assert not compile_filter("match(a, b)")({"a": pattern, "b": pattern})
    with pytest.raises(ConditionError):
        compile_filter(f"match(a, '{pattern}')")


@given(st.text(max_size=20))
def test_any_text_is_a_glob_or_none(pattern):
    """Text from an event may be used as a pattern: it compiles without a warning, or is no glob."""
    expression = glob(pattern)

    assert expression is None or expression.fullmatch("a") is None or expression.fullmatch("a")


PIECES = st.sampled_from(
    [
        *(
            "all",
            "type",
            "properties.x",
            'a."b.c"',
            "\\0",
            "properties.in",
            "and",
            "or",
            "not",
            "in",
            "true",
            "false",
            "null",
        ),
        *(
            "=",
            "!=",
            "<",
            ">=",
            "!",
            "(",
            ")",
            "[",
            "]",
            ",",
            ".",
            "'a'",
            '"b"',
            "''",
            "5",
            "-.5",
            "1e9",
            "é",
            "\\",
            "'",
        ),
        *("contains(", "match(", "length(", "lowercase(", "typeof(", "bool(", "string(", "number(", "nothing("),
    ]
)
CONDITIONS = st.one_of(
    st.text(), st.lists(PIECES, max_size=16).map(" ".join), st.lists(PIECES, max_size=9).map("".join)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=6,
)


def attempt(condition):
    """The compiled condition, or the error in its place."""
    try:
        return compile_filter(condition)
    except ConditionError as error:
        return error


@given(CONDITIONS, st.dictionaries(st.sampled_from(["type", "properties", "a"]), VALUES))
def test_any_text_is_a_condition_or_a_condition_error(condition, event):
    """Reading never fails otherwise, and a condition that was read says true or false of any event."""
    before, made = copy.deepcopy(event), attempt(condition)

    assert isinstance(made, ConditionError) or made(event) in (True, False)
    assert event == before


@given(st.sampled_from(list(FUNCTIONS)), VALUES, VALUES)
def test_no_function_stumbles_over_a_value(function, one, other):
    """Every function takes every kind of value; what it cannot use gives null or false."""
    arguments = "a, b" if FUNCTIONS[function] == 2 else "a"

    assert compile_filter(f"{function}({arguments}) = c")({"a": one, "b": other, "c": one}) in (True, False)


HOSTILE = [
    "(" * 9_999, "!" * 9_999, "[" * 9_999, "length(" * 1_400, "a in " * 1_999, "'" * 9_999, "\\" * 9_999,
    "a = " + "9" * 9_000, "a" + ".b" * 4_900, "a or " * 1_999 + "a", "a = [" + "1," * 4_900 + "1]",
    "!(" * 49 + "a" + ")" * 49, "match(a, '" + "*a" * 200 + "b')", "match(a, '*" + "?" * 490 + "b*')",
]  # fmt: skip


@pytest.mark.parametrize("condition", HOSTILE, ids=[f"{i} {text[:20]}" for i, text in enumerate(HOSTILE)])
def test_a_hostile_condition_ends_soon(condition):
    """Depth, size and stars are bounded: also on a long text the answer comes."""
    made = attempt(condition)
    outcome = str(made) if isinstance(made, ConditionError) else str(made({"a": "a" * 32_000}))

    assert len(outcome) < 1_000
