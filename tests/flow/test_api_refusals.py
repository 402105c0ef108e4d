"""Who may not read, and what cannot be answered: one body, stable codes."""

import pytest

from tests.house import House
from uptake.core.errors import CODES

READ = [
    "/v2/workspaces",
    "/v2/workspaces/1",
    "/v2/accounts?workspace_id=1",
    "/v2/accounts/acme",
    "/v2/accounts/acme/history",
]
READ += ["/v2/users?workspace_id=1", "/v2/users/ana", "/v2/users/ana/history", "/v2/status"]
READ += ["/v1/accounts?workspace_id=1&id=1", "/v2/accounts"]

REFUSED = [
    ("/v2/accounts", "missing_workspace_id"),
    ("/v2/users", "missing_workspace_id"),
    ("/v1/accounts?match_type=name&match_value=x", "missing_workspace_id"),
    ("/v2/accounts?workspace_id=", "missing_workspace_id"),
    ("/v2/accounts?workspace_id=x", "invalid_workspace_id"),
    ("/v2/accounts?workspace_id=0", "invalid_workspace_id"),
    ("/v2/users?workspace_id=-3", "invalid_workspace_id"),
    ("/v2/accounts/acme?workspace_id=x", "invalid_workspace_id"),
    ("/v2/accounts?workspace_id=2", "unknown_workspace"),
    ("/v2/accounts/acme?workspace_id=2", "unknown_workspace"),
    ("/v2/workspaces/2", "unknown_workspace"),
    ("/v2/workspaces/engagement", "unknown_workspace"),
    ("/v2/accounts?workspace_id=1&match_type=name", "missing_match_parameter"),
    ("/v2/users?workspace_id=1&match_value=ana", "missing_match_parameter"),
    ("/v1/accounts?workspace_id=1", "missing_match_parameter"),
    ("/v1/accounts?workspace_id=1&match_type=name&match_value=Nobody", "unknown_account"),
    ("/v1/accounts?workspace_id=1&id=nothing", "unknown_account"),
    ("/v2/accounts/nobody", "unknown_account"),
    ("/v2/accounts/nobody/history", "unknown_account"),
    ("/v2/users/nobody", "unknown_user"),
    ("/v2/users/nobody/history", "unknown_user"),
    ("/v2/accounts?workspace_id=1&limit=0", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&limit=101", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&offset=-1", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&sort=secret", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&day=2026-11-24", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&day=1969-12-31", "invalid_parameter"),
    ("/v2/accounts?workspace_id=1&day=0001-01-01", "invalid_parameter"),
    ("/v2/accounts/acme?expand=everything", "invalid_parameter"),
    ("/v2/accounts/acme?expand=explanation&against=2026-11-24", "invalid_parameter"),
    ("/v2/accounts/acme/history?from=2024-01-01", "invalid_parameter"),
    ("/v2/accounts/acme/history?from=2026-11-02&to=2026-11-01", "invalid_parameter"),
    ("/v2/segments", "missing_workspace_id"),
    ("/v2/segments?workspace_id=0", "invalid_workspace_id"),
    ("/v2/segments?workspace_id=9", "unknown_workspace"),
    ("/v2/segments?workspace_id=1&scope=teams", "invalid_parameter"),
    ("/v2/segments?workspace_id=1&exclude_defaults=perhaps", "invalid_parameter"),
    ("/v2/segments/7", "unknown_segment"),
    ("/v2/segments/users.multi_user", "unknown_segment"),
    ("/v2/segments/accounts.all/members?limit=0", "invalid_parameter"),
    ("/v2/segments/accounts.all/members/nobody", "unknown_account"),
    ("/v2/accounts?workspace_id=1&segment=7", "unknown_segment"),
    ("/v2/accounts?workspace_id=1&segment=users.all", "unknown_segment"),
    ("/v2/accounts/acme/secrets", "not_found"),
]


@pytest.fixture(scope="module")
def house():
    house = House()
    house.group("ana", "acme")
    house.track("ana", "Login")
    house.settle()
    return house


@pytest.fixture(scope="module")
def client(house):
    with house.client() as client:
        yield client


@pytest.mark.parametrize(("address", "code"), REFUSED)
def test_refusals_carry_a_code_and_a_sentence(client, address, code):
    """One body for all, with the status that the table of codes says."""
    answer = client.get(address)

    assert answer.status_code == CODES[code].status
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("address", READ)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic bm9uc2Vuc2U6", "Bearer ü"])
def test_without_a_good_token_nothing_is_read(client, address, header):
    """401 before anything else is looked at, and how to do it right."""
    headers = {"Authorization": b"" if header is None else header.encode()}

    answer = client.get(address, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "invalid_token"


def test_an_ingest_key_never_reads(house):
    """Not as Bearer, not as Basic, not with the staging prefix."""
    key = house.token("ingest")
    with house.client(token="") as client:
        for header in (f"Bearer {key}", f"Bearer stg_{key}", f"Basic {key}"):
            assert client.get("/v2/status", headers={"Authorization": header}).status_code == 401


def test_a_read_token_is_taken_as_bearer_alone(house):
    """In any spelling of the word, and in no other scheme."""
    token = house.token()
    with house.client(token="") as client:
        for header, status in (
            (f"bearer {token}", 200),
            (f"BEARER  {token} ", 200),
            (f"Basic {token}", 401),
            (token, 401),
        ):
            assert client.get("/v2/status", headers={"Authorization": header}).status_code == status


def test_a_revoked_token_reads_no_more(house):
    """From the moment of its revocation."""
    token = house.token()
    with house.client(token=token) as client:
        assert client.get("/v2/status").status_code == 200
        house.meta.revoke_key(house.meta.keys(1)[-1].id, at_us=house.now_us)
        house.directory.refresh()
        assert client.get("/v2/status").status_code == 401


def test_other_methods_are_refused(client):
    """The read API only reads: 405 with Allow."""
    for method in ("post", "put", "delete", "patch"):
        answer = getattr(client, method)("/v2/accounts")
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "method_not_allowed"
        assert "GET" in answer.headers["allow"]


def test_the_read_api_answers_no_other_origin(client):
    """No CORS: a page elsewhere cannot read with a stolen token."""
    answer = client.get("/v2/status", headers={"Origin": "https://evil.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_fault_of_our_own_is_told_as_internal(house, monkeypatch):
    """500 with a code and without a trace, logged and counted."""

    def broken(*_args, **_kwargs):
        raise RuntimeError("a secret detail")

    with house.client() as client:
        monkeypatch.setattr(house.product, "status", broken)
        answer = client.get("/v2/status")
        monkeypatch.undo()
        metrics = client.get("/metrics").text

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert "uptake_faults_total 1.0" in metrics


def test_a_token_reads_its_own_product_alone(house):
    """Two products, two tokens, and nothing of the one in the other."""
    house = House()
    other = house.running.create_product(house.product.config, by="test")
    house.group("ana", "acme")
    house.settle()
    _, text = house.meta.create_key(other.product_id, "read", name="other", now_us=house.now_us)
    house.directory.refresh()

    with house.client(token=text) as client:
        assert client.get("/v2/accounts?workspace_id=1").json()["data"] == []
        assert client.get("/v2/accounts/acme").status_code == 404
