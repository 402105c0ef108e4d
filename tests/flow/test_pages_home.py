"""Home as a browser gets it: what changed up to the last full day, and where each line leads."""

import html
import re

import pytest

from tests.house import House, ago
from uptake.core.config import ProductConfig, Workspace
from uptake.core.errors import Rejection
from uptake.views.explanation import explain


@pytest.fixture
def house() -> House:
    """Acme does more, bob-inc less, cat nothing any more, and dee came this week."""
    house = House()
    for account in ("acme", "bob-inc", "cat", "dee"):
        house.group(f"u-{account}", account, name=account.title())
    for account, before, after in [("acme", 1, 5), ("bob-inc", 6, 2), ("cat", 3, 0), ("dee", 0, 3)]:
        house.track(f"u-{account}", "Report_Created", day=9, times=before)
        house.track(f"u-{account}", "Report_Created", day=3, times=after)
    house.settle()
    return house


def card(text: str, name: str) -> str:
    """One card of the page, by the id of its heading."""
    return text.split(f'aria-labelledby="{name}"')[1].split("</section>")[0]


def names_in(text: str) -> list[str]:
    """Who is listed."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def test_everyone_who_moved_stands_on_one_card(house):
    """Risers, fallers, the silent and the new are told apart, each with a link to its page."""
    with house.client() as client:
        text = client.get("/").text

    assert names_in(card(text, "rising")) == ["Acme"]
    assert names_in(card(text, "falling")) == ["Bob-Inc"]
    assert names_in(card(text, "silent")) == ["Cat"]
    assert names_in(card(text, "new")) == ["Dee"]
    assert 'href="/accounts/bob-inc"' in text


def test_the_reason_is_that_of_the_explanation(house):
    """Why an account fell is said with the words of its explanation between the same two days."""
    told = explain(house.product, "account", None, "bob-inc", ago(1), against=ago(8))

    with house.client() as client:
        falling = card(client.get("/").text, "falling")

    assert told.summary.partition(": ")[2].removesuffix(".") in html.unescape(falling)
    assert f'aria-hidden="true">{told.difference.score}<' in falling.replace(
        '<span class="dim">', 'aria-hidden="true">'
    )
    assert f"<b>{told.score}</b>" in falling


def test_home_compares_with_a_window_before_or_the_day_before(house):
    """The address says against which day; the last full day is yesterday."""
    with house.client() as client:
        window, day = client.get("/").text, client.get("/?since=day").text

    assert "Sunday 22 Nov 2026, the last full day in UTC, against 15 Nov 2026" in window
    assert "against 21 Nov 2026" in day
    assert "No score rose." in day


def test_numbers_are_those_of_the_api(house):
    """Scores on Home equal what the read API says of that day."""
    with house.client() as client:
        rows = client.get(f"/v2/accounts?workspace_id=1&day={ago(1)}").json()["data"]
        text = client.get("/").text

    active = [row["score"] for row in rows if row["score"]]
    tiles = dict(re.findall(r"<dt>([^<]*)</dt><dd>([\d.,]+)", text))
    assert tiles["Active accounts"] == str(len(active))
    assert float(tiles["Average score"]) == pytest.approx(sum(active) / len(active), abs=0.05)


def test_the_flow_counts_everyone(house):
    """The table behind the bands has every account in one cell."""
    with house.client() as client:
        table = card(client.get("/").text, "flow").split("<tbody>")[1]

    assert sum(int(cell) for cell in re.findall(r'<td class="num">(\d+)', table)) == 4


def test_users_have_their_own_home(house):
    """The same of users, with links to users."""
    with house.client() as client:
        text = client.get("/?of=users").text

    assert names_in(card(text, "falling")) == ["u-bob-inc"]
    assert 'href="/users/u-bob-inc"' in text


def test_what_is_wrong_with_the_calls_is_told(house):
    """Refused calls and users whom no account has are named, and lead to where they can be seen."""
    house.track("eve", "Report_Created", day=2)
    call = house.log.read(1, 1, most=1)[0].call
    house.send(call, refused=(Rejection("missing_event", "$.event", "a track call needs event"),))
    house.settle()

    with house.client() as client:
        health = card(client.get("/").text, "health")

    assert "1 call in the last 24 hours was refused" in health
    assert 'href="/live?fate=refused"' in health
    assert "1 user with events that no account has" in health


def test_before_the_first_full_day_home_says_when_it_begins():
    """A product whose first events are of today has nothing to compare yet."""
    house = House()
    house.group("ana", "acme", day=0)
    house.track("ana", "Report_Created")
    house.settle()

    with house.client() as client:
        text = client.get("/").text

    assert "No full day yet" in text
    assert 'class="movers"' not in text


def test_another_workspace_has_its_own_changes(house):
    """A window of thirty days compares with thirty days before, and every link stays in its workspace."""
    house.change(
        lambda _: ProductConfig(workspaces=(Workspace("Engagement", 1), Workspace("Monthly", 2, window_days=30)))
    )
    house.settle()

    with house.client() as client:
        text = client.get("/?workspace=2").text

    assert "against 23 Oct 2026" in text
    assert all("workspace=2" in link for link in re.findall(r'class="row-link" href="([^"]*)"', text))
