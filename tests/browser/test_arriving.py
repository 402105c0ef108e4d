"""Calls as they arrive: the first-run page ticks its steps off, and the Live page shows each fate by itself."""

import subprocess
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.servers import PATIENCE_S, member, track

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_first_run_page_ticks_its_steps_off(fresh, opened, shots):
    """An empty product shows its key; each step is ticked as its call arrives; the last leads to the accounts."""
    page = opened()
    page.goto(fresh.url)
    done, now = page.locator(".step.done"), datetime.now(UTC)
    shown = page.locator("#ingest-key").inner_text()
    assert shown in page.locator("#code-curl").inner_text()
    assert fresh.ingest_key == shown
    expect(done).to_have_count(0)
    page.screenshot(path=shots / "first-run-1440-light.png", full_page=True)
    identify, group = member("ana", "Ana", "acme", "Acme", now)

    fresh.send([identify])
    expect(done).to_have_count(1)
    fresh.send([group])
    expect(done).to_have_count(3)
    fresh.send([track("ana", "Report_Created", now)])
    expect(done).to_have_count(5)
    expect(page.get_by_role("link", name="Make features")).to_be_visible()
    page.get_by_role("link", name="See your accounts").click()

    expect(page.locator(".row-link")).to_have_text("Acme")
    expect(page.get_by_text("Until you define features every event counts with weight 1")).to_be_visible()
    (acme,) = fresh.read("/v2/accounts?workspace_id=1")["data"]
    expect(page.locator(".rows .score b")).to_have_text(str(acme["score"]))
    assert acme["score"] == 90
    page.goto(fresh.url)
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()


def test_live_shows_calls_with_their_fate_until_it_is_paused(fresh, opened):
    """The copied curl lines count; a refused call appears by itself with its reason; a paused page stands still."""
    page, now = opened(), datetime.now(UTC)
    page.goto(fresh.url + "/live")
    expect(page.get_by_text("No calls yet")).to_be_visible()

    page.get_by_role("link", name="Send your first calls").click()
    subprocess.run(
        ["bash", "-c", page.locator("#code-curl").inner_text()], check=True, capture_output=True, timeout=PATIENCE_S
    )
    page.goto(fresh.url + "/live")
    expect(page.locator("#live tbody tr", has_text="Counted")).to_have_count(3)
    fresh.send([{"type": "track", "userId": "ana"}])
    expect(page.locator("#live tbody tr")).to_have_count(4)
    refused = page.locator("#live tbody tr", has_text="Refused")
    expect(refused).to_contain_text("missing_event")
    expect(refused).to_contain_text("$.event")

    page.get_by_role("button", name="Pause").click()
    fresh.send([track("ana", "Report_Created", now)])
    page.wait_for_timeout(2_500)
    expect(page.locator("#live tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#live tbody tr")).to_have_count(5)
    page.locator(".chip", has_text="Refused").click()
    expect(page.locator("#live tbody tr")).to_have_count(1)
