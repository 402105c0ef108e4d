"""A store on a cluster, as far as one server is one: tables distributed over it, and what is said to all servers.

The whole contract is asked of it in `test_event_store`; here is what only ClickHouse has.
"""

import pytest

from tests.clickhouse import GIVEN, LOOPBACK, clickhouse, heard, new_store
from tests.contract.test_clickhouse_fold import AFTER, BEFORE, NONE, RULES
from tests.contract.test_clickhouse_fold import (
    test_a_compaction_that_was_broken_off_changes_no_answer as test_a_compaction_that_was_broken_off_changes_no_answer,
)
from tests.contract.test_clickhouse_fold import (
    test_an_insert_that_is_sent_again_changes_nothing as test_an_insert_that_is_sent_again_changes_nothing,
)
from tests.contract.test_event_store import JUNE_1, model
from uptake.stores.events.clickhouse_schema import TABLES, VIEWS

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
