"""A ClickHouse server with the event stores of an installation, each a database of its own."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse import ClickHouseEventStore
from uptake.stores.events.clickhouse_address import ClickHouseAddress
from uptake.stores.events.clickhouse_session import ClickHouseDatabase, Client

Fault = ClickHouseError
"""What is raised where the server cannot be reached or refuses."""

CONNECT_S, ANSWER_S = 10, 600
"""How long a connection and an answer are waited for."""

DATABASES = "select name from system.databases where startsWith(name, {beginning:String})"


class ClickHouseServer:
    """Opens, drops and lists the stores of one address."""

    def __init__(self, address: ClickHouseAddress) -> None:
        """Asks the server once.  Raises Fault."""
        self._address = address
        self.generations()

    def open(self, product_id: int, generation: int, rules: StoreRules) -> ClickHouseEventStore:
        """A store, made where it is missing.  Raises Fault."""
        name = self._address.store_name(product_id, generation)
        return ClickHouseEventStore(
            self._connect, rules, database=name, generation=generation, cluster=self._address.cluster
        )

    def drop(self, product_id: int, generation: int) -> None:
        """Delete a store with everything in it, if it is there."""
        name = self._address.store_name(product_id, generation)
        ClickHouseDatabase(self._connect, name, cluster=self._address.cluster).drop()

    def generations(self) -> list[tuple[int, int]]:
        """Product and generation of every store, ascending."""
        with closing(self._connect("", {})) as client:
            rows = client.query(DATABASES, parameters={"beginning": self._address.database}).result_rows
        return sorted(found for (name,) in rows if (found := self._address.store_of(name)))

    def _connect(self, database: str, settings: Mapping[str, Any]) -> Client:
        at = self._address
        return clickhouse_connect.get_client(
            host=at.host.strip("[]"),
            port=at.port,
            username=at.user,
            password=at.password,
            database=database or "default",
            secure=at.secure,
            settings=dict(settings),
            connect_timeout=CONNECT_S,
            send_receive_timeout=ANSWER_S,
            form_encode_query_params=True,  # lists of users are longer than an address may be
        )
