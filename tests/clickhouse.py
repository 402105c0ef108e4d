"""ClickHouse for tests: its engine in this process (chDB), one folder a process, a database a store.

`UPTAKE_TEST_CLICKHOUSE_URL`, an address as `UPTAKE_STORE_URL` takes it, puts a server or a cluster in its place.
The engine is also a cluster of one server, with a table that is distributed over it for each of its own.  It knows no
other server: so what is said to all of a cluster is parsed as it is and run without `on cluster`, and tables are not
replicated.
"""

import atexit
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache, partial
from pathlib import Path
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

LOOPBACK = "loopback"
"""A cluster of the engine alone; by this port it takes itself for the server that is meant."""
CONFIGURED = f"""
<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers>
    <{LOOPBACK}>
      <shard>
        <internal_replication>true</internal_replication>
        <replica><host>127.0.0.1</host><port>9000</port></replica>
      </shard>
    </{LOOPBACK}>
  </remote_servers>
</clickhouse>
"""

heard: list[str] = []
"""What was said to all servers of the cluster of one."""


@cache
def _configuration() -> str:
    file = Path(_folder().name).with_suffix(".xml")
    file.write_text(CONFIGURED)
    atexit.register(file.unlink)
    return str(file)


def connect(database: str, settings: Mapping[str, Any], *, cluster: str = "") -> Any:
    """A connection to the engine in this process, or to the server that is given."""
    if GIVEN:
        return connector(parse(GIVEN))(database, settings)
    client = clickhouse_connect.get_client(
        interface="chdb",
        path=_folder().name,
        database=database or None,
        settings=dict(settings),
        chdb_options={"config-file": _configuration()},
    )
    if cluster:
        client.command = partial(_said_to_all, client, client.command)
    return client


def _said_to_all(client: Any, command: Callable[..., Any], text: str, **how: Any) -> Any:
    if on(LOOPBACK) in text:
        heard.append(text)
        client.query("select formatQuery({text:String})", parameters={"text": text})
        text = text.replace(on(LOOPBACK), "").replace(" = ReplicatedMergeTree", " = MergeTree")
        text = text.replace(" replicated_deduplication_window", " non_replicated_deduplication_window")
    return command(text, **how)


def new_name() -> str:
    """A database that nobody else has, also on a server that several processes ask."""
    return f"test_{os.getpid()}_{uuid4().hex[:6]}_{next(_numbers)}"


TABLES_MADE = "select name from system.tables where database = currentDatabase() and engine like '%MergeTree'"

_idle: dict[str, list[ClickHouseEventStore]] = {}
"""Cluster → empty stores that are as they were when they were made: making one takes a hundred times as long as
emptying it."""


@contextmanager
def clickhouse(cluster: str = CLUSTER) -> Iterator[Create]:
    """Makes stores; they are emptied when they are closed, or when the block ends."""
    made: list[ClickHouseEventStore] = []
    idle = _idle.setdefault(cluster, [])

    def create(rules: StoreRules) -> ClickHouseEventStore:
        original = idle.pop() if idle else new_store(cluster)
        made.append(original)
        store = copy(original)
        store.rules, store.close = rules, lambda: give_back(original)
        store._writer = uuid4().hex  # what it inserts is not taken for what the last one did
        return store

    def give_back(store: ClickHouseEventStore) -> None:
        if any(each is store for each in made):
            _empty(store)
            made.remove(store)
            idle.append(store)

    try:
        yield create
    finally:
        for store in [*made]:
            give_back(store)


def new_store(cluster: str) -> ClickHouseEventStore:
    """A store in a database of its own, which is dropped when the process ends."""
    store = ClickHouseEventStore(
        partial(connect, cluster=cluster),
        StoreRules("UTC"),
        database=new_name(),
        generation=1,
        cluster=cluster,
        durable=False,
    )
    atexit.register(store._database.drop)
    return store


def _empty(store: ClickHouseEventStore) -> None:
    with store._writing() as session:
        for (table,) in session.rows(TABLES_MADE):
            session.run(f"truncate table {table}{on(store._database.cluster)}")
