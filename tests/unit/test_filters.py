"""Destination filters: what each kind does to a call, in which order, and that they fail closed."""

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.config import Filter
from uptake.destination.filters import Drop, FilterError, Sample, compile_filters, paths_of, read_filter

EVENT = {
    "type": "track",
    "event": "Report Exported",
    "messageId": "m1",
    "userId": "ana",
    "properties": {"price": 5, "email": "ana@acme.com", "products": [{"id": 1, "cost": 2}, "x", {"cost": 3}]},
    "context": {"ip": "1.2.3.4", "page": {"url": "/a", "title": "A"}},
}


def drop(name="no tests", condition="all", **more):
    """A filter that drops calls."""
    return {"name": name, "kind": "drop", "condition": condition, **more}


def sample(percent, name="half", path="", condition="all"):
    """A filter that keeps a share of calls."""
    return {"name": name, "kind": "sample", "condition": condition, "percent": percent, "path": path}


def strip(kind, fields, condition="all", name="strip"):
    """A filter that drops or allows properties."""
    return {"name": name, "kind": kind, "condition": condition, "fields": fields}


def test_a_drop_filter_drops_exactly_the_calls_its_condition_holds_for():
    """A dropped call carries the code, the filter's name and its condition; another call passes as it is."""
    judge = compile_filters([drop(condition="event = 'Report Exported'")])

    verdict, other = judge(EVENT), judge({"event": "Invoice Sent"})

    assert not verdict.passed
    assert (verdict.code, verdict.filter) == ("FILTERED_BY_RULES", "no tests")
    assert verdict.reason == "dropped where event = 'Report Exported'"
    assert (other.passed, other.code, other.event) == (True, "", {"event": "Invoice Sent"})


def test_without_filters_every_call_passes_untouched():
    """No filter, or only one that is switched off, readable or not, gives the very event back."""
    for filters in ([], [drop(enabled=False)], [drop(condition="x = ", enabled=False)]):
        verdict = compile_filters(filters)(EVENT)

        assert verdict.passed
        assert verdict.event is EVENT


def test_drop_properties_takes_keys_away_where_they_are_named():
    """The empty path is the event, a list stands for its objects, and a path that leads nowhere changes nothing."""
    fields = {
        "": ["userId"],
        "properties": ["email"],
        "properties.products": ["cost"],
        "context.page": ["url"],
        "a.b": ["c"],
    }

    before = copy.deepcopy(EVENT)

    left = compile_filters([strip("drop_properties", fields)])(EVENT).event

    assert before == EVENT
    assert left == {
        "type": "track",
        "event": "Report Exported",
        "messageId": "m1",
        "properties": {"price": 5, "products": [{"id": 1}, "x", {}]},
        "context": {"ip": "1.2.3.4", "page": {"title": "A"}},
    }


def test_allow_properties_leaves_only_what_is_named():
    """Keys of a named object that are not listed go; an object that is not named stays whole."""
    left = compile_filters([strip("allow_properties", {"properties": ["price"], "context.page": []})])(EVENT).event

    assert left == {**EVENT, "properties": {"price": 5}, "context": {"ip": "1.2.3.4", "page": {}}}


def test_filters_run_in_the_order_of_their_kinds():
    """Sample, drop, drop properties, allow properties, however they are listed; a later one sees what is left."""
    allow = strip("allow_properties", {"": ["type", "event"]}, "userId != null")
    rename = strip("drop_properties", {"": ["userId"]})

    assert compile_filters([allow, rename])(EVENT).event == {k: v for k, v in EVENT.items() if k != "userId"}
    assert compile_filters([rename, drop(condition="userId = 'ana'")])(EVENT).filter == "no tests"
    assert compile_filters([drop(), sample(0.0)])(EVENT).filter == "half"


def test_sampling_keeps_the_share_and_the_same_calls_each_time():
    """A share of the calls passes, chosen by messageId: the same ones after a rebuild."""
    judge, again = compile_filters([sample(0.25)]), compile_filters([sample(0.25)])

    kept = [number for number in range(4_000) if judge({"messageId": f"m{number}"}).passed]

    assert 900 < len(kept) < 1_100
    assert kept == [number for number in range(4_000) if again({"messageId": f"m{number}"}).passed]


def test_a_larger_share_holds_the_smaller_one():
    """Whoever is kept at 30 % is kept at 60 %."""
    few, many = compile_filters([sample(0.3, path="userId")]), compile_filters([sample(0.6, path="userId")])

    events = [{"userId": f"u{number}"} for number in range(300)]

    assert all(many(event).passed for event in events if few(event).passed)


def test_sampling_by_a_path_keeps_or_leaves_out_together():
    """All calls with one value at the path share one fate, whatever else they say, and whichever filter asks."""
    judge = compile_filters([sample(0.5, path="context.groupId")])

    fates = {judge({"messageId": f"m{number}", "context": {"groupId": "acme"}}).passed for number in range(50)}

    assert len(fates) == 1
    assert {judge({"context": {"groupId": f"g{number}"}}).passed for number in range(50)} == {True, False}


def test_two_samples_choose_independently():
    """Two halves in a row leave a quarter, since each filter's name is part of the choice."""
    judge = compile_filters([sample(0.5, "one"), sample(0.5, "two")])

    assert 400 < sum(judge({"messageId": f"m{number}"}).passed for number in range(2_000)) < 600


def test_the_ends_of_sampling_are_none_and_all():
    """0 keeps no call and 1 keeps every call; where the condition does not hold, a call is not sampled."""
    events = [{"messageId": f"m{number}", "type": "page"} for number in range(200)]

    assert not any(compile_filters([sample(0)])(event).passed for event in events)
    assert all(compile_filters([sample(1)])(event).passed for event in events)
    assert all(compile_filters([sample(0, condition="type = 'track'")])(event).passed for event in events)


def test_the_md5_of_the_field_decides():
    """The choice is the first eight bytes of the MD5 of the field's JSON, as a fraction: others can compute it."""
    share = 0xEBD9F4C7B06CB0AA / 2**64  # md5 of "abc", with its quotes

    assert compile_filters([sample(share + 1e-9, path="userId")])({"userId": "abc"}).passed
    assert not compile_filters([sample(share - 1e-9, path="userId")])({"userId": "abc"}).passed


def test_a_stored_filter_that_cannot_be_read_blocks_every_call():
    """Filters fail closed: the verdict names the filter and what is wrong with it, before any other filter is asked."""
    judge = compile_filters([drop("other"), drop("broken", 'userId = oops"')])

    verdict = judge(EVENT)

    assert (verdict.passed, verdict.code, verdict.filter) == (False, "FILTERED_BY_RULES", "broken")
    assert verdict.reason.startswith("it cannot be read, so it blocks every call: line 1, column 14: unexpected")


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"name": "a", "kind": "hash", "condition": "all"}, "$.kind"),
        ({"name": "a" * 65, "kind": "drop", "condition": "all"}, "$.name"),
        ({"name": "", "kind": "drop", "condition": "all"}, "$.name"),
        ({"name": "a", "kind": "drop"}, "condition"),
        ({"name": "a", "kind": "sample", "condition": "all", "percent": 1.5}, "$.percent"),
        ({"name": "a", "kind": "sample", "condition": "all"}, "percent"),
        ({"name": "a", "kind": "drop_properties", "condition": "all", "fields": {}}, "$.fields"),
        ({"name": "a", "kind": "allow_properties", "condition": "all", "fields": {"": "userId"}}, "$.fields"),
        ({"name": "a", "kind": "drop", "condition": "typo(x)"}, "line 1, column 1"),
    ],
)
def test_before_saving_a_fault_is_told_and_a_stored_one_blocks(broken, place):
    """The same fault is an error with its place when checked strictly, and a block when it is met in the fold."""
    with pytest.raises(FilterError) as refused:
        compile_filters([broken], strict=True)

    assert place in str(refused.value)
    assert not compile_filters([broken])(EVENT).passed


def test_the_eleventh_filter_is_refused():
    """A destination has ten filters at most, switched off or not."""
    assert compile_filters([drop(f"f{number}", "type = 'x'") for number in range(10)])(EVENT).passed
    with pytest.raises(FilterError, match="a destination has at most 10 filters, got 11"):
        compile_filters([drop(f"f{number}", enabled=False) for number in range(11)])


def test_filters_are_plain_frozen_values():
    """A filter read twice is the same value, and cannot be changed."""
    read = read_filter(sample(0.5, path="userId"))

    assert read == Sample(name="half", condition="all", percent=0.5, path="userId")
    assert read_filter(drop()) == Drop(name="no tests", condition="all")
    with pytest.raises(AttributeError):
        read.percent = 1.0


def test_filters_of_a_product_configuration_are_taken_as_they_are_stored():
    """The configuration's own filter, turned to builtins, is what `compile_filters` reads."""
    stored = Filter(name="ip", kind="drop_properties", condition="all", fields={"context": ("ip",)})

    left = compile_filters([msgspec.to_builtins(stored)], strict=True)(EVENT).event

    assert "ip" not in left["context"]


def test_a_call_that_nests_too_deeply_is_blocked():
    """A comparison that would exhaust the stack ends in a verdict, not in a crash."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    judge = compile_filters([drop("deep", "properties.a = properties.b")])

    verdict = judge({"properties": {"a": deep, "b": [deep[0]]}})

    assert (verdict.passed, verdict.reason) == (False, "the call nests too deeply to be judged")


def test_a_condition_names_what_it_reads():
    """Ingest can keep what filters read; one that cannot be read needs nothing, since it blocks."""
    listed = "!(traits.plan in ['a', context.x.y])"
    condition = f"type = 'track' and (length(properties.a\\.b) > 0 or {listed}) and typeof(extra) = 'list'"

    assert paths_of(condition) == {"type", "properties", "traits.plan", "context.x.y", "extra"}
    assert paths_of("all") == frozenset()
    assert paths_of("x = ") == frozenset()


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)
EVENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "type", "messageId"]), VALUES)
PATHS = st.sampled_from(["", "a", "b", "a.b", "a.b.c", "c.a"])
FIELDS = st.dictionaries(PATHS, st.lists(st.sampled_from("abc"), max_size=2), min_size=1)
FILTERS = st.one_of(
    st.builds(strip, st.sampled_from(["drop_properties", "allow_properties"]), FIELDS),
    st.builds(sample, st.floats(0, 1), path=PATHS),
    st.builds(
        drop, condition=st.sampled_from(["all", "a = b", "a.b in c", "length(a) > 1", "!(typeof(c) = 'list')", "a ="])
    ),
)


@given(st.lists(FILTERS, max_size=5), EVENTS)
def test_filters_never_change_the_event_and_always_answer(filters, event):
    """Whatever the filters and the event, the event stays as it was, and the same call gets the same verdict."""
    before, judge = copy.deepcopy(event), compile_filters(filters)

    verdict = judge(event)

    assert event == before
    assert judge(event) == verdict
    assert verdict.passed is (verdict.code == "")
