"""A ClickHouse database with its connections, and a session on one of them.

A session sees what counts as of one fold, and temporary tables of its own.  A connection serves one session at a time
and is kept for the next.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.exceptions import OperationalError

from uptake.stores.events.base import StoreUnavailable
from uptake.stores.events.clickhouse_dialect import spoken
from uptake.stores.events.clickhouse_schema import NOT_BROKEN, creations, on
from uptake.stores.events.session import Rows, parameters

SETTINGS: dict[str, Any] = {
    # as other engines understand SQL
    "join_use_nulls": 1,
    "precise_float_parsing": 1,
    "aggregate_functions_null_for_empty": 1,
    "cast_keep_nullable": 1,
    "union_default_mode": "DISTINCT",
    "except_default_mode": "DISTINCT",
    "intersect_default_mode": "DISTINCT",
    "prefer_column_name_to_alias": 1,
    "joined_subquery_requires_alias": 0,
    "session_timezone": "UTC",
    # what a text calls materialized is computed once, and compiling texts costs more than it saves
    "enable_materialized_cte": 1,
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    # a statement is done when it returns, on every server that it concerns
    "mutations_sync": 2,
    "lightweight_deletes_sync": 2,
    "distributed_foreground_insert": 1,
    "distributed_product_mode": "global",
    "insert_deduplicate": 1,
    # a fold may bring any number of days, and an emptied partition is what was meant
    "max_partitions_per_insert_block": 0,
    "allow_replace_partition_from_empty_source": 1,
}
"""Of every query."""

CLUSTERED: dict[str, Any] = {
    # what was written is read, whichever replica is asked
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
    "select_sequential_consistency": 1,
    # temporary tables are on the server that is asked, and nowhere else
    "prefer_global_in_and_join": 1,
    "parallel_distributed_insert_select": 0,
    # each block that a distributed table passes on is an insert with the token of the whole: only the first would stay
    "insert_deduplicate": 0,
}
"""Of every query where tables are on a cluster."""

Client = Any
Connect = Callable[[str, Mapping[str, Any]], Client]
"""Database ('' for the server's own), settings → a new connection (clickhouse-connect)."""

LAST_BORN = f"""
select (select coalesce(max(born), 0) from folds_rows where born {NOT_BROKEN}),
  (select coalesce(max(born), 0) from benchmarks_rows)
"""
MOST_NAMED = 1000
"""So many days or numbers are named in one text: a server takes 256 KiB of it (`max_query_size`)."""

MOST_IDLE = 8
"""So many connections are kept open while nobody reads."""

_TEMPORARY = re.compile(r"create (?:or replace )?temp(?:orary)? table (?:if not exists )?(\w+)")
_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)(?:::(\w+)\[\])?")
_TYPES = {"varchar": "String", "bigint": "Int64", "integer": "Int32", "double": "Float64", "date": "Date32"}
_TYPES["boolean"] = "Bool"
_ARROW = {
    pa.string(): "String",
    pa.int64(): "Int64",
    pa.date32(): "Date32",
    pa.float64(): "Float64",
    pa.bool_(): "Bool",
}

LONGEST_LIST = 10_000
"""Characters of a list in a request: a server takes 128 KiB (`http_max_field_value_size`) for a value, and a character
may be nine bytes of it."""
_LENT = "cast((select arrayMap(row -> row.2, arraySort(groupArray((place, value)))) from list_{name}) as {type})"
"""A list that is too long for it, out of a temporary table."""


class ClickHouseSession:
    """One ClickHouse connection as a session."""

    def __init__(self, client: Client, *, as_of: int | None = None, tokens: bool = True) -> None:
        """as_of: the fold up to which rows count; the last one that was ended unless said otherwise.  tokens: are
        inserts known again by theirs?"""
        self._client, self._run, self._tokens = client, 0, tokens
        self._temporary: set[str] = set()
        self._lists: dict[str, Any] = {}
        self.see(as_of)

    def see(self, as_of: int | None) -> None:
        """Look at what counts as of a fold from now on; None: of the last one that was ended, and of the last run."""
        if as_of is None:
            as_of, self._run = self.rows(LAST_BORN)[0]
        self.as_of = as_of
        self._client.set_client_setting("log_comment", f"{as_of}:{self._run}")

    def rows(self, sql: str, **values: Any) -> Rows:
        """Run a text and return all its rows."""
        text, used = self._bound(sql, values)
        return list(self._client.query(text, parameters=used).result_rows)

    def run(self, sql: str, *, token: str = "", **values: Any) -> None:
        """Run a text for its effect.  token: the same insert with the same token changes nothing, but on a cluster."""
        text, used = self._bound(sql, values)
        self._temporary.update(_TEMPORARY.findall(text))
        self._client.command(text, parameters=used, settings=self._deduplicated(token))

    def batches(self, sql: str, **values: Any) -> Iterator[pa.RecordBatch]:
        """Run a text and yield its rows as Arrow batches."""
        text, used = self._bound(sql, values)
        with self._client.query_arrow_stream(text, parameters=used, use_strings=True) as stream:
            for part in stream:
                yield from part.to_batches() if isinstance(part, pa.Table) else (part,)

    def lend(self, **tables: pa.Table) -> None:
        """Let texts read Arrow tables by these names until they are lent anew."""
        for name, table in tables.items():
            columns = ", ".join(f"{field.name} {_column_type(table, field)}" for field in table.schema)
            self.run(f"create or replace temporary table {name} ({columns})")
            if table.num_rows:
                self.add(name, table)

    def add(self, name: str, table: pa.Table, *, token: str = "") -> None:
        """Insert an Arrow table.  token: as in `run`."""
        self._client.insert_arrow(name, table, settings=self._deduplicated(token))

    def end(self) -> None:
        """Drop what is temporary."""
        if self._temporary:
            self._client.command(f"drop temporary table if exists {', '.join(sorted(self._temporary))}")
            self._temporary.clear()
            self._lists.clear()

    def _bound(self, sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """As `bound`, with lists that are too long for a request in tables that are lent."""
        lists = {name: values[name] for name in parameters(_written(sql)) if isinstance(values[name], list | tuple)}
        lent = [name for name, value in lists.items() if sum(map(len, map(str, value))) > LONGEST_LIST]
        for name in lent:
            if self._lists.get(name) != lists[name]:
                rows = {"place": range(len(lists[name])), "value": list(lists[name])}
                self.lend(**{f"list_{name}": pa.table({each: pa.array(column) for each, column in rows.items()})})
                self._lists[name] = lists[name]
        return bound(sql, values, lent=lent)

    def _deduplicated(self, token: str) -> dict[str, str]:
        return {"insert_deduplication_token": token} if token and self._tokens else {}


def in_texts(named: Sequence[str]) -> Iterator[str]:
    """What is to be named, in lists of a bounded length; none for nothing.

    >>> [len(text) for text in in_texts(["toDate32('2026-06-01')"] * 2500)]
    [23998, 23998, 11998]
    """
    for at in range(0, len(named), MOST_NAMED):
        yield ", ".join(named[at : at + MOST_NAMED])


def _column_type(table: pa.Table, field: pa.Field) -> str:
    plain = _ARROW[field.type]
    return f"Nullable({plain})" if table[field.name].null_count else plain


@lru_cache(maxsize=1024)
def _written(sql: str) -> str:
    return spoken(sql)


def bound(sql: str, values: Mapping[str, Any], *, lent: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """A text in ClickHouse's words, its parameters with their types, and the values that it names.

    lent: lists that are in tables of their names, not in the request.
    """
    text = _written(sql)
    used = {name: values[name] for name in parameters(text)}

    def typed(found: re.Match[str]) -> str:
        name, element = found[1], found[2]
        kind = f"Array({_TYPES[element]})" if element else type_of(used[name])
        return _LENT.format(name=name, type=kind) if name in lent else f"{{{name}:{kind}}}"

    return _PARAMETER.sub(typed, text), {name: value for name, value in used.items() if name not in lent}


def type_of(value: Any) -> str:
    """The ClickHouse type of a parameter.

    >>> type_of(["a"]), type_of(True), type_of(None)
    ('Array(String)', 'Bool', 'Nullable(String)')
    """
    if isinstance(value, list | tuple):
        return f"Array({type_of(value[0]) if value else 'String'})"
    if value is None:
        return "Nullable(String)"
    known = ((bool, "Bool"), (int, "Int64"), (float, "Float64"), (date, "Date32"), (str, "String"))
    return next(name for kind, name in known if isinstance(value, kind))


@contextmanager
def unavailability_named() -> Iterator[None]:
    """Raise StoreUnavailable where a server does not answer; what the driver says of it may hold parameters."""
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable("the event store's server does not answer") from error


class ClickHouseDatabase:
    """One database: made, dropped, and read and written by sessions."""

    def __init__(self, connect: Connect, name: str, *, cluster: str = "", durable: bool = True) -> None:
        """Opens nothing yet.  cluster, durable: how its tables are made."""
        self.name, self.cluster, self._durable = name, cluster, durable
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[Client] = []

    def make(self) -> None:
        """Make the database and its tables where they are missing."""
        with self._client("") as client:
            client.command(f"create database if not exists {self.name}{on(self.cluster)}")
        with self._client(self.name) as client:
            for text in creations(self.name, self.cluster, durable=self._durable):
                client.command(text)

    def drop(self) -> None:
        """Drop the database with everything in it."""
        with self._client("") as client:
            client.command(f"drop database if exists {self.name}{on(self.cluster)} sync")

    @contextmanager
    def session(self, *, as_of: int | None = None) -> Iterator[ClickHouseSession]:
        """A session on a connection that nobody else uses; from any thread."""
        with unavailability_named():
            client, sound = self._taken(), False
            try:
                session = ClickHouseSession(client, as_of=as_of, tokens=not self.cluster)
                yield session
                session.end()
                sound = True
            finally:  # what a failed session left is not for the next one
                self._give_back(client, sound=sound)

    def _taken(self) -> Client:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connect(self.name, self._settings())

    def _give_back(self, client: Client, *, sound: bool) -> None:
        with self._lock:
            kept = sound and len(self._idle) < MOST_IDLE
            if kept:
                self._idle.append(client)
        if not kept:
            client.close()
        if not sound:
            self.close()  # the others may have lost their server, too

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    @contextmanager
    def _client(self, database: str) -> Iterator[Client]:
        client = self._connect(database, self._settings())
        try:
            yield client
        finally:
            client.close()

    def _settings(self) -> dict[str, Any]:
        return {**SETTINGS, **(CLUSTERED if self.cluster else {})}
