"""What everything costs at the demo's size, at ten times it, and further: time, disk, memory, and how they grow.

Run: python -m bench growth [TIMES …]      by default 1 10; 100 takes about an hour and some 20 GB of disk

The picture docs/images/growth.png is drawn anew with `--write`: how many times as long each thing takes, beside how
many times as much there is.
"""

import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import matplotlib as mpl
from matplotlib import pyplot as plt

from bench import sites
from bench.tables import KEPT, ROOT, tell

ROUNDS = 5
IDLE_S = 5.0
PREVIEW = 'did("Report_Created") >= {number} within 30 days and account.plan = "business" and score > 5'
WATCHED = {
    "fold": "fold of every call",
    "rescore": "scores of 90 days, 2 workspaces",
    "explain": "one account's explanation",
    "preview": "preview of a segment",
    "page": "the page of accounts",
}
COLOURS = ("#2563eb", "#059669", "#d97706", "#7c3aed", "#db2777")


@dataclass(frozen=True)
class Cost:
    """One size: what the folder holds, and seconds, bytes and megabytes."""

    filled: sites.Filled
    ready_s: float
    first_page_s: float
    idle_mb: float
    used_mb: float
    seconds: dict[str, float]


def measured(times: float) -> Cost:
    """Fill, start a server on it, and ask."""
    filled = sites.site(times)
    started = time.perf_counter()
    with sites.serving(filled.folder, UPTAKE_MEMORY_LIMIT=sites.MEMORY) as server:
        httpx.get(f"{server.url}/accounts", timeout=sites.PATIENCE_S).raise_for_status()
        first_page_s = time.perf_counter() - started
        token = server.command("key", "create", "--kind", "read")
        server.settle(token)
        time.sleep(IDLE_S)
        idle_mb = server.memory_mb()
        seconds = {"fold": filled.folded_s, "rescore": filled.rescored_s, **asked(server, token)}
        return Cost(filled, server.ready_s, first_page_s, idle_mb, server.memory_mb(), seconds)


def asked(server: sites.Server, token: str) -> dict[str, float]:
    """Name → seconds of an answer right after a new event was scored."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=sites.PATIENCE_S) as client:
        first = client.get("/v2/accounts?workspace_id=1&limit=1").raise_for_status().json()["data"][0]["id"]

        def get(path: str) -> None:
            client.get(path).raise_for_status()

        questions: dict[str, Callable[[int], None]] = {
            "explain": lambda _: get(f"/v2/accounts/{first}?expand=explanation"),
            "preview": lambda number: get(f"/segments/new?of=account&where={quote(PREVIEW.format(number=number + 1))}"),
            "page": lambda _: get("/accounts"),
        }
        found = {}
        for name, question in questions.items():
            question(ROUNDS)
            taken = []
            for number in range(ROUNDS):
                event = {"userId": "u000_0", "event": "Report_Created"}
                client.post("/v1/track", auth=(server.ingest_key, ""), json=event).raise_for_status()
                server.settle(token)
                started = time.perf_counter()
                question(number)
                taken.append(time.perf_counter() - started)
            found[name] = statistics.median(taken)
        return found


def report(costs: list[Cost]) -> None:
    """The table of figures by size, and how they grow."""
    first, last = costs[0], costs[-1]
    more = last.filled.calls / first.filled.calls

    def row(name: str, value: Callable[[Cost], float], text: str) -> list[str]:
        grown = value(last) / value(first) if value(first) else math.nan
        return [name, *(text.format(value(cost)) for cost in costs), f"{grown:.1f}"]

    def million(cost: Cost) -> float:
        return cost.filled.calls / 1e6

    rows = [
        row("calls", lambda cost: cost.filled.calls, "{:,.0f}"),
        *(row(told, lambda cost, key=key: cost.seconds[key], "{:.3f} s") for key, told in WATCHED.items()),
        row("calls folded a second", lambda cost: cost.filled.calls / cost.seconds["fold"], "{:,.0f}"),
        row("log, MB a million calls", lambda cost: cost.filled.log_bytes / 1e6 / million(cost), "{:,.0f}"),
        row("store, MB a million calls", lambda cost: cost.filled.store_bytes / 1e6 / million(cost), "{:,.0f}"),
        row("start until /readyz", lambda cost: cost.ready_s, "{:.2f} s"),
        row("start until the first page", lambda cost: cost.first_page_s, "{:.2f} s"),
        row("memory after the start", lambda cost: cost.idle_mb, "{:,.0f} MB"),
        row("memory after the questions", lambda cost: cost.used_mb, "{:,.0f} MB"),
    ]
    tell("growth", ["", *(f"{cost.filled.times:g} × the demo" for cost in costs), f"growth at {more:.1f}"], rows)
    for key, told in WATCHED.items():
        exponent = math.log(last.seconds[key] / first.seconds[key]) / math.log(more) if more > 1 else 0.0
        print(f"{told}: grows with the power {exponent:.2f} of the calls (aim ≤ 1.05)", flush=True)


def draw(costs: list[Cost], path: Path) -> None:
    """Draw the growth of each figure, both axes logarithmic, with a line for what is linear."""
    mpl.use("Agg")
    first = costs[0]
    sizes = [cost.filled.calls / first.filled.calls for cost in costs]
    figure, axes = plt.subplots(figsize=(7.2, 4.4), dpi=110)
    axes.plot(sizes, sizes, color="#94a3b8", linestyle="--", linewidth=1, label="linear")
    for (key, told), colour in zip(WATCHED.items(), COLOURS, strict=True):
        grown = [cost.seconds[key] / first.seconds[key] for cost in costs]
        axes.plot(sizes, grown, color=colour, marker="o", markersize=4, linewidth=1.6, label=told)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"calls, times {first.filled.calls:,}")
    axes.set_ylabel("time, times that of the smallest")
    axes.grid(visible=True, which="major", color="#e2e8f0", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def main(words: list[str]) -> None:
    """Measure every size, print, and draw."""
    costs = [measured(float(word)) for word in words or ("1", "10")]
    report(costs)
    draw(costs, (ROOT / "docs" / "images" if os.environ.get(KEPT) else ROOT / "build") / "growth.png")


if __name__ == "__main__":
    main(sys.argv[1:])
