"""Traits from CSV: previewed, imported and found again, by command and by API."""

import pytest

from tests.house import House, ago
from tests.installed import Installed, code_of

ACCOUNTS = f"Company,Plan,mrr,timestamp\nacme,pro,1200,{ago(3)}\nbeta,free,0,{ago(3)}\n"


@pytest.fixture
def house():
    made = House()
    made.group("ana", "acme", day=5, plan="old", seats=3)
    made.settle()
    return made


def test_the_api_previews_and_imports(house):
    """Rows become group calls; what they say merges with what calls said, by time."""
    body = {"csv": ACCOUNTS, "kind": "account", "columns": {"Company": "groupId", "Plan": "traits.plan"}}

    with house.client(house.token("manage")) as client:
        seen = client.post("/v2/import/csv?preview=true", json=body).json()["preview"]
        house.settle()
        before = house.product.store.traits("account", "acme")
        done = client.post("/v2/import/csv", json=body).json()["imported"]
        house.settle()
        again = client.post("/v2/import/csv", json=body).json()["imported"]

    assert [call["groupId"] for call in seen["calls"]] == ["acme", "beta"]
    assert before == {"plan": "old", "seats": 3}
    assert (done["logged"], done["refused"], again["skipped"]) == (2, 0, True)
    assert house.product.store.traits("account", "acme") == {"mrr": 1200, "plan": "pro", "seats": 3}
    assert house.product.store.traits("account", "beta") == {"mrr": 0, "plan": "free"}


def test_what_cannot_be_imported_has_a_code(house):
    """A file without ids, a mapping of nothing, and a token that only reads."""
    with house.client(house.token("manage")) as client:
        codes = [
            client.post("/v2/import/csv", json=body).json()["error"]["code"]
            for body in (
                {"csv": "plan\npro\n"},
                {"csv": "userId,plan\n", "columns": {"Plan": "traits.plan"}},
                {"csv": ""},
                {"kind": "user"},
            )
        ]
    with house.client() as client:
        answer = client.post("/v2/import/csv", json={"csv": ACCOUNTS})

    assert codes == ["csv_column_missing", "csv_mapping", "csv_no_header", "config_invalid"]
    assert answer.json()["error"]["code"] == "read_only_token"


def test_the_command_previews_and_imports(tmp_path):
    """A file that is CSV by its name is read as such, beside JSON Lines."""
    installed = Installed(tmp_path / "data")
    users = tmp_path / "users.csv"
    users.write_text("id;Group;traits.plan\nana;acme;pro\n;acme;pro\n")

    seen = installed.json("import", users, "--column", "Group=groupId", "--preview")
    done = installed.json("import", users, "--column", "Group=groupId")
    exported = installed.good("export", "--table", "users", "--out", "-", "--format", "jsonl")

    assert (seen[0]["delimiter"], seen[0]["rows"], seen[0]["refused"]) == (";", 2, 1)
    assert (done[0]["logged"], done[0]["refused"]) == (1, 1)
    assert '"account":"acme"' in exported
    assert '"plan":"pro"' in exported
    assert code_of(installed.run("import", users, "--column", "Group").stderr) == "csv_mapping"
