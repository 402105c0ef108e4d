"""The configuration as a document, beside a running server and without one."""

import json

import pytest

from tests.installed import code_of

DOCUMENT = """
product: Acme App
time_zone: Europe/Berlin
account_display_name: name
account_created_at: createdAt
account_id_trait: group_id
trait_types: {account: {mrr: number, renewal: date}, user: {seats: number}}
features:
  - {name: Reporting, events: [Report_Created, Report_Shared]}
workspaces:
  - {name: Engagement, window_days: 7, features: {Reporting: 8}, event_weights: {Report_Shared: 10}, curve: exponential-1, account_score: mean}
"""  # noqa: E501


@pytest.fixture
def document(tmp_path):
    """The document as a file."""
    path = tmp_path / "config.yaml"
    path.write_text(DOCUMENT)
    return path


def test_weights_apply_to_what_was_sent_before(installed, document):
    """Applied beside the server, the next scores follow the weights: 8 and 10, nothing for other events."""
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    installed.post(
        [{"type": "group", "userId": "ana", "groupId": "acme"}]
        + [{"type": "track", "userId": "ana", "event": event} for event in ("Report_Created", "Report_Shared", "Other")]
    )
    installed.settle(token)
    before = installed.read("/v2/accounts?workspace_id=1", token).json()["data"][0]["raw_score"]

    done = installed.run("config", "apply", document)
    told = installed.settle(token)

    assert before == 3
    assert done.returncode == 0, done.stderr
    assert "revision 2" in done.stderr
    assert told["config"] == {"revision": 2, "scored_revision": 2}
    assert installed.read("/v2/accounts?workspace_id=1", token).json()["data"][0]["raw_score"] == 18
    assert installed.json("config", "export")["config"]["product"] == "Acme App"


def test_what_is_exported_applies_without_a_change(served, document):
    """Export and apply are each other's inverse."""
    served.good("config", "apply", document)
    exported = served.good("config", "export")

    again = served.json("config", "apply", "-", "--prune", stdin=exported)

    assert (again["product"], again["changed"], again["rebuild"]) == ("Acme App", False, False)
    assert served.good("config", "export") == exported


def test_a_document_with_faults_changes_nothing(served):
    """Every fault stands on its own line with its place; the exit code is 1 and the revision stays."""
    before = served.json("config", "export")["revision"]
    text = "product: Changed\nfeatures: [{name: A, events: [x]}, {name: B, events: [x]}]\nworkspaces: [{label: C}]\n"

    done = served.run("config", "apply", "-", stdin=text)
    as_json = served.run("config", "apply", "-", "--json", stdin=text)

    assert done.returncode == 1
    assert code_of(done.stderr) == "config_invalid"
    assert "$.features[1].events: event 'x' is in feature 'A' already" in done.stderr
    assert "$.workspaces[0].label: unknown field 'label'; known are name" in done.stderr
    assert served.json("config", "export")["revision"] == before
    assert len(json.loads(as_json.stderr)["error"]["faults"]) == 3


def test_diff_tells_and_changes_nothing(served):
    """The lines that would change are printed with + and −, and the exit code says whether there are any."""
    before = served.json("config", "export")

    told = served.run("config", "diff", "-", stdin="currency: EUR\n")
    same = served.run("config", "diff", "-", stdin="currency: USD\n")

    assert (told.returncode, same.returncode, same.stdout) == (1, 0, "")
    assert "-currency: USD\n" in told.stdout
    assert "+currency: EUR\n" in told.stdout
    assert served.json("config", "export") == before


EVERYTHING = """
product: Everything
currency: EUR
mrr_unit: units
trait_types: {user: {company.seats: number}, account: {renews: date}}
features: [{name: Reporting, description: Reports., events: [Report_Created]}]
hidden_events: [Heartbeat]
ignored_events: [Ping]
workspaces:
  - name: Engagement
    features: {Reporting: 5}
    event_weights: {Report_Created: 9}
    daily_cap: 10
    half_life_days: 3.5
    levels: {most: 80, slightly: 40, passive: 20}
    filter: 'account.plan = "pro"'
    user_activation: ['did("Report_Created") >= 3']
  - {name: Month, window_days: 30, curve: linear-1, account_score: pooled}
segments: [{name: Big, of: account, workspace: Month, where: account.mrr > 1000}]
exclusions: {users: [bot], accounts: [own], email_domains: [uptake.example], users_where: user.internal = true}
destination: {filters: [{name: No tests, kind: drop, condition: 'type = "track"', enabled: false}]}
"""


def test_a_document_moves_everything_to_another_installation(installed):
    """What one exports, another one takes, prunes to, and exports the same; a diff between them is empty then."""
    installed.good("config", "apply", "-", stdin=EVERYTHING)
    exported = installed.good("config", "export")
    installed.good("config", "apply", "-", "--prune", "--create", "--product", "Other", stdin="currency: GBP\n")

    there = exported.replace("product: Everything", "product: Other")
    first = installed.run("config", "diff", "-", "--prune", "--product", "Other", stdin=there)
    installed.good("config", "apply", "-", "--prune", "--product", "Other", stdin=there)
    again = installed.run("config", "diff", "-", "--prune", "--product", "Other", stdin=there)

    assert (first.returncode, again.returncode, again.stdout) == (1, 0, "")
    assert "+ignored_events: [Ping]" in first.stdout
    assert installed.good("config", "export", "--product", "Other") == there
    assert installed.json("config", "export", "--product", "Other")["config"]["segments"][0]["where"] == (
        "account.mrr > 1000"
    )


def test_pruning_is_asked_for(served, document):
    """Without --prune a feature that the document does not name stays, with it it goes."""
    served.good("config", "apply", document)
    text = "features: [{name: Sharing, events: [Shared]}]\n"

    served.good("config", "apply", "-", stdin=text)
    kept = served.json("config", "export")["config"]["features"]
    served.good("config", "apply", "-", "--prune", stdin=text)

    assert [each["name"] for each in kept] == ["Reporting", "Sharing"]
    assert [each["name"] for each in served.json("config", "export")["config"]["features"]] == ["Sharing"]


def test_a_document_applies_without_a_server(installed, document):
    """The command opens the folder itself, makes the installation, and a later command finds what it did."""
    told = installed.json("config", "apply", document)

    assert told == {"product": "Acme App", "revision": 2, "changed": True, "rebuild": False}
    assert installed.json("config", "export")["config"]["time_zone"] == "Europe/Berlin"


def test_several_products_are_named(installed):
    """A second product is made on request; from then on commands want to know which, and each keeps to its own."""
    installed.start()
    installed.good("config", "apply", "-", "--product", "Bob's", "--create", stdin="currency: EUR\n")

    unnamed = installed.run("config", "export")
    taken = installed.run("config", "apply", "-", "--product", "Bob's", stdin="product: My product\n")
    key = installed.good("key", "create", "--kind", "ingest", "--product", "Bob's").strip()
    installed.post([{"type": "track", "userId": "bob", "event": "Export"}], key=key)

    assert code_of(unnamed.stderr) == "E008"
    assert "'My product', \"Bob's\"" in unnamed.stderr
    assert taken.returncode == 1
    assert installed.json("config", "export", "--product", "Bob's")["config"]["currency"] == "EUR"
    logged = {each["name"]: each["counters"]["logged"] for each in installed.json("check")["products"]}
    assert logged == {"My product": 0, "Bob's": 1}


def test_a_file_that_is_not_there_is_said(installed):
    """The message names the file, before anything is opened."""
    done = installed.run("config", "apply", "missing.yaml")

    assert (done.returncode, code_of(done.stderr)) == (1, "E007")
    assert "missing.yaml" in done.stderr
    assert not installed.folder.exists()


def test_a_model_is_published_from_now_on_or_for_all_of_history(served, document):
    """The version says from which day its models score; both at once is refused."""
    first = served.json("config", "apply", document, "--from-now-on")
    again = served.json("config", "apply", document, "--recompute")
    both = served.run("config", "apply", document, "--from-now-on", "--recompute")

    assert (again["revision"], again["changed"]) == (first["revision"] + 1, True)
    assert both.returncode != 0
    assert "--recompute" in both.stderr


def test_a_document_is_tried_before_it_is_applied(served, document):
    """The ranking that it would give stands beside the one in force; the revision stays."""
    before = served.json("config", "apply", document)["revision"]
    told = served.json("config", "what-if", document)
    text = served.good("config", "what-if", "-", stdin="workspaces: [{name: Engagement, window_days: 14}]")
    fresh = "workspaces: [{name: Engagement}, {name: Month, window_days: 30}]"
    beside = served.good("config", "what-if", "-", "--beside", "Month", stdin=fresh)
    unknown = served.run("config", "what-if", "-", "--beside", "Year", stdin=fresh)

    assert (told["workspace_id"], told["changes"], told["users"]["changed"]) == (1, [], 0)
    assert "window_days: 7 → 14" in text
    assert "accounts: 0 listed" in text
    assert "window_days: 7 → 30" in beside
    assert unknown.returncode != 0
    assert "the document has no workspace 'Year'" in unknown.stderr
    assert served.json("config", "export")["revision"] == before
