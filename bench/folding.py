"""How fast effects become committed rows, the look for repeats included.

Run: python -m bench fold [BATCHES]      of 10,000 calls, by default 100
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.tables import judged, tell
from uptake.core.days import DAY_US
from uptake.stores.events.base import (
    ActedRow,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    OutcomeRow,
    StoreRules,
    TraitRow,
)
from uptake.stores.events.duckdb import DuckEventStore

EVENTS = 25
FOLD_AIM = 100_000
CALLS = 10_000


def fold_batches(batches: int) -> Iterator[FoldBatch]:
    """Batches of 10,000 calls: 85 % track, 10 % identify with five traits, 5 % group; all rows made beforehand."""
    noon_us = 20_454 * DAY_US
    for batch in range(batches):
        first = batch * CALLS
        acted, joined, traits, known = [], [], [], []
        for place in range(CALLS):
            call, at_us = first + place, noon_us + (first + place) * 20_000
            user = f"user-{call * 7919 % 20_000}"
            if place % 20 == 0:
                account = f"account-{call * 7919 % 1_000}"
                joined.append(JoinedRow(user, account, at_us, f"message-{call}"))
                traits.append(TraitRow("account", account, "plan", '"pro"', at_us, f"message-{call}"))
                known.append(KnownRow("account", account))
            elif place % 10 == 1:
                known.append(KnownRow("user", user))
                traits += [TraitRow("user", user, key, f'"{key} {user}"', at_us, f"message-{call}") for key in "abcde"]
            else:
                acted.append(ActedRow(user, None, f"Event {call * 31 % EVENTS}", at_us))
        messages = [((first + place).to_bytes(16, "big"), noon_us + place) for place in range(CALLS)]
        fates = [FateRow(first + place, noon_us, noon_us, "track", "u", "", "e", "applied") for place in range(500)]
        outcomes = [OutcomeRow(noon_us + batch, "track", "applied", "", "", CALLS)]
        yield FoldBatch(first, first + CALLS, messages, known, acted, joined, traits, fates, outcomes)


def report_fold(batches: int = 100) -> None:
    """Print how many calls a second go from effects to commit, the look for repeats included."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckEventStore(Path(folder) / "fold.duckdb", StoreRules("UTC"), generation=1)
        taken = []
        for batch in fold_batches(batches):
            started = time.perf_counter()
            store.seen(batch.messages)
            store.commit(batch)
            taken.append(time.perf_counter() - started)
        size = store.size_bytes()
        store.close()
    whole = CALLS * batches / sum(taken)
    fifths = [sum(taken[start : start + batches // 5]) for start in range(0, batches - batches % 5, batches // 5)]
    rates = [f"{CALLS * (batches // 5) / fifth:,.0f}" for fifth in fifths]
    tell(
        "fold",
        ["effects to commit", "calls/s", f"≥ {FOLD_AIM:,}", "by fifths", "a batch, slowest", "bytes a call"],
        [
            [
                f"{CALLS * batches:,} calls",
                f"{whole:,.0f}",
                judged(whole, FOLD_AIM, least=True),
                " · ".join(rates),
                f"{statistics.median(taken) * 1000:.0f}, {max(taken) * 1000:.0f} ms",
                f"{size / (CALLS * batches):.0f}",
            ]
        ],
    )


if __name__ == "__main__":
    report_fold(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
