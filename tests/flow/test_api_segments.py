"""Segments through the API: suggested and saved, their members, why somebody is in one, preview and management."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.house import TODAY, House, ago
from uptake.core.config import Levels, ProductConfig, Segment, Workspace

BIG = 'account.mrr > 100000 and did("Export") >= 3'
CONFIG = ProductConfig(
    workspaces=(Workspace("Engagement", 1), Workspace("Month", 2, window_days=30)),
    segments=(
        Segment("Big exporters", "account", "Engagement", BIG, 4, "Worth a call."),
        Segment("Admins", "user", "Month", 'user.role = "admin"', 7),
    ),
)


@pytest.fixture
def house():
    """acme pays 5,000 and exports with ana (an admin) and eve; globex pays 900, and bob looked at it once."""
    house = House(CONFIG)
    house.group("ana", "acme", mrr=500_000, plan="pro")
    house.group("eve", "acme")
    house.group("bob", "globex", mrr="90000")
    house.identify("ana", role="admin")
    house.track("ana", "Export", day=1, times=4)
    house.track("eve", "Export", day=2)
    house.track("bob", "View", day=3)
    house.settle()
    return house


def test_segments_are_listed_with_their_sizes(house):
    """Suggested ones first; count, active ones, their mean score, money; links lead to each and to its members."""
    with house.client() as client:
        body = client.get("/v2/segments?workspace_id=1&limit=100").json()
        entry = next(each for each in body["data"] if each["id"] == "4")

        again = client.get(entry["_links"]["self"]).json()["segment"]
        members = client.get(entry["_links"]["members"]).json()
        acme = client.get("/v2/accounts?workspace_id=1").json()["data"][0]

    assert body["pagination"]["total"] == len(body["data"]) == 13 + 12 + 1
    assert body["data"][0]["id"] == "accounts.most_engaged"
    assert {key: entry[key] for key in entry if key != "_links"} == {
        "id": "4",
        "name": "Big exporters",
        "scope": "accounts",
        "workspace_id": 1,
        "suggested": False,
        "description": "Worth a call.",
        "where": BIG,
        "members": 1,
        "active_members": 1,
        "average_score": acme["score"],
        "mrr": 5000.0,
        "currency": "USD",
    }
    assert again == entry
    assert members["data"] == [acme]
    assert members["pagination"]["total"] == 1


def test_the_list_is_narrowed(house):
    """By scope, and to what was saved; another workspace has its own; pages follow one another."""
    with house.client() as client:

        def ids(query):
            return [each["id"] for each in client.get(f"/v2/segments?limit=100&{query}").json()["data"]]

        assert ids("workspace_id=1&exclude_defaults=true") == ["4"]
        assert ids("workspace_id=2&exclude_defaults=true") == ["7"]
        assert ids("workspace_id=1&exclude_defaults=true&scope=users") == []
        users = ids("workspace_id=2&scope=users")
        assert users == [*(each for each in users if each.startswith("users.")), "7"]
        assert "users.multi_user" not in users
        assert ids("workspace_id=1&offset=25&limit=1") == ["4"]


def test_members_are_ranked_and_paged(house):
    """Users with their account, accounts with their users; ?segment= narrows the plain lists alike."""
    with house.client() as client:
        first = client.get("/v2/segments/users.all/members?limit=2").json()
        second = client.get(first["_links"]["next"]).json()
        narrowed = client.get("/v2/users?workspace_id=2&segment=7").json()
        suggested = client.get("/v2/accounts?workspace_id=1&segment=accounts.multi_user&sort=activation").json()

    assert [each["tracking_id"] for each in first["data"] + second["data"]] == ["ana", "bob", "eve"]
    assert first["data"][0]["account"] == "acme"
    assert "active_users" not in first["data"][0]
    assert [each["tracking_id"] for each in narrowed["data"]] == ["ana"]
    assert [each["tracking_id"] for each in suggested["data"]] == ["acme"]


def test_why_somebody_is_in_a_segment_or_not(house):
    """Every part of the condition with what was found for it, for members and for others."""
    with house.client() as client:
        acme = client.get("/v2/segments/4/members/acme").json()
        globex = client.get("/v2/segments/4/members/globex").json()

    assert (acme["inside"], globex["inside"]) == (True, False)
    assert [(part["text"], part["found"], part["holds"]) for part in globex["why"]["parts"]] == [
        ("account.mrr > 100000", "90000", False),
        ('did("Export") >= 3', "0", False),
    ]
    assert acme["why"]["parts"][1]["found"] == "5"
    assert acme["member"]["tracking_id"] == "acme"


@pytest.mark.parametrize("days", [1, 3, 30])
def test_a_change_of_score_is_asked_over_any_number_of_days(house, days):
    """Against the score that stood so many days before: in lists, sizes and reasons, for members and for others."""
    where = f"score_change over {days} days >= 1"
    with house.client(house.token("manage")) as client:
        body = {"name": "Risen", "scope": "users", "workspace_id": 1, "where": where}
        risen = client.post("/v2/segments", json=body).json()["segment"]
        members = client.get(risen["_links"]["members"]).json()["data"]
        whys = {who: client.get(f"/v2/segments/{risen['id']}/members/{who}").json() for who in ("ana", "bob", "eve")}
        scores = {
            (who, day): client.get(f"/v2/users/{who}?day={ago(day)}").json()["user"]["score"]
            for who in whys
            for day in (0, days)
        }

    changes = {who: scores[who, 0] - scores[who, days] for who in whys}
    assert risen["where"] == where
    assert {who: float(told["why"]["found"]) for who, told in whys.items()} == changes
    assert {each["tracking_id"] for each in members} == {who for who, change in changes.items() if change >= 1}
    assert risen["members"] == len(members)
    assert {who for who, told in whys.items() if told["inside"]} == {each["tracking_id"] for each in members}


def test_each_day_of_a_history_goes_by_the_levels_of_its_own_model(house):
    """Where the bounds of levels changed, the days before keep theirs, and who entered or left adds up across it."""
    stricter = Workspace("Engagement", 1, levels=Levels(100, 99, 98))
    changed = replace(house.product.config, workspaces=(stricter, CONFIG.workspaces[1]))
    house.running.change_config(1, lambda _: changed, by="test", publish="from_now_on")
    house.settle()

    with house.client() as client:
        told = client.get("/v2/segments/users.most_engaged/history?workspace_id=1").json()["data"]
        path = "/v2/segments/users.most_engaged?workspace_id=1&day="
        sizes = [client.get(path + each["day"]).json()["segment"]["members"] for each in told]

    assert [each["members"] for each in told] == sizes
    assert sizes[-2] > sizes[-1] == 0
    assert (told[-1]["entered"], told[-1]["left"]) == (0, sizes[-2])
    for before, after in pairwise(told):
        assert after["members"] - before["members"] == after["entered"] - after["left"]


def test_an_entry_names_all_its_segments(house):
    """expand=segments holds suggested and saved ones of the workspace and of its kind."""
    with house.client() as client:
        acme = client.get("/v2/accounts/acme?expand=segments").json()["account"]["segments"]
        ana = client.get("/v2/users/ana?expand=segments&workspace_id=2").json()["user"]["segments"]

    assert {"id": "4", "name": "Big exporters"} in acme
    assert {"id": "accounts.multi_user", "name": "Multi-user accounts"} in acme
    assert {"id": "7", "name": "Admins"} in ana
    assert not {"4", "accounts.all"} & {each["id"] for each in ana}


def test_what_is_listed_is_what_each_entry_names(house):
    """For every segment: its members are exactly those whose entries name it."""
    with house.client() as client:
        for scope, path in (("accounts", "/v2/accounts"), ("users", "/v2/users")):
            everyone = client.get(f"{path}?workspace_id=1").json()["data"]
            named = {
                each["tracking_id"]: {
                    segment["id"]
                    for segment in client.get(f"{path}/{each['id']}?expand=segments").json()[scope[:-1]]["segments"]
                }
                for each in everyone
            }
            for segment in client.get(f"/v2/segments?workspace_id=1&scope={scope}&limit=100").json()["data"]:
                members = client.get(segment["_links"]["members"]).json()["data"]
                inside = {each for each, ids in named.items() if segment["id"] in ids}
                assert {member["tracking_id"] for member in members} == inside, segment["id"]
                assert segment["members"] == len(inside)


def test_a_segment_is_saved_changed_and_deleted(house):
    """Ids never come again while a later one is there; each change is a version of the configuration."""
    draft = {"name": "Pros", "scope": "accounts", "workspace_id": 1, "where": "account.plan='pro'"}
    with house.client(house.token("manage")) as client:
        refused = client.post("/v2/segments", json=draft).json()["error"]
        added = client.post("/v2/segments", json=draft | {"where": 'account.plan="pro"'})
        twice = client.post("/v2/segments", json=draft | {"where": ""}).json()["error"]
        changed = client.put("/v2/segments/8", json={"name": "Professionals"}).json()["segment"]
        listed = client.get("/v2/config").json()["config"]["segments"]
        gone = client.delete("/v2/segments/8").json()
        unknown = client.delete("/v2/segments/8")
        suggested = client.put("/v2/segments/accounts.all", json={"name": "Everything"})
        nowhere = client.post("/v2/segments", json=draft | {"where": "", "workspace_id": 5})

    assert (refused["code"], refused["faults"][0]["place"]) == ("config_invalid", "$.segments[2].where")
    assert "line 1, column 14" in refused["faults"][0]["message"]
    assert added.status_code == 201
    assert added.json()["segment"]["where"] == 'account.plan = "pro"'
    assert (added.json()["segment"]["id"], added.json()["segment"]["members"]) == ("8", 1)
    assert {fault["place"] for fault in twice["faults"]} == {"$.segments[2].name", "$.segments[3].name"}
    assert (changed["name"], changed["where"]) == ("Professionals", 'account.plan = "pro"')
    assert listed[-1]["where"] == 'account.plan="pro"'
    assert gone == {"id": "8", "name": "Professionals"}
    assert (unknown.status_code, suggested.status_code, nowhere.status_code) == (404, 404, 404)
    assert [version.why for version in house.product.versions[1:]] == [
        "segment Pros added",
        "segment Pros changed",
        "segment Professionals deleted",
    ]


def test_a_condition_is_looked_at_before_it_is_saved(house):
    """Count, first members and warnings; a fault with its place; nothing is saved; a read token may not."""
    asked = {"scope": "users", "workspace_id": 1, "where": 'did("Export") or did("Exprot")'}
    with house.client(house.token("manage")) as client:
        shown = client.post("/v2/segments/preview", json=asked).json()
        refused = client.post("/v2/segments/preview", json=asked | {"where": "scor > 3"}).json()["error"]
    with house.client() as client:
        reader = client.post("/v2/segments/preview", json=asked)

    assert (shown["members"], shown["active_members"], shown["mrr"]) == (2, 2, 5000.0)
    assert [each["tracking_id"] for each in shown["sample"]] == ["ana", "eve"]
    assert shown["where"] == 'did("Export") >= 1 or did("Exprot") >= 1'
    assert shown["warnings"] == ["the event 'Exprot' was never seen"]
    assert refused["faults"][0]["place"] == "$.where"
    assert "did you mean `score`?" in refused["faults"][0]["message"]
    assert reader.status_code == 403
    assert len(house.product.versions) == 1


def test_the_history_of_a_segment_is_its_size_on_each_day(house):
    """Every day's size is that of the segment asked about on that day; who entered and left adds up to the change."""
    with house.client() as client:
        told = client.get("/v2/segments/users.all_active/history?workspace_id=1").json()
        path = "/v2/segments/users.all_active?workspace_id=1&day="
        sizes = {each["day"]: client.get(path + each["day"]).json()["segment"] for each in told["data"]}
        late = client.get("/v2/segments/4/history?from=2026-08-01&to=2026-11-23")
        again = client.get(told["_links"]["self"]).json()

    assert (told["from"], told["to"]) == (str(ago(29)), str(TODAY))
    assert [(each["entered"], each["left"]) for each in told["data"][-4:]] == [(1, 0), (1, 0), (1, 0), (0, 0)]
    assert [each["members"] for each in told["data"][-4:]] == [1, 2, 3, 3]
    for each in told["data"]:
        size = sizes[each["day"]]
        for field in ("members", "active_members", "average_score"):
            assert each[field] == size[field]
    for before, after in pairwise(told["data"]):
        assert after["members"] - before["members"] == after["entered"] - after["left"]
    assert again == told
    assert (late.status_code, late.json()["error"]["code"]) == (400, "invalid_parameter")
