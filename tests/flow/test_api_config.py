"""The management API of what a product is: features, events, traits, fields, exclusions, workspaces."""

import pytest
import schemathesis
from hypothesis import settings

from tests.flow.test_api_openapi import CHECKS, DOCUMENT
from tests.house import House
from uptake.core.config import Feature, ProductConfig, Segment, Workspace

CONFIG = ProductConfig(
    features=(Feature("Reporting", events=("Report_Created", "Report_Shared")), Feature("Docs/Wiki", events=("Edit",))),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}), Workspace("Month", 2, window_days=30)),
    segments=(Segment("Reporters", "user", "Month", 'did(feature "Reporting")', 1),),
)


@pytest.fixture
def house():
    """ana of acme shares reports; bob of beta opens dashboards."""
    house = House(CONFIG)
    house.group("ana", "acme", name="Acme", seats=10)
    house.group("bob", "beta", seats="$99")
    house.identify("bob", email="bob@uptake.example")
    house.track("ana", "Report_Shared", day=1, times=3)
    house.track("bob", "Dashboard Opened", day=1)
    house.track("bob", "Dashboard Shared", day=1, times=2)
    house.settle()
    return house


@pytest.fixture
def client(house):
    """With a management token."""
    with house.client(house.token("manage")) as client:
        yield client


CHANGES = [
    ("POST", "/v2/features", {"name": "A"}),
    ("PUT", "/v2/features/Reporting", {"name": "B"}),
    ("DELETE", "/v2/features/Reporting", None),
    ("PUT", "/v2/feature-order", {"order": []}),
    ("PUT", "/v2/events", {"events": ["x"], "hidden": True}),
    ("PUT", "/v2/traits", {"scope": "users", "key": "a", "type": "number"}),
    ("PUT", "/v2/configuration", {"currency": "EUR"}),
    ("PUT", "/v2/exclusions", {"users": ["x"]}),
    ("POST", "/v2/exclusions/add", {"users": ["x"]}),
    ("POST", "/v2/exclusions/remove", {"users": ["x"]}),
    ("POST", "/v2/exclusions/preview", {"users": ["x"]}),
    ("POST", "/v2/workspaces", {"name": "New"}),
    ("PUT", "/v2/workspaces/1", {"name": "New"}),
    ("DELETE", "/v2/workspaces/2", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=[f"{case[0]} {case[1]}" for case in CHANGES])
def test_a_read_token_changes_nothing(house, method, path, body):
    """403 with a code of its own, and no version."""
    with house.client() as client:
        answer = client.request(method, path, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "read_only_token")
    assert len(house.product.versions) == 1


def test_every_change_is_a_version_with_who_and_why(house, client):
    """What was done is said where nobody says why."""
    client.post("/v2/features", json={"name": "Dashboards", "events": ["Dashboard Opened"]})
    client.put("/v2/features/Dashboards?why=Sales%20asked", json={"description": "Boards."})

    assert [(each.revision, each.by, each.why) for each in house.product.versions[1:]] == [
        (2, "token manage", "feature Dashboards added"),
        (3, "token manage", "Sales asked"),
    ]


def test_features_are_listed_with_what_is_in_none(client):
    """Volume and moments of each event, weights by workspace, and a suggestion."""
    body = client.get("/v2/features").json()

    reporting, wiki = body["data"]
    assert (reporting["name"], reporting["weights"], wiki["weights"]) == ("Reporting", {"1": 8}, {})
    assert [(each["event"], each["times"], each["first_seen"]) for each in reporting["events"]] == [
        ("Report_Created", 0, None),
        ("Report_Shared", 3, "2026-11-22T12:00:00.000Z"),
    ]
    assert [(each["event"], each["feature"]) for each in body["unassigned"]] == [
        ("Dashboard Shared", None),
        ("Dashboard Opened", None),
    ]
    assert body["suggestions"] == [
        {"feature": "Dashboard", "events": ["Dashboard Shared", "Dashboard Opened"], "known": False}
    ]


def test_an_event_says_from_which_feature_it_came(house, client):
    """Moved, taken out, hidden, ignored; ignoring is followed by a rebuild."""
    moved = client.put("/v2/events", json={"events": ["Report_Shared", "New"], "feature": "Docs/Wiki"}).json()
    out = client.put("/v2/events", json={"events": ["Report_Shared"], "feature": None, "hidden": True}).json()
    ignored = client.put("/v2/events", json={"events": ["Dashboard Opened"], "ignored": True}).json()

    assert moved["moved"] == [
        {"event": "Report_Shared", "from": "Reporting", "to": "Docs/Wiki"},
        {"event": "New", "from": None, "to": "Docs/Wiki"},
    ]
    assert out["moved"] == [{"event": "Report_Shared", "from": "Docs/Wiki", "to": None}]
    assert (out["rebuild"], ignored["rebuild"], ignored["moved"]) == (False, True, [])
    assert house.product.config.hidden_events == ("Report_Shared",)
    assert [each["event"] for each in client.get("/v2/features").json()["put_aside"]] == [
        "Report_Shared",
        "Dashboard Opened",
    ]


def test_features_are_renamed_ordered_and_deleted(house, client):
    """Also those with a slash in their names; conditions follow a new name."""
    client.put("/v2/features/Docs/Wiki", json={"name": "Wiki"})
    client.put("/v2/features/Reporting", json={"name": "Reports"})
    ordered = client.put("/v2/feature-order", json={"order": ["Wiki"]}).json()
    left = client.delete("/v2/features/Wiki").json()

    assert [each["name"] for each in ordered["data"]] == ["Wiki", "Reports"]
    assert [each["name"] for each in left["data"]] == ["Reports"]
    assert house.product.config.segments[0].where == 'did(feature "Reports") >= 1'
    assert house.product.config.workspaces[0].features == {"Reports": 8}


FAULTS = [
    ("POST", "/v2/features", {"name": "C", "events": ["Edit"]}, 400, "$.features[2].events"),
    ("POST", "/v2/features", {"name": "", "events": []}, 400, "$.name"),
    ("POST", "/v2/features", {"label": "C"}, 400, "$"),
    ("PUT", "/v2/features/No", {}, 404, "$.features"),
    ("PUT", "/v2/events", {"events": ["x"]}, 400, "$"),
    ("PUT", "/v2/events", {"events": [], "hidden": True}, 400, "$.events"),
    ("PUT", "/v2/traits", {"scope": "users", "key": "a", "type": "money"}, 400, "$.type"),
    ("PUT", "/v2/configuration", {"time_zone": "Mars"}, 400, "$.time_zone"),
    ("PUT", "/v2/exclusions", {"users_where": "score > 3"}, 400, "$.exclusions.users_where"),
    ("POST", "/v2/exclusions/preview", {"accounts_where": "nonsense"}, 400, "$.exclusions.accounts_where"),
    ("POST", "/v2/workspaces", {"window_days": 7}, 400, "$.name"),
    ("POST", "/v2/workspaces", {"name": "N", "features": {"No": 3}}, 400, "$.workspaces[2].features.No"),
    ("PUT", "/v2/workspaces/1", {"event_weights": {"x": 11}}, 400, "$.event_weights[...]"),
    ("PUT", "/v2/workspaces/1", {"levels": {"most": 10}}, 400, "$.workspaces[0].levels"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "place"), FAULTS)
def test_a_fault_has_its_place(house, client, method, path, body, status, place):
    """Of the body where it is no such change, of the configuration where that cannot be; nothing is saved."""
    answer = client.request(method, path, json=body)

    assert answer.status_code == status
    assert [fault["place"] for fault in answer.json()["error"]["faults"]] == [place]
    assert len(house.product.versions) == 1


def test_a_trait_is_typed_and_what_does_not_fit_is_shown(client):
    """At once, and taken back with null; common values can be asked for."""
    before = client.get("/v2/traits?scope=accounts").json()["data"]
    after = client.put("/v2/traits", json={"scope": "accounts", "key": "seats", "type": "number"}).json()["data"]
    back = client.put("/v2/traits", json={"scope": "accounts", "key": "seats", "type": None}).json()["data"]

    def seats(rows):
        return next(each for each in rows if each["key"] == "seats")

    assert (seats(before)["type"], seats(before)["chosen"]) == ("string", None)
    assert seats(after) == {
        "scope": "accounts",
        "key": "seats",
        "type": "number",
        "chosen": "number",
        "inferred": "string",
        "share": 1.0,
        "have": 2,
        "unfit": 1,
        "samples": [{"value": '"$99"', "times": 1}],
    }
    assert seats(back) == seats(before)
    assert client.get("/v2/traits/values?key=seats").json()["data"] == [
        {"value": '"$99"', "times": 1},
        {"value": "10", "times": 1},
    ]
    assert client.get("/v2/traits/values").json()["error"]["code"] == "missing_key"


def test_fields_change_with_what_can_be_chosen(house, client):
    """What is not named stays; a field that reaches into rows says that a rebuild follows."""
    body = client.put("/v2/configuration", json={"account_display_name": "seats", "currency": "EUR"}).json()
    zone = client.put("/v2/configuration", json={"time_zone": "Europe/Berlin"}).json()

    assert (body["fields"]["currency"], body["fields"]["product"], body["rebuild"]) == ("EUR", "My product", False)
    assert [(each["field"], each["chosen"], each["seen"]) for each in body["choices"]] == [
        ("account_display_name", "seats", True),
        ("account_created_at", "createdAt", False),
        ("account_owner_trait", "", False),
        ("account_id_trait", "group_id", False),
    ]
    assert client.get("/v2/accounts?workspace_id=1").json()["data"][0]["name"] == "10"
    assert zone["rebuild"] is True


def test_a_product_cannot_take_the_name_of_another_one(house, client):
    """Commands name products; two of a name could not be told apart."""
    house.running.create_product(ProductConfig(product="Other"), by="test")

    refused = client.put("/v2/configuration", json={"product": "Other"})

    assert refused.json()["error"]["faults"][0]["place"] == "$.product"
    assert client.put("/v2/configuration", json={"product": "Third"}).status_code == 200


def test_exclusions_are_previewed_added_and_taken_back(house, client):
    """The preview changes nothing; entries come and go one by one, rules as a whole."""
    told = client.post("/v2/exclusions/preview", json={"email_domains": ["uptake.example"]}).json()
    assert (told["users"]["more"], told["users"]["sample"], told["accounts"]["total"]) == (1, ["bob"], 0)
    assert len(house.product.versions) == 1

    added = client.post("/v2/exclusions/add", json={"email_domains": ["@Uptake.example"], "accounts": ["acme"]}).json()
    ruled = client.put("/v2/exclusions", json={"accounts_where": "account.seats = 10"}).json()
    gone = client.post("/v2/exclusions/remove", json={"accounts": ["acme"]}).json()

    assert added["exclusions"]["email_domains"] == ["uptake.example"]
    assert (added["left_out"]["users"]["total"], added["left_out"]["accounts"]["total"]) == (2, 1)
    assert ruled["exclusions"]["accounts"] == ["acme"]
    assert gone["exclusions"]["accounts"] == []
    assert gone["left_out"]["accounts"]["total"] == 1
    house.settle()
    assert [each["tracking_id"] for each in client.get("/v2/accounts?workspace_id=1").json()["data"]] == ["beta"]


def test_workspaces_are_managed_with_all_that_makes_scores(house, client):
    """Added under the next id, changed field by field, deleted with their segments."""
    draft = {
        "name": "Quarter",
        "window_days": 90,
        "features": {"Reporting": 3},
        "event_weights": {"Report_Shared": 0},
        "curve": "linear-1",
        "account_score": "pooled",
        "daily_cap": 5,
        "half_life_days": 10,
        "levels": {"most": 90, "slightly": 60, "passive": 30},
        "filter": "account.seats exists",
        "user_activation": ['did("Edit") >= 1'],
    }
    added = client.post("/v2/workspaces", json=draft)
    changed = client.put("/v2/workspaces/3?publish=from_now_on", json={"daily_cap": None, "window_days": 30}).json()

    assert added.status_code == 201
    assert added.json()["workspace"] == draft | {"id": 3, "account_activation": []}
    assert changed["workspace"] == draft | {"id": 3, "account_activation": [], "daily_cap": None, "window_days": 30}
    assert client.get("/v2/workspaces/3/model").json() == changed

    client.delete("/v2/workspaces/2")
    assert [each["id"] for each in client.get("/v2/workspaces").json()["data"]] == [1, 3]
    assert house.product.config.segments == ()
    assert client.delete("/v2/workspaces/2").status_code == 404


@pytest.fixture(scope="module")
def managed():
    """A product of its own, whose configuration is changed at random."""
    house = House(CONFIG)
    house.group("ana", "acme", plan="pro")
    house.track("ana", "Report_Shared")
    house.settle()
    with house.client(house.token("manage")) as client:
        yield client


MANAGED = "^/v2/(features|feature-order|events|traits|configuration|exclusions|workspaces)"
manage = schemathesis.openapi.from_dict(DOCUMENT).include(path_regex=MANAGED).exclude(path_regex="backtest|what-if")


@manage.parametrize()
@settings(max_examples=15)
def test_whatever_is_changed_the_answer_is_documented(case, managed):
    """Random and broken bodies: never a 500, always a documented status, type, headers and shape."""
    asked = case.as_transport_kwargs(base_url=str(managed.base_url))

    body = {"content": asked["data"]} if isinstance(asked.get("data"), bytes) else {"json": asked.get("json")}
    answer = managed.request(asked["method"], asked["url"], params=asked["params"], **body)

    case.validate_response(answer, checks=CHECKS)
