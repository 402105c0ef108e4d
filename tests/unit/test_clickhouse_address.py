"""The address of a ClickHouse server, and what is told where it cannot be used."""

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from uptake.stores.events.base import StoreUnavailable
from uptake.stores.events.clickhouse_address import ClickHouseAddress, parse
from uptake.stores.events.clickhouse_server import ClickHouseServer
from uptake.stores.events.clickhouse_session import ClickHouseDatabase


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("clickhouse://one/uptake", ClickHouseAddress("one", 8123, "default", "", "uptake")),
        ("clickhouse://ana:a%3Ab@one:99/acme_2", ClickHouseAddress("one", 99, "ana", "a:b", "acme_2")),
        ("clickhouse://[::1]/u?secure=1", ClickHouseAddress("[::1]", 8443, "default", "", "u", True)),
        ("clickhouse://one/u?cluster=Main", ClickHouseAddress("one", 8123, "default", "", "u", False, "Main")),
        ("clickhouse://one/u?answer_s=1", ClickHouseAddress("one", 8123, "default", "", "u", answer_s=1)),
        ("clickhouse://one/u?answer_s=3600", ClickHouseAddress("one", 8123, "default", "", "u", answer_s=3600)),
    ],
)
def test_an_address_names_server_user_database_and_cluster(text, address):
    """What it leaves out is the server's own default."""
    assert parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://one/uptake",
        "clickhouse://one",
        "clickhouse://one/",
        "clickhouse://one/Up",
        "clickhouse://one/u;drop",
        "clickhouse://one:0/u",
        "clickhouse://one:70000/u",
        "clickhouse://one/u?secure=yes",
        "clickhouse://one/u?cluster=a;b",
        "clickhouse://one/u?answer_s=0",
        "clickhouse://one/u?answer_s=3601",
        "clickhouse://one/u?answer_s=-5",
        "clickhouse://one/u?answer_s=1.5",
        "clickhouse://one/u?answer_s=2m",
        "clickhouse://one/u?answer_s=",
        "clickhouse://one/u?other=1",
        "clickhouse://a:hush@@one/u",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(text):
    """It may hold a password."""
    with pytest.raises(ValueError, match=r"no |unknown") as told:
        parse(text)

    assert "hush" not in str(told.value)


def test_only_stores_of_the_address_are_its_stores():
    """Another installation's databases on the same server, and other databases, are left alone."""
    address = parse("clickhouse://one/acme")

    assert address.store_of(address.store_name(12, 3)) == (12, 3)
    assert [address.store_of(name) for name in ("acme_p1", "acme2_p1_g1", "acme_p1_g1_old", "beta_p1_g1")] == [None] * 4


def test_a_server_that_is_away_is_told_without_what_it_was_asked(monkeypatch):
    """Opening and reading alike; the driver's own words may hold what people are called."""
    monkeypatch.setattr("uptake.stores.events.clickhouse_server.CONNECT_S", 1)

    with pytest.raises(StoreUnavailable, match="it does not answer"):
        ClickHouseServer(parse("clickhouse://ana:hush@127.0.0.1:9/uptake"))


def test_a_connection_that_broke_is_not_used_again():
    """Nor are those that waited beside it; the next read makes a new one."""
    made = []

    class Broken:
        closed = False

        def query(self, *_asked, **_more):
            raise OperationalError("url: /?param_user=ana")

        def close(self):
            self.closed = True

    def connect(_database, _settings):
        made.append(Broken())
        return made[-1]

    database = ClickHouseDatabase(connect, "uptake_p1_g1")

    for _ in range(2):
        with pytest.raises(StoreUnavailable) as told, database.session():
            pass
        assert "ana" not in str(told.value)

    assert [client.closed for client in made] == [True, True]
