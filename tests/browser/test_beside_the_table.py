"""Pages that no address alone leads to: doors, refusals, a fault of ours, and long work that goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.looks import OPENED, SIZES, hard_to_press, looked_at, unmarked
from tests.browser.servers import Server, serving
from tests.browser.test_every_page import axe
from tests.browser.test_people import OLGA, PASSWORD, VERA, let_in, sign_in

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FAULTY = str(Path(__file__).parents[1] / "flow" / "faulty")
BROKEN = """[...document.querySelectorAll('.jobs .break')]
  .filter(each => each.checkVisibility() && each.textContent.length <= 20)
  .filter(each => {
    const text = document.createRange()
    text.selectNodeContents(each)
    return text.getClientRects().length > 1
  }).map(each => `broken: ${each.textContent}`)"""


@pytest.fixture
def half_done(tmp_path: Path) -> Iterator[Server]:
    """A server that asks who one is; of it an export never ends, and a search fails."""
    closed = {"UPTAKE_OPEN_ON_LOOPBACK": "false"}
    with serving(tmp_path / "data", **closed, PYTHONPATH=FAULTY, HALF_DONE="1") as server:
        let_in(server, OLGA, "owner")
        let_in(server, VERA, "viewer")
        yield server


def pages_of(server: Server, page: Page) -> Iterator[str]:
    """Open each of them; its name."""
    invited = server.command("user", "create", "ben@acme.example", "--role", "editor").strip()
    page.goto(server.url + "/sign-in")
    page.get_by_label("E-mail address").fill(OLGA)
    page.get_by_label("Password", exact=True).fill(f"not {PASSWORD}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("[role=alert]")
    yield "wrong-password"
    page.goto(server.url + "/welcome/" + invited.rpartition("/")[2])
    page.wait_for_selector("[name=name]")
    yield "invitation"
    sign_in(page, server, VERA)
    page.goto(server.url + "/destination/mappings/new")
    yield page.locator(".code-number", has_text="403").inner_text()
    page.context.clear_cookies()
    sign_in(page, server, OLGA)
    page.goto(server.url + "/search?q=acme")
    yield page.locator(".code-number", has_text="500").inner_text()
    page.goto(server.url + "/settings/data")
    page.get_by_role("button", name="Export", exact=True).click()
    page.locator(".jobs .meter").wait_for()
    page.locator(".jobs .unfold").click()
    page.locator(".job-log").wait_for()
    yield "long-work"


@pytest.mark.parametrize(("width", "scheme"), OPENED)
def test_pages_beside_the_table_are_for_everyone(half_done, opened, axe, shots, width, scheme):
    """They are as readable, as easy to touch and as clear about the focus as those that an address leads to, and who
    asked for long work is told in one line."""
    page = opened(width, SIZES[width], scheme=scheme, forgiven="status of ")
    found, seen = [], []

    for name in pages_of(half_done, page):
        seen.append(name)
        found += looked_at(page, axe, shots, f"beside-{name}")
        found += hard_to_press(page, name) if width == 390 else []
        found += [*unmarked(page, name), *page.evaluate(BROKEN)]

    assert not found, "\n".join(found)
    assert seen == ["wrong-password", "invitation", "403", "500", "long-work"]
