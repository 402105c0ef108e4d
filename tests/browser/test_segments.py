"""The segment builder in a browser: counted while one types, by keyboard alone, and without scripts."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_segment_is_counted_while_it_is_built(site, opened):
    """The preview follows what is typed; a fault appears at its row, and goes when it is mended."""
    page = opened()
    page.goto(site.url + "/segments/new")

    page.get_by_label("Name of the event").fill("Logged_In")
    expect(page.locator(".count-big")).to_contain_text("accounts")
    before = page.locator(".count-big b").inner_text()
    page.get_by_label("Days to look back").fill("0")
    expect(page.locator("#fault-1")).to_contain_text("from 1 to 90")
    page.get_by_label("Days to look back").fill("1")
    expect(page.locator("#fault-1")).to_be_empty()
    expect(page.locator("#where-text")).to_have_text('did("Logged_In") >= 1 within 1 days')

    assert int(page.locator(".count-big b").inner_text()) < int(before)


def test_a_segment_is_built_by_keyboard(site, opened):
    """Every control is reached by Tab; what is added takes the focus; the segment is saved and has its page."""
    page = opened()
    page.goto(site.url + "/segments/new?scope=users")

    page.get_by_label("Name", exact=True).press_sequentially("Keys")
    page.get_by_role("button", name="Group", exact=True).press("Enter")
    expect(page.get_by_role("group", name="Group 2")).to_be_visible()
    expect(page.locator("#n3-kind")).to_be_focused()
    page.keyboard.press("s")  # a select jumps to what begins so: the score
    expect(page.get_by_label("Value")).to_be_visible()
    page.get_by_label("Value").fill("0")
    page.get_by_label("Name of the event").fill("Logged_In")
    page.get_by_label("How the conditions are joined").first.select_option("any")
    expect(page.locator("#where-text")).to_have_text('did("Logged_In") >= 1 or score >= 0')
    page.get_by_role("button", name="Save").press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Keys")
    expect(page.locator("[data-chart] svg").first).to_be_visible()
    page.get_by_role("button", name="Delete the segment…").click()
    page.get_by_role("button", name="Delete the segment", exact=True).click()
    expect(page).to_have_url(re.compile(r"/segments\?scope=users$"))


def test_trends_come_when_their_rows_are_shown(site, opened):
    """Each row of the list asks for its own small line."""
    page = opened()
    page.goto(site.url + "/segments")

    expect(page.locator("td.size-trend svg").first).to_be_visible()


def test_a_segment_can_be_typed_without_scripts(site, browser):
    """The text form, its faults and saving need no script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url + "/segments/new")

    page.get_by_role("button", name="Text").click()
    page.get_by_label("Name", exact=True).fill("Typed by hand")
    page.get_by_label("Condition in the filter language").fill("scor > 1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#text-fault")).to_contain_text("Line 1, column 1")
    page.get_by_label("Condition in the filter language").fill("score > 1")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Typed by hand")
    page.goto(page.url.replace("?saved=1", "/edit"))
    expect(page.locator("#n1-value")).to_have_value("1")
    context.close()
