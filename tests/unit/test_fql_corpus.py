"""The corpus of conditions (tests/corpus/fql) and what Segment's own engine answered (tests/corpus/segment)."""

import json
from pathlib import Path

import pytest

from uptake.destination.filters import ConditionError, compile_filter
from uptake.destination.fql import TriggerError, compile_trigger

CORPUS = Path(__file__).parents[1] / "corpus"
OUTCOMES = {"fires": True, "rests": False}


def cases(name):
    """Every pair of a file as a parameter: the rule, the event or `refused`, and what is expected."""
    found = []
    for block in (CORPUS / "fql" / name).read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("# ")]
        assert len(lines) % 2 == 1 or not lines, f"{name}: incomplete case {lines}"
        for event, expected in zip(lines[1::2], lines[2::2], strict=True):
            found.append(pytest.param(lines[0], event, expected, id=f"{len(found)} {lines[0]}"))
    return found


@pytest.mark.parametrize(("rule", "event", "expected"), cases("triggers.txt"))
def test_triggers_fire_as_the_corpus_says(rule, event, expected):
    """Each trigger of the corpus does with each event what stands under it."""
    assert compile_trigger(rule)(json.loads(event)) is OUTCOMES[expected]


@pytest.mark.parametrize(("rule", "event", "expected"), cases("filters.txt"))
def test_filter_conditions_hold_as_the_corpus_says(rule, event, expected):
    """Each condition of the corpus does with each event what stands under it."""
    assert compile_filter(rule)(json.loads(event)) is OUTCOMES[expected]


@pytest.mark.parametrize(("rule", "event", "expected"), cases("triggers_refused.txt"))
def test_refused_triggers_say_where_and_what_to_do(rule, event, expected):
    """A trigger with a fault, or one that Segment misreads, is refused in the words of the corpus."""
    with pytest.raises(TriggerError) as refused:
        compile_trigger(rule)

    assert (event, str(refused.value)) == ("refused", expected)


@pytest.mark.parametrize(("rule", "event", "expected"), cases("filters_refused.txt"))
def test_refused_filter_conditions_say_where_and_what_to_do(rule, event, expected):
    """A condition with a fault is refused in the words of the corpus."""
    with pytest.raises(ConditionError) as refused:
        compile_filter(rule)

    assert (event, str(refused.value)) == ("refused", expected)


VECTORS = [json.loads(line) for line in (CORPUS / "segment" / "fql.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{i} {vector['fql']}" for i, vector in enumerate(VECTORS)])
def test_triggers_fire_exactly_when_they_fire_in_segment(vector):
    """A trigger fires as Segment's engine did, or is refused where Segment's parser misreads it."""
    try:
        fires = compile_trigger(vector["fql"])
    except TriggerError:
        assert vector["may_refuse"]
        return

    assert fires(vector["event"]) is bool(vector["fires"])
