"""Every page at two widths and in two colour schemes: nothing fails, nothing is cut off, everyone can read it.

A page is opened once at each width and looked at in both schemes, one after the other: opening it is what takes long.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browser.looks import OPENED, SIZES, grave, hard_to_press, looked_at, unmarked
from tests.browser.servers import SCRIPT
from uptake.web.pages.visit import in_path
from uptake.web.routes import ROUTES

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


@pytest.fixture(scope="session")
def axe(node_modules: Path) -> str:
    """The source of axe-core."""
    return (node_modules / "axe-core" / "axe.min.js").read_text()


def paths() -> list[str]:
    """One address for each page of the route table; files to download and what has no page are left out."""
    served = [route.path for route in ROUTES if route.part == "app" and route.method == "GET"]
    shown = [EXAMPLES.get(path, path) for path in served]
    return [path for path in shown if path and not path.endswith((".csv", ".jsonl", ".ico"))]


@pytest.mark.parametrize(("width", "scheme"), OPENED)
def test_every_page_is_whole_and_everyone_can_use_it(site, opened, axe, shots, width, scheme):
    """No console error, no failed request, nothing wider than the window, and axe finds nothing serious.

    On a phone, nothing to press is under 40 px or cut off; on a wide screen, whatever takes the focus shows it.
    """
    page = opened(width, SIZES[width], scheme=scheme, forgiven="status of 4")
    refused = []
    page.on("response", lambda each: refused.append(each) if each.status >= 400 else None)
    named = {path: name for name, path in PAGES.items()}
    found = []

    for path in dict.fromkeys([*named, *paths()]):
        name = named.get(path, path.strip("/").replace("/", "-"))
        answer = page.goto(site.url + path)
        assert path not in named or answer.status == (404 if name == "not-found" else 200), path
        found += looked_at(page, axe, shots, name)
        found += hard_to_press(page, name) if width == min(SIZES) else unmarked(page, name)

    assert [each.url for each in refused if not each.request.is_navigation_request()] == []
    assert not found, "\n".join(found)


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
