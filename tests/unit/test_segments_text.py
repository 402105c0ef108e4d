"""The filter language's text form: what it takes, what it says, and that nothing is lost on the way."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.conditions import All, AnyOf, Did, Everyone, LevelIs, Not, Number, Trait
from uptake.segments import ConditionError, parse, text
from uptake.segments.words import COMPARISONS, LEVELS, NUMBER_FIELDS

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
numbers = st.floats(-1e12, 1e12, allow_nan=False).map(lambda number: round(number, 4))
comparisons = st.sampled_from(COMPARISONS)
whose = st.sampled_from(["user", "account"])
dids = st.one_of(
    st.builds(
        Did,
        event=names,
        of=whose | st.none(),
        comparison=comparisons,
        times=st.integers(0, 999),
        within_days=st.integers(1, 90) | st.none(),
    ),
    st.builds(Did, feature=names, of=whose | st.none()),
)
values = names | st.booleans() | numbers
traits = st.one_of(
    st.builds(Trait, whose, names, comparisons, values),
    st.builds(Trait, whose, names, st.just("contains"), names),
    st.builds(Trait, whose, names, st.just("exists")),
    st.builds(Trait, whose, names, st.just("within"), st.integers(1, 400)),
    st.builds(Trait, whose, names, st.sampled_from(["before", "after", "on"]), st.dates().map(str)),
)
leaves = st.one_of(
    dids,
    traits,
    st.builds(Number, st.sampled_from(NUMBER_FIELDS), comparisons, numbers),
    st.builds(Number, st.just("score_change"), comparisons, numbers, st.integers(1, 90)),
    st.builds(LevelIs, st.sampled_from(LEVELS)),
    st.just(Everyone()),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


@given(conditions)
def test_every_condition_survives_its_text(condition):
    """A builder and a text box can be changed for one another at any time."""
    assert parse(text(condition)) == condition


WORDS = ["did", "(", ")", "and", "or", "not", '"a"', "user", ".", "=", "3", "score", "level", "within", "days"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_a_condition_or_a_condition_error(words):
    """Nothing else escapes."""
    condition = None
    with contextlib.suppress(ConditionError):
        condition = parse(words)

    assert condition is None or parse(text(condition)) == condition


@pytest.mark.parametrize(
    ("words", "column", "says"),
    [
        ("scor > 3", 1, "did you mean `score`?"),
        ("score > 1 and score > 2 or score > 3", 25, "mixed"),
        ('did("x") within 100 days', 17, "1 to 90"),
        ("user.plan", 10, "got the end"),
        ('score > 75 and level = "x"', 24, "most_engaged"),
        ("(" * 100, 42, "nested 40 deep"),
        ('user.since before "soon"', 19, "2026-01-31"),
    ],
)
def test_a_fault_says_where_and_what_was_expected(words, column, says):
    """As a person who builds a segment would want to read it."""
    with pytest.raises(ConditionError, match="line 1") as caught:
        parse(words)

    assert caught.value.column == column
    assert says in str(caught.value)


def test_an_empty_text_is_everyone():
    """A segment without conditions holds all."""
    assert parse("  ") == Everyone()
