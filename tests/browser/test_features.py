"""The features editor in a browser: put in order by dragging and by keyboard, events dragged from one to another."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def names_in(page):
    """The features on the page, from the top."""
    return [box.input_value() for box in page.get_by_label("Name", exact=True).all()]


def test_features_are_put_in_order_by_dragging(site, opened):
    """A card goes where its grip is dropped, an event into the card that it is dropped on; nothing is saved by it."""
    page = opened()
    page.goto(site.url + "/settings/features")
    before = names_in(page)
    cards = page.locator(".feature-card")

    cards.nth(2).locator("[data-grip]").drag_to(cards.nth(0), target_position={"x": 40, "y": 8})
    event = page.locator(".event-chip", has_text="Report_Shared")
    event.drag_to(page.locator(".feature-card", has=page.locator(f'[value="{before[1]}"]')))

    assert names_in(page) == [before[2], before[0], before[1]]
    card = page.get_by_role("group", name=before[1], exact=True)
    expect(card.locator(".event-chip", has_text="Report_Shared")).to_be_visible()
    page.get_by_role("button", name="Add a feature").click()
    expect(page.locator(".feature-card")).to_have_count(len(before) + 1)
    assert names_in(page) == [before[2], before[0], before[1], ""]
    expect(page.get_by_label("Name", exact=True).last).to_be_focused()
    page.reload()
    assert names_in(page) == before


def test_features_are_put_in_order_by_keyboard(site, opened):
    """The buttons of a card move it."""
    page = opened()
    page.goto(site.url + "/settings/features")
    before = names_in(page)

    page.get_by_role("button", name=f"Move {before[0]} down").press("Enter")
    expect(page.get_by_label("Name", exact=True).first).to_have_value(before[1])

    assert names_in(page) == [before[1], before[0], *before[2:]]
