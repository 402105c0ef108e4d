"""Ranked lists: their order, pages, filters and matches, for any day."""

import pytest

from tests.house import House

SORTS = ["score", "score_change", "raw_score", "name", "tracking_id", "frequency", "adoption", "created_at"]
PAGES = [(0, ["acme", "globex"]), (2, ["initech", "umbrella"]), (4, [])]


@pytest.fixture(scope="module")
def house():
    """Four accounts: acme ahead of globex, initech and umbrella silent; globex was busy a month ago."""
    house = House()
    house.group("ana", "acme", name="Acme")
    house.group("bob", "globex", name="Globex", domain="globex.example", plan="pro")
    house.group(None, "umbrella", name="Umbrella")
    house.group(None, "initech", name="Initech")
    house.identify("ana", email="Ana@Acme.example")
    for day in range(3):
        house.track("ana", "Report_Created", day=day, times=3)
    house.track("bob", "Login", day=1)
    house.track("bob", "Login", day=30, times=9)
    house.settle()
    return house


@pytest.fixture(scope="module")
def client(house):
    with house.client() as client:
        yield client


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [entry["tracking_id"] for entry in answer.json()["data"]]


def test_the_order_is_score_then_raw_then_tracking_id(client):
    """Ties end with the tracking id, rising."""
    assert ids(client.get("/v2/accounts?workspace_id=1")) == ["acme", "globex", "initech", "umbrella"]


@pytest.mark.parametrize(("offset", "expected"), PAGES)
def test_pages_follow_one_another(client, offset, expected):
    """Two at a time, each once; the total is of the whole list."""
    answer = client.get("/v2/accounts", params={"workspace_id": 1, "limit": 2, "offset": offset})

    assert ids(answer) == expected
    assert answer.json()["pagination"] == {"limit": 2, "offset": offset, "total": 4}


def test_links_lead_through_the_pages(client):
    """`next` from the first page to the end, `prev` back again, with all that was asked."""
    first = client.get("/v2/accounts?workspace_id=1&limit=3&search=m").json()
    assert "prev" not in first["_links"]

    second = client.get("/v2/accounts?workspace_id=1&limit=3").json()["_links"]["next"]
    last = client.get(second).json()

    assert [entry["tracking_id"] for entry in last["data"]] == ["umbrella"]
    assert "next" not in last["_links"]
    assert len(client.get(last["_links"]["prev"]).json()["data"]) == 3
    assert "search=m" in first["_links"]["self"]
    assert "next" not in client.get("/v2/accounts?workspace_id=1&limit=4").json()["_links"]


def test_a_day_of_the_past_is_told_as_it_was(client):
    """A month ago globex led; that day is complete."""
    body = client.get("/v2/accounts?workspace_id=1&day=2026-10-24").json()

    assert body["data"][0]["tracking_id"] == "globex"
    assert (body["day"], body["day_complete"]) == ("2026-10-24", True)


def test_lists_can_be_sorted_and_searched(client):
    """By any number, either way; search looks at name, tracking id and e-mail in any case."""
    assert ids(client.get("/v2/accounts?workspace_id=1&sort=name&order=asc"))[0] == "acme"
    assert ids(client.get("/v2/accounts?workspace_id=1&sort=name&order=desc"))[0] == "umbrella"
    assert ids(client.get("/v2/accounts?workspace_id=1&sort=last_active_at"))[:2] == ["acme", "globex"]
    assert ids(client.get("/v2/accounts?workspace_id=1&search=GLO")) == ["globex"]
    assert ids(client.get("/v2/users?workspace_id=1&search=acme.EX")) == ["ana"]


@pytest.mark.parametrize(
    "sort", ["score", "score_change", "raw_score", "name", "tracking_id", "frequency", "adoption", "created_at"]
)
@pytest.mark.parametrize("kind", ["accounts", "users"])
def test_every_sort_answers(client, kind, sort):
    """No documented sort fails."""
    assert client.get(f"/v2/{kind}?workspace_id=1&sort={sort}").status_code == 200


def test_lists_can_be_kept_to_a_level(client):
    """Only entries on it, and the total counts only them."""
    body = client.get("/v2/accounts?workspace_id=1&level=inactive").json()

    assert [entry["tracking_id"] for entry in body["data"]] == ["initech", "umbrella"]
    assert body["pagination"]["total"] == 2


def test_users_of_one_account(client):
    """By the account's tracking id or opaque id; an unknown account is refused."""
    opaque = client.get("/v2/accounts/acme").json()["account"]["id"]

    assert ids(client.get("/v2/users?workspace_id=1&account=acme")) == ["ana"]
    assert ids(client.get(f"/v2/users?workspace_id=1&account={opaque}")) == ["ana"]
    assert client.get("/v2/users?workspace_id=1&account=nobody").json()["error"]["code"] == "unknown_account"


@pytest.mark.parametrize(
    ("kind", "match_type", "match_value", "found"),
    [
        ("accounts", "tracking_id", "acme", ["acme"]),
        ("accounts", "name", "Globex", ["globex"]),
        ("accounts", "domain", "globex.example", ["globex"]),
        ("accounts", "plan", "pro", ["globex"]),
        ("accounts", "name", "Nobody", []),
        ("users", "email", "ana@acme.example", ["ana"]),
        ("users", "tracking_id", "zoe", []),
    ],
)
def test_a_match_finds_one_or_none(client, kind, match_type, match_value, found):
    """A list of 0 or 1, never a refusal for finding nothing."""
    answer = client.get(f"/v2/{kind}", params={"workspace_id": 1, "match_type": match_type, "match_value": match_value})

    assert ids(answer) == found
    assert answer.json()["pagination"]["total"] == len(found)


def test_awkward_ids_are_found(house):
    """Blanks, slashes, umlauts, percent signs and ids that look like another's opaque id."""
    house = House()
    awkward = ["a b", "ü/ö", "100%", "..", "?x=1&y", "acme#1", "x" * 200]
    for name in awkward:
        house.group(None, name)
    house.settle()

    with house.client() as client:
        for entry in client.get("/v2/accounts?workspace_id=1&limit=100").json()["data"]:
            one = client.get(entry["_links"]["self"]).json()["account"]
            assert one["tracking_id"] == entry["tracking_id"]
            match = {"workspace_id": 1, "match_type": "tracking_id", "match_value": entry["tracking_id"]}
            assert ids(client.get("/v2/accounts", params=match)) == [entry["tracking_id"]]
