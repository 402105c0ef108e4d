"""Long work in a browser: a table is exported and taken, a user is erased, and the numbers are those of the API."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import OPENED, SIZES, looked_at
from tests.browser.servers import PATIENCE_S, Server, member, track
from tests.browser.test_every_page import axe

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

DATA = "/settings/data"


@pytest.fixture
def small(fresh: Server) -> Server:
    """Ana and bob of acme, who did things yesterday."""
    now = datetime.now(UTC)
    calls = []
    for user, times in (("ana", 5), ("bob", 2)):
        calls += member(user, user.capitalize(), "acme", "Acme", now - timedelta(days=20))
        calls += [track(user, "Report_Created", now - timedelta(hours=30, minutes=each)) for each in range(times)]
    fresh.send(calls)
    fresh.settle()
    return fresh


def row_of(page: Page, title: str):
    """The line of a piece of work."""
    return page.locator(".jobs tbody tr", has_text=title).first


def export_users(page: Page, folder: Path) -> list[dict]:
    """Ask for the users, wait for the file, and read it."""
    page.locator("#format").select_option("jsonl")
    page.get_by_role("button", name="Export", exact=True).click()
    row = row_of(page, "Export users as JSON Lines")
    expect(row.get_by_text("done", exact=True)).to_be_visible()
    with page.expect_download() as begun:
        row.get_by_role("link", name="Download").click()
    begun.value.save_as(folder / "users.jsonl")
    return [json.loads(line) for line in (folder / "users.jsonl").read_text().splitlines()]


def test_a_user_is_erased_with_a_receipt(small, opened, tmp_path):
    """A mistyped id erases nobody; then the receipt says how much went, the kept export is gone, and every number is as
    if the user had never been.
    """
    page = opened(forgiven="status of 4")
    page.goto(small.url + DATA)
    rows = export_users(page, tmp_path)
    assert {row["tracking_id"] for row in rows} == {each["tracking_id"] for each in users(small)} == {"ana", "bob"}

    erase(page, "ana", "bob")
    expect(page.get_by_role("alert")).to_contain_text("The two ids differ")
    erase(page, "ana", "ana")
    receipt = page.locator("section", has=page.get_by_role("heading", name="Receipts of erasures")).locator("tbody tr")
    expect(receipt.get_by_text("done", exact=True)).to_be_visible()
    small.settle()

    page.reload()
    told = managed(small, "/v2/erasures")["data"][0]
    assert receipt.locator("td").nth(3).inner_text() == str(told["calls"]) == "7"
    expect(row_of(page, "Erase a user")).to_contain_text("receipt 1: 7 calls")
    expect(row_of(page, "Export users").locator(".came")).to_contain_text("its file is not kept any more")
    row_of(page, "Erase a user").get_by_role("link").first.click()
    expect(page.locator(".job-log")).to_contain_text("erasing calls")
    assert "ana" not in page.locator(".job-log").inner_text()

    assert [each["tracking_id"] for each in users(small)] == ["bob"]
    assert answer(small, "/v2/users/ana").status_code == 404
    account = small.read("/v2/accounts/acme")["account"]
    page.goto(small.url + "/accounts/acme")
    assert account["total_users"] == 1
    expect(page.locator("main")).to_contain_text("Bob")
    expect(page.locator("main")).not_to_contain_text("Ana")
    page.goto(small.url + "/users")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_page_asks_while_work_goes_on_and_no_longer(small, opened):
    """It follows work to its end and then is quiet, until more is asked for on the page, or elsewhere and the reader
    comes back to it.
    """
    page, asked = opened(), []
    page.on("request", lambda request: asked.append(request.url) if "hx-request" in request.headers else None)
    page.clock.install()
    page.goto(small.url + DATA)
    quiet(page, asked)

    erase(page, "bob", "bob")
    expect(row_of(page, "Erase a user").get_by_text("done", exact=True)).to_be_visible()
    assert asked
    quiet(page, asked)

    small.command("jobs", "start", "recompute", "--no-wait")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(row_of(page, "Recompute scores").get_by_text("done", exact=True)).to_be_visible()
    quiet(page, asked)


def quiet(page: Page, asked: list[str]) -> None:
    """Within a minute the page asks for nothing."""
    expect(page.locator("#data-work")).to_have_attribute("hx-trigger", "focus from:window")
    asked.clear()
    page.clock.run_for(60_000)
    page.evaluate("fetch(location.href)")  # what was asked for before this has been heard of
    assert asked == []


@pytest.mark.parametrize(("width", "scheme"), OPENED)
def test_the_page_of_long_work_is_whole_and_readable(small, opened, axe, shots, width, scheme):
    """With work that is done, failed, ended and on its way, and a log that is open."""
    for words in (["export"], ["backup"], ["recompute"], ["export", "--table", "scores", "--format", "jsonl"]):
        small.command("jobs", "start", *words)
    small.command("jobs", "start", "rebuild", "--no-wait")
    page = opened(width, SIZES[width], scheme=scheme)

    page.goto(small.url + DATA + "?log=2")
    expect(page.locator(".job-log")).to_be_visible()

    assert looked_at(page, axe, shots, "long-work") == []


def erase(page: Page, tracking_id: str, confirm: str) -> None:
    """Send the form that erases a user."""
    page.get_by_label("Id, as calls name it").fill(tracking_id)
    page.get_by_label("The id once more").fill(confirm)
    page.get_by_role("button", name="Erase", exact=True).click()


def users(server: Server) -> list[dict]:
    """Who the API lists."""
    return server.read("/v2/users?workspace_id=1")["data"]


def managed(server: Server, path: str) -> dict:
    """What the API tells a management token."""
    token = server.command("key", "create", "--kind", "manage").strip()
    told = httpx.get(server.url + path, headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE_S)
    assert told.status_code == 200, told.text
    return told.json()


def answer(server: Server, path: str) -> httpx.Response:
    """What the API answers, whatever it is."""
    headers = {"authorization": f"Bearer {server.read_token}"}
    return httpx.get(server.url + path, headers=headers, timeout=PATIENCE_S)
