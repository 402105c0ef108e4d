"""A whole installation in memory, for tests of what is read: calls go through log, fold and scores as they do in life.

Days are counted back from `TODAY`; `track("ana", "Export", day=3)` happened three days ago at noon.
"""

import itertools
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from litestar.testing import TestClient

from tests.fakes import MemoryEventStore
from tests.fakes_log import MemoryCallLog
from tests.fakes_meta import MemoryMetaStore
from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.core.days import to_us
from uptake.core.errors import Rejection
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.directory import Directory
from uptake.pipeline.product import OpenStore, RunningProduct
from uptake.pipeline.running import Running
from uptake.stores.events.base import EventStore, StoreRules
from uptake.stores.log.base import Request
from uptake.web.access import AccessOptions
from uptake.web.app import WebOptions, create_app

OPEN = AccessOptions(open_on_loopback=True)
CLOSED = AccessOptions()
TODAY = date(2026, 11, 23)
NOW_US = to_us(datetime(2026, 11, 23, 18, tzinfo=UTC))


class House:
    """One product in memory, a clock that stands still, and somebody who sends calls."""

    def __init__(self, config: ProductConfig | None = None, *, open_store: OpenStore | None = None) -> None:
        """open_store: another event store than the one in memory."""
        self.now_us = NOW_US
        self.meta, self.log = MemoryMetaStore(), MemoryCallLog()
        self.running = Running(self.meta, self.log, open_store or _in_memory, _drop, clock=self.clock)
        self.product: RunningProduct = self.running.create_product(config or ProductConfig(), by="test")
        self.directory = Directory(self.running)
        self._ids = itertools.count(1)

    def clock(self) -> int:
        return self.now_us

    def send(self, *calls: Call, refused: tuple[Rejection, ...] = ()) -> None:
        """Log calls as one request of now."""
        self.log.append([Request(self.product.product_id, self.now_us, "segment", calls, refused)])

    def track(self, user: str, event: str, *, day: int = 0, times: int = 1, account: str | None = None) -> None:
        """The user did the event some days ago, perhaps naming the account."""
        context = {"groupId": account} if account else None
        for _ in range(times):
            self.send(self._call("track", day, user_id=user, event=event, context=context))

    def group(self, user: str | None, account: str, *, day: int = 80, **traits: Any) -> None:
        """The user joined the account some days ago."""
        self.send(self._call("group", day, user_id=user, group_id=account, traits=traits))

    def identify(self, user: str, *, day: int = 80, **traits: Any) -> None:
        """The user has these traits since some days ago."""
        self.send(self._call("identify", day, user_id=user, traits=traits))

    def settle(self) -> None:
        """Fold and score everything."""
        self.running.settle(self.product.product_id)

    def change(self, change: Callable[[ProductConfig], ProductConfig]) -> None:
        """Configure the product anew."""
        self.running.change_config(self.product.product_id, lambda version: change(version.config), by="test")

    def token(self, kind: str = "read") -> str:
        """A new key of the product."""
        _, text = self.meta.create_key(self.product.product_id, kind, name=kind, now_us=self.now_us)
        self.directory.refresh()
        return text

    @contextmanager
    def client(self, token: str | None = None, *, access: AccessOptions = OPEN, address="127.0.0.1", **options: Any):
        """A client of the whole server, with a good read token unless another is given.

        access: unless another is given, whoever is at the machine is an owner.  address: where the client is.
        """
        self.acceptor = acceptor = Acceptor(self.log, max_waiting=100)
        app = create_app(self.running, self.directory, acceptor, WebOptions(access=access, **options))
        self.app, self.access = app, app.site.site.state.site.access
        bearer = self.token() if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        acceptor.start()
        try:
            at = _at(app, address)
            with TestClient(at, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
                client.headers.update(headers)
                yield client
        finally:
            acceptor.stop()

    def _call(self, kind: str, day: int, **fields: Any) -> Call:
        at_us = NOW_US - day * 86_400_000_000 - 6 * 3_600_000_000
        return Call(type=kind, message_id=f"m{next(self._ids)}", at_us=at_us, **fields)


def _at(app: Any, address: str) -> Any:
    """The application, whose client is at this address."""

    async def seen(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (address, 50_000)} if scope["type"] == "http" else scope, receive, send)

    return seen


def ago(days: int) -> date:
    """The day so many days before today."""
    return TODAY - timedelta(days=days)


def _in_memory(_product_id: int, generation: int, rules: StoreRules) -> EventStore:
    return MemoryEventStore(rules, generation=generation)


def _drop(_product_id: int, _generation: int) -> None:
    """Memory has nothing to delete."""
