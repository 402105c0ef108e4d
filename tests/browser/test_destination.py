"""The destination in a browser: a newcomer's path from a seen call to an effect, the editor, and every page of it."""

import re
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.looks import OPENED, SIZES, looked_at
from tests.browser.servers import SCRIPT, member, track
from tests.browser.test_every_page import axe

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAPPING = "/destination/mappings/Identify%20Calls"
PAGES = {
    "destination": "/destination",
    "destination-new": "/destination/mappings/new",
    "destination-mapping": MAPPING,
    "destination-filter": "/destination/filters/new",
    "destination-test": "/destination/test?call=sample:group",
    "destination-test-empty": "/destination/test",
    "destination-delivery": "/destination/overview?range=14d",
    "destination-versions": "/destination/versions",
    "destination-history": "/destination/history",
}


@pytest.mark.parametrize(("width", "scheme"), OPENED)
def test_every_page_of_the_destination_is_whole_and_readable(site, opened, axe, shots, width, scheme):
    """No console error, no failed request, nothing wider than the window, and axe finds nothing serious."""
    page = opened(width, SIZES[width], scheme=scheme)
    found = []

    for name, path in PAGES.items():
        page.goto(site.url + path)
        if name == "destination-history":
            expect(page.get_by_text("Calls read")).to_be_visible()
        found += looked_at(page, axe, shots, name)

    assert found == []


def test_a_newcomer_maps_a_seen_call_and_sees_its_effect(fresh, opened, shots):
    """From a call that nothing counted: add a mapping from it, test it, enable it, send it again, see it counted."""
    page, now = opened(), datetime.now(UTC)
    fresh.send([*member("ana", "Ana", "acme", "Acme", now)])
    fresh.send([{"type": "page", "userId": "ana", "name": "Pricing", "timestamp": now.isoformat()}])
    fresh.settle()

    page.goto(fresh.url + "/accounts")
    page.get_by_role("link", name="Destination").click()
    page.get_by_role("link", name="Test", exact=True).click()
    page.get_by_label("A recent call, or a sample").select_option(label="#2 page · Pricing · ana")
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_text("ana did Viewed Pricing Page").first).to_be_visible()
    page.screenshot(path=shots / "destination-tested-1440-light.png", full_page=True)
    page.get_by_role("link", name="New mapping from this call").click()

    expect(page.locator("#name")).to_have_value("Pricing")
    expect(page.locator("#as-fql")).to_contain_text('type = "page" and name = "Pricing"')
    page.fill("#name", "Looked at prices")
    page.select_option("#action", "track")
    expect(page.locator("#kind-event")).to_be_visible()
    page.select_option("#kind-event", "value")
    page.fill("#event-value", "Looked_At_Prices")
    expect(page.locator("#got-event")).to_contain_text('"Looked_At_Prices"')
    expect(page.locator("#outcome")).to_contain_text("ana did Looked_At_Prices")
    page.screenshot(path=shots / "destination-editing-1440-light.png", full_page=True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as revision")).to_be_visible()

    page.get_by_role("link", name="the destination's page").click()
    switch = page.get_by_role("switch", name="Looked at prices enabled")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    again = {"type": "page", "userId": "ana", "name": "Pricing", "timestamp": datetime.now(UTC).isoformat()}
    fresh.send([again])
    fresh.settle()

    page.goto(fresh.url + "/users/ana")
    expect(page.locator("#recent + *, .recent").last).to_contain_text("Looked_At_Prices")
    page.goto(fresh.url + "/live")
    expect(page.locator("#live tbody tr", has_text="Counted")).to_have_count(4)


def test_the_editor_follows_what_is_typed(fresh, opened):
    """The builder shows its FQL; FQL typed by hand is told where it is wrong and rewritten by one click; JSON and
    fields are two views of one mapping; what is removed is gone."""
    page, now = opened(), datetime.now(UTC)
    fresh.send([*member("ana", "Ana", "acme", "Acme", now), track("ana", "Report_Created", now)])
    fresh.settle()
    page.goto(fresh.url + "/destination/mappings/Track%20Calls")
    expect(page.locator("#outcome")).to_contain_text("ana did Report_Created")

    page.get_by_role("button", name="Add a condition").press("Enter")
    page.get_by_label("Test").nth(1).select_option("properties")
    page.locator("#c1-key").fill("format")
    page.get_by_label("How").nth(1).select_option("not_exists")
    expect(page.locator("#as-fql")).to_contain_text('type = "track" and properties.format = null')
    expect(page.locator("#c1-key")).to_have_value("format")
    page.get_by_role("button", name="FQL").click()
    page.fill("#fql", "type = 'track' and event = 'A' or event = 'B'")
    expect(page.locator("#fault-trigger")).to_contain_text("Line 1, column 32")
    page.get_by_role("button", name="Write it so").nth(1).click()
    expect(page.locator("#fql")).to_have_value('type = "track" and (event = "A" or event = "B")')
    expect(page.locator("#fault-trigger")).to_be_empty()
    page.fill("#fql", "type = 'track'")
    expect(page.locator("#as-fql")).to_contain_text("It is saved in a spelling that is read as meant")
    page.get_by_role("button", name="Write it so").click()
    expect(page.locator("#fql")).to_have_value('type = "track"')
    page.get_by_role("button", name="Builder").click()
    expect(page.get_by_role("group", name="Condition")).to_have_count(1)

    page.select_option("#kind-event", "case")
    page.select_option("#event-to", "upper")
    expect(page.locator("#got-event")).to_contain_text('"REPORT_CREATED"')
    page.get_by_role("button", name="JSON", exact=True).click()
    expect(page.locator("#json")).to_have_value(re.compile('"@case"'))
    page.fill("#json", '{"event": {"@path": "$.event"}, "userId": {"@path": "$.nowhere"}}')
    expect(page.locator("#outcome")).to_contain_text("missing the required field 'userId'")
    page.get_by_role("button", name="Fields", exact=True).click()
    expect(page.locator("#got-userId")).to_contain_text("missing the required field")
    expect(page.locator("#kind-timestamp")).to_have_value("none")


def test_a_slow_server_loses_nothing_that_is_typed(fresh, opened):
    """A change of structure is not overtaken by the check of what was typed before it, and what is typed while it is on
    its way is there afterwards."""
    page = opened()
    page.goto(fresh.url + "/destination/mappings/new")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 700, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)

    page.fill("#name", "Paid")
    page.select_option("#kind-event", "value")
    page.fill("#name", "Paid up")
    page.get_by_label("Lenient").uncheck()

    expect(page.locator("#event-value")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Paid up")
    expect(page.get_by_label("Lenient")).not_to_be_checked()
    page.fill("#event-value", "Invoice_Paid")
    expect(page.locator("#outcome")).to_contain_text("did Invoice_Paid")
    expect(page.locator("#name")).to_have_value("Paid up")


def test_the_51st_mapping_is_refused_on_the_page(fresh, opened):
    """Fifty fit; the next, added or duplicated, is refused with a sentence that says so, and nothing is lost."""
    fifty = [
        {"name": f"Mapping {number}", "action": "track", "trigger": 'type = "track"', "fields": "preset"}
        for number in range(50)
    ]
    token = fresh.command("key", "create", "--kind", "manage").strip()
    bearer = {"authorization": f"Bearer {token}"}
    httpx.put(f"{fresh.url}/v2/destination", json={"mappings": fifty}, headers=bearer).raise_for_status()
    page = opened(forgiven="status of 422")

    page.goto(fresh.url + "/destination")
    expect(page.get_by_text("50 of 50")).to_be_visible()
    page.get_by_role("button", name="Duplicate Mapping 7", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("At most 50 mappings, got 51.")
    page.get_by_role("link", name="New mapping").click()
    page.fill("#name", "One more")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("At most 50 mappings, got 51.")
    expect(page.locator("#name")).to_have_value("One more")
    page.goto(fresh.url + "/destination")
    page.get_by_role("button", name="Delete Mapping 7…", exact=True).click()
    page.locator(".sure:popover-open").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("49 of 50")).to_be_visible()


def test_history_is_applied_after_it_was_counted(fresh, opened):
    """A change applies to calls from now on; applied to history, the counts that were foretold are in force."""
    page, now = opened(), datetime.now(UTC)
    fresh.send([*member("ana", "Ana", "acme", "Acme", now), track("ana", "Report_Created", now)])
    fresh.settle()
    page.goto(fresh.url + "/destination/mappings/Track%20Calls")
    page.select_option("#kind-event", "value")
    page.fill("#event-value", "Anything")

    page.get_by_role("button", name="Apply to history…").click()
    row = page.get_by_role("row", name="Report_Created")
    expect(row).to_have_text(re.compile(r"Report_Created\s*1\s*0"))
    page.get_by_role("button", name="Apply to history").click()
    expect(page.get_by_text("Applied to history.")).to_be_visible()

    fresh.settle()
    page.goto(fresh.url + "/events")
    expect(page.get_by_text("Anything")).to_be_visible()
    expect(page.get_by_text("Report_Created")).to_have_count(0)


def test_the_destination_works_without_scripts(fresh, opened):
    """Conditions are added, sources chosen, mappings saved and switched by plain forms."""
    page = opened(scripts=False)
    page.goto(fresh.url + "/destination/mappings/new")

    page.get_by_role("button", name="Add a condition").click()
    expect(page.get_by_role("group", name="Condition")).to_have_count(2)
    page.fill("#c1-value", "Paid")
    page.fill("#name", "Paid")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as revision")).to_be_visible()
    page.goto(fresh.url + "/destination")
    page.get_by_role("switch", name="Paid enabled").click()
    expect(page.get_by_role("switch", name="Paid enabled")).to_have_attribute("aria-checked", "true")


def test_planted_script_stays_text_in_the_destination(site, opened):
    """Names, paths and values of calls that hold script are text in the editor, the tester and the funnel."""
    page = opened(forgiven="status of 4")
    page.goto(site.url + "/destination/test")
    labels = page.locator("#call option").all_inner_texts()
    planted = next(label for label in labels if "window.planted" in label)
    page.get_by_label("A recent call, or a sample").select_option(label=planted)
    page.get_by_role("button", name="Test it").click()
    page.get_by_role("link", name="New mapping from this call").click()
    shown = [page.locator("#editor").inner_text()]
    for path in ("/destination/overview?range=14d", "/destination/versions"):
        page.goto(site.url + path)
        shown.append(page.locator("body").inner_text())

    assert any("planted" in text or SCRIPT in text for text in shown)
    assert page.evaluate("window.planted") is None
    assert page.locator("body img").count() == 0
    assert not any("1337" in text for text in shown)
