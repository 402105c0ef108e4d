"""What a reader does: sort, filter, turn pages, go back, use the keyboard, watch calls arrive."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def names(page):
    """The names in the list, from the top."""
    return page.locator("#list .row-link").all_inner_texts()


def test_the_state_of_a_list_is_its_address(site, opened):
    """Sorting, levels and pages change the list in place and the address with it; back and reload bring it back."""
    page = opened()
    page.goto(site.url + "/accounts")
    ranked = names(page)

    page.click("#by-name")
    expect(page).to_have_url(re.compile(r"/accounts\?sort=name$"))
    assert names(page) == sorted(names(page), key=str.lower)
    page.click("#by-name")
    expect(page).to_have_url(re.compile(r"sort=name&dir=desc$"))
    falling = names(page)
    page.locator("[rel=next]").click()
    expect(page).to_have_url(re.compile(r"page=2$"))
    assert set(names(page)).isdisjoint(falling)
    page.locator(".chip", has_text="Inactive").click()
    expect(page).to_have_url(re.compile(r"level=inactive"))
    for _ in range(2):
        page.go_back()
    expect(page).to_have_url(re.compile(r"dir=desc$"))
    expect(page.locator("#list .row-link").first).to_have_text(falling[0])
    page.reload()
    assert names(page) == falling
    page.goto(site.url + "/accounts")
    assert names(page) == ranked


def test_the_filter_keeps_its_focus_while_the_list_changes(site, opened):
    """Letters typed one after the other narrow the list, and the cursor stays in the field."""
    page = opened()
    page.goto(site.url + "/accounts")

    page.keyboard.press("f")
    page.keyboard.type("acm", delay=40)

    expect(page.locator("#list .row-link").first).to_have_text("Acme")
    expect(page).to_have_url(re.compile(r"\?q=acm$"))
    page.keyboard.type("e")
    expect(page).to_have_url(re.compile(r"\?q=acme$"))
    assert page.input_value("#filter") == "acme"
    page.fill("#filter", "nobody has this name")
    expect(page.get_by_text("No account matches")).to_be_visible()
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.locator("#list .row-link").nth(5)).to_be_visible()


def test_the_keyboard_is_enough(site, opened):
    """j and k walk the list, Enter opens, g and a letter go, / searches, ? explains; all can be switched off."""
    page = opened()
    page.goto(site.url + "/accounts")
    second = names(page)[1]

    for key in "jjjk":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(second)
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile("/events$"))
    page.keyboard.press("/")
    page.keyboard.type("alvarez")
    expect(page.locator("#results [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Ana Alvarez")
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(page.locator("#search")).to_be_visible()


def test_an_account_explains_its_score(site, opened):
    """The bars by event, by feature and by user add up to the same points, and the lines to the change."""
    page = opened()
    page.goto(site.url + "/accounts/acme")
    score = int(re.search(r"\d+", page.locator(".big .number").inner_text())[0])

    for group in ("by-event", "by-feature", "by-user"):
        page.click(f"#tab-{group}")
        worths = page.locator(f"#{group} .worth").all_inner_texts()
        assert sum(map(float, worths)) == pytest.approx(score, abs=0.5 + 0.05 * len(worths)), group
    lines = page.locator(".falls dd:last-child").all_inner_texts()
    before, *reasons, after = [float(each.replace("−", "-").replace(",", "")) for each in lines]
    assert after == score
    assert before + sum(reasons) == pytest.approx(after, abs=0.05 * len(reasons) + 0.01)
    expect(page.locator("#history-score .chart svg")).to_be_visible()
    page.locator("#history-score summary").click()
    assert page.locator("#history-score tbody tr").first.locator("td").inner_text() == str(score)


def test_charts_follow_the_colour_scheme(site, opened):
    """A chart is drawn again with the colours of the scheme that the reader switches to, without a reload."""
    page = opened()
    page.goto(site.url + "/events")
    bar = page.locator(".chart svg path[fill^='rgb']").first
    expect(bar).to_be_visible()
    light = page.locator(".chart svg").inner_html()

    page.click("[data-theme-switch]")
    page.click("[data-theme-switch]")

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator(".chart svg").inner_html() != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_pages_can_be_read_without_scripts(site, opened):
    """Lists, explanations, search and small screens' lists are there before any script has run."""
    page = opened(scripts=False)
    page.goto(site.url + "/accounts?sort=name")
    assert "Acme" in names(page)

    page.locator("#filter").fill("acme")
    page.locator("#filter").press("Enter")
    page.get_by_role("link", name="Acme", exact=True).click()

    expect(page.locator("h1")).to_contain_text("Acme")
    expect(page.locator(".falls")).to_be_visible()
    page.goto(site.url + "/search?q=alvarez")
    expect(page.get_by_text("Ana Alvarez")).to_be_visible()
