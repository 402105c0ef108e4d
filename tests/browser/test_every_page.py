"""Every page at two widths and in two colour schemes: nothing fails, nothing is cut off, everyone can read it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.browser.servers import SCRIPT
from uptake.web.pages.visit import in_path

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PAGES = {
    "home": "/",
    "home-users": "/?of=users&since=day",
    "accounts": "/accounts",
    "account": "/accounts/acme",
    "account-then": f"/accounts/acme?day={datetime.now(UTC).date() - timedelta(days=2)}&days=90",
    "users": "/users",
    "user": "/users/ana",
    "segments": "/segments",
    "segment": "/segments/accounts.all_active",
    "segment-why": "/segments/accounts.red_hot/why?who=acme",
    "segment-new": "/segments/new?where=(score+%3E+1+or+not+did(%22Logged_In%22))+and+account.plan+exists",
    "events": "/events",
    "event": "/events/Report_Created",
    "features": "/features",
    "feature": "/features/Reporting?of=users&days=7",
    "live": "/live",
    "live-narrow": "/live?type=track&user=ana",
    "live-call": "/live/3",
    "live-older": "/live?before=40",
    "settings": "/settings",
    "import": "/settings/import",
    "backtest": "/settings/backtest",
    "settings-features": "/settings/features",
    "settings-data": "/settings/data",
    "settings-system": "/settings/system",
    "settings-health": "/settings/health",
    "settings-product": "/settings/product",
    "settings-configuration": "/settings/configuration",
    "settings-traits": "/settings/traits?of=users",
    "settings-exclusions": "/settings/exclusions",
    "settings-workspaces": "/settings/workspaces",
    "settings-workspace": "/settings/workspaces/1",
    "settings-workspace-new": "/settings/workspaces/new",
    "settings-versions": "/settings/workspaces/1/versions",
    "start": "/start",
    "search": "/search?q=acme",
    "styleguide": "/styleguide",
    "accounts-none": "/accounts?q=zzzz",
    "accounts-where": "/accounts?where=score+%3E+10&segment=accounts.all_active&col=raw_score&col=created_us&rows=50",
    "accounts-fault": "/accounts?where=scores+%3E+10",
    "not-found": "/accounts/nobody",
}
SIZES = {1440: 900, 390: 844}
AXE = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
DRAWN = "[...document.querySelectorAll('[data-chart]')].every(each => !each.offsetWidth || each.querySelector('svg'))"
GRAVE = ("serious", "critical")


@pytest.fixture(scope="session")
def axe(node_modules: Path) -> str:
    """The source of axe-core."""
    return (node_modules / "axe-core" / "axe.min.js").read_text()


def grave(page: Page, axe: str, name: str) -> list[str]:
    """What axe finds serious or critical on the page."""
    page.evaluate(axe)
    told = [each for each in page.evaluate(AXE)["violations"] if each["impact"] in GRAVE]
    return [f"{name}: {each['id']}: {node['html'][:160]}" for each in told for node in each["nodes"][:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_every_page_is_whole_and_readable(site, opened, axe, shots, width, scheme):
    """No console error, no failed request, nothing wider than the window, and axe finds nothing serious."""
    page = opened(width, SIZES[width], scheme=scheme, forgiven="status of 404")
    found = []

    for name, path in PAGES.items():
        answer = page.goto(site.url + path)
        page.wait_for_function(DRAWN)
        assert answer.status == (404 if name == "not-found" else 200), path
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
        # Contrast is checked in both schemes at one width, structure at both widths in one scheme.
        found += [] if (width, scheme) == (390, "dark") else grave(page, axe, name)
        found += [f"{name}: {overflow} px too wide"] if overflow > 0 else []

    assert found == []


def test_dialogs_and_drawer_are_readable(site, opened, axe, shots):
    """What opens over a page holds to the same: search with results, shortcuts, and the navigation of small screens."""
    found = []
    for width, opener, inside in [
        (1440, "a.find", "#results [role=option]"),
        (1440, "[data-dialog=shortcuts]", "#shortcuts[open]"),
        (1440, ".switch > button", "#switcher"),
        (390, "[popovertarget=side]", "#side .nav"),
    ]:
        page = opened(width, 844)
        page.goto(site.url + "/accounts")
        page.click(opener)
        page.wait_for_selector(inside)
        page.screenshot(path=shots / f"over-{re.sub('[^a-z]', '', opener)}-{width}.png")
        found += grave(page, axe, opener)

    assert found == []


def test_planted_script_is_nowhere_alive(site, opened):
    """Script in ids, names, traits, event names and calls is shown as text on every page, and a template in it too."""
    page = opened(forgiven="status of 404")
    step = in_path(SCRIPT)
    paths = [
        "/",
        "/?of=users",
        "/accounts?q=" + quote(SCRIPT),
        "/users?q=script",
        f"/accounts/{step}",
        f"/users/{step}",
        "/events?q=script",
        "/segments/users.all?q=script",
        "/segments/users.all/why?who=" + quote(SCRIPT),
        "/segments/new",
        f"/events/{step}",
        "/features",
        "/live",
        "/live?fate=refused",
        "/settings",
        "/settings/health",
        "/settings/traits",
        "/settings/configuration",
        "/settings/workspaces/1",
        "/settings/features",
        "/search?q=" + quote(SCRIPT),
        "/accounts/" + quote(SCRIPT, safe=""),
        "/accounts?workspace=" + quote(SCRIPT),
    ]

    shown = 0
    for path in paths:
        page.goto(site.url + path)
        page.wait_for_timeout(150)
        shown += page.locator("body").inner_text().count("window.planted")
        assert page.evaluate("window.planted") is None, path
        assert page.locator("body img").count() == 0, path
        assert "1337" not in page.locator("body").inner_text(), path

    assert shown > 8
