"""Every rule of the read API that Accoil documents, one line each: what is asked, where to look, and what is there."""

import pytest

from tests.house import House

U_ID, MEMBERS = "{ana}", "/v2/segments/1/members?workspace_id=1"
BLOCKS = ["insights", "traits", "segments"]
RULES = [
    # ---- the first version: one account
    ("/v1/accounts?workspace_id=1&id={acme}", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=domain&match_value=acme.example", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=name&match_value=Acme", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=tracking_id&match_value=acme", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=intercom_id&match_value=i7", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=salesforce_id&match_value=s7", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&match_type=seats&match_value=40", "account.tracking_id", "acme"),
    ("/v1/accounts?workspace_id=1&id={acme}&expand=insights,traits,segments", "account._expansions", BLOCKS),
    ("/v1/accounts?workspace_id=1&id={acme}&expand=traits", "account.traits.seats", 40),
    ("/v1/accounts?workspace_id=1&id={acme}&expand=segments", "account.segments.0.id", "accounts.most_engaged"),
    ("/v1/accounts?workspace_id=1&id={acme}&expand=insights", "account.insights.summary", str),
    ("/v1/accounts?workspace_id=1&id={acme}", "account.total_users", 2),
    ("/v1/accounts?id={acme}", "error.code", "missing_workspace_id"),
    ("/v1/accounts?workspace_id=1", "error.code", "missing_match_parameter"),
    ("/v1/accounts?workspace_id=1&match_type=name", "error.code", "missing_match_parameter"),
    ("/v1/accounts?workspace_id=1&match_type=name&match_value=acme", "error.code", "unknown_account"),
    # ---- workspaces
    ("/v2/workspaces", "data.0.id", 1),
    ("/v2/workspaces", "pagination", {"limit": 20, "offset": 0, "total": 1}),
    ("/v2/workspaces?limit=100&offset=1", "data", []),
    ("/v2/workspaces?limit=101", "error.code", "invalid_parameter"),
    ("/v2/workspaces?expand=stats", "data.0.stats", {"users": 3, "accounts": 2}),
    ("/v2/workspaces?expand=stats", "_expansions", ["stats"]),
    ("/v2/workspaces", "data.0._links.users", "/v2/users?workspace_id=1"),
    ("/v2/workspaces", "data.0._links.accounts", "/v2/accounts?workspace_id=1"),
    ("/v2/workspaces", "data.0._links.segments", "/v2/segments?workspace_id=1"),
    ("/v2/workspaces/1", "workspace.window_days", 7),
    ("/v2/workspaces/9", "error.code", "unknown_workspace"),
    # ---- accounts
    ("/v2/accounts", "error.code", "missing_workspace_id"),
    ("/v2/accounts?workspace_id=none", "error.code", "invalid_workspace_id"),
    ("/v2/accounts?workspace_id=1", "data.0.tracking_id", "acme"),
    ("/v2/accounts?workspace_id=1&limit=1&offset=1", "data.0.tracking_id", "globex"),
    ("/v2/accounts?workspace_id=1&limit=1", "_links.next", "/v2/accounts?workspace_id=1&limit=1&offset=1"),
    ("/v2/accounts?workspace_id=1&limit=0", "error.code", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1", "data.0._links.self", "/v2/accounts/{acme}?workspace_id=1"),
    ("/v2/accounts/{acme}", "account.score_yesterday", int),
    ("/v2/accounts/{acme}", "account.score_last_period", int),
    ("/v2/accounts/{acme}", "account.overall_scored_events", 7),
    ("/v2/accounts/{acme}", "account.recently_scored_events", 6),
    ("/v2/accounts/{acme}", "account.tenure_days", 322),
    ("/v2/accounts/{acme}", "account.active_users_percent", 50.0),
    ("/v2/accounts/{acme}", "_expansions", []),
    ("/v2/accounts/{acme}?expand=insights,traits,segments", "_expansions", BLOCKS),
    ("/v2/accounts/{acme}?expand=explanation", "account.explanation.raw", 6.0),
    ("/v2/accounts/{acme}?expand=stats", "error.code", "invalid_parameter"),
    ("/v2/accounts/{acme}/history?from=2026-11-20&to=2026-11-22", "data.2.day", "2026-11-22"),
    ("/v2/accounts/{acme}/history?from=2026-11-20&to=2026-11-22", "from", "2026-11-20"),
    # ---- users
    ("/v2/users", "error.code", "missing_workspace_id"),
    ("/v2/users?workspace_id=1", "data.0.tracking_id", "ana"),
    ("/v2/users?workspace_id=1&match_type=email&match_value=ana@acme.example", "pagination.total", 1),
    ("/v2/users?workspace_id=1&match_type=tracking_id&match_value=ana", "data.0.id", U_ID),
    ("/v2/users?workspace_id=1&match_type=email&match_value=nobody@acme.example", "data", []),
    ("/v2/users?workspace_id=1&match_type=email", "error.code", "missing_match_parameter"),
    ("/v2/users?workspace_id=1&match_value=ana", "error.code", "missing_match_parameter"),
    ("/v2/users/{ana}", "user.score_yesterday", int),
    ("/v2/users/{ana}", "user.score_last_period", int),
    ("/v2/users/{ana}", "user.overall_scored_events", 6),
    ("/v2/users/{ana}", "user.recently_scored_events", 6),
    ("/v2/users/{ana}", "user.tenure_days", None),
    ("/v2/users/{ana}?expand=traits&traits=email,role", "user.traits", {"email": "ana@acme.example", "role": "owner"}),
    ("/v2/users/{ana}?expand=traits&traits=a,b,c,d,e,f,g,h", "user.traits", {}),
    ("/v2/users/{ana}?expand=traits&traits=a,b,c,d,e,f,g,h,i", "error.code", "invalid_parameter"),
    ("/v2/users/{ana}?expand=segments", "user.segments.0.id", "users.most_engaged"),
    # ---- segments
    ("/v2/segments", "error.code", "missing_workspace_id"),
    ("/v2/segments?workspace_id=0", "error.code", "invalid_workspace_id"),
    ("/v2/segments?workspace_id=1&scope=users", "data.0.scope", "users"),
    ("/v2/segments?workspace_id=1&scope=accounts", "data.0.scope", "accounts"),
    ("/v2/segments?workspace_id=1&exclude_defaults=true", "data.0.name", "Big"),
    ("/v2/segments?workspace_id=1&exclude_defaults=true", "pagination.total", 1),
    ("/v2/segments?workspace_id=1&exclude_defaults=true", "data.0._links.members", MEMBERS),
    ("/v2/segments/1", "segment.members", 1),
    ("/v2/segments/1/members?limit=1", "data.0.tracking_id", "acme"),
    ("/v2/segments/1/members?limit=1", "pagination", {"limit": 1, "offset": 0, "total": 1}),
    ("/v2/segments/9", "error.code", "unknown_segment"),
]
"""An address, the place in its answer, and the value or its type.  {acme} and {ana} stand for opaque ids."""


@pytest.fixture(scope="module")
def house():
    """Acme with ana, who is active, and eve, who was; Globex silent; one saved segment."""
    house = House()
    traits = {"domain": "acme.example", "intercom_id": "i7", "salesforce_id": "s7", "seats": 40}
    house.group("ana", "acme", name="Acme", createdAt="2026-01-05T08:00:00Z", **traits)
    house.group("eve", "acme")
    house.group("bob", "globex", name="Globex")
    house.identify("ana", email="ana@acme.example", role="owner")
    house.track("ana", "Report_Created", day=2, times=6)
    house.track("eve", "Login", day=20)
    house.settle()
    return house


@pytest.fixture(scope="module")
def client(house):
    with house.client() as client:
        client.post("/v2/segments", json=BIG, headers={"Authorization": f"Bearer {house.token('manage')}"})
        yield client


BIG = {"name": "Big", "scope": "accounts", "workspace_id": 1, "where": "account.seats > 10"}


@pytest.fixture(scope="module")
def ids(client):
    """What {acme} and {ana} stand for."""
    account = client.get("/v2/accounts/acme").json()["account"]["id"]
    return {"{acme}": account, "{ana}": client.get("/v2/users/ana").json()["user"]["id"]}


def told(text, ids):
    for name, value in ids.items():
        text = text.replace(name, value)
    return text


@pytest.mark.parametrize(("address", "place", "expected"), RULES)
def test_the_read_api_keeps_every_rule(client, ids, address, place, expected):
    """What a client of Accoil's read API asks is answered at the same place in the same form."""
    found = client.get(told(address, ids)).json()

    for step in place.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]

    if isinstance(expected, type):
        assert type(found) is expected
    else:
        assert found == (told(expected, ids) if isinstance(expected, str) else expected)
