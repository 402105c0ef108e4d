"""Forms with a file in Chromium: traits are previewed and imported, and a backtest is run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import grave

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="session")
def checker(node_modules: Path) -> str:
    """The source of axe-core."""
    return (node_modules / "axe-core" / "axe.min.js").read_text()


def test_a_file_is_previewed_mapped_and_imported(site, opened, tmp_path, shots, checker):
    """The columns can be told otherwise without choosing the file again, and the import takes what was shown."""
    file = tmp_path / f"users-{datetime.now(UTC):%H%M%S%f}.csv"
    file.write_text(f"User ID;Plan;Notes\nana;pro;{file.name}\n;pro;x\nbob;free;\n")
    page = opened(390, 844)
    page.goto(site.url + "/settings/import")

    page.set_input_files("#file", file)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("missing_user_id").first).to_be_visible()
    page.get_by_label("Notes").select_option(label="Ignored")
    expect(page.get_by_text('"Notes"')).to_have_count(0)
    assert grave(page, checker, "import") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=shots / "import-390.png", full_page=True)
    page.get_by_role("button", name="Import 2 rows").click()

    expect(page.get_by_text("2 of 3 rows were imported")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_backtest_is_run(site, opened, tmp_path, shots, checker, width, scheme):
    """Its tables and bars can be read by everyone, at any width and in any colours; the tabs show other horizons."""
    day = datetime.now(UTC).date() - timedelta(days=1)
    file = tmp_path / "outcomes.csv"
    file.write_text(f"account,outcome,date\nacme,renewed,{day}\nnobody,churned,{day}\nacme,gone,{day}\n")
    page = opened(width, 900, scheme=scheme)
    page.goto(site.url + "/settings/backtest")

    page.set_input_files("#file", file)
    page.get_by_role("button", name="Run backtest").click()
    expect(page.get_by_role("heading", name="Suggested weights")).to_be_visible()
    page.get_by_role("tab", name="60 days").click()

    assert page.locator("#before-60").is_visible()
    assert not page.locator("#before-30").is_visible()
    assert grave(page, checker, "backtest") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=shots / f"backtest-{width}.png", full_page=True)
