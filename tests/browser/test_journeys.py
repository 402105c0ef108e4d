"""What a customer-success manager does with the app, in Chromium; each ends by asking the API for its numbers."""

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def day_in(text: str) -> date:
    """The first day that a text names: 24 Nov 2026."""
    day, month, year = re.search(r"(\d{1,2}) (\w{3}) (\d{4})", text).groups()
    return date(int(year), MONTHS.index(month) + 1, int(day))


def told_number(text: str) -> float:
    """A number as the app writes it."""
    return float(text.replace("−", "-").replace(",", ""))


def tile(page: Page, label: str) -> str:
    """What stands in the tile with this label."""
    return page.locator(".tile", has=page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd").inner_text()


def movers(page: Page, heading: str) -> list[tuple[str, int, int]]:
    """Who stands in a list of Home: name, score before, score now."""
    rows = page.locator("section.card", has=page.get_by_role("heading", name=heading, exact=True)).locator("li")
    found = []
    for row in rows.all():
        before, now = (int(row.locator(".ends").locator(part).inner_text()) for part in (".dim", "b"))
        found.append((row.locator(".row-link").inner_text(), before, now))
    return found


def account_of(server, name: str, day: date) -> dict:
    """The account as the API tells it for a day, with its explanation."""
    listed = server.read(f"/v2/accounts?workspace_id=1&day={day}&limit=100")["data"]
    row = next(each for each in listed if each["name"] == name)
    told = server.read(f"/v2/accounts/{row['id']}?workspace_id=1&day={day}&expand=explanation")
    return told["account"]


def test_the_morning_review(site, opened):
    """Who rose and fell since last week leads to one account, which gets a note; the list of it all is kept as a view;
    scores, changes and counts are the API's."""
    page = opened()
    page.goto(site.url)
    day = day_in(page.locator(".page-head .hint").inner_text())
    moved = {name: (before, now) for title in ("Rising", "Falling") for name, before, now in movers(page, title)}
    active = int(tile(page, "Active accounts").split()[0])
    name = next(iter(moved))

    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.locator("textarea[name=text]").fill("Call them about the new reports.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Call them about the new reports.")).to_be_visible()
    page.goto(site.url + "/accounts?sort=score_change&dir=asc")
    page.locator("#save-drop summary").click()
    page.get_by_label("Name of this view").fill("Who fell")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Who fell").click()

    expect(page).to_have_url(re.compile("sort=score_change"))
    listed = {each["name"]: each for each in site.read(f"/v2/accounts?workspace_id=1&day={day}&limit=100")["data"]}
    told = {each: (listed[each]["score"] - listed[each]["score_change"], listed[each]["score"]) for each in moved}
    assert moved == told
    assert active == sum(each["score"] > 0 for each in listed.values())


def test_why_an_account_fell(site, opened):
    """From Home to the account that fell most, over the days of the fall: each reason has its points, and they add up
    to the fall that the API tells, reason by reason."""
    page = opened()
    page.goto(site.url)
    day = day_in(page.locator(".page-head .hint").inner_text())
    name, before, now = movers(page, "Falling")[0]
    page.get_by_role("link", name=name, exact=True).first.click()

    page.locator("input[name=against]").fill(str(day - timedelta(days=7)))
    page.locator("input[name=day]").fill(str(day))
    page.get_by_role("button", name="Compare").click()
    lines = page.locator("#moved-waterfall .falls dd:last-child")
    expect(lines.last).to_have_text(str(now))

    first, *reasons, last = map(told_number, lines.all_inner_texts())
    told = account_of(site, name, day)["explanation"]
    assert (first, last) == (before, now) == (told["difference"]["score"], told["score"])
    assert first + sum(reasons) == pytest.approx(last, abs=0.05 * len(reasons) + 0.01)
    of_events = {each["name"]: each["points"] for each in told["difference"]["events"]}
    page.locator("#tab-moved-event").click()
    for row in page.locator("#moved-event tbody tr").all():
        event = row.locator("th").inner_text()
        if event in of_events:
            assert told_number(row.locator("td").last.inner_text()) == pytest.approx(of_events[event], abs=0.051)


def test_a_segment_has_the_members_that_the_api_tells(site, opened):
    """Built, counted while it is built, saved: its page, its list of members and the API have one number."""
    page = opened()
    page.goto(site.url + "/segments/new")
    page.get_by_label("Name", exact=True).fill("Create reports")
    page.get_by_label("Name of the event").fill("Report_Created")
    expect(page.locator("#where-text")).to_have_text(re.compile(r'did\("Report_Created"\) >= 1'))
    foretold = page.locator(".count-big b").inner_text()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Create reports")

    number = re.search(r"/segments/(\w+)", page.url)[1]
    shown = tile(page, "Accounts").split()[0]
    members = site.read(f"/v2/segments/{number}/members?workspace_id=1&limit=100")["data"]
    assert foretold == shown == str(len(members)) == str(site.read(f"/v2/segments/{number}")["segment"]["members"])
    page.get_by_role("button", name="Delete the segment…").click()
    page.get_by_role("button", name="Delete the segment", exact=True).click()
    expect(page).to_have_url(re.compile("/segments"))
