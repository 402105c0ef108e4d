"""ClickHouse for tests: its engine in this process (chDB), one folder a process, a database a store.

`UPTAKE_TEST_CLICKHOUSE_URL`, an address as `UPTAKE_STORE_URL` takes it, puts a server or a cluster in its place.
"""

import atexit
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any
from uuid import uuid4

import clickhouse_connect

from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse import ClickHouseEventStore
from uptake.stores.events.clickhouse_address import parse
from uptake.stores.events.clickhouse_schema import on
from uptake.stores.events.clickhouse_server import connector

Create = Callable[[StoreRules], ClickHouseEventStore]
"""Makes an empty store."""

_numbers = itertools.count(1)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """The engine has one folder for as long as the process lasts."""
    return tempfile.TemporaryDirectory(prefix="clickhouse-", ignore_cleanup_errors=True)


GIVEN = os.environ.get("UPTAKE_TEST_CLICKHOUSE_URL", "")
CLUSTER = parse(GIVEN).cluster if GIVEN else ""


def connect(database: str, settings: Mapping[str, Any]) -> Any:
    """A connection to the engine in this process, or to the server that is given."""
    if GIVEN:
        return connector(parse(GIVEN))(database, settings)
    return clickhouse_connect.get_client(
        interface="chdb", path=_folder().name, database=database or None, settings=dict(settings)
    )


def new_name() -> str:
    """A database that nobody else has, also on a server that several processes ask."""
    return f"test_{os.getpid()}_{uuid4().hex[:6]}_{next(_numbers)}"


TABLES_MADE = "select name from system.tables where database = currentDatabase() and engine like '%MergeTree'"

_idle: list[ClickHouseEventStore] = []
"""Empty stores that are as they were when they were made: making one takes a hundred times as long as emptying it."""


@contextmanager
def clickhouse() -> Iterator[Create]:
    """Makes stores; they are emptied when they are closed, or when the block ends."""
    made: list[ClickHouseEventStore] = []

    def create(rules: StoreRules) -> ClickHouseEventStore:
        original = _idle.pop() if _idle else _new_store()
        made.append(original)
        store = copy(original)
        store.rules, store.close = rules, lambda: give_back(original)
        store._writer = uuid4().hex  # what it inserts is not taken for what the last one did
        return store

    def give_back(store: ClickHouseEventStore) -> None:
        if any(each is store for each in made):
            _empty(store)
            made.remove(store)
            _idle.append(store)

    try:
        yield create
    finally:
        for store in [*made]:
            give_back(store)


def _new_store() -> ClickHouseEventStore:
    rules = StoreRules("UTC")
    store = ClickHouseEventStore(connect, rules, database=new_name(), generation=1, cluster=CLUSTER, durable=False)
    atexit.register(store._database.drop)
    return store


def _empty(store: ClickHouseEventStore) -> None:
    with store._writing() as session:
        for (table,) in session.rows(TABLES_MADE):
            session.run(f"truncate table {table}{on(CLUSTER)}")
