"""A real server under a steady load, and then under a burst, while it folds and scores what it acknowledges.

Run: python -m bench steady [SECONDS] [--rate 15000] [--burst 50000] [--burst-seconds 60]

The load generator sends batches of 20 with fresh messageIds at a steady pace, on the same machine.  Each second the
offsets of log and fold, and the server's resident memory, are looked at.  A lag is how long ago the log was as long as
the fold is now.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench import sites
from bench.senders import bodies
from bench.tables import judged, tell

CALLS, BODIES, CONNECTIONS = 20, 300, 64
LAG_AIM_S, FLAT_MB_A_MIN = 5.0, 10.0
SETTLING = 0.5
"""The share of the time that the slope of the memory leaves out, while caches fill."""
JUDGED_S = 300.0
"""A slope is judged only where the load lasted so long."""


@dataclass
class Watch:
    """What was seen of a server: moments, offsets of log and fold, and megabytes."""

    server: sites.Server
    token: str
    rows: list[tuple[float, int, int, float]] = field(default_factory=list)

    def look(self) -> tuple[int, int]:
        """Look once; returns the offsets of log and fold."""
        told = self.server.status(self.token)
        self.rows.append((time.perf_counter(), told["log"], told["folded"], self.server.memory_mb()))
        return told["log"], told["folded"]

    def until(self, stop: threading.Event) -> None:
        """Look each second until told to stop."""
        while not stop.wait(1):
            self.look()

    def lags(self) -> list[float]:
        """Seconds that the fold was behind, at every look."""
        return [lag_at(self.rows[: place + 1]) for place in range(len(self.rows))]

    def slope_mb_a_min(self) -> float:
        """Megabytes a minute by which memory grew, after it had settled, by least squares."""
        rows = self.rows[int(len(self.rows) * SETTLING) :]
        return slope([row[0] / 60 for row in rows], [row[3] for row in rows])


def lag_at(rows: Sequence[tuple[float, int, int, float]]) -> float:
    """How long before the last look the log was as long as the fold is at it; between two looks in proportion.

    >>> lag_at([(0.0, 0, 0, 1.0), (1.0, 100, 0, 1.0), (2.0, 200, 150, 1.0)])
    0.5
    """
    now, _, folded, _ = rows[-1]
    earlier = (rows[0][0], rows[0][1])
    for moment, logged, _, _ in rows:
        if logged >= folded:
            grown = logged - earlier[1]
            at = moment - (moment - earlier[0]) * ((logged - folded) / grown if grown else 0)
            return max(0.0, now - at)
        earlier = (moment, logged)
    return 0.0


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The slope of the straight line through the points; 0 for less than two.

    >>> slope([0, 1, 2], [1, 3, 5])
    2.0
    """
    if len(xs) < 2:
        return 0.0
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def sent(server: sites.Server, seconds: float, calls_a_s: float, first: int) -> dict:
    """Send for so long at a steady pace; what the load generator saw."""
    port = httpx.URL(server.url).port
    key = base64.b64encode(f"{server.ingest_key}:".encode()).decode()
    command = [sys.executable, "-m", "bench.load", str(port), "/v1/batch", str(seconds), f"--key={key}"]
    command += [f"--rate={calls_a_s / CALLS}", f"--connections={CONNECTIONS}", f"--first={first}"]
    lines = bodies(CALLS, BODIES, fresh=True)
    return json.loads(subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True).stdout)


@dataclass(frozen=True)
class Phase:
    """A load and what came of it: seconds until all was folded after its end, and the lag and memory meanwhile."""

    name: str
    wanted: float
    seen: dict
    seconds: float
    drain_s: float
    watch: Watch

    @property
    def calls_a_s(self) -> float:
        """Acknowledged calls a second."""
        return CALLS * self.seen["requests_a_s"]

    def cells(self) -> list[str]:
        """As the table shows it."""
        lags, memory = sorted(self.watch.lags()), [row[3] for row in self.watch.rows]
        return [
            f"{self.name}, {self.seconds:g} s at {self.wanted:,.0f}",
            f"{self.calls_a_s:,.0f}",
            str(sum(self.seen["refused"].values())),
            f"{self.seen['p50_ms']:.1f}, {self.seen['p99_ms']:.0f}, {self.seen['p999_ms']:.0f} ms",
            f"{lags[len(lags) // 2]:.1f}, {lags[-1]:.1f} s",
            f"{self.drain_s:.1f} s",
            f"{memory[0]:.0f} to {max(memory):.0f} MB",
            f"{self.watch.slope_mb_a_min():+.1f} MB/min",
        ]


def phase(server: sites.Server, token: str, name: str, load: tuple[float, float, int]) -> Phase:
    """Run one load (seconds, calls a second, number of the first request), and wait until it is folded."""
    seconds, calls_a_s, first = load
    watch, stop = Watch(server, token), threading.Event()
    watch.look()
    watching = threading.Thread(target=watch.until, args=(stop,), daemon=True)
    watching.start()
    seen = sent(server, seconds, calls_a_s, first)
    stop.set()
    watching.join()
    ended = time.perf_counter()
    logged, folded = watch.look()
    looks = len(watch.rows)
    while folded < logged:
        time.sleep(0.2)
        logged, folded = watch.look()
    drain_s = time.perf_counter() - ended
    del watch.rows[looks:]
    return Phase(name, calls_a_s, seen, seconds, drain_s, watch)


def judge(steady: Phase, burst: Phase) -> None:
    """Each aim beside what was reached."""
    lag, slope_ = max(steady.watch.lags()), steady.watch.slope_mb_a_min()
    flat = judged(slope_, FLAT_MB_A_MIN) if steady.seconds >= JUDGED_S else "too short to tell"
    lost = sum(steady.seen["refused"].values()) + steady.seen["lost"]
    print(
        f"steady: {steady.calls_a_s:,.0f} calls/s acknowledged (aim ≥ {steady.wanted:,.0f}: "
        f"{judged(steady.calls_a_s, 0.99 * steady.wanted, least=True)}), refused or lost {lost},",
        f"  longest lag {lag:.1f} s (aim ≤ {LAG_AIM_S:g}: {judged(lag, LAG_AIM_S)}), memory {slope_:+.1f} MB/min "
        f"(aim: flat, ≤ {FLAT_MB_A_MIN:g}: {flat})",
        f"burst: {burst.calls_a_s:,.0f} calls/s acknowledged (aim ≥ {burst.wanted:,.0f}: "
        f"{judged(burst.calls_a_s, 0.99 * burst.wanted, least=True)}), all folded {burst.drain_s:.1f} s after its end",
        sep="\n",
        flush=True,
    )


def main(words: list[str]) -> None:
    """Run both loads against one server."""
    parser = argparse.ArgumentParser(prog="python -m bench steady", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument("--rate", type=float, default=15_000.0)
    parser.add_argument("--burst", type=float, default=50_000.0)
    parser.add_argument("--burst-seconds", type=float, default=60.0)
    chosen = parser.parse_args(words)
    with (
        tempfile.TemporaryDirectory(prefix="uptake-bench-") as folder,
        sites.serving(Path(folder) / "data", UPTAKE_MEMORY_LIMIT="1GB") as server,
    ):
        token = server.command("key", "create", "--kind", "read")
        steady = phase(server, token, "steady", (chosen.seconds, chosen.rate, 0))
        burst = phase(server, token, "burst", (chosen.burst_seconds, chosen.burst, steady.seen["requests"]))
    columns = ["load, calls/s", "acknowledged/s", "refused", "p50, p99, p99.9", "lag in the middle, longest"]
    tell("steady", [*columns, "drained after", "memory", "slope"], [steady.cells(), burst.cells()])
    judge(steady, burst)


if __name__ == "__main__":
    main(sys.argv[1:])
