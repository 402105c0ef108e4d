"""The questions that an event store on ClickHouse answers: each as of one fold."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from uptake.stores.events.base import StoreRules
from uptake.stores.events.clickhouse_session import ClickHouseSession


class ClickHouseQuestions:
    """What of `EventStore` only reads, and the numbers of scored days."""

    rules: StoreRules
    _reading: Callable[[], AbstractContextManager[ClickHouseSession]]
