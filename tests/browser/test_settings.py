"""A model is changed in the browser: a feature and a weight, what would change, published; the API has the numbers."""

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.servers import CONFIG, FEATURES, serving, world

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
MODEL = "/settings/workspaces/1"


@pytest.fixture
def own(tmp_path):
    """A server with the small world that the test may change."""
    with serving(tmp_path / "data") as server:
        file = tmp_path / "uptake.yaml"
        file.write_text(CONFIG)
        server.command("config", "apply", str(file))
        server.send(world(datetime.now(UTC)))
        server.settle()
        yield server


def test_a_feature_a_weight_what_if_and_publish(own, opened, shots):
    """A feature is made of an event, weighed, compared with the model in force and published for all of history: the
    scores are those that the comparison foretold, on the pages and in the API."""
    page = opened(forgiven="status of 422")
    page.goto(own.url + "/settings/features")
    page.get_by_role("button", name="Add a feature").click()
    expect(page.get_by_label("Name", exact=True)).to_have_count(len(FEATURES) + 1)  # the new one is there
    page.get_by_label("Name", exact=True).last.fill("Access")
    page.get_by_label("Logged_In").check()
    page.get_by_label("Into").select_option(str(len(FEATURES)))
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator(".event-chip", has_text="Logged_In")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.goto(own.url + MODEL)
    page.get_by_label("Access", exact=False).last.fill("10")
    page.get_by_label("Window in days").fill("30")
    page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_role("heading", name="What if")).to_be_visible()
    page.screenshot(path=shots / "what-if-1440-light.png", full_page=True)
    rows = page.locator("#outcome .mover-list").first.locator("tbody tr")
    foretold = [(row.locator("a").inner_text(), int(row.locator("b").inner_text())) for row in rows.all()]
    page.get_by_label("Recompute history").check()
    page.get_by_label("Why").fill("Logging in matters")
    page.get_by_role("button", name="Publish").click()

    expect(page.locator(".toast", has_text="Published")).to_be_visible()
    model = own.read("/v2/workspaces/1/model")
    assert (model["workspace"]["window_days"], model["workspace"]["features"]["Access"]) == (30, 10)
    page.goto(own.url + MODEL + "/versions")
    expect(page.get_by_text("Logging in matters")).to_be_visible()
    own.settle()
    assert foretold
    assert scores_then(own, [name for name, _ in foretold]) == foretold


def scores_then(server, names):
    """What accounts scored on the last full day, by the API."""
    today = date.fromisoformat(server.read("/v2/accounts?workspace_id=1&limit=1")["day"])
    rows = server.read(f"/v2/accounts?workspace_id=1&limit=100&day={today - timedelta(days=1)}")["data"]
    scores = {each["name"]: each["score"] for each in rows}
    return [(name, scores[name]) for name in names]


def test_a_fault_is_told_at_its_field_without_scripts(site, opened):
    """Whoever runs no scripts sees what was typed, and beside it what is wrong with it; nothing is saved."""
    page = opened(scripts=False, forgiven="status of 422")
    page.goto(site.url + MODEL)
    page.get_by_label("Window in days").fill("91")

    page.get_by_role("button", name="Publish").click()

    field = page.get_by_label("Window in days")
    expect(field).to_have_value("91")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#window_days-fault")).to_contain_text("Expected a whole number from 1 to 90, got '91'.")
