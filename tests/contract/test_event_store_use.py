"""How much events are done, on every engine of the event store, held against the oracle."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.contract.test_event_store import DAY_US, JUNE_1, KINDS, NOON, acts, engine, fold, model, other, store, trait
from tests.fakes import MemoryEventStore
from uptake.segments import parse
from uptake.stores.events.base import JoinedRow, StoreRules
from uptake.stores.events.usage import EVERYBODY, ActiveDay, Doer, Use

__all__ = ["engine", "other", "store"]

SETS = st.lists(st.sets(st.sampled_from((*strategies.EVENTS, "never done")), max_size=3), min_size=1, max_size=4)


@settings(max_examples=settings().max_examples * 3 // 5)
@given(
    folds=strategies.folds(most=2),
    sets=SETS,
    asked=strategies.models(),
    days=st.tuples(st.sampled_from(strategies.DAYS), st.sampled_from(strategies.DAYS)).map(sorted),
    of=st.sampled_from([EVERYBODY, ("account",), ("user",), ()]),
    zone=st.sampled_from(strategies.ZONES),
)
def test_every_engine_counts_use_alike(other, folds, sets, asked, days, of, zone):
    """Times, users and accounts of any sets of events, by day, around a day and in all, and who did them most."""
    oracle, compiled = MemoryEventStore(StoreRules(zone)), other(StoreRules(zone))
    for batch in folds:
        oracle.commit(batch)
        compiled.commit(batch)

    for apart in ({}, {"by_day": True}, {"since": days[1]}, {"since": days[0]}):
        expected = oracle.use(sets, asked, (days[0], days[1]), **apart, of=of)
        assert compiled.use(sets, asked, (days[0], days[1]), **apart, of=of) == expected
    for kind in KINDS:
        expected = oracle.doers(kind, sets[0], asked, (days[0], days[1]), most=3)
        assert compiled.doers(kind, sets[0], asked, (days[0], days[1]), most=3) == expected
    compiled.close()


def test_use_counts_everybody_once(store):
    """acme and corp above it have ana and eve; who is excluded is counted nowhere; an empty set is every event."""
    fold(
        store,
        [
            JoinedRow("ana", "acme", NOON, "m"),
            JoinedRow("eve", "acme", NOON, "m"),
            JoinedRow("bob", "beta", NOON, "m"),
            trait("account", "acme", "parent", "corp"),
            *acts("ana", "report", 3),
            *acts("ana", "report", 2, at_us=NOON - DAY_US),
            *acts("eve", "share"),
            *acts("bob", "report"),
            *acts("zoe", "report"),
        ],
    )
    asked = model(excluded_users=frozenset({"bob"}))
    before = JUNE_1 - timedelta(days=1)

    by_day = store.use([["report"], [], ["share", "never"]], asked, (before, JUNE_1), by_day=True)
    in_all = store.use([["report"], [], ["never"]], asked, (before, JUNE_1))
    since = store.use([["report"], []], asked, (before - timedelta(days=9), JUNE_1 + timedelta(days=9)), since=JUNE_1)

    assert by_day == [
        Use(0, before, 2, 1, 2),
        Use(0, JUNE_1, 4, 2, 2),
        Use(1, before, 2, 1, 2),
        Use(1, JUNE_1, 5, 3, 2),
        Use(2, JUNE_1, 1, 1, 2),
    ]
    assert in_all == [Use(0, None, 6, 2, 2), Use(1, None, 7, 3, 2)]
    last = JUNE_1 + timedelta(days=9)
    assert since == [Use(0, before, 2, 1, 2), Use(0, last, 4, 2, 2), Use(1, before, 2, 1, 2), Use(1, last, 5, 3, 2)]
    assert store.doers("user", ["report"], asked, (before, JUNE_1), most=9) == [
        Doer("ana", 5, 2, JUNE_1),
        Doer("zoe", 1, 1, JUNE_1),
    ]
    without = model(excluded_accounts=frozenset({"corp"}))
    assert [use.accounts for use in store.use([["share"], []], without, (JUNE_1, JUNE_1))] == [1, 2]
    assert [each.tracking_id for each in store.doers("account", ["share"], without, (JUNE_1, JUNE_1), most=9)] == [
        "acme"
    ]
    assert store.doers("account", ["report", "share"], asked, (JUNE_1, JUNE_1), most=1) == [Doer("acme", 4, 1, JUNE_1)]


@settings(max_examples=settings().max_examples * 2 // 5)
@given(
    folds=strategies.folds(most=2),
    asked=strategies.models(),
    days=st.sets(st.sampled_from(strategies.DAYS), min_size=1, max_size=4).map(sorted),
    zone=st.sampled_from(strategies.ZONES),
)
def test_every_engine_tells_alike_who_was_active(other, folds, asked, days, zone):
    """By day as many as the condition that says so holds for, users and accounts in one question."""
    oracle, compiled = MemoryEventStore(StoreRules(zone)), other(StoreRules(zone))
    for each in (oracle, compiled):
        for batch in folds:
            each.commit(batch)
        each.rescore([asked], days)
    span, lately = (days[0], days[-1]), parse(f"last_active_days < {asked.window_days}")

    found = compiled.active_by_day(asked, span)

    assert found == oracle.active_by_day(asked, span)
    members = [[day.members for day in oracle.group_history(kind, lately, asked, span)] for kind in KINDS]
    assert [[day.users for day in found], [day.accounts for day in found]] == members
    assert [day.day for day in found] == days
    compiled.close()


def test_who_is_active_leaves_with_the_last_day_of_the_window(engine):
    """In Tokyo ana's evening in UTC is the next day; bob, whom the model leaves out, never counts, nor does his
    account; corp above acme does; a day that nobody was active on is told as well."""
    store = engine(StoreRules("Asia/Tokyo"))
    evening = NOON + 4 * 3_600_000_000
    fold(
        store,
        [
            JoinedRow("ana", "acme", NOON, "m"),
            JoinedRow("bob", "beta", NOON, "m"),
            trait("account", "acme", "parent", "corp"),
            *acts("ana", "report", at_us=evening),
            *acts("bob", "report", at_us=evening),
        ],
    )
    asked = model(window_days=7, excluded_users=frozenset({"bob"}))
    days = [JUNE_1 + timedelta(days=after) for after in (0, 1, 7, 8)]
    store.rescore([asked], days)

    found = store.active_by_day(asked, (days[0], days[-1]))

    counts = [(0, 0), (1, 2), (1, 2), (0, 0)]
    assert found == [ActiveDay(day, *count) for day, count in zip(days, counts, strict=True)]
    without = model(window_days=7, excluded_users=frozenset({"ana"}), excluded_accounts=frozenset({"corp"}))
    assert store.active_by_day(without, (days[1], days[1])) == [ActiveDay(days[1], 0, 1)]
