"""The whole path on real engines, in process: JSON is decoded, logged in SQLite, folded and scored in DuckDB.

Time is a hand that the test moves (`now`).  Days are counted from `FIRST`; a call says on which of them it happens.
"""

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from tests.fakes_meta import MemoryMetaStore
from uptake.core.calls import Projection
from uptake.core.config import ProductConfig
from uptake.core.days import DAY_US, to_us
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.retention import Archive
from uptake.pipeline.running import Running
from uptake.sources.base import Decoded, Incoming
from uptake.sources.segment import decode_batch
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.log.base import Request
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.retained.sqlite import SqliteBaseSnapshot

FIRST = date(2026, 1, 1)
_ids = itertools.count(1)


def moment(day, hour=12, minute=0):
    """ISO 8601 of an hour of a day (1 is FIRST), UTC."""
    return (datetime(2026, 1, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1)).isoformat()


def track(user, event, day=1, **more):
    """A track call; message ids are all different unless `messageId` is given."""
    return {
        "type": "track",
        "userId": user,
        "event": event,
        "timestamp": moment(day),
        "messageId": f"t{next(_ids)}",
    } | more


def group(user, account, day=1, traits=None, **more):
    """A group call."""
    call = {
        "type": "group",
        "userId": user,
        "groupId": account,
        "timestamp": moment(day),
        "messageId": f"g{next(_ids)}",
    }
    return call | {"traits": traits or {}} | more


def identify(user, day=1, traits=None, **more):
    """An identify call."""
    call = {"type": "identify", "userId": user, "timestamp": moment(day), "messageId": f"i{next(_ids)}"}
    return call | {"traits": traits or {}} | more


TENTH_DAY = moment(10)


class Whole:
    """One product on real engines."""

    def __init__(self, folder: Path, config: ProductConfig | None = None, *, now=TENTH_DAY) -> None:
        self.folder, self.now_us = folder, to_us(datetime.fromisoformat(now))
        log, base = SqliteCallLog(folder / "log"), SqliteBaseSnapshot(folder / "base.sqlite")
        self.running = Running(
            MemoryMetaStore(), log, self._open, self._drop, clock=lambda: self.now_us, archive=Archive(log, base)
        )
        self.product: RunningProduct = self.running.create_product(config or ProductConfig(), by="test")

    def _path(self, generation: int) -> Path:
        return self.folder / f"g{generation}.duckdb"

    def _open(self, _product, generation, rules):
        return DuckEventStore(self._path(generation), rules, generation=generation)

    def _drop(self, _product, generation):
        for path in self.folder.glob(f"g{generation}.duckdb*"):
            path.unlink()

    def later(self, *, days: float) -> None:
        """Let time pass."""
        self.now_us += int(days * DAY_US)

    def post(self, *calls, projection: Projection | None = None) -> Decoded:
        """Send calls as one batch: decode, log; return what was decoded."""
        body = msgspec.json.encode({"batch": calls})
        kept = projection or self.product.projection
        decoded = decode_batch(body, Incoming(self.now_us, kept, lambda: f"fresh{next(_ids)}"))
        request = Request(1, self.now_us, "segment", decoded.calls, tuple(decoded.refused))
        self.running.log.append([request])
        return decoded

    def settle(self) -> None:
        """Fold and score everything."""
        self.running.settle(1)

    def configure(self, **changes) -> None:
        """Change the product's configuration."""
        self.running.change_config(1, lambda version: msgspec.structs.replace(version.config, **changes), by="test")

    def number(self, kind, tracking_id, *, day=None, workspace=1):
        """All numbers of a user or account; by default of today."""
        model = self.product.model(workspace)
        asked = self.product.today() if day is None else FIRST + timedelta(days=day - 1)
        rows, _ = self.product.store.numbers(kind, model, asked, ListQuery(tracking_ids=(tracking_id,)))
        return rows[0]

    def account(self, tracking_id, **where):
        """All numbers of an account."""
        return self.number("account", tracking_id, **where)

    def state(self) -> dict:
        """A digest of everything derived."""
        return dict(self.product.store.digest())

    def close(self) -> None:
        """Give the files back."""
        self.running.close()
