"""The half of a fold that is Python: calls read from a log, without repeats, and with their meaning, as rows.

`python -m bench.row_making` makes rows until it is ended.  The store is left out: DuckDB lets other threads run while
it works.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.senders import bodies
from uptake.core.calls import Projection
from uptake.core.config import ConfigVersion, ProductConfig
from uptake.pipeline.fold import Rules, batch_of
from uptake.sources.base import Incoming
from uptake.sources.segment import decode_batch
from uptake.stores.log.base import CallLog, Request
from uptake.stores.log.sqlite import SqliteCallLog

BATCHES, CALLS, MOST = 100, 100, 1_000
RULES = Rules([ConfigVersion(1, 1, 0, 0, "bench", "", ProductConfig())])


class Forgets:
    """A store to which every message is new."""

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """See `EventStore.seen`."""
        return [False] * len(messages)


def filled(folder: Path) -> CallLog:
    """A log of 10,000 calls."""
    log, now_us = SqliteCallLog(folder), time.time_ns() // 1000
    incoming = Incoming(now_us, Projection(), lambda: "")
    for body in bodies(CALLS, BATCHES).splitlines():
        log.append([Request(1, now_us, "segment", decode_batch(body, incoming).calls)])
    return log


def make_rows(log: CallLog, more: Callable[[], bool]) -> int:
    """Make rows of the log's calls, over and over, while there is to be more; returns of how many calls."""
    made = first = 0
    while more():
        calls = log.read(1, first, most=MOST)
        if calls:
            batch_of(calls, Forgets(), RULES)
        first = calls[-1].offset + 1 if calls else 0
        made += len(calls)
    return made


def make_for_ever() -> None:
    """Make rows until the process ends."""
    with tempfile.TemporaryDirectory(prefix="uptake-bench-") as folder:
        make_rows(filled(Path(folder)), lambda: True)


if __name__ == "__main__":
    make_for_ever()
