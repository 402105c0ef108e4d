"""Lists that questions bring, as the interface of a ClickHouse server takes them."""

import pytest

from tests.clickhouse_server import clickhouse
from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse_address import parse
from uptake.stores.events.clickhouse_server import ClickHouseServer

USERS = [f"zoë-{number:05}@acme.example" for number in range(20_000)]
"""Half a megabyte: no server takes as much for one value."""
PLACES = [*range(20_000)]


@pytest.fixture(scope="module")
def store():
    """An empty store."""
    with clickhouse() as databases:
        store = ClickHouseServer(parse(databases())).open(1, 1, StoreRules("UTC"))
        yield store
        store.close()


def test_a_list_may_be_longer_than_a_request_takes(store):
    """Side by side, each row has its own of both; as a set, whoever is in it is found; the next list is another one."""
    side_by_side = "select unnest($users::varchar[]) as user, unnest($places::integer[]) as place"
    those = "select place from listed where user in (select unnest($users::varchar[])) order by place"

    with store._reading() as session:
        assert session.rows(f"{side_by_side} order by place", users=USERS, places=PLACES) == [
            *zip(USERS, PLACES, strict=True)
        ]
        session.run(f"create or replace temporary table listed as {side_by_side}", users=USERS, places=PLACES)
        assert session.rows(those, users=USERS[5000:]) == [(place,) for place in PLACES[5000:]]
        assert session.rows(those, users=USERS[:2]) == [(0,), (1,)]
