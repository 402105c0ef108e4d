"""The corpus of conditions (tests/corpus/fql) and what Segment's own engine answered (tests/corpus/segment)."""

import json
from pathlib import Path

import pytest

from uptake.destination.filters import ConditionError, compile_filter
from uptake.destination.fql import TriggerError, canonical, compile_trigger, generate, parse

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


NO_MEANING = ("unknown field", "belongs to destination filters", "cannot test type", "every call has a type",
    "expected", "so large a number", "is compared with a value", "is a value and has no", "needs a key", "unexpected",
    "conditions nest", "text needs quotes", "the condition is empty")  # fmt: skip
"""Problems of triggers of which nobody can say what was meant."""


REFUSED = [each.values[0] for each in cases("triggers_refused.txt")]
GOLDEN = [json.loads(line)["fql"] for line in (CORPUS / "segment" / "fql.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("rule", dict.fromkeys([*REFUSED, *GOLDEN]))
def test_a_refusal_holds_what_was_evidently_meant(rule):
    """A refused trigger says line, column and what was found; where its meaning is plain, or one of two, it holds each
    of them as a trigger that is accepted, and that means the same as what was written."""
    try:
        parse(rule)
    except TriggerError as error:
        refused = error
    else:
        return

    spellings = (refused.rewrite,) if refused.rewrite else refused.readings
    assert (refused.line, refused.column) >= (1, 1)
    assert refused.found
    assert [generate(parse(each)) for each in spellings] == list(spellings)
    if refused.rewrite:
        assert parse(refused.rewrite) == parse(rule, strict=False)
        assert canonical(rule) == refused.rewrite
    if not spellings:
        assert any(part in refused.problem for part in NO_MEANING), refused


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ('TYPE = "track"', ['type = "track"']),
        ('propertiez.plan = "pro"', ['properties.plan = "pro"']),
        ('type = "track" and', ['type = "track"']),
        ('and type = "track"', ['type = "track"']),
        ('event = "say \\"hi\\""', ['event = say\\ \\"hi\\"']),
        ('contain(event, "x")', ['contains(event, "x")']),
        (
            'event = "a" or event = "b" and name = "c"',
            ['event = "a" or (event = "b" and name = "c")', '(event = "a" or event = "b") and name = "c"'],
        ),
        ('anonymousId = "x"', []),
        ('type = "track" and event = "a" or lowercase(event) = "b"', []),
    ],
)
def test_what_may_have_been_meant_is_offered(rule, meant):
    """A slip, or a mixture of `and` and `or`, is refused with what it may mean; what cannot be guessed is not."""
    with pytest.raises(TriggerError) as refused:
        parse(rule, strict=False)

    assert list(refused.value.readings) == meant


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("type='track'", 'type = "track"'),
        ('type=="track"', 'type = "track"'),
        ("type = “track” && event = ‘a’", 'type = "track" and event = "a"'),
        ("not (type = 'track' or event='a')", 'none(type = "track" or event = "a")'),
        ('!type = "track"', 'none(type = "track")'),
        ("properties.items[0]['a b'].x>=1e2", "properties.items.\\0.a\\ b.x >= 100"),
        ('properties.plan in ["a", 5, null]', 'properties.plan = "a" or properties.plan = 5 or properties.plan = null'),
        ('type = "track" and (event in ["a", "b"])', 'type = "track" and (event = "a" or event = "b")'),
        (
            'type = "track" and (contains(event, "a") or contains(event, "b"))',
            'type = "track" and any(contains(event, "a"), contains(event, "b"))',
        ),
        ('event  =  "as it stands"', 'event  =  "as it stands"'),
    ],
)
def test_what_has_one_meaning_has_a_spelling_that_is_read_so(rule, meant):
    """Slips of the pen and spellings of other languages are read as they are meant, when a trigger is saved."""
    assert canonical(rule) == meant
    assert parse(meant) == parse(rule, strict=False)


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
