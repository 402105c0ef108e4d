"""How long every page of the app takes at the demo's size and at ten times it, and what a browser has to load for it.

Run: python -m bench pages [TIMES …]      by default 1 10

Every page of the route table is asked for: first right after a new event was scored, so that nothing is answered from
memory, then again and again.  Chromium then opens each of them in a window that has loaded nothing yet.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from playwright.sync_api import Browser, CDPSession, sync_playwright

from bench import sites
from bench.tables import judged, tell
from tests.browser.conftest import ARGS
from tests.conftest import found_chromium
from uptake.web.pages import PAGES

AIM_MS, AIM_KB = 100.0, 300.0
FRESH, AGAIN = 3, 20
FEWER = 2
"""How many times fewer at the larger sizes, whose scoring takes longer."""
SLOWEST = 12
"""How many of the slowest pages the table names."""

EXAMPLES = {
    "event:str": "Report_Created",
    "feature:str": "Reporting",
    "segment:str": "accounts.all_active",
    "name:str": "Track Calls",
    "workspace_id:str": "1",
    "call:str": "1000",
}
QUERIES = {"/segments/{segment:str}/why": "?who={account:str}", "/search": "?q=alder"}
UNASKED = {
    "/sign-in": "whoever is at this machine is signed in",
    "/segments/{segment:str}/edit": "the demo has only suggested segments; it is the page of a new one, filled in",
    "/sign-in/provider": "leads to a provider",
    "/sign-in/provider/back": "comes from a provider",
    "/welcome/{text:str}": "its link is good for one time",
    "/destination/filters/{name:str}": "the demo has no filter",
    "/live/refused/{key:str}": "nothing of the demo is refused",
    "/settings/data/result": "a file that somebody had made",
}
FILES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Page:
    """A page's times in milliseconds: after new data, in the middle and the slowest; and again, 95 of 100."""

    route: str
    fresh_ms: float
    slowest_ms: float
    again_ms: float


@dataclass(frozen=True)
class Load:
    """What Chromium loaded for a page: compressed bytes without and of charts, requests, first paint, complaints."""

    route: str
    kb: float
    charts_kb: float
    requests: int
    first_paint_ms: float
    complaints: tuple[str, ...]


def paths(account: str, user: str) -> dict[str, str]:
    """Route → an address of it, for every page that is no file."""
    examples = {**EXAMPLES, "account:str": account, "user:str": user}
    found = {}
    for handlers in PAGES.values():
        for route in (path for handler in handlers if "GET" in handler.http_methods for path in handler.paths):
            if route in UNASKED or route.endswith(FILES):
                continue
            address = route + QUERIES.get(route, "")
            for name, value in examples.items():
                address = address.replace(f"{{{name}}}", quote(value, safe=""))
            found[route] = address
    return dict(sorted(found.items()))


def asked(client: httpx.Client, address: str) -> float:
    """Milliseconds until the page was there."""
    started = time.perf_counter()
    answer = client.get(address)
    taken = 1000 * (time.perf_counter() - started)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return taken


def measured(server: sites.Server, token: str, found: dict[str, str], fewer: int) -> Iterator[Page]:
    """Each page after new data and again, in the order of the routes."""
    with httpx.Client(base_url=server.url, timeout=sites.PATIENCE_S) as client:
        for route, address in found.items():
            asked(client, address)  # its template is compiled
            first = []
            for _ in range(FRESH // fewer):
                event = {"userId": "u000_0", "event": "Report_Created"}
                client.post("/v1/track", auth=(server.ingest_key, ""), json=event).raise_for_status()
                server.settle(token)
                first.append(asked(client, address))
            again = sorted(asked(client, address) for _ in range(AGAIN // fewer))
            yield Page(route, statistics.median(first), max(first), again[int(len(again) * 0.95) - 1])


def loaded(browser: Browser, url: str, route: str, address: str) -> Load:
    """What a window that has loaded nothing yet loads for the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    sizes = _watched(context.new_cdp_session(page))
    page.goto(url + address, wait_until="load")
    page.wait_for_load_state("networkidle")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    context.close()
    charts = sum(size for name, size in sizes if "/charts-" in name)
    others = sum(size for _, size in sizes) - charts
    return Load(route, others / 1000, charts / 1000, len(sizes), paint, tuple(complaints))


def _watched(session: CDPSession) -> list[tuple[str, int]]:
    """Address and bytes on the wire of every request that ends from now on."""
    names: dict[str, str] = {}
    sizes: list[tuple[str, int]] = []
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda told: names.update({told["requestId"]: told["request"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda told: sizes.append((names.get(told["requestId"], ""), int(told["encodedDataLength"]))),
    )
    return sizes


def report_times(times: float, pages: list[Page]) -> None:
    """The slowest pages of one size, and all of them in one line."""
    slow = [page for page in pages if page.fresh_ms > AIM_MS]
    rows = [
        [page.route, f"{page.fresh_ms:.0f} ms", f"{page.slowest_ms:.0f} ms", f"{page.again_ms:.0f} ms"]
        for page in sorted(pages, key=lambda page: -page.fresh_ms)[:SLOWEST]
    ]
    middle = statistics.median(page.fresh_ms for page in pages)
    again = statistics.median(page.again_ms for page in pages)
    rows.append([f"the middle of all {len(pages)}", f"{middle:.0f} ms", "", f"{again:.0f} ms"])
    columns = [f"page, at {times:g} × the demo", "after new data", "slowest", "again, p95"]
    tell(f"pages {times:g}x", columns, rows)
    print(f"pages above {AIM_MS:g} ms after new data at {times:g} x: {len(slow)} of {len(pages)}\n", flush=True)


def report_loads(loads: list[Load]) -> None:
    """The heaviest first loads, and all of them in one line."""
    chosen = sorted(loads, key=lambda load: -load.kb)[:5] + [load for load in loads if load.route == "/"]
    rows = [
        [
            load.route,
            f"{load.kb:.0f} KB",
            f"{load.charts_kb:.0f} KB",
            str(load.requests),
            f"{load.first_paint_ms:.0f} ms",
        ]
        for load in dict.fromkeys(chosen)
    ]
    heaviest = max(load.kb for load in loads)
    slowest = max(load.first_paint_ms for load in loads)
    rows.append([f"the most of all {len(loads)}", f"{heaviest:.0f} KB", "", "", f"{slowest:.0f} ms"])
    tell("first load", ["page, first load", "compressed", "and charts", "requests", "first contentful paint"], rows)
    complaints = [f"{load.route}: {text}" for load in loads for text in load.complaints]
    told = f"heaviest first load {heaviest:.0f} KB (aim ≤ {AIM_KB:g}: {judged(heaviest, AIM_KB)})"
    print(f"{told}; complaints in the console: {len(complaints)} (aim 0)", *complaints, sep="\n  ", flush=True)


def main(words: list[str]) -> None:
    """Measure every size, and the first loads at the first of them."""
    for place, times in enumerate([float(word) for word in words] or [1.0, 10.0]):
        with sites.serving(sites.site(times).folder, UPTAKE_MEMORY_LIMIT=sites.MEMORY) as server:
            token = server.command("key", "create", "--kind", "read")
            server.settle(token)
            headers = {"Authorization": f"Bearer {token}"}
            listed = {
                kind: httpx.get(f"{server.url}/v2/{kind}?workspace_id=1&limit=1", headers=headers, timeout=60).json()
                for kind in ("accounts", "users")
            }
            found = paths(*(listed[kind]["data"][0]["tracking_id"] for kind in ("accounts", "users")))
            report_times(times, list(measured(server, token, found, 1 if times <= 1 else FEWER)))
            if not place:
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=found_chromium(), args=ARGS)
                    report_loads([loaded(browser, server.url, route, address) for route, address in found.items()])
                    browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
