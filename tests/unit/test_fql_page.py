"""docs/reference/fql.md keeps its word: each of its examples does what stands there."""

import json
import re
from pathlib import Path

import pytest

from uptake.destination.filters import ConditionError, compile_filter
from uptake.destination.fql import TriggerError, compile_trigger, parse

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "fql.md").read_text()
TRIGGERS, FILTERS = PAGE.split("\n## Destination filters\n")
BLOCKS = re.findall(r"^```(.+)\n((?:.+\n)+)```$", PAGE, re.MULTILINE)
COMPILE = {"trigger": compile_trigger, "filter": compile_filter}


def blocks(*kinds):
    """The examples of some kinds: kind, condition and what stands under it."""
    found = [(kind, *body.rstrip("\n").split("\n")) for kind, body in BLOCKS if kind in kinds]
    return [pytest.param(kind, rule, lines, id=rule) for kind, rule, *lines in found]


def in_tables(text):
    """The conditions in the last column of each table."""
    return sorted(set(re.findall(r"\| `([^|]+)` \|$", text, re.MULTILINE)))


def test_the_page_has_no_example_of_an_unknown_kind():
    """A block with a misspelt kind would be checked by nobody."""
    assert {kind for kind, _ in BLOCKS} == {"trigger", "refused", "filter", "filter-refused"}
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert len(BLOCKS) > 25


@pytest.mark.parametrize(("kind", "rule", "lines"), blocks("trigger", "filter"))
def test_examples_fire_and_rest(kind, rule, lines):
    """Each call under an example fires it or leaves it at rest, as it says."""
    holds = COMPILE[kind](rule)

    outcomes = [("fires " if holds(json.loads(line[6:])) else "rests ") + line[6:] for line in lines]

    assert lines
    assert outcomes == lines


@pytest.mark.parametrize(("kind", "rule", "lines"), blocks("refused", "filter-refused"))
def test_refused_examples_say_what_the_page_says(kind, rule, lines):
    """Each refused example has the error that stands there, and the rewrite, which can be saved."""
    compile_it, error = (compile_trigger, TriggerError) if kind == "refused" else (compile_filter, ConditionError)
    with pytest.raises(error) as refused:
        compile_it(rule)

    said = [f"error {refused.value}"] + ([f"write {refused.value.rewrite}"] if refused.value.rewrite else [])

    assert said == lines
    for rewrite in (line[6:] for line in lines if line.startswith("write ")):
        assert parse(rewrite) == parse(rule, strict=False)


@pytest.mark.parametrize("rule", in_tables(TRIGGERS))
def test_triggers_in_tables_can_be_saved(rule):
    """Each example in a table of the triggers' part compiles."""
    assert compile_trigger(rule)({}) in (True, False)


@pytest.mark.parametrize("rule", in_tables(FILTERS))
def test_conditions_in_tables_can_be_saved(rule):
    """Each example in a table of the filters' part compiles."""
    assert compile_filter(rule)({}) in (True, False)
