"""Trees of triggers: written and read back, what they read, what decided, and the bounds of the parser."""

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.destination.fql import (
    OBJECT_FIELDS,
    PLAIN_FIELDS,
    Ast,
    Clause,
    Group,
    TriggerError,
    compile_ast,
    compile_trigger,
    explain,
    generate,
    operators_of,
    parse,
    paths_of,
    required_type,
)

NUMBERS = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(-(2.0**53) + 1, 2.0**53 - 1, allow_nan=False),
)
KEYS = st.one_of(st.sampled_from(["a", "and", "null", "or", "x.y", "[0]", "0", "-", "", '"', "length"]), st.text())
TEXTS = st.one_of(
    st.sampled_from(["a", 'say "hi"', "*", 'a*"', "null", "true", "properties.x", "5", "'", "\\"]), st.text()
)


@st.composite
def clauses(draw):
    """Any clause that a field can have."""
    field = draw(st.sampled_from(PLAIN_FIELDS + OBJECT_FIELDS))
    keys = draw(st.lists(KEYS, min_size=1, max_size=3)) if field in OBJECT_FIELDS else []
    operator = draw(st.sampled_from(operators_of(field)))
    if operator in ("exists", "not_exists", "is_true", "is_false"):
        return Clause((field, *keys), operator)
    if operator.startswith("number_"):
        return Clause((field, *keys), operator, draw(NUMBERS))
    order = operator[0] in "<>" and field in OBJECT_FIELDS
    return Clause((field, *keys), operator, draw(st.one_of(TEXTS, NUMBERS) if order else TEXTS))


def groups(children):
    """Groups of all three kinds over children."""
    several = st.lists(children, min_size=2, max_size=4).map(tuple)
    one_or_more = st.lists(children, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Group, st.sampled_from(["all", "any"]), several), st.builds(Group, st.just("none"), one_or_more)
    )


TREES = st.recursive(clauses(), groups, max_leaves=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=3),
    max_leaves=8,
)
EVENTS = st.dictionaries(st.sampled_from(PLAIN_FIELDS + OBJECT_FIELDS), JSON)
PIECES = st.sampled_from(
    [
        *(
            "type",
            "event",
            "userId",
            "properties.x",
            'traits."a.b"',
            "context.\\0",
            "properties.null",
            "=",
            "!=",
            "<",
            "<=",
        ),
        *(
            ">",
            ">=",
            "!",
            "and",
            "or",
            "not",
            "OR",
            "(",
            ")",
            ",",
            ".",
            "[",
            "]",
            "all(",
            "any(",
            "none(",
            "starts_with(",
        ),
        *('"a"', "'b'", '""', "5", "-5.5", "1e3", "0x1", "true", "false", "null", "word", 'a\\"b', "\\", '"', "'", "é"),
        *('contains(event,"a")', '!match(name,"a*")', "“", "\r", "~"),
    ]
)
RULES = st.one_of(st.text(), st.lists(PIECES, max_size=14).map(" ".join), st.lists(PIECES, max_size=8).map("".join))


@given(TREES)
def test_a_tree_is_read_back_from_its_text(ast):
    """Whatever stands in keys and values, a tree written as text is read back as the same tree."""
    assert parse(generate(ast)) == ast


def test_a_tree_is_written_as_segment_reads_it():
    """Parentheses stand where Segment reads them; what it would misread stands in a spelling of our own."""
    report, page = Clause(("event",), "contains", "Report"), Clause(("type",), "=", "page")

    assert generate(Group("all", (page, Group("any", (page, report))))) == (
        'type = "page" and (type = "page" or contains(event, "Report"))'
    )
    assert generate(Group("all", (page, Group("any", (report, page))))) == (
        'type = "page" and any(contains(event, "Report"), type = "page")'
    )


@given(TREES)
def test_a_tree_passes_through_json(ast):
    """A builder in the browser can take a tree as JSON and give it back."""
    assert msgspec.json.decode(msgspec.json.encode(ast), type=Ast) == ast


@given(TREES, EVENTS)
def test_the_explanation_is_the_trigger(ast, event):
    """Every part of an explanation came out as that condition alone does, and the event is left as it was."""
    before = copy.deepcopy(event)

    explained = explain(ast, event)

    assert event == before
    assert explained.result is compile_ast(ast)(event)
    assert compile_trigger(explained.condition)(event) is explained.result
    assert all(compile_trigger(clause.condition)(event) is clause.result for clause in explained.deciding())


def attempt(rule, **options):
    """The compiled trigger, or the error in its place."""
    try:
        return compile_trigger(rule, **options)
    except TriggerError as error:
        return error


@given(RULES, EVENTS)
def test_any_text_is_a_trigger_or_a_trigger_error(rule, event):
    """Reading never fails otherwise, and a trigger that was read runs on any event."""
    made = attempt(rule)

    if isinstance(made, TriggerError):
        assert made.line >= 1
        assert made.column >= 1
    else:
        assert made(event) in (True, False)
        assert parse(generate(parse(rule))) == parse(rule)


@given(RULES)
def test_what_segment_misreads_comes_with_a_rewrite(rule):
    """What is refused only because Segment misreads it comes with the same condition in a text that is accepted."""
    refused = attempt(rule)

    if isinstance(refused, TriggerError) and refused.rewrite is not None:
        assert parse(refused.rewrite) == parse(rule, strict=False)


HOSTILE = [
    "(" * 9_999, "!" * 9_999, "not " * 2_000, "none(" * 1_999, '"' * 9_999, "'" * 9_999, "\\" * 9_999, "[" * 9_999,
    'type = "' + '""' * 4_990, "properties" + ".a" * 4_900 + " = 1", 'type="a" or ' * 830 + 'type="b"', "é" * 9_999,
    "properties.x = " + "9" * 9_900, "properties.x = ." + "9" * 9_900, 'properties.x > "' + "1" * 9_900 + '"',
    "none(" * 49 + 'type = "a"' + ")" * 49, 'any(event = "a", all(name = "b", ' * 24 + 'type = "c"' + "))" * 24,
]  # fmt: skip


@pytest.mark.parametrize("rule", HOSTILE, ids=[f"{i} {rule[:20]}" for i, rule in enumerate(HOSTILE)])
def test_a_hostile_trigger_ends_soon(rule):
    """Depth, size and repetition are bounded: the answer or the error comes."""
    made = attempt(rule, strict=False)
    outcome = str(made) if isinstance(made, TriggerError) else str(made({"type": "a", "properties": {"x": 1}}))

    assert len(outcome) < 1_000


def test_a_trigger_may_nest_fifty_levels():
    """Fifty levels of groups are read and run; one more is refused with its place."""
    fifty = "none(" * 49 + 'type = "a"' + ")" * 49

    assert compile_trigger(fifty)({"type": "b"}) is True
    with pytest.raises(TriggerError, match="line 1, column 251: conditions nest more than 50 levels deep"):
        parse(f"none({fifty})")


def test_a_trigger_may_have_ten_thousand_characters():
    """A longer text is refused before it is read."""
    with pytest.raises(TriggerError, match="a condition may have 10,000 characters, got 10,001"):
        parse(" " * 10_001)


def test_an_error_says_where_what_and_how():
    """The parts of an error stand on their own, for an editor to point at."""
    with pytest.raises(TriggerError) as refused:
        parse('type = "track"\n  and propertiez.plan = "pro"')

    error = refused.value
    assert (error.line, error.column) == (2, 7)
    assert (error.problem, error.suggestion) == ("unknown field 'propertiez'", "did you mean 'properties'?")
    assert (error.found, error.rewrite) == ("'propertiez'", None)


def test_what_segment_misreads_is_read_on_request():
    """Without `strict` a condition with one meaning is read as it stands, and the refusal names the same condition."""
    rule = "type = 'track' and (event = 'a' or (event!='b' and not contains(event, 'c')))"

    with pytest.raises(TriggerError) as refused:
        parse(rule)

    assert parse(rule, strict=False) == parse(refused.value.rewrite)
    assert compile_trigger(rule, strict=False)({"type": "track", "event": "d"})
    assert not compile_trigger(rule, strict=False)({"type": "track", "event": "xc"})


@pytest.mark.parametrize(
    ("path", "operator", "value"),
    [
        ((), "=", "a"),
        (("anonymousId",), "=", "a"),
        (("event", "x"), "=", "a"),
        (("properties",), "exists", None),
        (("type",), "contains", "a"),
        (("event",), "exists", None),
        (("userId",), "number_equals", 1),
        (("properties", "x"), "number_equals", True),
        (("properties", "x"), "number_equals", 2**53),
        (("properties", "x"), "<", float("nan")),
        (("properties", "x"), "=", 5),
        (("userId",), ">", 5),
        (("properties", "x"), "exists", "a"),
    ],
)
def test_a_clause_that_no_text_can_say_cannot_be_made(path, operator, value):
    """Fields, operators and values that do not go together are refused where the tree is made."""
    with pytest.raises(ValueError, match=r"cannot read|has no test|cannot take"):
        Clause(path, operator, value)


@pytest.mark.parametrize(("kind", "children"), [("all", 1), ("any", 0), ("none", 0)])
def test_a_group_has_enough_children(kind, children):
    """A group of all or any has two conditions or more, a group of none has one or more."""
    with pytest.raises(ValueError, match="a group of"):
        Group(kind, (Clause(("type",), "=", "track"),) * children)


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        ('type = "track"', {"type"}),
        ('properties.plan = "pro" and contains(context.page.url, "x")', {"properties.plan", "context.page.url"}),
        ('none(traits.a = 1, event = "b")', {"traits.a", "event"}),
        ("properties.name.length > 2", {"properties.name"}),
        ('properties.products.\\0.name = "x"', {"properties.products"}),
        ('properties.a."b.c".d = 1', {"properties.a"}),
        ('properties."a.b" = 1', {"properties"}),
    ],
)
def test_a_trigger_names_what_it_reads(rule, paths):
    """Ingest can keep what a trigger reads by dotted paths; what such a path cannot name, keeps its parent whole."""
    assert paths_of(parse(rule)) == paths


@pytest.mark.parametrize(
    ("rule", "only"),
    [
        ('type = "identify"', "identify"),
        ('event = "a" and type = "track"', "track"),
        ('any(type = "page" and name = "a", type = "page")', "page"),
        ('type = "page" or type = "screen"', None),
        ('type = "page" or event = "a"', None),
        ('type != "page"', None),
        ('none(type = "page")', None),
        ('event = "a"', None),
    ],
)
def test_a_trigger_names_the_only_type_it_can_match(rule, only):
    """A call of another type need not be asked about such a trigger."""
    assert required_type(parse(rule)) == only


@given(TREES, EVENTS)
def test_a_trigger_never_fires_for_another_type(ast, event):
    """Where a trigger names its only type, no event of another type fires it."""
    only = required_type(ast)

    if only is not None and event.get("type") != only:
        assert not compile_ast(ast)(event)


def decided(rule, event):
    """The clauses that decided, with the value each found."""
    return [(part.condition, part.found, part.result) for part in explain(parse(rule), event).deciding()]


def test_the_first_clause_that_fails_decides_an_and():
    """The tester names the clause that kept a trigger from firing, with the value that it found."""
    event = {"type": "track", "properties": {"plan": "free", "seats": 1}}

    decisive = decided('type = "track" and properties.plan = "pro" and properties.seats > 5', event)

    assert decisive == [('properties.plan = "pro"', "free", False)]


def test_every_clause_decides_an_and_that_holds():
    """Where all must hold and do, all of them decided; where one of several suffices, that one."""
    event = {"type": "track", "event": "b"}

    decisive = decided('type = "track" and (event = "a" or event = "b")', event)

    assert decisive == [('type = "track"', "track", True), ('event = "b"', "b", True)]


def test_a_clause_that_holds_decides_a_none():
    """A group of none is settled by the first condition that holds."""
    assert decided('none(event = "a", event = "b")', {"event": "b"}) == [('event = "b"', "b", True)]
    assert len(decided('none(event = "a", event = "b")', {})) == 2


def test_no_event_is_explained_as_resting():
    """Without an event there is nothing to find, and the trigger rests."""
    explained = explain(parse('type != "track" and event = "a"'), None)

    assert (explained.result, explained.parts) == (False, ())
