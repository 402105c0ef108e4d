"""ClickHouse for tests: its engine in this process (chDB), one folder a process, a database a store."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import clickhouse_connect

from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse import ClickHouseEventStore
from uptake.stores.events.clickhouse_session import ClickHouseDatabase

Create = Callable[[StoreRules], ClickHouseEventStore]
"""Makes an empty store."""

_numbers = itertools.count(1)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """The engine has one folder for as long as the process lasts."""
    return tempfile.TemporaryDirectory(prefix="clickhouse-", ignore_cleanup_errors=True)


def connect(database: str, settings: Mapping[str, Any]) -> Any:
    """A connection to the engine in this process."""
    return clickhouse_connect.get_client(
        interface="chdb", path=_folder().name, database=database or None, settings=dict(settings)
    )


def new_name() -> str:
    """A database that nobody else has, also on a server that several processes ask."""
    return f"test_{os.getpid()}_{next(_numbers)}"


@contextmanager
def clickhouse() -> Iterator[Create]:
    """Makes stores; they are dropped when the block ends."""
    made: list[str] = []

    def create(rules: StoreRules) -> ClickHouseEventStore:
        made.append(new_name())
        return ClickHouseEventStore(connect, rules, database=made[-1], generation=1)

    try:
        yield create
    finally:
        for name in made:
            ClickHouseDatabase(connect, name).drop()
