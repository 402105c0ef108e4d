"""Conditions on every engine of the event store, held against the oracle, which judges one by one."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.contract.test_event_store import (
    DAY_US,
    JUNE_1,
    KINDS,
    NOON,
    acts,
    assert_same,
    engine,
    fold,
    listed,
    model,
    other,
    store,
    trait,
)
from tests.fakes import MemoryEventStore
from uptake.segments import parse
from uptake.segments.judging import holds
from uptake.stores.events.base import GroupDay, GroupSize, JoinedRow, ListQuery, StoreRules
from uptake.views.facts import StoreFacts

__all__ = ["engine", "other", "store"]


@settings(max_examples=settings().max_examples * 3 // 5)
@given(
    folds=strategies.folds(most=2),
    conditions=st.lists(strategies.conditions(), min_size=5, max_size=5),
    asked=strategies.models(),
    day=st.sampled_from(strategies.DAYS),
    zone=st.sampled_from(strategies.ZONES),
    types=strategies.trait_types(),
)
def test_every_engine_judges_alike(other, folds, conditions, asked, day, zone, types):
    """A compiled query finds exactly those that the condition holds for, one by one; lists page within them."""
    rules = StoreRules(zone, display_name="title", created_at="created_at", trait_types=types)
    oracle, compiled = MemoryEventStore(rules), other(rules)
    for each in (oracle, compiled):
        for batch in folds:
            each.commit(batch)
        each.rescore([asked], [day - timedelta(days=1), day])

    for kind in KINDS:
        sizes = [each.group_sizes(kind, conditions, asked, day) for each in (oracle, compiled)]
        assert_same(*sizes, str(conditions))
        for condition in conditions:
            expected = oracle.matching(kind, condition, asked, day)
            assert compiled.matching(kind, condition, asked, day) == expected, condition
            query = ListQuery(where=condition, limit=2)
            page = compiled.numbers(kind, asked, day, query)
            assert_same(oracle.numbers(kind, asked, day, query), page, str(condition))
            assert page[1] == len(expected)
            sample = compiled.sampled(kind, condition, asked, day, most=2)
            assert_same(oracle.sampled(kind, condition, asked, day, most=2), sample, str(condition))
            rows, _ = compiled.numbers(kind, asked, day, ListQuery(limit=100))
            judged = [row.tracking_id for row in rows if holds(condition, StoreFacts(compiled, asked, day, row))]
            assert sorted(judged) == expected, condition
            for question in ("members_of", "accounts_of"):
                assert getattr(compiled, question)(expected) == getattr(oracle, question)(expected)
            assert compiled.first_day_of(expected, expected[:1]) == oracle.first_day_of(expected, expected[:1])
    compiled.close()


@pytest.fixture
def house(store):
    """acme (pro) with ana (admin, 3 reports) and eve (2 reports); its parent corp; beta with bob, who reported once."""
    fold(
        store,
        [
            JoinedRow("ana", "acme", NOON, "m"),
            JoinedRow("eve", "acme", NOON, "m"),
            JoinedRow("bob", "beta", NOON, "m"),
            trait("account", "acme", "parent", "corp"),
            trait("account", "acme", "plan", "pro"),
            trait("account", "beta", "plan", "free"),
            trait("account", "acme", "mrr", 4000),
            trait("account", "beta", "mrr", "900"),
            trait("account", "corp", "mrr", "Infinity"),
            trait("account", "acme", "tags", ["Trial", "eu"]),
            trait("user", "ana", "role", "Admin"),
            trait("user", "ana", "createdAt", "2026-05-20"),
            trait("user", "bob", "admin", False),
            *acts("ana", "report", 3),
            *acts("eve", "report", 2, at_us=NOON - 10 * DAY_US),
            *acts("bob", "report"),
            *acts("zoe", "share"),
        ],
    )
    return store


CASES = [
    ("user", 'did("report") >= 2', "ana eve"),
    ("user", 'did("report") >= 2 within 7 days', "ana"),
    ("user", 'did("report") > 1', "ana eve"),
    ("user", 'did("report") = 0', "zoe"),
    ("user", 'not did("share")', "ana bob eve"),
    ("user", 'did(feature "Reporting") = 1', "bob"),
    ("user", 'account did("report") >= 5', "ana eve"),
    ("user", 'account did("report") < 5', "bob zoe"),
    ("account", 'did("report") >= 5', "acme corp"),
    ("account", 'any user did("report") >= 3', "acme corp"),
    ("account", 'any user did("report") >= 4', ""),
    ("account", 'did("report") <= 3 within 7 days', "acme beta corp"),
    ("account", 'account.plan = "pro"', "acme"),
    ("account", 'account.plan != "pro"', "beta corp"),
    ("user", 'account.plan = "pro"', "ana eve"),
    ("user", 'account.plan != "pro"', "bob zoe"),
    ("account", 'user.role contains "adm"', "acme"),
    ("account", "account.mrr > 1000", "acme"),
    ("account", "account.mrr <= 900", "beta"),
    ("account", 'account.tags contains "eu"', "acme"),
    ("account", 'account.tags contains "e"', ""),
    ("user", "user.admin = false", "bob"),
    ("user", "user.role exists", "ana"),
    ("user", 'user.createdAt before "2026-05-21"', "ana"),
    ("user", "user.created_at within 13 days", "ana"),
    ("user", "user.created_at within 12 days", ""),
    ("account", "tenure_days = 12", "acme"),
    ("user", "last_active_days >= 10", "eve"),
    ("user", "first_seen_days = 0", "ana bob zoe"),
    ("user", "score > 0 and frequency = 1", "ana bob zoe"),
    ("user", "level = inactive", "eve"),
    ("account", "active_users = 1 and total_users = 2", "acme corp"),
    ("account", "active_users_percent = 50 or score = 0", "acme corp"),
    ("user", "activation >= 50", "ana bob eve"),
    ("user", "activation = 100", "ana"),
    ("account", "activation >= 0", ""),
    ("user", "everyone", "ana bob eve zoe"),
]


@pytest.mark.parametrize(("kind", "words", "expected"), CASES, ids=[f"{case[0]}: {case[1]}" for case in CASES])
def test_a_condition_holds_for_these(house, kind, words, expected):
    """Worked examples of every kind of condition."""
    asked = model(
        features={"report": "Reporting"},
        user_activation=(parse('did("report")'), parse("user.role exists")),
    )
    house.rescore([asked], [JUNE_1])

    assert house.matching(kind, parse(words), asked, JUNE_1) == expected.split()


def test_the_excluded_exist_for_no_condition(house):
    """Neither they are found, nor what they did or are counts for others."""
    asked = model(excluded_users=frozenset({"ana"}), excluded_accounts=frozenset({"beta"}))
    house.rescore([asked], [JUNE_1])

    def found(kind, words):
        return house.matching(kind, parse(words), asked, JUNE_1)

    assert found("user", "everyone") == ["bob", "eve", "zoe"]
    assert found("account", 'did("report") = 2') == ["acme", "corp"]
    assert found("account", "user.role exists") == []
    assert found("user", "account.plan exists") == ["eve"]
    assert found("user", 'did("report")') == ["eve"]


def test_a_day_before_knows_only_what_was_done_until_then(house):
    """Counts end with the day that is asked about, ever or within days."""
    asked, before = model(), JUNE_1 - timedelta(days=1)
    house.rescore([asked], [before])

    for words in ('did("report")', 'did("report") >= 2', 'did("report") within 90 days', "last_active_days = 9"):
        assert house.matching("user", parse(words), asked, before) == ["eve"]


def test_activation_is_a_number_of_the_list(house):
    """Conditions met divided by conditions; a list can be sorted by it; None without conditions."""
    asked = model(user_activation=(parse('did("report")'), parse("user.role exists"), parse("everyone")))

    found = listed(house, "user", asked)
    page, _ = house.numbers("user", asked, JUNE_1, ListQuery(sort="activation", limit=2))

    assert {each: row.activation for each, row in found.items()} == pytest.approx(
        {"ana": 100, "bob": 200 / 3, "eve": 200 / 3, "zoe": 100 / 3}
    )
    assert [row.tracking_id for row in page] == ["ana", "bob"]
    assert listed(house, "account", asked)["acme"].activation is None
    assert listed(house, "user", asked)["eve"].first_seen == date(2026, 5, 22)


def test_a_group_is_counted_with_what_it_is_worth(house):
    """Members, active ones, their average score, and the money of the accounts, each account once."""
    asked = model()
    house.rescore([asked], [JUNE_1])
    ana = listed(house, "user", asked)["ana"].score

    groups = [parse(each) for each in ('did("nothing")', 'account.plan = "pro"', "everyone")]
    found = {kind: house.group_sizes(kind, groups, asked, JUNE_1) for kind in KINDS}

    assert found["user"][:2] == [GroupSize(0, 0, None, 0), GroupSize(2, 1, ana, 4000)]
    assert found["account"][:2] == [GroupSize(0, 0, None, 0), GroupSize(1, 1, ana, 4000)]
    assert found["account"][2].mrr == 4900
    assert house.group_sizes("user", [], asked, JUNE_1) == []
    for group in groups:
        size, rows = house.sampled("user", group, asked, JUNE_1, most=1)
        assert [size] == house.group_sizes("user", [group], asked, JUNE_1)
        assert rows == house.numbers("user", asked, JUNE_1, ListQuery(where=group, limit=1))[0]


def test_who_belongs_to_whom(house):
    """Members are those of now; accounts are those acted for, those of now, and those above; days begin with events."""
    fold(house, [JoinedRow("eve", "beta", NOON, "z")])

    assert house.members_of(["beta"]) == ["bob", "eve"]
    assert house.member_traits("acme", "created_at") == {"ana": "2026-05-20"}
    assert house.member_traits("corp", "role") == {}
    assert house.traits_among("account", ["acme", "beta", "corp", "zoe"], ["plan", "mrr"]) == {
        "acme": {"mrr": 4000, "plan": "pro"},
        "beta": {"mrr": "900", "plan": "free"},
        "corp": {"mrr": "Infinity"},
    }
    assert house.traits_among("user", ["ana"], ["plan"]) == house.traits_among("user", [], ["role"]) == {}
    assert house.accounts_of(["ana"]) == ["acme", "corp"]
    assert house.accounts_of(["zoe", "nobody"]) == []
    assert house.first_day_of(["ana"], []) == JUNE_1
    assert house.first_day_of(["ana"], ["beta"]) == JUNE_1 - timedelta(days=10)
    assert house.first_day_of([], ["corp"]) == JUNE_1
    assert house.first_day_of(["nobody"], ["solo"]) is None


def test_a_list_pages_within_a_condition(house):
    """The total and every page are of those that it holds for; other filters narrow it further."""
    asked = model()
    house.rescore([asked], [JUNE_1])
    query = ListQuery(where=parse('did("report")'), limit=2)

    pages = [house.numbers("user", asked, JUNE_1, msgspec.structs.replace(query, offset=at)) for at in (0, 2)]

    assert [[row.tracking_id for row in rows] for rows, _ in pages] == [["ana", "bob"], ["eve"]]
    assert [total for _, total in pages] == [3, 3]
    narrowed = msgspec.structs.replace(query, search="b", account="beta")
    assert [row.tracking_id for row in house.numbers("user", asked, JUNE_1, narrowed)[0]] == ["bob"]


@settings(max_examples=settings().max_examples * 2 // 5)
@given(
    folds=strategies.folds(most=2),
    conditions=st.lists(strategies.conditions(), min_size=4, max_size=4),
    asked=strategies.models(),
    days=st.sets(st.sampled_from(strategies.DAYS), min_size=2, max_size=4).map(sorted),
    zone=st.sampled_from(strategies.ZONES),
)
def test_every_engine_tells_the_history_of_a_group_alike(other, folds, conditions, asked, days, zone):
    """Day by day the group holds whom the condition finds on that day, in one query over all of them."""
    rules = StoreRules(zone, display_name="title", created_at="created_at")
    oracle, compiled = MemoryEventStore(rules), other(rules)
    for each in (oracle, compiled):
        for batch in folds:
            each.commit(batch)
        each.rescore([asked], days)

    for kind in KINDS:
        for condition in conditions:
            expected = oracle.group_history(kind, condition, asked, (days[0], days[-1]))
            assert_same(expected, compiled.group_history(kind, condition, asked, (days[0], days[-1])), str(condition))
            assert len(expected) == len(days)
    compiled.close()


def test_the_history_of_a_group_tells_who_came_and_went(house):
    """Within seven days ana comes and eve goes; ever, ana comes and eve stays; the first day has none before it."""
    asked, before = model(), JUNE_1 - timedelta(days=5)
    house.rescore([asked], [before, JUNE_1])
    ana = listed(house, "user", asked)["ana"].score
    days = (before, JUNE_1)

    lately = house.group_history("user", parse('did("report") >= 2 within 7 days'), asked, days)
    ever = house.group_history("user", parse('did("report") >= 2'), asked, days)

    assert lately == [GroupDay(before, 1, 1, 90, 0, 0), GroupDay(JUNE_1, 1, 1, ana, 1, 1)]
    assert [(day.members, day.entered, day.left) for day in ever] == [(1, 0, 0), (2, 1, 0)]
    assert house.group_history("user", parse("everyone"), asked, (JUNE_1, JUNE_1))[0].entered == 0


def test_the_history_of_a_group_looks_back_as_far_on_every_day(house):
    """Eve leaves "within 10 days" on the day on which her events are ten days old; "ever" holds her from then on."""
    asked = model()
    days = [JUNE_1 - timedelta(days=back) for back in (11, 10, 1, 0)]
    house.rescore([asked], days)

    def sizes(words):
        history = house.group_history("user", parse(words), asked, (days[0], days[-1]))
        return [(each.members, each.entered, each.left) for each in history]

    within = 'did("report") = 2 within 10 days and not did("report") within 1 days'
    assert sizes(within) == [(0, 0, 0), (0, 0, 0), (1, 1, 0), (0, 0, 1)]
    assert sizes('did("report") = 2') == [(0, 0, 0), (1, 1, 0), (1, 0, 0), (1, 0, 0)]
    assert sizes('any user did("report") >= 9 or first_seen_days = 10') == [(0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 1, 0)]
