"""Pages for those who touch, who use the keyboard, and who chose their colours; what holds on every page is in
`test_every_page`."""

import pytest

from tests.browser.looks import SIZES

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_what_a_list_opens_stays_in_the_window_at_390_px(site, opened):
    """The condition of a list and the name of a view can be typed on a phone."""
    page = opened(390, SIZES[390])
    page.goto(site.url + "/accounts")

    for panel in ("condition-drop", "save-drop"):
        page.click(f"#{panel} > summary")
        box = page.locator(f"#{panel} .drop-body").bounding_box()
        page.click(f"#{panel} > summary")

        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_search_is_left_by_one_escape(site, opened):
    """Also where something was typed, which the browser would only clear."""
    page = opened()
    page.goto(site.url + "/accounts")
    page.keyboard.press("/")
    page.keyboard.type("acme")

    page.keyboard.press("Escape")

    assert page.locator("#search[open]").count() == 0


def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(site, opened):
    """The skip link is seen when it has the focus, and takes it to the content."""
    page = opened()
    page.goto(site.url + "/accounts")

    page.keyboard.press("Tab")
    top = page.evaluate("document.activeElement.getBoundingClientRect().top")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert top >= 0
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_chosen_scheme_is_there_from_the_first_byte(site, opened):
    """The page says its scheme before its style sheet, so that nothing flashes in another one."""
    page = opened(scheme="light")
    page.goto(site.url + "/accounts")
    page.click("[data-theme-switch]")
    page.click("[data-theme-switch]")

    page.goto(site.url + "/users")

    assert page.evaluate("document.querySelector('meta[name=color-scheme]').content") == "dark"
    assert page.evaluate("document.head.querySelector('meta[name=color-scheme] ~ link[rel=stylesheet]') !== null")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
