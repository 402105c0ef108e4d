"""A ClickHouse server with the event stores of an installation, each a database of its own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from uptake.stores.events.base import StoreRules, StoreUnavailable
from uptake.stores.events.clickhouse import ClickHouseEventStore
from uptake.stores.events.clickhouse_address import ClickHouseAddress
from uptake.stores.events.clickhouse_session import ClickHouseDatabase, Client, Connect

CONNECT_S, SESSION_S = 10, 600
"""How long a connection is waited for, and a session with its temporary tables stays while idle."""

DATABASES = "select name from system.databases where startsWith(name, {beginning:String})"


_REFUSED = re.compile(r"Code: (\d+)")


@contextmanager
def refusal_named() -> Iterator[None]:
    """Raise StoreUnavailable where the server cannot be reached or refuses, without what it was asked."""
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable("it does not answer") from error
    except ClickHouseError as error:
        found = _REFUSED.search(str(error))
        raise StoreUnavailable(f"it refuses with its code {found[1]}" if found else "it refuses") from error


class ClickHouseServer:
    """Opens, drops and lists the stores of one address."""

    def __init__(self, address: ClickHouseAddress) -> None:
        """Asks the server once.  Raises StoreUnavailable."""
        self._address, self._connect = address, connector(address)
        self.generations()

    def open(self, product_id: int, generation: int, rules: StoreRules) -> ClickHouseEventStore:
        """A store, made where it is missing.  Raises StoreUnavailable."""
        at = self._address
        name = at.store_name(product_id, generation)
        with refusal_named():
            return ClickHouseEventStore(self._connect, rules, database=name, generation=generation, cluster=at.cluster)

    def drop(self, product_id: int, generation: int) -> None:
        """Delete a store with everything in it, if it is there.  Raises StoreUnavailable."""
        name = self._address.store_name(product_id, generation)
        with refusal_named():
            ClickHouseDatabase(self._connect, name, cluster=self._address.cluster).drop()

    def has(self, product_id: int, generation: int) -> bool:
        """Is there such a store?"""
        return (product_id, generation) in self.generations()

    def generations(self) -> list[tuple[int, int]]:
        """Product and generation of every store, ascending."""
        with refusal_named(), closing(self._connect("", {})) as client:
            rows = client.query(DATABASES, parameters={"beginning": self._address.database}).result_rows
        return sorted(found for (name,) in rows if (found := self._address.store_of(name)))


def connector(at: ClickHouseAddress) -> Connect:
    """What makes connections to the server of an address."""

    def connect(database: str, settings: Mapping[str, Any]) -> Client:
        return clickhouse_connect.get_client(
            host=at.host.strip("[]"),
            port=at.port,
            username=at.user,
            password=at.password,
            database=database or "default",
            secure=at.secure,
            settings={**settings, "session_timeout": SESSION_S},
            connect_timeout=CONNECT_S,
            send_receive_timeout=at.answer_s,  # a server that is at work tells so now and then
            dedicated_pool=True,  # what one client found dead another must not be given
            form_encode_query_params=True,  # lists of users are longer than an address may be
        )

    return connect
