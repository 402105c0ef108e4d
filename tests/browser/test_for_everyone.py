"""Every page of the route table for those who touch, who use the keyboard, and who read in the dark on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.test_every_page import DRAWN, GRAVE, SIZES, axe
from uptake.web.routes import ROUTES

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EXAMPLES = {
    "/accounts/{account}": "/accounts/acme",
    "/users/{user}": "/users/ana",
    "/segments/{segment}": "/segments/accounts.all_active",
    "/segments/{segment}/trend": "",  # a part of the list
    "/segments/{segment}/why": "/segments/accounts.red_hot/why?who=acme",
    "/segments/{segment}/members.csv": "",
    "/segments/{segment}/edit": "",  # the builder is that of a new one
    "/segments/new": "/segments/new?where=(score+%3E+1+or+not+did(%22Logged_In%22))+and+account.plan+exists",
    "/events/{event}": "/events/Report_Created",
    "/features/{feature}": "/features/Reporting",
    "/live/{call}": "/live/3",
    "/live/refused/{key}": "",  # its key is not known beforehand
    "/destination/mappings/{name}": "/destination/mappings/Track%20Calls",
    "/destination/filters/{name}": "",  # there is none; its form is that of a new one
    "/settings/workspaces/{workspace_id}": "/settings/workspaces/1",
    "/settings/workspaces/{workspace_id}/versions": "/settings/workspaces/1/versions",
    "/settings/data/result": "",
    "/sign-in/provider": "",  # there is none
    "/sign-in/provider/back": "",
    "/welcome/{text}": "/welcome/spent",
    "/search": "/search?q=acme",
    "/static/{path}": "",
}
"""An address for each route that needs more than its path; '' where there is no page to look at."""

FEWEST_PX = 40
CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary"
SMALL = """([controls, least]) => [...document.querySelectorAll(controls)]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && !each.closest('svg, .skip'))
  .map(each => {
    const ticked = each.type === 'checkbox' || each.type === 'radio'
    const box = (ticked && each.labels[0] || each).getBoundingClientRect()
    const parts = ['::before', '::after'].map(part => getComputedStyle(each, part))
    const over = parts.filter(part => part.position === 'absolute')
    const size = side => Math.max(box[side], ...over.map(part => parseFloat(part[side]) || 0)) + 0.5
    const small = size('height') < least || each.matches('.icon-only, .segmented > *') && size('width') < least
    return small && `${Math.round(size('width'))} x ${Math.round(size('height'))}: ${each.outerHTML.slice(0, 160)}`
  }).filter(Boolean)"""
CUT = """[...document.querySelectorAll('.chip, .tabs > *, .segmented > *, .button')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && each.scrollWidth > each.clientWidth + 1)
  .map(each => `cut: ${each.outerHTML.slice(0, 160)}`)"""
UNMARKED = """controls => [...document.querySelectorAll(controls + ', [tabindex="0"]')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0)
  .filter(each => {
    each.focus({focusVisible: true, preventScroll: true})
    const card = each.closest('.curve, .choice')
    const shown = [getComputedStyle(each), getComputedStyle(each, '::after'), ...card ? [getComputedStyle(card)] : []]
    return document.activeElement !== each
      || !shown.some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)
  }).map(each => each.outerHTML.slice(0, 160))"""
READ = "axe.run(document, {runOnly: ['color-contrast']})"  # structure is looked at in the light, by test_every_page


def paths() -> list[str]:
    """One address for each page of the route table; files to download and what has no page are left out."""
    served = [route.path for route in ROUTES if route.part == "app" and route.method == "GET"]
    shown = [EXAMPLES.get(path, path) for path in served]
    return [path for path in shown if path and not path.endswith((".csv", ".jsonl", ".ico"))]


def each_page(site, page: Page) -> Iterator[str]:
    """Open every page; its charts are drawn."""
    for path in paths():
        page.goto(site.url + path)
        page.wait_for_function(DRAWN)
        yield path


def test_every_page_can_be_touched_and_read_in_the_dark_at_390_px(site, opened, axe):
    """Nothing scrolls the page sideways, nothing to press is under 40 px or cut off, every text has its
    contrast."""
    page = opened(390, SIZES[390], scheme="dark", forgiven="status of 4")
    found = []

    for path in each_page(site, page):
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found += [f"{path}: {wide} px too wide"] if wide > 0 else []
        found += [f"{path}: {each}" for each in page.evaluate(SMALL, [CONTROLS, FEWEST_PX])]
        found += [f"{path}: {each}" for each in page.evaluate(CUT)]
        page.evaluate(axe)
        for told in page.evaluate(READ)["violations"]:
            found += [f"{path}: {told['id']}: {at['html'][:160]}" for at in told["nodes"] if told["impact"] in GRAVE]

    assert not found, "\n".join(found)


def test_whatever_takes_the_focus_shows_it(site, opened):
    """An outline of at least 2 px, on the control itself or on the row or card that it stands for."""
    page = opened(1440, SIZES[1440], forgiven="status of 4")
    found = []

    for path in each_page(site, page):
        found += [f"{path}: {each}" for each in page.evaluate(UNMARKED, CONTROLS)]

    assert not found, "\n".join(found)


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
