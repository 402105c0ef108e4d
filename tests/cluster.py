"""A scaled installation for tests: real processes on loopback, on servers of their own.

PostgreSQL, three NATS servers and the engine of ClickHouse keep everything; web nodes and workers come and go.
"""

import itertools
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.clickhouse_server import clickhouse
from tests.installed import Installed
from tests.jetstream import jetstream
from tests.postgres import postgres

SECRET = "k" * 40


class Cluster:
    """The servers, and the processes that were started on them."""

    def __init__(self, folder: Path, renewed: Callable[[], dict[str, str]], stack: ExitStack) -> None:
        """renewed: the settings of an installation on these servers that is empty."""
        self._folder, self._renewed, self._stack = folder, renewed, stack
        self.environment = renewed()
        self._nodes: list[Installed] = []
        self._count = 0
        self.log_folders: list[Path] = []

    def renew(self, **more: str) -> None:
        """End every process, and begin an empty installation on the same servers."""
        for node in self._nodes:
            node.close()
        self._nodes.clear()
        self.environment = {**self._renewed(), **more}

    def start(self, role: str, **environment: str) -> Installed:
        """A further process, with a data folder of its own; returns when it takes connections.

        environment: what is other for it than for all.
        """
        self._count += 1
        node = Installed(self._folder / f"{role}{self._count}", **{**self.environment, **environment})
        self._stack.callback(node.close)
        self._nodes.append(node)
        node.start("--role", role)
        return node


def leased_in(metrics: str) -> set[int]:
    """The products that a worker holds, out of its metrics."""
    return {int(each) for each in re.findall(r'^uptake_folded_offset\{product="(\d+)"\}', metrics, re.MULTILINE)}


def ready(node: Installed) -> bool:
    """Does it say that it can do its work?"""
    return node.get("/readyz").status_code == 200


def folded(node: Installed, token: str) -> int:
    """How many calls are folded, as far as it can tell."""
    answer = node.read("/v2/status", token)
    return answer.json()["folded"]["offset"] if answer.status_code == 200 else 0


@contextmanager
def cluster(nats_servers: int = 3, *, meta_url: str = "") -> Iterator[Cluster]:
    """Servers and processes that last as long as the block.

    meta_url: of a database that is there; without it there is a PostgreSQL too.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        database = (lambda: meta_url) if meta_url else stack.enter_context(postgres())
        servers, _ = stack.enter_context(jetstream(nats_servers))
        stores = stack.enter_context(clickhouse())
        names = ",".join(each.url.removeprefix("nats://") for each in servers)
        numbers = itertools.count(1)

        def renewed() -> dict[str, str]:
            return {
                "UPTAKE_META_URL": database(),
                "UPTAKE_LOG_URL": f"nats://{names}?name=cluster{next(numbers)}&replicas={nats_servers}",
                "UPTAKE_STORE_URL": stores(),
                "UPTAKE_SECRET_KEY": SECRET,
                "UPTAKE_THREADS": "1",
                "UPTAKE_MAX_FILES_MB": "200",
            }

        cluster = Cluster(folder, renewed, stack)
        cluster.log_folders = [each.folder for each in servers]
        yield cluster
