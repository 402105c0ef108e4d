"""The SDKs that people use, against a real server behind a line that stumbles.

The first post to each path is answered 503; so is the second, though the server took it.  Each SDK repeats by itself,
and every call counts once.
"""

import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler

import pytest
from playwright.sync_api import sync_playwright

from tests.arrived import Arrived
from tests.closing import ClosingServer
from tests.conftest import ROOT
from tests.stumbling import Stumbling

CLIENTS = ROOT / "tests" / "clients"
BUNDLE = ROOT / "build" / "clients" / "analytics_next.js"
VITE = ROOT / "frontend" / "node_modules" / ".bin" / "vite"
PATIENCE_S = 120
COUNTED = {"Report Exported": 1, "Viewed Pricing Page": 1, "Viewed Inbox Screen": 1}


@pytest.fixture(scope="module")
def arrived(served):
    """What the server knows."""
    return Arrived(served)


@pytest.fixture
def line(served):
    """The line to the server."""
    made = Stumbling(served.url)
    yield made
    made.close()


def run(*command):
    """Run a client to its end."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr


def assert_counted_once(arrived, user, before):
    """Each of the user's six calls has had its effect, once, though more of them are in the log."""
    assert arrived.settle() > before + 6
    found, account = arrived.user(user), arrived.account(f"{user}-inc")
    assert found["events"] == COUNTED
    assert found["traits"] == {"email": f"{user}@example.com", "name": "Ana", "seats": 12}
    assert found["account"] == f"{user}-inc"
    assert account["traits"] == {"name": "Acme", "mrr": 9900}
    assert (account["raw_score"], account["active_users"]) == (3.0, 1)


@pytest.mark.parametrize("client", ["segment", "rudder"])
def test_python_sdks_count_once(client, served, arrived, line):
    """Segment's and RudderStack's Python SDKs deliver compressed batches, and repeat them until they are taken."""
    before = arrived.settle()

    run(sys.executable, CLIENTS / f"{client}_python.py", line.url, served.key)

    assert line.encodings == {"gzip"}
    assert line.posts["/v1/batch"] >= 3
    assert_counted_once(arrived, f"{client}-python", before)


@pytest.mark.node
def test_the_node_sdk_counts_once(served, arrived, line, node, node_modules):
    """Segment's Node SDK delivers a batch, and repeats it until it is taken."""
    before = arrived.settle()

    run(node, CLIENTS / "analytics_node.mjs", line.url, served.key)

    assert line.posts["/v1/batch"] >= 3
    assert_counted_once(arrived, "node", before)


@pytest.fixture(scope="module")
def page(chromium, node_modules):
    """An empty page at an origin of its own that has loaded Segment's browser SDK."""
    if not VITE.is_file():
        pytest.fail("frontend has no Vite: run `make frontend`.")
    run(VITE, "build", "--config", CLIENTS / "vite.config.js")
    (BUNDLE.parent / "index.html").write_text(
        '<!doctype html><title>app</title><script src="analytics_next.js"></script>'
    )
    with closing(ClosingServer(partial(Quiet, directory=BUNDLE.parent))) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        opened = browser.new_page()
        opened.goto(site.url)
        yield opened
        browser.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_):
        """Say nothing."""


def delivered(line, paths):
    """Wait until a post to each path got the server's own answer."""
    until = time.monotonic() + PATIENCE_S
    while not all(line.delivered[path] for path in paths):
        assert time.monotonic() < until, f"not delivered: {line.posts}"
        time.sleep(0.05)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("user", "settings", "paths"),
    [
        ("browser", {}, ["/v1/i", "/v1/g", "/v1/t", "/v1/p", "/v1/s", "/v1/a"]),
        ("batching", {"deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 300}}}, ["/v1/b"]),
    ],
)
def test_the_browser_sdk_counts_once(user, settings, paths, page, served, arrived, line):
    """Segment's browser SDK, in a page of another origin, asks the server where to send to, and sends there."""
    before = arrived.settle()
    page.evaluate("localStorage.clear()")
    page.reload()

    page.evaluate("([...args]) => window.send(...args)", [line.url, served.key, settings, user])

    delivered(line, paths)
    assert set(line.posts) == set(paths)
    assert line.preflights >= len(paths)
    assert_counted_once(arrived, user, before)
