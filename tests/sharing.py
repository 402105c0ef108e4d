"""Several processes of one installation, in memory: web nodes and workers over the same stores."""

from collections.abc import Collection
from typing import Any

from tests.fakes import MemoryEventStore
from tests.fakes_log import MemoryCallLog
from tests.fakes_meta import MemoryMetaStore
from tests.house import NOW_US
from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.pipeline.following import Part
from uptake.pipeline.running import Running
from uptake.stores.events.base import StoreRules
from uptake.stores.log.base import Request
from uptake.stores.meta.leases import change_of


class NodeMeta:
    """The meta store as one process sees it, with leases of its own."""

    def __init__(self, shared: "Shared", node: int) -> None:
        self._shared, self._node = shared, node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared.meta, name)

    def leases(self, products: Collection[int]) -> frozenset[int]:
        own = self._shared.held.setdefault(self._node, set())
        change = change_of(self._node, products, self._shared.held)
        own -= set(change.give)
        own |= set(change.take)
        return frozenset(own)

    def holds(self, product_id: int) -> bool:
        return product_id in self._shared.held.get(self._node, ())

    def close(self) -> None:
        self._shared.held.pop(self._node, None)


class Shared:
    """What the processes share, and a product to begin with."""

    def __init__(self) -> None:
        self.meta, self.log = MemoryMetaStore(), MemoryCallLog()
        self.stores: dict[tuple[int, int], MemoryEventStore] = {}
        self.held: dict[int, set[int]] = {}
        self.now_us = NOW_US
        self._calls = self._nodes = 0
        self.meta.create_product(ProductConfig(), now_us=NOW_US, by="test")

    def node(self, part: Part) -> Running:
        """A further process."""
        self._nodes += 1
        meta = NodeMeta(self, self._nodes)
        return Running(meta, self.log, self._open, self._drop, clock=lambda: self.now_us, part=part)

    def kill(self, running: Running) -> None:
        """A process is gone, and its leases with it."""
        running.meta.close()

    def _open(self, product_id: int, generation: int, rules: StoreRules) -> MemoryEventStore:
        store = self.stores.setdefault((product_id, generation), MemoryEventStore(rules, generation=generation))
        return store

    def _drop(self, product_id: int, generation: int) -> None:
        self.stores.pop((product_id, generation), None)

    def track(self, user: str, event: str, *, product: int = 1, day: int = 0, **fields: Any) -> None:
        """The user did the event, so many days ago at noon."""
        self._calls += 1
        at_us = NOW_US - day * 86_400_000_000 - 6 * 3_600_000_000
        call = Call(type="track", message_id=f"m{self._calls}", at_us=at_us, user_id=user, event=event, **fields)
        self.log.append([Request(product, self.now_us, "segment", [call])])


def settled(web: Running, *workers: Running, product: int = 1) -> bool:
    """Let every process work until the web node sees everything folded and scored; False if that never comes."""
    for _ in range(50):
        for each in (*workers, web):
            each.step()
        if web.product(product).status().settled:
            return True
    return False
