"""The way from logged bytes to scores on the demo's calls, and a real server's patience and size.

Prints: calls a second from log bytes to commit, the full rescore of the demo's ninety days and of a tenth of it, the
time from an acknowledged call until its score is published, and the memory of a server that has nothing to do.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.sites import FOLD, call_of
from bench.tables import judged, tell
from uptake.core.config import ProductConfig
from uptake.demo import demo_config, history
from uptake.pipeline.running import Running
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.log.base import Request
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.meta.sql import SqlMetaStore

CHUNK = 400
ROUNDS = 25
FOLD_AIM, WAIT_AIM_S, MEMORY_AIM_MB = 30_000, 5, 150


def now_us() -> int:
    """Now, µs since 1970 UTC."""
    return time.time_ns() // 1000


def spine(share: float) -> tuple[int, float, float]:
    """Fold and score this share of the demo's calls; returns calls, calls folded a second, and seconds of the
    rescore."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        meta = SqlMetaStore(f"sqlite:///{home / 'meta.sqlite'}", b"0" * 32)
        log = SqliteCallLog(home / "log")
        running = Running(
            meta,
            log,
            lambda _product, number, rules: DuckEventStore(home / f"g{number}.duckdb", rules, generation=number),
            lambda _product, _number: None,
            clock=now_us,
        )
        product = running.create_product(demo_config(ProductConfig()), by="bench")
        rows = history(now_us())[1]
        calls = [call_of(row) for row in rows[-int(len(rows) * share) :]]
        for at in range(0, len(calls), CHUNK):
            log.append([Request(product.product_id, now_us(), "segment", calls[at : at + CHUNK])])
        started = time.perf_counter()
        while product.fold(most=FOLD):
            pass
        folded = time.perf_counter()
        product.rescore_if_due(backlog=False)
        scored = time.perf_counter()
        running.close()
    return len(calls), len(calls) / (folded - started), scored - folded


def server() -> tuple[int, list[float]]:
    """Start `uptake serve` on an empty folder; returns its idle memory in MB and seconds from answer to published
    score."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "uptake", "serve", "--json", "--port", "0", "--data-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            told = json.loads(process.stdout.readline() if process.stdout else "{}")
            key = [sys.executable, "-m", "uptake", "key", "create", "--kind", "read", "--data-dir", folder]
            token = subprocess.run(key, capture_output=True, text=True, check=True).stdout.strip()
            time.sleep(3)
            status = Path(f"/proc/{process.pid}/status").read_text().split("VmRSS:")[1].split()[0]
            return int(status) // 1024, [_visible(told["url"], told["ingest_key"], token, n) for n in range(ROUNDS)]
        finally:
            process.terminate()
            process.wait(60)


def _visible(url: str, key: str, token: str, number: int) -> float:
    body = {"userId": f"u{number}", "event": "Export"}
    httpx.post(f"{url}/v1/track", auth=(key, ""), json=body).raise_for_status()
    started = time.perf_counter()
    while True:
        told = httpx.get(f"{url}/v2/status", headers={"Authorization": f"Bearer {token}"}).json()
        if told["scored"]["offset"] == told["log"]["offset"] == number + 1:
            return time.perf_counter() - started
        time.sleep(0.02)


def main() -> None:
    """Print every figure beside its aim."""
    rows = []
    for calls, rate, seconds in (spine(0.1), spine(1.0)):
        word = judged(rate, FOLD_AIM, least=True)
        rows.append([f"{calls:,} calls", f"{rate:,.0f}", f"≥ {FOLD_AIM:,}: {word}", f"{seconds:.2f} s"])
    tell("spine", ["logged bytes to commit", "calls/s", "aim", "then scores of 90 days, 2 workspaces"], rows)
    memory_mb, waits = server()
    waits.sort()
    slowest = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    seen = ["from an answer until its score", f"{statistics.median(waits):.2f} s, p99 {slowest:.2f} s"]
    rest = ["memory of an empty server at rest", f"{memory_mb} MB"]
    tell(
        "rest",
        ["", "measured", "aim", "reached"],
        [
            [*seen, f"p99 ≤ {WAIT_AIM_S} s", judged(slowest, WAIT_AIM_S)],
            [*rest, f"≤ {MEMORY_AIM_MB} MB", judged(memory_mb, MEMORY_AIM_MB)],
        ],
    )


if __name__ == "__main__":
    main()
