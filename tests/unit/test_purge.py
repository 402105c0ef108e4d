"""Purging: what is due, what stays, and that nothing that anybody reads is ever cut."""

import copy

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.house import NOW_US, House
from tests.unit.test_mapping_generated import ATOMS
from uptake.core.calls import CALL_TYPES, Call
from uptake.core.config import ConfigVersion, Destination, Filter, Mapping, ProductConfig
from uptake.core.days import DAY_US
from uptake.destination.meaning import Meaning
from uptake.pipeline.configure import faults_in
from uptake.pipeline.preview import Missing, missing_in
from uptake.pipeline.purge import LATE_US, Purge, due_before_us, kept_for_good, purged
from uptake.stores.log.base import LogUnavailable

INNER = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "0", "x.y"]), inner),
    max_leaves=4,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "plan": INNER,
        "a": st.fixed_dictionaries({"b": INNER}) | INNER,
        "items": st.lists(st.fixed_dictionaries({"a": INNER}), max_size=2) | INNER,
        "traits": st.fixed_dictionaries({"plan": INNER}) | INNER,
        "groupId": st.just("acme"),
        "x.y": INNER,
        "0": INNER,
    },
).map(lambda found: found or None)  # as ingest does
CALLS = st.builds(
    Call,
    type=st.sampled_from([each for each in CALL_TYPES if each != "alias"]),
    message_id=st.just("m"),
    at_us=st.just(NOW_US),
    user_id=st.just("ana"),
    event=st.just("Paid"),
    name=st.just("Home"),
    traits=st.none() | OBJECTS,
    properties=st.none() | OBJECTS,
    context=st.none() | OBJECTS,
    extra=st.none() | st.fixed_dictionaries({"category": INNER, "version": st.fixed_dictionaries({"a": INNER})}),
)
PATHS = st.sampled_from(
    [
        *("$.properties.plan", "$.properties.a.b", "properties.items.0.a", "properties.items.length", "$.properties"),
        *("$.context.a", "context.traits.plan", "$.context['x.y']", "$.category", "$.version.a", "$.traits.plan"),
        *("$.userId", "$.event", "properties.0", "context.groupId"),
    ]
)
SOURCES = st.recursive(
    st.builds(lambda path: {"@path": path}, PATHS)
    | st.builds(lambda path: {"@template": "{{" + path.removeprefix("$.") + "}}"}, PATHS)
    | st.builds(lambda path: {"@liquid": "{{ " + path.removeprefix("$.").split("[")[0] + " }}"}, PATHS),
    lambda inner: (
        st.builds(lambda test, then: {"@if": {"exists": test, "then": then, "else": "no"}}, inner, inner)
        | st.builds(lambda value: {"@flatten": {"separator": "_", "value": value}}, inner)
        | st.builds(lambda value: {"@json": {"mode": "encode", "value": value}}, inner)
        | st.builds(lambda value, then: {"@transform": {"apply": {"properties": value}, "mapping": then}}, inner, inner)
        | st.builds(lambda path, shape: {"@arrayPath": [path, {"x": shape}]}, PATHS, inner)
    ),
    max_leaves=4,
)
FIELDS = {"userId": {"@path": "$.userId"}, "timestamp": {"@path": "$.timestamp"}}
TRIGGERS = st.sampled_from(
    [
        'type != "alias"',
        'properties.plan = "{{a}}" or properties.plan != "lower"',
        "properties.a.b = null",
        "properties.items.length > 0",
        'any(context.a != null, properties."x.y" = true)',
        "traits.plan != null or context.traits.a != 5",
    ]
)
CONDITIONS = st.sampled_from(
    ["all", "properties.a.b", 'context.groupId = "acme"', "length(properties.items) > 1", 'category = "x"', "version.a"]
)
FILTERS = st.lists(
    st.builds(
        Filter,
        name=st.uuids().map(str),
        kind=st.sampled_from(["drop", "sample", "drop_properties", "allow_properties"]),
        condition=CONDITIONS,
        percent=st.just(0.5),
        path=st.sampled_from(["properties.plan", "context.a", "userId"]),
        fields=st.sampled_from([{"properties": ("a",)}, {"": ("category",)}, {"context": ("traits", "a")}]),
    ),
    max_size=2,
)


@st.composite
def configs(draw):
    """A product with one mapping whose trigger, fields and filters read here and there."""
    fields = FIELDS | {"traits": {"one": draw(SOURCES), "two": draw(SOURCES)}}
    mapping = Mapping("m", "identify", draw(TRIGGERS), fields, enabled=True, lenient=True)
    return ProductConfig(destination=Destination(True, tuple(draw(st.just([]) | FILTERS)), (mapping,)))


def version(config, *, revision=1, from_offset=0, saved_us=0):
    return ConfigVersion(1, revision, from_offset, saved_us, "test", "", config)


@settings(max_examples=300)
@given(config=configs(), call=CALLS)
@example(
    config=ProductConfig(
        destination=Destination(mappings=(Mapping("m", "track", "properties.a.b = false", "preset", enabled=True),))
    ),
    call=Call(type="track", message_id="m", at_us=NOW_US, user_id="ana", event="Paid", properties={"a": False}),
)
def test_a_purged_call_means_what_the_whole_call_meant(config, call):
    """Whatever triggers, mappings and filters read is still there: outcome and effects are the same."""
    if faults_in(config):
        return
    before, meaning = copy.deepcopy(call), Meaning(config)

    cut = purged(call, kept_for_good([version(config)]))

    assert meaning.outcome(cut, NOW_US) == meaning.outcome(call, NOW_US)
    assert call == before
    assert msgspec.structs.replace(cut, properties=None, context=None, extra=None) == msgspec.structs.replace(
        call, properties=None, context=None, extra=None
    )


def reading(path, **more):
    """A configuration whose one mapping reads a path."""
    fields = {**FIELDS, "event": {"@path": f"$.{path}"}}
    return ProductConfig(
        destination=Destination(mappings=(Mapping("m", "track", 'type = "track"', fields, enabled=True),)), **more
    )


def test_what_any_destination_in_force_reads_stays():
    """A destination that applies to older calls alone still reads them; one that applies to none reads nothing."""
    versions = [
        version(reading("properties.first")),
        version(reading("properties.second"), revision=2, from_offset=10),
        version(reading("context.third"), revision=3, from_offset=20),
    ]
    replayed = [*versions, version(reading("properties.last"), revision=4, from_offset=0)]

    kept = kept_for_good(versions)

    assert (kept.properties, kept.context) == ({("first",), ("second",)}, {("third",)})
    assert kept_for_good(replayed).properties == {("last",)}
    assert kept_for_good(replayed).context == frozenset()


def test_calls_are_due_after_their_days():
    """While everything is kept, calls are due after so many days; when that ends, all are; else none ever."""
    never, thirty = version(reading("a.b")), version(reading("a.b", keep_properties_days=30), revision=2)
    off = version(reading("a.b"), revision=3, saved_us=NOW_US - DAY_US)

    assert due_before_us([never], NOW_US) is None
    assert due_before_us([never, thirty], NOW_US) == NOW_US - 30 * DAY_US
    assert due_before_us([never, thirty, off], NOW_US) == NOW_US - DAY_US + LATE_US


@pytest.fixture
def house():
    """A product that keeps everything for ten days, and reads properties.plan."""
    return House(reading("properties.plan", keep_properties_days=10))


def paid(house, number, **properties):
    at_us = house.now_us
    house.send(
        Call(type="track", message_id=f"m{number}", at_us=at_us, user_id="ana", event="Paid", properties=properties)
    )


def properties_in(house):
    return [each.call.properties for each in house.log.read(1, 0, most=99)]


def test_properties_go_after_their_days_and_what_mappings_read_stays(house):
    """Each call is cut when its days are over, once; calls within them are whole."""
    paid(house, 1, plan="pro", card="4242")
    house.now_us += 6 * DAY_US
    paid(house, 2, plan="free", card="1881")
    house.settle()
    house.now_us += 6 * DAY_US

    house.running.step()

    assert properties_in(house) == [{"plan": "pro"}, {"plan": "free", "card": "1881"}]
    assert [each.before_offset for each in house.product.purged] == [1]


def test_a_purge_goes_on_while_calls_come_in(house):
    """A product to which something is always sent is purged like any other."""
    paid(house, 1, plan="pro", card="4242")
    house.settle()
    house.now_us += 12 * DAY_US
    paid(house, 2, plan="free", card="1881")

    house.running.step()

    assert properties_in(house) == [{"plan": "pro"}, {"plan": "free", "card": "1881"}]
    assert house.product.status().folded_offset == 2


def test_everything_goes_when_the_setting_is_switched_off(house):
    """Without the setting nothing but what mappings read stays in the log."""
    paid(house, 1, plan="pro", card="4242")
    house.settle()
    house.change(lambda config: msgspec.structs.replace(config, keep_properties_days=0))
    house.now_us += DAY_US

    house.running.step()

    assert properties_in(house) == [{"plan": "pro"}]


def test_a_purge_goes_on_after_a_restart(house):
    """How far it was is remembered, and what was cut alike is one entry."""
    for number in range(5):
        paid(house, number, plan="pro", card=number)
    later_us = NOW_US + 11 * DAY_US
    for _ in range(3):
        Purge(1, house.meta, house.log).step(house.product.versions, later_us, most=1)

    assert [each and each.get("card") for each in properties_in(house)] == [None, None, None, 3, 4]
    assert [each.before_offset for each in Purge(1, house.meta, house.log).done] == [3]


def test_a_purge_that_the_log_cannot_take_now_comes_again(house, monkeypatch):
    """Calls that come in go first: a log that is busy is no fault of the worker's."""
    paid(house, 1, plan="pro", card="4242")
    house.settle()
    house.now_us += 11 * DAY_US
    with monkeypatch.context() as patched:
        patched.setattr(house.log, "rewrite", busy)
        house.running.step()
    untouched = properties_in(house)
    house.now_us += DAY_US

    house.running.step()

    assert untouched == [{"plan": "pro", "card": "4242"}]
    assert properties_in(house) == [{"plan": "pro"}]


def busy(*_args, **_options):
    raise LogUnavailable("locked")


def test_what_was_purged_is_told_before_a_mapping_asks_for_it(house):
    """A new mapping hears until when its path is gone, whatever the versions say that was kept then."""
    paid(house, 1, plan="pro", card="4242")
    house.settle()
    house.now_us += 11 * DAY_US
    asks = reading("properties.card", keep_properties_days=10)
    whole = list(missing_in(house.product.versions, asks, house.product.purged))

    house.running.step()

    (gone,) = missing_in(house.product.versions, asks, house.product.purged)
    assert whole == []
    assert gone == Missing("properties.card", house.now_us - 10 * DAY_US)
