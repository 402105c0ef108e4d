"""The pages of events and features, and the API of use: numbers equal one another and what conditions find."""

import csv
import html
import io
import re
from urllib.parse import quote

import pytest

from tests.house import House, ago
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.web.pages.visit import in_path

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
CONFIG = ProductConfig(
    features=(
        Feature("Reporting", "Reports and their export.", ("Export", "Share", "Print")),
        Feature("Search", events=("Search",)),
    ),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}),),
    hidden_events=("Noise",),
    exclusions=Exclusions(users=("mal",)),
)


@pytest.fixture
def house():
    """acme (below corp) exports with ana and eve; globex exported 40 days ago with bob, who searches; zoe is alone."""
    house = House(CONFIG)
    house.group("ana", "acme", name="Acme", parent="corp")
    house.group("eve", "acme")
    house.group("bob", "globex", name="Globex")
    house.group("mal", "acme")
    house.track("ana", "Export", day=1, times=4)
    house.track("ana", "Export", day=12)
    house.track("eve", "Share", day=2)
    house.track("bob", "Export", day=40, times=2)
    house.track("bob", "Search", day=0, times=3)
    house.track("zoe", "Export", day=3)
    house.track("mal", "Export", day=1, times=99)
    house.track("zoe", "Noise", day=3)
    house.settle()
    return house


def words(text):
    """What a reader sees of a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def listed(text):
    """The names in the list, from the top."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def rows(text):
    """The rows of all tables, by their first words."""
    found = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)]
    return {row.split()[0]: row for row in found if row}


def test_use_is_what_conditions_find(house):
    """As many users and accounts use it as a condition on it finds; ancestors count, the excluded do not."""
    with house.client(house.token("manage")) as client:

        def found(scope, where):
            asked = {"scope": scope, "workspace_id": 1, "where": where}
            return client.post("/v2/segments/preview", json=asked).json()["members"]

        for query, did in (("event=Export", 'did("Export")'), ("feature=Reporting", 'did(feature "Reporting")')):
            for days in (1, 7, 30, 60):
                use = client.get(f"/v2/use?{query}&days={days}").json()
                assert use["users"] == found("users", f"{did} within {days} days")
                assert use["accounts"] == found("accounts", f"{did} within {days} days")
                assert use["active_accounts"] == found("accounts", f"last_active_days < {days}")
                assert use["times"] == sum(each["times"] for each in use["data"])
                assert len(use["data"]) == days


def test_use_tells_shares_and_changes(house):
    """Ana, zoe and bob did anything in 30 days, two of them exported; of 30 days before it was bob alone."""
    with house.client() as client:
        use = client.get("/v2/use?event=Export").json()
        day = next(each for each in use["data"] if each["day"] == str(ago(1)))
        unknown = client.get("/v2/use?event=Nothing").json()["error"]["code"]
        neither = client.get("/v2/use").json()["error"]["code"]

    assert (use["times"], use["times_before"], use["users"], use["active_users"]) == (6, 2, 2, 4)
    assert (use["users_percent"], use["users_percent_change"]) == (50.0, -50.0)
    assert (use["accounts"], use["active_accounts"]) == (2, 3)
    assert day == {
        "day": str(ago(1)),
        "times": 4,
        "users": 1,
        "accounts": 2,
        "users_percent": pytest.approx(100 / 3),
        "accounts_percent": 100.0,
    }
    assert (unknown, neither) == ("unknown_event", "invalid_parameter")


def test_events_are_listed_with_their_use(house):
    """Times, users and accounts of the days, adoption of either kind; hidden ones have a place of their own."""
    with house.client() as client:
        text = client.get("/events").text
        users = client.get("/events?of=users&days=7").text
        use = client.get("/v2/use?event=Export").json()
        week = client.get("/v2/use?event=Export&days=7").json()
        unassigned = client.get("/events?show=unassigned", headers=PART)
        hidden = client.get("/events?show=hidden").text
        silent = client.get("/events?show=silent").text

    assert listed(text) == ["Export", "Search", "Share"]
    assert f"Reporting 8 {use['times']} {use['users']} {use['accounts']} {use['accounts_percent']:.0f}%" in words(text)
    assert f"8 {week['times']} {week['users']} {week['accounts']} {week['users_percent']:.0f}%" in words(users)
    assert listed(unassigned.text) == []
    assert unassigned.headers["hx-push-url"] == "/events?show=unassigned"
    assert listed(hidden) == ["Noise"]
    assert listed(silent) == []
    assert [int(each) for each in re.findall(r"<small>(\d+)</small></a>", text)] == [3, 2, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort=name", ["Export", "Search", "Share"]),
        ("sort=share&dir=asc", ["Search", "Export", "Share"]),
        ("sort=feature", ["Export", "Share", "Search"]),
        ("sort=last_us", ["Search", "Export", "Share"]),
        ("q=repo", ["Export", "Share"]),
        ("show=unscored", ["Search"]),
        ("days=7&of=users&sort=users", ["Export", "Share", "Search"]),
    ],
)
def test_events_are_sorted_and_filtered(house, query, names):
    """The address says what is listed, and links keep the days and the kind."""
    with house.client() as client:
        text = client.get(f"/events?{query}").text

    assert listed(text) == names
    if "days=7" in query:
        assert 'href="/events/Export?days=7&amp;of=users"' in text


def test_columns_of_events_are_chosen(house):
    """Only the chosen ones stand, with what the list is sorted by; filters, order and pages keep the choice."""
    with house.client() as client:
        text = client.get("/events?col=first_us&col=users&col=nothing&sort=weight", headers=PART).text
        usual = client.get("/events", headers=PART).text

    assert heads(text) == ["Event", "Weight", "Users", "First seen"]
    assert len(heads(usual)) == 10
    assert "First seen" not in heads(usual)
    assert 'href="/events?sort=weight&amp;col=users&amp;col=first_us&amp;show=scored"' in text
    assert 'value="users" checked' in text
    assert 'value="accounts" checked' not in text


def heads(text):
    """The names of the columns."""
    return [words(each) for each in re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", text, re.DOTALL)]


def test_one_event(house):
    """Its numbers, its feature and weight, who did it most and who stopped, each as a segment too."""
    with house.client() as client:
        text = client.get("/events/Export").text
        users = client.get("/events/Export?of=users").text
        use = client.get("/v2/use?event=Export").json()
        gone = client.get(html.unescape(re.findall(r'href="(/segments/new\?[^"]*)"', text)[-1])).text
        missing = client.get("/events/Nothing")

    told = words(text)
    assert f"Times in 30 days {use['times']} up 200%" in told
    assert f"Adoption {use['accounts_percent']:.0f}%" in told
    assert f"{use['accounts']} of {use['active_accounts']} accounts" in told
    assert "Ever 107 4 users" in told  # what is excluded from a workspace is counted all the same
    assert 'href="/features/Reporting"' in text
    assert listed(text) == ["Acme", "corp", "Globex"]
    assert listed(users) == ["ana", "zoe", "bob"]
    assert "1 of 3 accounts" in words(gone)
    assert missing.status_code == 404


def test_an_event_is_hidden_and_shown(house):
    """Hidden it is in no list but that of the hidden, and counts as before."""
    with house.client() as client:
        text = client.get("/events/Export").text
        proof = {"_csrf_token": re.search(r'name="_csrf_token" value="([^"]*)"', text)[1]}
        answer = client.post("/events/Export", data=proof | {"do": "hide"}, follow_redirects=False)
        hidden = client.get("/events").text
        client.post("/events/Export", data=proof | {"do": "show"})
        shown = client.get("/events").text

    assert (answer.status_code, answer.headers["location"]) == (303, "/events/Export")
    assert listed(hidden) == ["Search", "Share"]
    assert "Export" in listed(shown)
    assert [each.why for each in house.product.versions[1:]] == ["event Export hidden", "event Export shown"]


def test_an_event_that_no_longer_arrives_is_told(house):
    """It came every day and has not come for ten: the page says so; of one that always was rare it says nothing."""
    for day in range(10, 40):
        house.track("ana", "Daily", day=day)
    house.track("ana", "Rare", day=20)
    house.settle()

    with house.client() as client:
        daily = words(client.get("/events/Daily").text)
        rare = words(client.get("/events/Rare").text)

    assert "It has not arrived for 10 days. Before that it came on 30 of 30 days" in daily
    assert "It has not arrived" not in rare


def test_features_are_listed_with_their_adoption(house):
    """Adoption, its change, the daily mean, who and how often; and the most engaged accounts beside all features."""
    with house.client() as client:
        text = client.get("/features").text
        use = client.get("/v2/use?feature=Reporting").json()
        none = House().client()

    daily = sum(each["accounts_percent"] for each in use["data"]) / 30
    each = use["times"] / use["accounts"]
    assert listed(text) == ["Reporting", "Search"]
    row = rows(text)["Reporting"]
    assert f"8 {use['accounts_percent']:.0f}%" in row
    assert row.endswith(f"{daily:.0f}% {use['accounts']} {use['users']} {use['times']} {each:.1f}".replace(".0", ""))
    assert re.search(r'href="/accounts/acme">Acme</a></th><td class="shade-\d">5<', text)
    with none as client:
        assert "No features yet" in client.get("/features").text


def test_one_feature(house):
    """Its events with their own use, those never seen too, and who uses it."""
    with house.client() as client:
        text = client.get("/features/Reporting").text
        use = client.get("/v2/use?feature=Reporting").json()
        missing = client.get("/features/Nothing")

    told = words(text)
    assert "Reports and their export." in told
    assert f"{use['accounts']} of {use['active_accounts']} accounts" in told
    assert "Print never seen" in told
    assert listed(text)[:2] == ["Export", "Share"]
    assert missing.status_code == 404


def test_names_of_every_kind_have_pages(house):
    """An event's name may hold anything."""
    name = 'a/b "c" <d>?'
    house.track("ana", name)
    house.settle()

    with house.client() as client:
        listed_page = client.get("/events").text
        answer = client.get("/events/" + in_path(name))
        hit = client.get("/search?q=" + quote("a/b")).text

    assert f'href="/events/{in_path(name)}"' in listed_page
    assert answer.status_code == 200
    assert html.escape(name, quote=False) in answer.text.replace("&#34;", '"')
    assert f'href="/events/{in_path(name)}"' in hit


def test_the_list_of_events_is_downloaded_as_it_is_shown(house):
    """Filter, order and days are those of the address; every row is in it, with the numbers of the page."""
    with house.client() as client:
        page = client.get("/events?q=e&sort=name&dir=asc&days=30&show=scored").text
        query = html.unescape(re.search(r'href="/export/events.csv([^"]*)"', page)[1])
        rows = list(csv.DictReader(io.StringIO(client.get("/export/events.csv" + query).text.removeprefix("\ufeff"))))

    assert [row["event"] for row in rows] == listed(page)
    assert [(row["feature"], row["weight"], row["times"]) for row in rows if row["event"] == "Export"] == [
        ("Reporting", "8", "6")
    ]
