"""The event store on ClickHouse: a database for a product and generation, on one server or a cluster."""

from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse_questions import ClickHouseQuestions
from uptake.stores.events.clickhouse_session import ClickHouseDatabase, Connect


class ClickHouseEventStore(ClickHouseQuestions):
    """`EventStore` on ClickHouse."""

    def __init__(
        self, connect: Connect, rules: StoreRules, *, database: str, generation: int, cluster: str = ""
    ) -> None:
        """Open the database, made if it is not there; its rows must have been folded under the same zone."""
        self.rules, self.generation = rules, generation
        self._database = ClickHouseDatabase(connect, database, cluster=cluster)
        self._database.make()
        self._reading = self._database.session

    def close(self) -> None:
        """Give connections back."""
        self._database.close()
