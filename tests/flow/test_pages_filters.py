"""Filters, columns, days and downloads of the ranked lists, all of which stand in the address."""

import csv
import html
import io
import re

import pytest

from tests.house import House, ago
from uptake.core.config import ProductConfig, Segment
from uptake.web.pages import exporting


@pytest.fixture
def house() -> House:
    """Acme on the plan pro and most active, bob-inc on team, cat asleep."""
    house = House(ProductConfig(segments=(Segment("Paying", "account", "Engagement", 'account.plan = "pro"', id=7),)))
    for account, times, plan in [("acme", 5, "pro"), ("bob-inc", 2, "team"), ("cat", 0, "pro")]:
        house.group(f"u-{account}", account, name=account.title(), plan=plan)
        house.identify(f"u-{account}", name=f"User of {account}", email=f"u@{account}.example")
        house.track(f"u-{account}", "Report_Created", times=times)
        house.track(f"u-{account}", "Report_Created", day=30)
    house.settle()
    return house


def listed(text: str) -> list[str]:
    """The names in the list, from the top."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def rows_of(answer) -> list[dict[str, str]]:
    """A download's rows, each by the names of the head."""
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('where=account.plan = "pro"', ["Acme", "Cat"]),
        ('where=account.plan = "pro" and score > 0', ["Acme"]),
        ("segment=7", ["Acme", "Cat"]),
        ("segment=accounts.all_active", ["Acme", "Bob-Inc"]),
        ("segment=7&where=score > 0&q=ac", ["Acme"]),
        ("segment=nonsense", ["Acme", "Bob-Inc", "Cat"]),
    ],
)
def test_a_list_is_narrowed_by_segment_and_condition(house, query, names):
    """A condition in the filter language and a segment hold together with the search; levels count what is left."""
    with house.client() as client:
        text = client.get(f"/accounts?{query}").text

    assert listed(text) == names
    assert f"All<small>{len(names)}</small>" in text


def test_a_condition_that_cannot_be_read_says_where(house):
    """Line, column and a suggestion instead of a list that is not what was asked for."""
    with house.client() as client:
        text = html.unescape(client.get("/accounts?where=scores > 5").text)

    assert "line 1, column 1" in text
    assert "did you mean `score`?" in text
    assert listed(text) == []


def test_every_link_of_a_list_keeps_its_filters(house):
    """Sorting, levels, pages and rows a page stay within segment, condition, day and columns."""
    query = "q=a&segment=7&where=score+%3E%3D+0&day=2026-11-20&col=raw_score"

    with house.client() as client:
        text = html.unescape(client.get(f"/accounts?{query}").text)

    links = re.findall(r'<a [^>]*href="(/accounts\?[^"]*)"[^>]*hx-boost', text)
    assert len(links) >= 8
    for link in links:
        assert all(part in link for part in ("segment=7", "where=score", "day=2026-11-20", "col=raw_score", "q=a")), (
            link
        )


def test_columns_are_chosen(house):
    """Only the chosen columns stand beside name and score; an unknown one is no choice at all."""
    with house.client() as client:
        chosen = client.get("/accounts?col=raw_score&col=created_us").text
        usual = client.get("/accounts?col=nonsense").text
        sorted_by = client.get("/accounts?col=raw_score&sort=frequency").text

    assert re.findall(r'id="by-(\w+)"', chosen) == ["name", "score", "raw_score", "created_us"]
    assert re.findall(r'id="by-(\w+)"', usual)[:3] == ["name", "score", "score_change"]
    assert re.findall(r'id="by-(\w+)"', sorted_by) == ["name", "score", "frequency", "raw_score"]


def test_another_day_has_its_own_list(house):
    """Numbers are those of the day, as the read API tells them, and rows lead to that day."""
    with house.client() as client:
        text = client.get(f"/accounts?day={ago(25)}").text
        told = client.get(f"/v2/accounts?workspace_id=1&day={ago(25)}").json()["data"]

    assert [int(score) for score in re.findall(r'class="score"><b>(\d+)', text)] == [row["score"] for row in told]
    assert "As of 29 Oct 2026" in text
    assert f'href="/accounts/acme?day={ago(25)}"' in text


def test_a_page_has_as_many_rows_as_are_asked_for():
    """25, 50 or 100 rows; any other number is 25."""
    house = House()
    for number in range(60):
        house.group(f"u{number}", f"acc{number:02}")
    house.settle()

    with house.client() as client:
        found = [len(listed(client.get(f"/accounts?rows={rows}").text)) for rows in (25, 50, 100, 7)]

    assert found == [25, 50, 60, 25]


def test_a_list_is_downloaded_as_it_is_filtered(house):
    """The file has every row of the filtered list with the numbers of the API, under a name that tells the day."""
    with house.client() as client:
        answer = client.get('/export/accounts.csv?where=account.plan = "pro"&sort=name')
        told = {row["tracking_id"]: row for row in client.get("/v2/accounts?workspace_id=1").json()["data"]}

    rows = rows_of(answer)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="accounts-2026-11-23.csv"'
    assert [row["tracking_id"] for row in rows] == ["acme", "cat"]
    for row in rows:
        same = told[row["tracking_id"]]
        assert (row["id"], int(row["score"]), row["level"], row["last_active_at"]) == (
            same["id"], same["score"], same["level"], same["last_active_at"] or "",
        )  # fmt: skip


def test_a_long_list_is_downloaded_piece_by_piece(house, monkeypatch):
    """However few rows are held at once, each is in the file once."""
    monkeypatch.setattr(exporting, "CHUNK", 2)

    with house.client() as client:
        rows = rows_of(client.get("/export/users.csv"))

    assert sorted(row["tracking_id"] for row in rows) == ["u-acme", "u-bob-inc", "u-cat"]


def test_no_cell_of_a_download_is_a_formula():
    """A name that begins like a formula is written as text."""
    house = House()
    house.group("ana", "acme", name='=HYPERLINK("http://bad.example")')
    house.group("bob", "@bob", name="-1+1")
    house.settle()

    with house.client() as client:
        rows = {row["name"]: row["tracking_id"] for row in rows_of(client.get("/export/accounts.csv"))}

    assert rows == {'\'=HYPERLINK("http://bad.example")': "acme", "'-1+1": "'@bob"}


def test_a_download_with_a_bad_condition_is_refused(house):
    """No file is better than one of everybody."""
    with house.client() as client:
        answer = client.get("/export/accounts.csv?where=scores > 5")

    assert answer.status_code == 400
    assert "did you mean" in html.unescape(answer.text)
