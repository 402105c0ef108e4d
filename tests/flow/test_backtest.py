"""Churn with planted causes: the backtest finds them, and the weights that it suggests tell churn beforehand."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from tests.house import House, ago
from tests.installed import Installed, code_of
from tests.whole import Whole
from uptake.control import requests as ask
from uptake.control.operations import Office, perform
from uptake.control.requests import Silence
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.core.errors import UptakeError
from uptake.simulate import FEATURES, calls, outcomes, simulation
from uptake.simulate_churn import Truth
from uptake.sources.base import Incoming
from uptake.sources.jsonl import decode_lines
from uptake.sources.outcomes import Outcome
from uptake.stores.log.base import Request
from uptake.views.backtest import backtest, outcomes_by_trait
from uptake.views.base import Unknown

LAST = date(2026, 6, 30)
DAYS = 130
TRUTH = Truth(causes=("Reporting", "Automation"))
EVEN = Workspace("Engagement", id=1, features=dict.fromkeys(FEATURES, 5))


def planted(truth):
    """120 small accounts whose fate follows from the truth."""
    made = simulation(LAST, accounts=120, days=DAYS, least_users=1, truth=truth)
    small = tuple(msgspec.structs.replace(company, people=company.people[:3]) for company in made.companies)
    return msgspec.structs.replace(made, companies=small)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """The planted product on real engines, every feature of the same weight, and its outcomes."""
    config = ProductConfig(
        features=tuple(Feature(name, events=tuple(events)) for name, (_, events) in FEATURES.items()),
        workspaces=(EVEN,),
    )
    whole = Whole(tmp_path_factory.mktemp("churn"), config, now=datetime(2026, 7, 1, 12, tzinfo=UTC).isoformat())
    simulated = planted(TRUTH)
    lines = [msgspec.json.encode(call) for call in calls(simulated)]
    decoded = decode_lines(lines, Incoming(whole.now_us, whole.product.projection, str))
    whole.running.log.append([Request(1, whole.now_us, "import", decoded.calls, ())])
    whole.settle()
    yield whole, [Outcome(*row) for row in outcomes(simulated)]
    whole.close()


def test_planted_causes_are_found_and_their_weights_tell_churn(product):
    """The causes get the highest weights and the noise the lowest; with them the score tells churn 30 to 90 days
    ahead."""
    whole, rows = product
    before = backtest(whole.product, 1, rows)
    weights = {each.feature: each.weight for each in before.suggestion.weights}

    whole.configure(workspaces=(msgspec.structs.replace(EVEN, features=weights),))
    whole.settle()
    after = backtest(whole.product, 1, rows)

    assert min(weights[cause] for cause in TRUTH.causes) >= 7 > 3 >= max(weights[noise] for noise in TRUTH.noise)
    assert before.suggestion.auc > 0.7
    assert [each.days for each in after.horizons] == [30, 60, 90]
    for old, new in zip(before.horizons, after.horizons, strict=True):
        assert new.auc > max(0.7, old.auc)
        assert new.auc_low < new.auc < new.auc_high
        assert (new.accounts, new.churned, new.renewed) == (120, 42, 78)
        assert new.deciles[0].lift > 1.5 > new.deciles[-1].lift
        assert new.levels[-1].recall == 1


def test_a_suggestion_is_shown_and_not_applied(product):
    """The snippet is a document with the weights; the workspace keeps its own."""
    whole, rows = product
    config = whole.product.config

    found = backtest(whole.product, 1, rows, horizons=(45,)).suggestion

    assert whole.product.config == config
    assert found.yaml.splitlines()[:3] == ["workspaces:", "- name: Engagement", "  features:"]
    assert {each.feature: each.present for each in found.weights} == dict(config.workspaces[0].features)


def test_chance_is_not_taken_for_a_cause(product):
    """Where outcomes have nothing to do with use, the interval of the AUC holds one half."""
    whole, rows = product
    turned = [msgspec.structs.replace(each, outcome=("churned", "renewed")[n % 2]) for n, each in enumerate(rows)]

    (found,) = backtest(whole.product, 1, turned, horizons=(30,)).horizons

    assert found.auc_low < 0.5 < found.auc_high


def test_accounts_without_a_score_are_skipped_with_the_reason():
    """Unknown, excluded, not yet there, or a day that is not over: each is told and counted."""
    house = House(ProductConfig(exclusions=Exclusions(accounts=("beta",))))
    house.group("ana", "acme", day=40)
    house.track("ana", "Export", day=40)
    house.track("bob", "Export", day=40, account="beta")
    house.settle()
    rows = [
        Outcome("acme", "renewed", ago(5), 2),
        Outcome("acme", "churned", ago(20), 3),
        Outcome("acme", "churned", ago(-40), 4),
        Outcome("nobody", "churned", ago(5), 5),
        Outcome("beta", "churned", ago(5), 6),
    ]

    found = backtest(house.product, None, rows, horizons=(30,))

    assert {(each.line, each.reason) for each in found.skipped} == {
        (3, "no_score"),
        (4, "day_not_over"),
        (5, "unknown_account"),
        (6, "excluded_account"),
    }
    assert found.horizons[0].accounts == 1
    assert found.horizons[0].auc is None
    assert found.suggestion is None
    assert "no feature" in found.no_suggestion


def test_a_trait_can_hold_the_day_of_churn():
    """Accounts whose day has come churned on it; the others, also those with a day to come, were renewed."""
    house = House()
    for account, day in (("acme", None), ("beta", ago(10)), ("gamma", ago(-5))):
        house.group("ana", account, **({"churned_at": str(day)} if day else {}))
    house.settle()

    found = outcomes_by_trait(house.product, None, "churned_at")

    assert [(each.account, each.outcome, each.day) for each in found] == [
        ("acme", "renewed", ago(1)),
        ("beta", "churned", ago(10)),
        ("gamma", "renewed", ago(1)),
    ]
    with pytest.raises(Unknown, match="left_at"):
        outcomes_by_trait(house.product, None, "left_at")


# ---- the API and the command


CSV = f"account,outcome,date\nacme,renewed,{ago(5)}\nbeta,churned,{ago(5)}\nbeta,gone,{ago(6)}\n"


@pytest.fixture
def house():
    """Two accounts, of which acme is busy and beta is not."""
    made = House()
    for user, account, times in (("ana", "acme", 9), ("bob", "beta", 1)):
        made.group(user, account, day=60)
        made.track(user, "Export", day=40, times=times)
    made.settle()
    return made


def test_the_api_runs_a_backtest(house):
    """A management token posts outcomes or names a trait; rows that are refused come with code, line and column."""
    with house.client(house.token("manage")) as client:
        told = client.post("/v2/workspaces/1/backtest", json={"outcomes": CSV, "horizons": [30]})
        assert told.status_code == 200, told.text
        refusals = [
            client.post(path, json=body).json()["error"]["code"]
            for path, body in (
                ("/v2/workspaces/1/backtest", {}),
                ("/v2/workspaces/1/backtest", {"outcomes": "account,date\n"}),
                ("/v2/workspaces/1/backtest", {"trait": "left_at"}),
                ("/v2/workspaces/1/backtest", {"outcomes": CSV, "horizons": [0]}),
                ("/v2/workspaces/9/backtest", {"outcomes": CSV}),
            )
        ]

    found = told.json()
    assert found["horizons"][0]["auc"] == 1
    assert found["horizons"][0]["accounts"] == 2
    assert [(fault["code"], fault["line"], fault["column"]) for fault in found["faults"]] == [("bad_outcome", 4, 2)]
    assert refusals == [
        "missing_outcomes",
        "csv_column_missing",
        "unknown_trait",
        "config_invalid",
        "unknown_workspace",
    ]
    with house.client() as client:
        assert client.post("/v2/workspaces/1/backtest", json={"outcomes": CSV}).status_code == 403


def test_a_command_asks_the_office(house, tmp_path):
    """The same answer over the socket, by the workspace's name, with progress."""
    office = Office(house.running, house.directory, tmp_path, served=True)
    steps = []
    told = Silence()
    told.progress = lambda done, total, doing: steps.append((done, total, doing))

    found = perform(office, ask.RunBacktest(outcomes=CSV, workspace="Engagement", horizons=(10, 30)), told)

    assert [each.days for each in found.horizons] == [10, 30]
    assert steps[-1] == (2, 2, "Looking back")
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    for request, code in (
        (ask.RunBacktest(outcomes=CSV, workspace="Nothing"), "unknown_workspace"),
        (ask.RunBacktest(outcomes="date\n"), "csv_column_missing"),
        (ask.RunBacktest(trait="left_at"), "E008"),
    ):
        with pytest.raises(UptakeError) as refused:
            perform(office, request, told)
        assert refused.value.code == code


def test_the_command_prints_tables_and_json(tmp_path):
    """Beside no server it opens the folder itself; without outcomes it says what it needs."""
    installed = Installed(tmp_path / "data")
    installed.good("key", "create", "--kind", "read")
    file = tmp_path / "outcomes.csv"
    file.write_text(CSV)

    told = installed.good("backtest", "--outcomes", file)
    found = installed.json("backtest", "--outcomes", file, "--days", "30")

    assert "2 outcomes, 1 churned, 1 renewed" in told
    assert "No weights are suggested" in told
    assert {each["reason"] for each in found["skipped"]} == {"unknown_account"}
    assert code_of(installed.run("backtest").stderr) == "missing_outcomes"


def test_a_model_published_from_now_on_is_looked_up_in_the_past_too():
    """Past days are scored by another model, and stay so; the backtest is of the one in force."""
    light, heavy = (
        Workspace("Engagement", 1, features={"Reporting": 1}),
        Workspace("Engagement", 1, features={"Setup": 9}),
    )
    features = (Feature("Reporting", events=("Export",)), Feature("Setup", events=("Invite",)))
    found = []
    for workspaces in ((heavy,), (light,)):
        house = House(ProductConfig(features=features, workspaces=workspaces))
        for number in range(12):
            house.track("ana", "Export", day=40, account=f"account-{number}", times=number)
            house.track("ana", "Invite", day=40, account=f"account-{number}", times=12 - number)
        house.settle()
        house.running.change_config(
            1,
            lambda version: msgspec.structs.replace(version.config, workspaces=(heavy,)),
            by="x",
            publish="from_now_on",
        )
        house.settle()
        rows = [Outcome(f"account-{n}", ("churned", "renewed")[n % 3 > 0], ago(5), n) for n in range(12)]
        state = house.product.store.digest()
        found.append(backtest(house.product, 1, rows, horizons=(30, 35)).horizons)
        assert house.product.store.digest() == state

    assert found[0] == found[1]
