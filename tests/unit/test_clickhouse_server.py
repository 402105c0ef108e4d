"""The stand-in for a ClickHouse server, asked by the real clickhouse-connect."""

from contextlib import closing
from datetime import date

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.clickhouse_server import clickhouse, client_of

TABLE = (
    "create table counts (name String, day Date, times UInt64) engine = MergeTree order by (name, day)"
    " settings non_replicated_deduplication_window = 100"
)
ROWS = [["ana", date(2026, 11, 1), 3], ["acme's", date(2026, 11, 2), 5]]


@pytest.fixture(scope="module")
def databases():
    """A running server."""
    with clickhouse() as make:
        yield make


@pytest.fixture
def client(databases):
    """A client of an empty database with the table."""
    with closing(client_of(databases())) as made:
        made.command(TABLE)
        yield made


def test_what_was_inserted_is_read_with_bound_parameters(client):
    """Rows come back in their types, and quotes in a bound value are text."""
    client.insert("counts", ROWS, ["name", "day", "times"])

    found = client.query(
        "select name, day, times from counts where name in {names:Array(String)} and day >= {first:Date} order by day",
        parameters={"names": ["acme's", "bob"], "first": date(2026, 11, 2)},
    )

    assert found.result_rows == [("acme's", date(2026, 11, 2), 5)]


def test_arrow_goes_in_and_out(client):
    """A table of Arrow is inserted and asked for whole."""
    table = pa.table({"name": ["ana"], "day": pa.array([date(2026, 11, 1)]), "times": pa.array([3], pa.uint64())})
    client.insert_arrow("counts", table)

    assert client.query_arrow("select times from counts").to_pylist() == [{"times": 3}]


def test_a_repeat_under_its_token_is_dropped(client):
    """Settings of one insert reach the engine, and end with it."""
    for _ in range(3):
        client.insert("counts", ROWS, ["name", "day", "times"], settings={"insert_deduplication_token": "log:0-2"})
    client.insert("counts", ROWS[:1], ["name", "day", "times"])

    assert client.command("select count() from counts") == 3


def test_a_session_keeps_its_temporary_tables_and_no_setting_of_a_statement(client, databases):
    """A temporary table is there for the next statement of the same client and for no other."""
    client.command("create temporary table lent (name String)")
    client.insert_arrow("lent", pa.table({"name": ["ana"]}))
    client.set_client_setting("log_comment", "7")

    assert client.query("select name, getSetting('log_comment') from lent").result_rows == [("ana", "7")]
    assert client.command("select getSetting('log_comment')", settings={"log_comment": "8"}) == 8
    assert client.command("select getSetting('log_comment')") == 7
    with closing(client_of(databases())) as other, pytest.raises(DatabaseError):
        other.query("select name from lent")


def test_an_error_tells_its_code(client):
    """An unknown table is ClickHouse's code 60, and the next statement is answered."""
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as caught:
        client.query("select 1 from nothing")

    assert caught.value.code == 60
    assert client.command("select 1") == 1


def test_databases_are_apart(client, databases):
    """Another client's database does not have the table; nothing is known but by its own database."""
    with closing(client_of(databases())) as other:
        assert other.command("exists table counts") == 0
    assert client.command("exists table counts") == 1


def test_an_empty_result_has_its_columns(client):
    """No rows, and the server answers a ping."""
    found = client.query("select name, times from counts where times > 100")

    assert found.result_rows == []
    assert client.query("select name, times from counts limit 0").column_names == ("name", "times")
    assert client.ping()
