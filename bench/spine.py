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
from datetime import UTC, datetime
from pathlib import Path

import httpx

from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.demo import demo_config, history
from uptake.pipeline.running import Running
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.log.base import Request
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.meta.sql import SqlMetaStore

CHUNK = 400
ROUNDS = 25


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
        calls = [_call(row) for row in rows[-int(len(rows) * share) :]]
        for at in range(0, len(calls), CHUNK):
            log.append([Request(product.product_id, now_us(), "segment", calls[at : at + CHUNK])])
        started = time.perf_counter()
        while product.fold(most=10_000):
            pass
        folded = time.perf_counter()
        product.rescore_if_due(backlog=False)
        scored = time.perf_counter()
        running.close()
    return len(calls), len(calls) / (folded - started), scored - folded


def _call(row: dict[str, str]) -> Call:
    at_us = int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()) * 1_000_000
    fields = {"user_id": row["userId"], "group_id": row.get("groupId"), "event": row.get("event")}
    return Call(type=row["type"], message_id=row["messageId"], at_us=at_us, traits=row.get("traits"), **fields)


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
    tenth, whole = spine(0.1), spine(1.0)
    for calls, rate, seconds in (tenth, whole):
        print(f"log bytes to commit   {calls:>8,} calls   {rate:>8,.0f} calls/s   (aim >= 30,000)")
        print(f"rescore, every day    {calls:>8,} calls   {seconds:>8.2f} s for 90 days x 2 workspaces")
    memory_mb, waits = server()
    waits.sort()
    slowest = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(f"event to score        p50 {statistics.median(waits):.2f} s, p99 {slowest:.2f} s   (aim p99 <= 5 s)")
    print(f"idle memory           {memory_mb} MB resident   (aim <= 150 MB)")


if __name__ == "__main__":
    main()
