"""A store on a cluster, as far as one server is one: tables distributed over it, and what is said to all servers."""

import pytest

from tests.clickhouse import GIVEN, LOOPBACK, clickhouse, heard, new_store
from tests.contract.test_clickhouse_fold import AFTER, BEFORE, NONE, RULES, told
from tests.contract.test_clickhouse_fold import (
    test_a_compaction_that_was_broken_off_changes_no_answer as test_a_compaction_that_was_broken_off_changes_no_answer,
)
from tests.contract.test_event_store import JUNE_1, model
from tests.fakes import MemoryEventStore
from uptake.stores.events.clickhouse_schema import TABLES, VIEWS
from uptake.stores.events.clickhouse_session import SETTINGS

pytestmark = pytest.mark.skipif(bool(GIVEN), reason="a server that is given says itself whether it is a cluster")


@pytest.fixture(scope="module")
def create():
    """Makes empty stores on the cluster of one server."""
    with clickhouse(LOOPBACK) as make:
        yield make


def test_the_engine_understands_what_is_said_to_all_servers(create):
    """Making, folding, adding up, forgetting and dropping: each kind of statement is one that it parses as it is."""
    heard.clear()
    store = new_store(LOOPBACK)
    for batch in (BEFORE, AFTER):
        store.commit(batch)
    for _ in range(2):
        store.rescore([model()], [JUNE_1])
    store.compact(least=-1, seconds=NONE)
    store.sweep(seconds=NONE)
    store._database.drop()

    kinds = {" ".join(text.split()[:2]) for text in heard}
    assert kinds == {"create database", "create table", "create view", "delete from", "alter table", "drop database"}


def test_every_table_is_distributed(create):
    """One of each name stands for those of all servers; what is asked goes there."""
    store = create(RULES)
    store.commit(BEFORE)

    with store._reading() as session:
        engines = dict(session.rows("select name, engine from system.tables where database = currentDatabase()"))
        there = session.rows("select count() from events_rows_local")

    assert engines == {
        **dict.fromkeys(TABLES, "Distributed"),
        **{f"{table}_local": "MergeTree" for table in TABLES},
        **dict.fromkeys(VIEWS, "View"),
    }
    assert there == [(len(BEFORE.acted),)]
    store.close()


def test_an_insert_may_come_in_many_blocks(monkeypatch):
    """A distributed table passes each on by itself, and every row arrives: of folds, of a compaction and of scores."""
    for name in ("max_block_size", "min_insert_block_size_rows", "min_insert_block_size_bytes"):
        monkeypatch.setitem(SETTINGS, name, 1)
    store, oracle = new_store(LOOPBACK), MemoryEventStore(RULES)
    store.rules = RULES

    for each in (store, oracle):
        for batch in (BEFORE, AFTER):
            each.commit(batch)
        each.rescore([model()], [JUNE_1])
    assert store.digest() == oracle.digest()
    before = told(store)
    store.compact(least=-1, seconds=NONE)

    assert told(store) == before
    store._database.drop()
