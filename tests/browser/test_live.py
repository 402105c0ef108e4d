"""The Live page as a debugger, in Chromium: narrowing calls down, and following one to what it counts for."""

import re

from playwright.sync_api import expect


def test_a_call_is_followed_from_the_list_to_its_score(site, opened):
    """Filters are kept in the address; j and Enter open a call; going back leads to the same list."""
    page = opened()
    page.goto(site.url + "/live")
    expect(page.locator("#live tbody tr").first).to_be_visible()

    page.get_by_label("User id").fill("ana")
    page.get_by_label("Type of call").select_option("track")
    expect(page).to_have_url(re.compile("type=track.*user=ana|user=ana.*type=track"))
    expect(page.locator("#live tbody tr").filter(has_not_text="ana")).to_have_count(0)
    expect(page.locator("#live tbody tr .badge", has_text=re.compile("group|identify"))).to_have_count(0)
    address = page.url
    page.get_by_label("User id").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/live/\d+"))
    expect(page.get_by_role("heading", name="Received")).to_be_visible()
    expect(page.get_by_role("heading", name="Destination")).to_be_visible()
    expect(page.locator(".stages")).to_contain_text("Weight")
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.get_by_label("User id")).to_have_value("ana")
