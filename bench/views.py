"""What a person waits for, asked as the app asks it: the views over a store that the scores' benchmark has filled."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from datetime import time as moment
from pathlib import Path

from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.core.days import to_us
from uptake.core.effects import Kind
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.running import Running
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.meta.sql import SqlMetaStore
from uptake.views.explanation import explain
from uptake.views.segments import segment_preview

TIMES = 5
PREVIEWED = 'did("Event 3") >= {number} within 30 days and {kind}.plan contains "plan of" and score > 20'
"""What somebody may be typing: how often an event happened, a trait, and the score."""


@contextmanager
def opened(folder: Path, store: DuckEventStore, day: date) -> Iterator[RunningProduct]:
    """A product over the store on the afternoon of a day: five features of three events each, a window of a week."""
    now_us = to_us(datetime.combine(day, moment(18), UTC))
    features = tuple(
        Feature(f"Feature {number}", events=tuple(f"Event {3 * number + each}" for each in range(3)))
        for number in range(5)
    )
    weights = {feature.name: 3 + place for place, feature in enumerate(features)}
    config = ProductConfig(features=features, workspaces=(Workspace("Engagement", id=1, features=weights),))
    meta = SqlMetaStore(f"sqlite:///{folder / 'meta.sqlite'}", b"0" * 32)
    running = Running(
        meta,
        SqliteCallLog(folder / "log"),
        lambda _product, _generation, _rules: store,
        lambda _product, _generation: None,
        clock=lambda: now_us,
    )
    try:
        yield running.create_product(config, by="bench")
    finally:
        running.close()


def explaining(product: RunningProduct, account: str) -> float:
    """Seconds until the account's score is taken apart and compared with the week before."""
    return _median(lambda _: explain(product, "account", 1, account))


def previewing(product: RunningProduct, kind: Kind) -> float:
    """Seconds until a condition is counted and its first members listed; each time another one."""
    return _median(lambda number: segment_preview(product, kind, 1, PREVIEWED.format(number=number + 1, kind=kind)))


def _median(question: Callable[[int], object]) -> float:
    question(TIMES)  # days that were not scored yet are
    taken = []
    for number in range(TIMES):
        started = time.perf_counter()
        question(number)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
