"""The tables of an event store on ClickHouse, as its engine makes them."""

import pytest

from tests.clickhouse import clickhouse
from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse_schema import TABLES, VIEWS, creations
from uptake.stores.events.schema import TABLES as DUCKDB_TABLES

NOT_ASKED = {"compacted"}
"""What only compaction of the other engine reads."""


@pytest.fixture
def store():
    """An empty store."""
    with clickhouse() as create:
        store = create(StoreRules("UTC"))
        yield store
        store.close()


def test_views_have_the_names_and_columns_of_the_embedded_tables(store):
    """One text can ask both engines: what it reads is called alike."""
    expected = {
        table: [column.split()[0] for column in columns.split(", ")]
        for table, columns in DUCKDB_TABLES.items()
        if table not in NOT_ASKED
    }

    with store._reading() as session:
        told = {view: [row[0] for row in session.rows(f"describe table {view}")] for view in VIEWS}

    assert {view: sorted(columns) for view, columns in told.items()} == {
        table: sorted(columns) for table, columns in expected.items()
    }


def test_an_empty_store_answers_nothing(store):
    """Every view can be read before the first fold, and the offset is 0."""
    with store._reading() as session:
        told = {view: session.rows(f"select * from {view}") for view in VIEWS}

    assert told.pop("fold_cursor") == [(0,)]
    assert set(map(tuple, told.values())) == {()}


def test_an_insert_is_on_disk_when_it_returns():
    """Unless said otherwise: the offset must not outlive the rows before it."""
    made = [text for text in creations("uptake_1_1") if "engine = MergeTree" in text]

    assert made
    assert all("fsync_after_insert = 1, fsync_part_directory = 1" in text for text in made)


def test_tables_of_a_cluster_are_made_on_all_its_servers():
    """Each is replicated on its shard, and one of its name stands for all shards."""
    texts = list(creations("uptake_1_1", "main"))

    assert all(" on cluster main" in text for text in texts)
    assert sum("engine = ReplicatedMergeTree" in text for text in texts) == sum(
        "engine = Distributed(main, uptake_1_1, " in text for text in texts
    )
    assert len(texts) == 2 * len(TABLES) + len(VIEWS)
