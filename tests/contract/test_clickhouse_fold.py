"""What folds leave in a store on ClickHouse, which has no transactions: nothing of one that was broken off."""

import re
from contextlib import contextmanager, suppress
from copy import copy
from unittest import mock
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.clickhouse import clickhouse
from tests.fakes import MemoryEventStore
from uptake.stores.events import clickhouse as engine
from uptake.stores.events import clickhouse_session
from uptake.stores.events import clickhouse_upkeep as upkeep
from uptake.stores.events.base import (
    ActedRow,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    OutcomeRow,
    Published,
    StoreRules,
    TraitRow,
)
from uptake.stores.events.clickhouse_compaction import WHOLE
from uptake.stores.events.clickhouse_range import Fold, FoldTaken
from uptake.stores.events.clickhouse_schema import TABLES
from uptake.stores.events.clickhouse_session import ClickHouseSession

NOON = strategies.moment_us("2026-06-01T12:00")
DAY_US = strategies.DAY_US
RULES = StoreRules("Europe/Berlin")

BEFORE = FoldBatch(
    first=0,
    after=2,
    messages=[(b"a" * 16, NOON)],
    known=[KnownRow("user", "bob")],
    acted=[ActedRow("ana", None, "open", NOON), ActedRow("ana", None, "open", NOON + DAY_US)],
    joined=[],
    traits=[TraitRow("user", "ana", "address.city", '"Ulm"', NOON, "m1")],
    fates=[FateRow(0, NOON, NOON, "track", "ana", "", "open", "applied")],
    outcomes=[OutcomeRow(0, "track", "applied", "", "", 2)],
)
"""Ana did something before anybody said where she is."""

AFTER = FoldBatch(
    first=2,
    after=4,
    messages=[(b"b" * 16, NOON)],
    known=[],
    acted=[ActedRow("ana", None, "share", NOON), ActedRow("ana", "beta", "open", NOON + 1)],
    joined=[JoinedRow("ana", "acme", NOON + 1, "m2")],
    traits=[
        TraitRow("user", "ana", "address", None, NOON + 1, "m3"),
        TraitRow("account", "acme", "parent", '"holding"', NOON, "m3"),
    ],
    fates=[FateRow(2, NOON, NOON, "track", "ana", "", "share", "applied")],
    outcomes=[OutcomeRow(0, "track", "applied", "", "", 2)],
)
"""Then she joins an account, which what she did counts for; each table gets rows."""


@pytest.fixture(scope="module")
def create():
    """Makes empty stores."""
    with clickhouse() as make:
        yield make


def another(store):
    """A store of another process, on the same tables."""
    other = copy(store)
    other._writer = uuid4().hex
    return other


class Gone(Exception):
    """The process was killed."""


CHANGES = ("insert into", "alter table", "delete from")


def writes_before_death(number):
    """Let so many inserts, deletes and drops pass, then none."""
    left = [number]
    add, run = ClickHouseSession.add, ClickHouseSession.run

    def dying_add(self, name, table, **how):
        if name in TABLES:
            _pass(left)
        add(self, name, table, **how)

    def dying_run(self, sql, **how):
        if sql.lstrip().startswith(CHANGES):
            _pass(left)
        run(self, sql, **how)

    return mock.patch.multiple(ClickHouseSession, add=dying_add, run=dying_run)


@contextmanager
def interrupted(number, what):
    """Do something else before the insert, delete or drop of this number, once; tells how many there were."""
    passed = [0]
    add, run = ClickHouseSession.add, ClickHouseSession.run

    def pass_by():
        passed[0] += 1
        if passed[0] == number:
            with mock.patch.multiple(ClickHouseSession, add=add, run=run):
                what()

    def late_add(self, name, table, **how):
        if name in TABLES:
            pass_by()
        add(self, name, table, **how)

    def late_run(self, sql, **how):
        if sql.lstrip().startswith(CHANGES):
            pass_by()
        run(self, sql, **how)

    with mock.patch.multiple(ClickHouseSession, add=late_add, run=late_run):
        yield passed


def _pass(left):
    if not left[0]:
        raise Gone
    left[0] -= 1


def told(store):
    """What readers see of the folds."""
    return store.digest(), store.offset(), store.dirty_days(), store.outcomes(since_us=0), store.fates(most=9)


def test_a_fold_that_was_broken_off_is_as_if_it_had_never_begun(create):
    """Killed after any of its inserts, it changes no answer, and folded again it is counted once."""
    oracle = MemoryEventStore(RULES)
    for batch in (BEFORE, AFTER):
        oracle.commit(batch)
    store = create(RULES)
    store.commit(BEFORE)
    before, deaths = told(store), 0

    while True:
        try:
            with writes_before_death(deaths):
                store.commit(AFTER)
            break
        except Gone:
            deaths += 1
            assert told(store) == before

    assert deaths > len(TABLES) // 2
    assert told(store) == (oracle.digest(), 4, oracle.dirty_days(), oracle.outcomes(since_us=0), oracle.fates(most=9))
    store.close()


def test_a_broken_fold_does_not_decide_what_the_next_one_holds(create):
    """After a crash other calls may be folded together; what was begun before is gone."""
    store, oracle = create(RULES), MemoryEventStore(RULES)
    for each in (store, oracle):
        each.commit(BEFORE)
    with writes_before_death(12), pytest.raises(Gone):
        store.commit(AFTER)
    less = FoldBatch(2, 3, [], [], AFTER.acted[:1], [], [], [], [])

    for each in (store, oracle):
        each.commit(less)

    assert store.digest() == oracle.digest()
    store.close()


def test_a_process_that_was_thought_dead_adds_nothing(create):
    """Wherever in its fold another process took over, the calls count once, and the first one is told."""
    oracle = MemoryEventStore(RULES)
    for batch in (BEFORE, AFTER):
        oracle.commit(batch)

    for number in range(1, 30, 4):
        first = create(RULES)
        first.commit(BEFORE)
        second = another(first)
        with interrupted(number, lambda other=second: other.commit(AFTER)) as passed, suppress(FoldTaken, ValueError):
            first.commit(AFTER)
            assert number > passed[0]

        assert (second.digest(), second.offset()) == (oracle.digest(), 4)
        second.compact(least=-1, seconds=NONE)
        assert second.digest() == oracle.digest()
        first.close()


def test_an_insert_that_is_sent_again_changes_nothing(create):
    """Where its answer was lost, the same rows with the same token are known."""
    once, twice = create(RULES), create(RULES)
    add, run = ClickHouseSession.add, ClickHouseSession.run

    def add_twice(self, name, table, *, token=""):
        for _ in range(2 if token else 1):
            add(self, name, table, token=token)

    def run_twice(self, sql, *, token="", **values):
        for _ in range(2 if token else 1):
            run(self, sql, token=token, **values)

    with mock.patch.multiple(ClickHouseSession, add=add_twice, run=run_twice):
        for batch in (BEFORE, AFTER):
            twice.commit(batch)
    for batch in (BEFORE, AFTER):
        once.commit(batch)

    assert told(twice) == told(once)
    for store in (once, twice):
        store.close()


def test_a_reader_tells_one_commit(create):
    """What is folded while somebody reads is seen by the next reader."""
    store = create(RULES)
    store.commit(BEFORE)

    with store._reading() as session:
        before = session.rows("select sum(times) from daily_counts")
        store.commit(AFTER)
        assert session.rows("select sum(times) from daily_counts") == before == [(2,)]

    with store._reading() as session:
        assert session.rows("select sum(times) from daily_counts") == [(4,)]
    store.close()


GRACE, NONE = 600, -60
"""Seconds for which somebody may be reading."""


def test_compaction_does_not_concern_who_is_reading(create):
    """A reader tells the same after it; whoever comes later tells the same, too, when what was before is dropped."""
    store, oracle = create(RULES), MemoryEventStore(RULES)
    store.commit(BEFORE)
    asked = "select user_id, account_id, event, sum(times) from daily_counts group by all order by all"

    with store._reading() as session:
        before = session.rows(asked)
        store.commit(AFTER)
        store.compact(least=-1, seconds=GRACE)
        assert session.rows(asked) == before

    for batch in (BEFORE, AFTER):
        oracle.commit(batch)
    assert store.digest() == oracle.digest()
    store.compact(least=10**6, seconds=NONE)
    assert store.digest() == oracle.digest()
    store.close()


def test_a_compaction_that_was_broken_off_changes_no_answer(create):
    """Killed before any of its inserts, deletes or drops, nothing is lost, and the next one leaves nothing behind."""
    store = create(RULES)
    for batch in (BEFORE, AFTER):
        store.commit(batch)
    before, deaths = told(store), 0

    while True:
        try:
            with writes_before_death(deaths):
                store.compact(least=-1, seconds=NONE)
            break
        except Gone:
            deaths += 1
            assert told(store) == before

    assert deaths > len(WHOLE)
    assert told(store) == before
    with store._reading() as session:
        assert session.rows("select uniqExact(base) from traits_rows") == [(1,)]
    store.close()


def test_compaction_gives_way_to_another_process(create):
    """Wherever in it another one folds, what that one has folded counts."""
    oracle = MemoryEventStore(RULES)
    for batch in (BEFORE, AFTER):
        oracle.commit(batch)

    number = 1
    while True:
        first = create(RULES)
        first.commit(BEFORE)
        second = another(first)
        with interrupted(number, lambda other=second: other.commit(AFTER)) as passed, suppress(FoldTaken):
            first.compact(least=-1, seconds=NONE)
        if number > passed[0]:
            break

        assert (second.digest(), second.offset()) == (oracle.digest(), 4)
        second.compact(least=-1, seconds=NONE)
        assert second.digest() == oracle.digest()
        first.close()
        number += 4

    assert number > len(WHOLE)


def test_a_fold_that_follows_upon_a_broken_one_never_counts(create):
    """A process that was thought dead ends its fold and makes another one, before it is said that the first is broken:
    both are folded again."""
    store, oracle = create(RULES), MemoryEventStore(RULES)
    for batch in (BEFORE, AFTER):
        oracle.commit(batch)
    store.commit(BEFORE)
    dead, other = another(store), another(store)
    with mock.patch.object(Fold, "end", side_effect=Gone), pytest.raises(Gone):
        dead.commit(AFTER)

    def go_on():
        with dead._folding() as session:
            born = session.rows("select max(born) from begun_rows")[0][0]
            session.run(f"insert into folds_rows (first_offset, next_offset, content, born) values (2, 4, '', {born})")
        dead.commit(FoldBatch(4, 5, [], [], AFTER.acted, [], [], [], []))

    with interrupted(1, go_on):
        other.commit(AFTER)

    assert (store.digest(), store.offset()) == (oracle.digest(), 4)
    store.close()


def test_what_tells_of_folds_does_not_grow(create):
    """However many folds there were and states were published, a few rows are left that tell of them."""
    store = create(RULES)
    store.commit(BEFORE)
    for place in range(2, 12):
        store.publish(Published(place, 1, NOON), clear_dirty=True)
        store.commit(FoldBatch(place, place + 1, [], [], AFTER.acted[:1], [], [], [], []))
    before = told(store), store.published()

    store.compact(least=10**6, seconds=NONE)

    tables = ("begun_rows", "folds_rows", "published_rows", "dirty_days_rows")
    with store._reading() as session:
        assert [session.rows(f"select count() from {table}") for table in tables] == [[(1,)]] * 4
    assert (told(store), store.published()) == before
    store.close()


def test_numbers_of_broken_folds_do_not_grow_for_ever(create, monkeypatch):
    """However often a process dies the latest numbers are left, and those of which rows are, for these must not
    count."""
    monkeypatch.setattr(upkeep, "KEPT_BROKEN", 3)
    store = create(RULES)
    store.commit(BEFORE)
    for _ in range(6):
        with writes_before_death(2), pytest.raises(Gone):
            store.commit(AFTER)
    store.commit(AFTER)
    before = told(store)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "drop_broken", lambda *_, **__: None)
        store.compact(least=10**6, seconds=GRACE)
        assert broken(store) == [2, 3, 4, 5, 6, 7]
        store.compact(least=10**6, seconds=NONE)
    assert (broken(store), told(store)) == ([2, 5, 6, 7], before)

    store.compact(least=10**6, seconds=NONE)
    assert (broken(store), told(store)) == ([5, 6, 7], before)
    store.close()


def broken(store):
    """The numbers of folds that never count."""
    with store._reading() as session:
        return [born for (born,) in session.rows("select born from broken_rows order by born")]


def test_a_store_looks_after_itself_every_so_many_folds(create, monkeypatch):
    """Small folds count, too, not only the rows that they bring."""
    monkeypatch.setattr(engine, "COMPACT_EVERY", 3 * engine.ROWS_A_FOLD)
    store = create(RULES)
    store._uncompacted = 0

    with mock.patch.object(store, "compact") as compact:
        for place in range(3):
            store.commit(FoldBatch(place, place + 1, [], [], [], [], [], [], []))

    compact.assert_called_once()
    store.close()


@settings(max_examples=settings().max_examples // 10)
@given(
    folds=strategies.folds(),
    zone=st.sampled_from(strategies.ZONES),
    deaths=st.lists(st.integers(0, 20)),
    seconds=st.sampled_from([GRACE, NONE]),
)
def test_folds_and_compaction_agree_with_the_oracle(create, folds, zone, deaths, seconds):
    """Whatever is folded, broken off or added up for good between, state and marked days are the oracle's."""
    rules = StoreRules(zone)
    store, oracle = create(rules), MemoryEventStore(rules)

    for place, batch in enumerate(folds):
        if place < len(deaths):
            with suppress(Gone), writes_before_death(deaths[place]):
                store.commit(batch)
        if store.offset() == batch.first:
            store.commit(batch)
        oracle.commit(batch)
        if place % 2:
            store.compact(least=-1, seconds=seconds)

        assert store.digest() == oracle.digest()
        assert store.dirty_days() == oracle.dirty_days()
    store.close()


def test_compaction_leaves_a_row_a_key(create):
    """Parts that folds appended are added up, what was taken back goes, and every answer stays."""
    store = create(RULES)
    for batch in (BEFORE, AFTER):
        store.commit(batch)
    before = told(store)

    for _ in range(2):  # what is gone is known to be when no rows of it are left
        store.compact(least=-100, seconds=NONE)

    with store._reading() as session:
        rows = {
            table: session.rows(f"select count(), uniqExact(born, base) from {table}_rows")[0]
            for table in ("daily_counts", "traits", "gone")
        }
    assert rows == {"daily_counts": (4, 1), "traits": (3, 1), "gone": (0, 0)}
    assert told(store) == before
    store.close()


@contextmanager
def texts_run():
    """Every text that sessions run for its effect."""
    texts, run = [], ClickHouseSession.run

    def noted_run(self, sql, **how):
        texts.append(sql)
        run(self, sql, **how)

    with mock.patch.object(ClickHouseSession, "run", noted_run):
        yield texts


def named_in(texts, beginning):
    """How many days the texts that begin so name: each, and all of them."""
    named = [re.findall(r"'\d{4}-\d\d-\d\d'", text) for text in texts if text.lstrip().startswith(beginning)]
    return [len(each) for each in named], {day for each in named for day in each}


def test_however_many_days_are_added_up_no_text_grows(create, monkeypatch):
    """They are named a few at a time, where they are written anew and where what they replace goes; none is lost."""
    monkeypatch.setattr(clickhouse_session, "MOST_NAMED", 3)
    store, received_us = create(RULES), NOON + 60 * DAY_US
    acted = [ActedRow("ana", None, "open", NOON + day * DAY_US) for day in range(8)]
    messages = [(bytes([day]) * 16, NOON + day * DAY_US) for day in range(8)]
    store.commit(FoldBatch(0, 8, [*messages, (b"z" * 16, received_us)], [], acted, [], [], [], []))
    before = told(store)

    with texts_run() as texts:
        store.compact(least=-100, seconds=NONE)

    days = {f"'2026-06-{day:02}'" for day in range(1, 9)}
    for table in ("daily_counts", "active_days"):
        assert named_in(texts, f"insert into {table}_rows") == ([3, 3, 2], days)
        assert named_in(texts, f"alter table {table}_rows") == ([3, 3, 2], days)
    forgotten = [text.count("drop partition") for text in texts if text.startswith("alter table messages_rows")]
    assert forgotten == [3, 3, 2]
    assert told(store) == before
    assert store.seen([(b"z" * 16, received_us + 1)]) == [True]
    with store._reading() as session:
        assert session.rows("select count(), uniqExact(day) from daily_counts_rows") == [(8, 8)]
    store.close()


def test_messages_are_forgotten_by_days(create):
    """Those that no call inside the window can repeat go; the latest stay."""
    store = create(RULES)
    window = RULES.dedupe_us
    for place, received_us in enumerate((NOON, NOON + 3 * window, NOON + 4 * window)):
        store.commit(FoldBatch(place, place + 1, [(bytes([place]) * 16, received_us)], [], [], [], [], [], []))

    store.compact()

    with store._reading() as session:
        assert session.rows("select count() from messages") == [(2,)]
    assert store.seen([(bytes([2]) * 16, NOON + 4 * window + 1)]) == [True]
    store.close()
