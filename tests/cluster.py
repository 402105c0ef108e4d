"""A scaled installation for tests: real processes on loopback, on servers of their own.

PostgreSQL, three NATS servers and the engine of ClickHouse keep everything; web nodes and workers come and go.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.clickhouse_server import clickhouse
from tests.installed import Installed
from tests.jetstream import jetstream
from tests.postgres import postgres

SECRET = "k" * 40


class Cluster:
    """The servers, and the processes that were started on them."""

    def __init__(self, folder: Path, environment: dict[str, str], stack: ExitStack) -> None:
        self.environment = environment
        self._folder, self._stack = folder, stack
        self._count = 0

    def start(self, role: str) -> Installed:
        """A further process, with a data folder of its own; returns when it takes connections."""
        self._count += 1
        node = Installed(self._folder / f"{role}{self._count}", **self.environment)
        self._stack.callback(node.close)
        node.start("--role", role)
        return node


@contextmanager
def cluster(nats_servers: int = 3) -> Iterator[Cluster]:
    """Servers and processes that last as long as the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        database = stack.enter_context(postgres())
        servers, _ = stack.enter_context(jetstream(nats_servers))
        stores = stack.enter_context(clickhouse())
        names = ",".join(each.url.removeprefix("nats://") for each in servers)
        environment = {
            "UPTAKE_META_URL": database(),
            "UPTAKE_LOG_URL": f"nats://{names}?name=cluster&replicas={nats_servers}",
            "UPTAKE_STORE_URL": stores(),
            "UPTAKE_SECRET_KEY": SECRET,
            "UPTAKE_THREADS": "1",
        }
        yield Cluster(folder, environment, stack)
