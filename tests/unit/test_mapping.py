"""Mappings beyond Segment's engine: faults, what is read, bounds, and that events stay as they are."""

import datetime

import pytest

from uptake.destination import MappingError, compile_mapping
from uptake.destination.errors import MAX_STEPS, Budget
from uptake.destination.jsvalues import UNDEFINED, json_of, kind_of, number_in, number_text, text_of, truthy, unit_at
from uptake.destination.mapping import CompiledMapping, paths_of_mapping
from uptake.destination.paths import lookup, steps_of

EVENT = {"userId": "ana", "traits": {"name": "Ana", "plan": "pro"}, "n": 5, "s": "a" * 32_000}


def nested(levels, *, around):
    """A mapping or value so many levels deep."""
    value = 1
    for _ in range(levels):
        value = around(value)
    return value


def test_all_faults_come_at_once_with_their_paths():
    """A mapping with three faults is refused with all three, each with the path to it."""
    mapping = {
        "userId": {"@path": 5},
        "traits": {"plan": {"@oops": 1}},
        "name": {"@replace": {"pattern": "a long pattern", "value": {"@path": "$.s"}}},
    }

    with pytest.raises(MappingError) as refused:
        compile_mapping(mapping)

    assert [fault.path for fault in refused.value.faults] == [
        "/userId/@path",
        "/traits/plan",
        "/name/@replace/pattern",
    ]
    assert str(refused.value).startswith("/userId/@path should be a string or a mapping directive but it is a number.")


def test_faults_that_only_some_calls_meet_are_doubts():
    """What Segment would only notice on a call is known when the mapping is compiled, with its path."""
    mapping = {"a": {"@if": {"exists": {"@path": "x"}, "then": {"@literal": [{"@oops": 1}]}}}, "b": {"@liquid": "{{ x"}}

    compiled = CompiledMapping(mapping)

    assert [(doubt.path, doubt.message) for doubt in compiled.doubts] == [
        ("/a/@if/then/@literal/0", "@oops is not a valid directive, got undefined"),
        ("/b/@liquid", 'output "{{ x" not closed, line:1, col:1'),
    ]


def test_a_fault_strikes_only_a_call_that_reaches_it():
    """A bad branch does no harm to a call that takes the other one."""
    mapping = compile_mapping(
        {"a": {"@if": {"exists": {"@path": "x"}, "then": {"@literal": [{"@oops": 1}]}, "else": 2}}}
    )

    assert mapping({}) == {"a": 2}
    with pytest.raises(MappingError, match="@oops is not a valid directive, got undefined"):
        mapping({"x": 1})


def test_a_mapping_that_resolves_to_nothing_gives_none():
    """Nothing and null are both None to the caller."""
    assert compile_mapping({"@path": "$.missing"})({}) is None
    assert compile_mapping({"@literal": None})({}) is None


@pytest.mark.parametrize("payload", [None, [], "x", 5, True, 1.5])
def test_a_payload_must_be_an_object(payload):
    """Anything but an object is refused by its type."""
    with pytest.raises(MappingError, match=rf"^data must be an object, got {kind_of(payload)}$"):
        compile_mapping({"a": 1})(payload)


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ([], "/ should be an object but it is an array."),
        (None, "/ should be an object but it is a null."),
        ({"a": [{"b": {1, 2}}]}, "/a/0/b should be a JSON value but it is {1, 2}."),
        ({"a": datetime.date(2026, 1, 1)}, "/a should be a JSON value but it is datetime.date(2026, 1, 1)."),
        ({"a": float("nan")}, "/a should be a JSON value but it is nan."),
        ({"a": {1: 2}}, "/a should have only strings as keys."),
        ({"a": [0] * 10_000}, "/ should have at most 10,000 values."),
    ],
)
def test_a_mapping_must_be_json_of_a_bounded_size(mapping, sentence):
    """What JSON cannot hold, and what is too large, is refused with the path to it."""
    with pytest.raises(MappingError) as refused:
        compile_mapping(mapping)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "around",
    [lambda value: {"a": value}, lambda value: [value], lambda value: {"@path": value}],
    ids=["object", "list", "directive"],
)
def test_a_mapping_that_is_too_deep_is_refused(around):
    """Depth is a fault of the mapping and not of the interpreter's stack."""
    with pytest.raises(MappingError, match="is nested deeper than 64 levels"):
        compile_mapping({"v": nested(3_000, around=around)})

    assert compile_mapping({"v": nested(60, around=lambda value: {"@literal": value})})({}) == {"v": 1}


@pytest.mark.parametrize(
    "mapping",
    [
        {"@json": {"mode": "encode", "value": {"@path": "deep"}}},
        {"@flatten": {"separator": ".", "value": {"@path": "deep"}}},
        {"@template": "{{deep}}"},
        {"@liquid": "{{ deep | json }}"},
        {"@json": {"mode": "decode", "value": {"@path": "text"}}},
        {"@literal": [{"@path": "deep"}]},
    ],
    ids=map(str, range(6)),
)
def test_a_value_that_is_too_deep_to_walk_is_refused(mapping):
    """A sender cannot bring the stack down with a deep value."""
    payload = {"deep": nested(900, around=lambda value: [value]), "text": "[" * 5_000 + "]" * 5_000}

    with pytest.raises(MappingError, match="nested deeper than 128 levels"):
        compile_mapping({"v": mapping})(payload)


def bomb(levels, *, apply, then):
    """Nested `@transform`s, each of which uses what the one around it made more than once."""
    mapping = then
    for _ in range(levels):
        mapping = {"@transform": {"apply": apply, "mapping": mapping}}
    return mapping


LOOPS = {"@path": ""}
for _ in range(8):
    LOOPS = {"@arrayPath": [{"@literal": list(range(100))}, {"x": LOOPS}]}


@pytest.mark.parametrize(
    "mapping",
    [
        {"@template": "{{s}}" * 5_000},
        {"@template": {"@template": "{{t}}" * 5_000}},
        {"@replace": {"pattern": "a", "replacement": "$'$'$'$'$'", "value": {"@path": "s"}}},
        {"@replace": {"pattern": "a", "replacement": "aaaaaaaaaa", "pattern2": "a", "value": {"@path": "s"}}},
        {"@flatten": {"separator": "x" * 50_000, "value": {"a": {"b": {"@path": "many"}}}}},
        bomb(15, apply={"s": [{"@path": "s"}, {"@path": "s"}, {"@path": "s"}]}, then={"@path": "s"}),
        LOOPS,
        {f"k{index}": {"@path": ""} for index in range(2_000)},
        {f"k{index}": {"@path": "wide"} for index in range(2_000)},
    ],
    ids=map(str, range(9)),
)
def test_a_hostile_mapping_ends_soon(mapping):
    """Whatever grows without bound runs out of steps before it takes memory or time."""
    payload = {"s": "a" * 32_000, "t": "{{s}}", "many": list(range(1_000))}
    payload["wide"] = {str(index): index for index in range(1_000)}
    with pytest.raises(MappingError, match=f"^the mapping takes more than {MAX_STEPS:,} steps for one call$"):
        compile_mapping({"v": mapping})(payload)


def test_compiling_nested_directives_takes_no_exponential_time():
    """Static validation looks at each part once, however deep the directives are nested."""
    compile_mapping({"v": bomb(20, apply={"a": {"@path": "a"}}, then={"@path": "a"})})


@pytest.mark.parametrize("path", ["constructor", "__proto__", "toString", "s.constructor", "l.map", "n.toFixed"])
def test_prototypes_are_out_of_reach(path):
    """JavaScript's inherited properties are not there, in paths, templates and Liquid alike."""
    mapping = compile_mapping(
        {"p": {"@path": path}, "t": {"@template": f"{{{{{path}}}}}"}, "l": {"@liquid": f"{{{{ {path} }}}}"}}
    )

    assert mapping({"s": "x", "l": [1], "n": 1}) == {"t": "", "l": ""}


def test_own_keys_with_the_names_of_prototypes_are_read():
    """A key that the event really has is read whatever it is called."""
    assert compile_mapping({"v": {"@path": "constructor.name"}})({"constructor": {"name": "x"}}) == {"v": "x"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{{name}}}", "Hi {{plan}}"),
        ("{{{name}}} {{plan}}", "{{plan}} pro"),
        ("{{name}}", "{{plan}}"),
        ("{{{{name}}}}", "}"),
        ("{{{name}}}", "pro"),
    ],
)
def test_a_value_in_a_template_is_no_template(template, text):
    """Braces in a value are text, but for a template that is nothing but one triple-braced path, as Segment has it."""
    assert compile_mapping({"v": {"@template": template}})({"name": "{{plan}}", "plan": "pro"}) == {"v": text}


def test_parts_are_shared_and_events_never_changed():
    """What a mapping gives may hold the event's own objects; the event stays the same."""
    event = {"traits": {"a": {"b": None}, "l": [None]}}
    mapping = compile_mapping(
        {"t": {"@path": "traits"}, "c": {"@excludeWhenNull": {"@path": "traits"}}, "d": [{"@path": "x"}]}
    )

    given = mapping(event)

    assert given["t"] is event["traits"]
    assert given["c"] == {"a": {}, "l": [None]}
    assert event == {"traits": {"a": {"b": None}, "l": [None]}}


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        ({"@path": "$.properties.plan"}, {"properties.plan"}),
        ({"@path": "$.properties['plan'][0]"}, {"properties.plan.0"}),
        ({"@path": "$."}, {""}),
        ({"@path": {"@path": "properties.which"}}, {""}),
        ({"@template": "{{properties.a}} {{{context.b}}} {c}"}, {"properties.a", "context.b"}),
        ({"@template": "{{{properties.a}}}"}, {""}),
        ({"@template": "plain"}, set()),
        ({"@template": {"@path": "properties.t"}}, {""}),
        ({"@if": {"exists": {"@path": "a"}, "then": {"@path": "b"}, "else": {"@path": "c"}}}, {"a", "b", "c"}),
        ({"@if": {"blank": {"@path": "a"}, "then": 1}}, {"a"}),
        ({"@case": {"operator": "upper", "value": {"@path": "a"}}}, {"a"}),
        ({"@replace": {"pattern": "x", "value": {"@path": "a"}}}, {"a"}),
        ({"@arrayPath": ["$.properties.items", {"x": {"@path": "$.price"}}]}, {"properties.items"}),
        ({"@arrayPath": [{"@path": "a"}, {"x": {"@path": "b"}}]}, {"a"}),
        ({"@flatten": {"separator": ".", "value": {"@path": "context"}}}, {"context"}),
        ({"@json": {"mode": "encode", "value": {"a": {"@path": "x"}}}}, {"x"}),
        ({"@merge": {"direction": "left", "objects": [{"@path": "a"}, {"b": {"@path": "b"}}]}}, {"a", "b"}),
        ({"@transform": {"apply": {"f": {"@path": "a"}}, "mapping": {"x": {"@path": "f"}}}}, {"a"}),
        ({"@excludeWhenNull": {"@path": "a"}}, {"a"}),
        ({"@literal": [{"@path": "a"}]}, {"a"}),
        (
            {"@liquid": "{{ properties.a.b | upcase }}{% if context.c %}{{ d }}{% endif %}"},
            {"properties.a.b", "context.c", "d"},
        ),
        ({"@liquid": "{{ properties.list[0].x }}{{ context.list.size }}"}, {"properties.list", "context.list"}),
        ({"@liquid": "{{ properties[which.key] }}"}, {"properties", "which.key"}),
        ({"@liquid": "{% assign properties = traits.x %}{{ properties.y }}"}, {"traits.x", "properties.y"}),
        ({"@liquid": "{% increment n %}{% capture c %}{{ a }}{% endcapture %}"}, {"n", "a"}),
        ({"@liquid": "{{ a | append: b }}{% cycle g: c, d %}"}, {"a", "b", "g", "c", "d"}),
        ({"@liquid": "{{ 'now' | date: f }}"}, {"f", "receivedAt", "timestamp"}),
        ({"@liquid": ""}, set()),
        (5, set()),
    ],
)
def test_what_a_mapping_reads_is_known(mapping, paths):
    """Every path that any call could make the mapping look at is among its paths."""
    assert paths_of_mapping({"v": mapping}) == paths


def test_steps_of_paths():
    """Quotes and brackets only matter beside quotes and digits; an index is a key like any other."""
    assert steps_of("a[0]['b c'].d") == ("a", "0", "b c", "d")
    assert lookup({"a": [{"b c": {"d": 7}}]}, steps_of("a[0]['b c'].d")) == 7


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e21, "1e+21"),
        (-1e-7, "-1e-7"),
        (123456789.5, "123456789.5"),
        (1e20, "100000000000000000000"),
        (0.1 + 0.2, "0.30000000000000004"),
        (10**25, "1e+25"),
        (2**53 + 1, "9007199254740993"),
        (-0.0, "0"),
        (float("inf"), "Infinity"),
        (10**400, "Infinity"),
        (-1.5e-10, "-1.5e-10"),
        (0.000001, "0.000001"),
        (1.2345e20, "123450000000000000000"),
        (5e-324, "5e-324"),
    ],
    ids=map(str, range(14)),
)
def test_numbers_print_as_in_javascript(value, text):
    """String() of a number, but for whole numbers beyond 2**53, which keep their digits."""
    assert number_text(value) == text


def test_texts_of_other_values():
    """Lists lose their nulls and nesting, objects their contents."""
    assert text_of([1, None, [2, UNDEFINED, {"a": 1}], True], Budget()) == "1,,2,,[object Object],true"
    assert (text_of(None, Budget()), text_of(UNDEFINED, Budget())) == ("null", "undefined")


@pytest.mark.parametrize("text", ["1_0", "１", "0x", "-0x1", "1e", "e1", ".", "1.2.3", "inf", "nan", "0b2", "1 2"])
def test_texts_that_are_no_numbers(text):
    """Python's own liberties with numbers are not taken."""
    assert number_in(text) != number_in(text)


def test_case_is_ignored_as_in_javascript():
    """A letter whose capital is plain ASCII, like the long s, is not taken for the plain letter."""
    mapping = {"@replace": {"pattern": "\u017f", "replacement": "-", "ignorecase": True, "value": {"@path": "s"}}}

    assert compile_mapping({"v": mapping})({"s": "sS\u017f"}) == {"v": "sS-"}


def test_a_transform_of_nothing_starts_from_an_empty_payload():
    """As JavaScript's default argument has it; null is refused."""
    shape = {"x": {"@transform": {"apply": {"a": {"@template": "[{{ b }}]"}}, "mapping": {"@path": "a"}}}}
    mapping = compile_mapping({"v": {"@arrayPath": [{"@literal": [{"@path": "first"}]}, shape]}})

    assert mapping({}) == {"v": [{"x": "[]"}]}
    with pytest.raises(MappingError, match="data must be an object, got null"):
        mapping({"first": None})


def test_truth_is_javascripts():
    """Empty lists and objects are true; zero, the empty text and null are not."""
    assert [truthy(value) for value in ([], {}, "0", -1)] == [True] * 4
    assert [truthy(value) for value in (0, 0.0, "", None, False, UNDEFINED, float("nan"))] == [False] * 7


def test_texts_are_counted_and_cut_in_utf_16():
    """Half of a pair of units is replaced, so that what comes out can be stored."""
    assert [unit_at("é😀x", index) for index in range(5)] == ["é", "\ufffd", "\ufffd", "x", UNDEFINED]


def test_json_is_written_as_in_javascript():
    """Keys that look like indices come first, by their numbers; an infinity is null; a lone surrogate is escaped."""
    value = {"b": float("inf"), "10": 1.0, "9": 2, "1": UNDEFINED, "01": 3, "s": "\ud800é"}

    assert json_of(value, Budget()) == '{"9":2,"10":1,"b":null,"01":3,"s":"\\ud800é"}'
