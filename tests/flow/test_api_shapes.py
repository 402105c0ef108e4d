"""The read API's JSON is the wire contract's, key by key."""

import pytest

from tests.house import TODAY, House

ENTRY = (
    "id tracking_id name score score_change level raw_score active_users total_users active_users_percent activation "
    "adoption adoption_all_time frequency last_active_at created_at provisional _links"
)
ACCOUNT_KEYS = ENTRY.split()
ACCOUNTS_ALONE = {"active_users", "total_users", "active_users_percent"}
USER_KEYS = set(ACCOUNT_KEYS) - ACCOUNTS_ALONE | {"email", "account"}
LIST_KEYS = {"data", "pagination", "day", "day_complete", "as_of", "_links"}


@pytest.fixture(scope="module")
def house():
    """Acme with ana and eve, Globex with bob, Initech silent; a weekly rhythm for two weeks."""
    house = House()
    house.group("ana", "acme", name="Acme", plan="pro", createdAt="2026-01-05T08:00:00Z")
    house.group("eve", "acme", day=70)
    house.group("bob", "globex", name="Globex", domain="globex.example")
    house.group(None, "initech", name="Initech")
    house.identify("ana", email="ana@acme.example", name="Ana", createdAt="2026-01-05T08:00:00Z")
    for day in range(14):
        house.track("ana", "Report_Created", day=day, times=2)
        house.track("bob", "Login", day=day)
    house.track("eve", "Login", day=9, times=3)
    house.settle()
    return house


@pytest.fixture(scope="module")
def client(house):
    with house.client() as client:
        yield client


def test_accounts_are_listed_in_the_contracts_shape(client):
    """Every key of the contract and no other, in its order."""
    answer = client.get("/v2/accounts", params={"workspace_id": 1})

    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == LIST_KEYS
    assert [list(entry) for entry in body["data"]] == [ACCOUNT_KEYS] * 3
    assert body["pagination"] == {"limit": 20, "offset": 0, "total": 3}
    assert (body["day"], body["day_complete"]) == (str(TODAY), False)
    assert body["as_of"] == "2026-11-23T18:00:00.000Z"
    assert set(body["_links"]) == {"self"}


def test_numbers_of_an_account_are_of_the_right_type(client):
    """Text, whole numbers, fractions and moments are what the contract shows."""
    acme = client.get("/v2/accounts?workspace_id=1").json()["data"][0]

    assert acme["tracking_id"] == "acme"
    assert acme["name"] == "Acme"
    assert isinstance(acme["id"], str)
    assert isinstance(acme["score"], int)
    assert (acme["raw_score"], type(acme["raw_score"])) == (14.0, float)
    assert (acme["active_users"], acme["total_users"], acme["active_users_percent"]) == (1, 2, 50.0)
    assert (acme["adoption"], acme["adoption_all_time"], acme["frequency"]) == (50.0, 100.0, 7)
    assert acme["activation"] is None
    assert acme["last_active_at"] == "2026-11-23T12:00:00.000Z"
    assert acme["created_at"] == "2026-01-05T08:00:00.000Z"
    assert acme["provisional"] is False
    assert acme["_links"] == {"self": f"/v2/accounts/{acme['id']}?workspace_id=1"}


def test_the_silent_are_listed_with_zeros(client):
    """Never null in score, raw_score, score_change, frequency and adoption; last in the order."""
    initech = client.get("/v2/accounts?workspace_id=1").json()["data"][-1]

    assert initech["tracking_id"] == "initech"
    assert initech["level"] == "inactive"
    zeros = ("score", "raw_score", "score_change", "frequency", "adoption", "adoption_all_time", "active_users_percent")
    assert [initech[key] for key in zeros] == [0] * len(zeros)
    assert initech["last_active_at"] is None


def test_users_are_listed_in_the_contracts_shape(client):
    """As accounts, with email and account in place of the three counts of users."""
    body = client.get("/v2/users?workspace_id=1").json()

    assert set(body) == LIST_KEYS
    assert [set(entry) for entry in body["data"]] == [USER_KEYS] * 3
    ana = body["data"][0]
    assert (ana["tracking_id"], ana["email"], ana["account"]) == ("ana", "ana@acme.example", "acme")
    assert body["data"][-1]["email"] is None


def test_one_account_has_its_entry_and_what_was_asked(client):
    """Opaque id first, then tracking_id; `_expansions` beside the account."""
    entry = client.get("/v2/accounts?workspace_id=1").json()["data"][0]

    body = client.get(entry["_links"]["self"]).json()

    assert set(body) == {"account", "_expansions"}
    assert body["_expansions"] == []
    assert {key: body["account"][key] for key in ACCOUNT_KEYS} == entry
    assert client.get("/v2/accounts/acme").json() == body
    assert body["account"]["workspace_id"] == 1


def test_expansions_stand_inside_the_account(client):
    """Each block once, in the order asked."""
    body = client.get("/v2/accounts/acme?expand=traits,segments,explanation,traits").json()

    assert body["_expansions"] == ["traits", "segments", "explanation"]
    account = body["account"]
    assert account["traits"] == {"createdAt": "2026-01-05T08:00:00Z", "name": "Acme", "plan": "pro"}
    assert {"id": "accounts.all_active", "name": "All active"} in account["segments"]
    assert sum(part["raw"] for part in account["explanation"]["parts"]) == account["raw_score"]
    assert "insights" not in account


def test_traits_can_be_chosen(client):
    """Only the named ones, those that are not there left out."""
    body = client.get("/v2/accounts/acme?expand=traits&traits=plan,colour").json()

    assert body["account"]["traits"] == {"plan": "pro"}


def test_one_user_has_its_entry_and_what_was_asked(client):
    """As an account, under `user`."""
    body = client.get("/v2/users/ana?expand=traits,insights").json()

    assert set(body) == {"user", "_expansions"}
    assert set(body["user"]) >= USER_KEYS
    assert body["user"]["traits"]["email"] == "ana@acme.example"
    assert body["user"]["insights"]["summary"].startswith("Score ")


def test_earlier_scores_stand_beside_the_score(client, house):
    """Yesterday's, and the one of a window before, which the change is counted from."""
    account = client.get("/v2/accounts/acme").json()["account"]
    yesterday = client.get("/v2/accounts/acme?day=2026-11-22").json()["account"]

    assert account["score_yesterday"] == yesterday["score"]
    assert account["score_last_period"] == account["score"] - account["score_change"]


def test_scored_events_are_counted_recently_and_overall(client):
    """Within the window they are those that the explanation tells of; a later day has no fewer than an earlier one."""
    for path, name in (("/v2/accounts/acme", "account"), ("/v2/users/ana", "user")):
        body = client.get(f"{path}?expand=explanation").json()[name]
        earlier = client.get(f"{path}?day=2026-11-01").json()[name]
        history = client.get(f"{path}/history?from=2026-11-23&to=2026-11-23").json()["data"][0]

        assert body["recently_scored_events"] == sum(part["times"] for part in body["explanation"]["parts"]) > 0
        assert body["overall_scored_events"] >= body["recently_scored_events"]
        assert 0 == earlier["recently_scored_events"] <= earlier["overall_scored_events"]
        assert body["tenure_days"] == history["tenure_days"]


def test_the_first_version_looks_one_account_up(client):
    """By id or match, with `_expansions` inside the account."""
    entry = client.get("/v2/accounts?workspace_id=1").json()["data"][0]
    by_id = client.get("/v1/accounts", params={"workspace_id": 1, "id": entry["id"], "expand": "traits"})
    by_match = client.get("/v1/accounts?workspace_id=1&match_type=name&match_value=Acme&expand=traits")

    assert by_id.status_code == 200
    assert by_id.json() == by_match.json()
    account = by_id.json()["account"]
    assert account["_expansions"] == ["traits"]
    assert {key: account[key] for key in ACCOUNT_KEYS} == entry


def test_history_is_day_by_day(client):
    """From and to inclusive, ascending; the last point is today's score."""
    body = client.get("/v2/accounts/acme/history?from=2026-11-20&to=2026-11-23").json()

    assert [point["day"] for point in body["data"]] == [f"2026-11-{day}" for day in (20, 21, 22, 23)]
    assert set(body["data"][0]) == {
        "day", "day_complete", "score", "score_change", "level", "raw_score", "active_users", "total_users",
        "weekly_active_users", "activation", "adoption", "adoption_all_time", "frequency", "tenure_days",
        "last_active_at", "revision", "revised_at",
    }  # fmt: skip
    assert body["data"][-1]["score"] == client.get("/v2/accounts/acme").json()["account"]["score"]
    assert (body["from"], body["to"], body["workspace_id"]) == ("2026-11-20", "2026-11-23", 1)


def test_workspaces_are_listed_with_their_links(client):
    """The default workspace is Engagement, id 1; stats where asked."""
    body = client.get("/v2/workspaces").json()
    first = body["data"][0]

    assert body["pagination"]["total"] == 1
    assert (first["id"], first["name"], first["window_days"]) == (1, "Engagement", 7)
    assert "stats" not in first
    assert client.get(first["_links"]["accounts"]).status_code == 200
    assert client.get(first["_links"]["users"]).status_code == 200
    one = client.get(first["_links"]["self"] + "?expand=stats").json()
    assert one["workspace"]["stats"] == {"users": 3, "accounts": 3}
    assert one["_expansions"] == ["stats"]


def test_status_says_when_all_is_settled(client, house):
    """Equal offsets mean settled; as_of is when scores were published."""
    body = client.get("/v2/status").json()

    end = house.log.end(1)
    assert body == {
        "log": {"offset": end},
        "folded": {"offset": end},
        "scored": {"offset": end, "as_of": "2026-11-23T18:00:00.000Z"},
        "config": {"revision": 1, "scored_revision": 1},
    }
