"""Chromium, a server with the small world, and an empty one; every page is watched for errors while it is open."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.servers import CONFIG, PATIENCE_S, Server, serving, world

PATIENCE_MS = PATIENCE_S * 1_000
expect.set_options(timeout=PATIENCE_MS)

ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium without a window; while it is open no other test of this process can run an event loop of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that holds the small world.  UPTAKE_SITE names one that is already there, for work on the pages, and
    UPTAKE_SITE_DIR its data folder."""
    if url := os.environ.get("UPTAKE_SITE"):
        yield Server(url, Path(os.environ.get("UPTAKE_SITE_DIR", "uptake-data")))
        return
    folder = tmp_path_factory.mktemp("site") / "data"
    with serving(folder) as server:
        file = folder.parent / "uptake.yaml"
        file.write_text(CONFIG)
        server.command("config", "apply", str(file))
        server.send(world(datetime.now(UTC)))
        server.settle()
        yield server


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go."""
    folder = Path(__file__).parents[2] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server that has no calls yet."""
    with serving(tmp_path / "data") as server:
        yield server


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a window; at the end of the test nothing may have been written to its console and no request have failed."""
    trouble: list[str] = []
    contexts = []

    def open_window(
        width: int = 1440,
        height: int = 900,
        *,
        scheme: str = "light",
        scripts: bool = True,
        forgiven: str = "",
        outside: str = "\n",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)

        def note(text: str) -> None:
            # Aborted is what a later request of the same field, or going back, has replaced.
            # What a page of another server does (`outside`: its address) is not ours.
            if "ERR_ABORTED" not in text and not (forgiven and forgiven in text) and not page.url.startswith(outside):
                trouble.append(text)

        page.on("console", lambda told: note(f"{page.url}: {told.text}") if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: note(f"{page.url}: {error}"))
        page.on("requestfailed", lambda request: note(f"{request.url}: {request.failure}"))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert trouble == []
