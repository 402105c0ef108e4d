"""Alert rules, dashboard and metrics fit together, and Prometheus' own promtool understands all three."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.house import House
from uptake.web.metric_table import METRICS

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = {each["alert"]: each for each in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"][0]["rules"]}
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "uptake.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SHOWN = [target["expr"] for panel in PANELS for target in panel["targets"]]
OF_ANY = {"instance", "job", "le"}
"""Labels that Prometheus adds, and a histogram's."""


@pytest.fixture(scope="session")
def promtool():
    """Run it on a text or a file; what it said, with 0 for well."""
    found = shutil.which("promtool") or shutil.which(ROOT / "build" / "promtool" / "usr" / "bin" / "promtool")
    if found is None:
        pytest.skip("no promtool: tools/promtool.sh fetches it where there is apt")

    def run(*words, text=None):
        done = subprocess.run(
            [found, *map(str, words)], input=text, capture_output=True, text=True, cwd=PROMETHEUS, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def used(expression):
    """Each metric of a query, with the labels that are asked of it."""
    for name, labels in re.findall(r"\b((?:uptake|process)_\w+)(?:{([^}]*)})?", expression):
        yield name, set(re.findall(r"(\w+)\s*[=!]~?", labels or ""))


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES.values()), *SHOWN])
def test_every_metric_that_is_asked_for_exists(expression):
    """Names and labels of alert rules and of the dashboard are those of the table."""
    for name, labels in used(expression):
        if name.startswith("process_"):
            continue
        base = re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name)
        assert base in METRICS, name
        assert (base != name) == (METRICS[base].kind == "histogram"), name
        assert labels - OF_ANY <= set(METRICS[base].labels), name


def test_the_dashboard_shows_every_metric():
    """Nothing is measured that nobody sees."""
    shown = {re.sub(r"_bucket$", "", name) for expression in SHOWN for name, _ in used(expression)}

    assert set(METRICS) - shown == set()


def test_the_dashboard_is_laid_out():
    """Panels have ids of their own and do not overlap, and every variable that a query uses is there."""
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}

    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert set(re.findall(r"\$(?!__)(\w+)", " ".join(SHOWN))) <= variables


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_what_is_so_and_what_to_do(name):
    """Each has a severity, a summary and a next step."""
    rule = RULES[name]

    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "do"}


def test_every_alert_is_tried():
    """The rules' own tests let each fire once, and hold each back once where all is well."""
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]
    tried = [each for test in tests for each in test["alert_rule_test"]]

    assert {each["alertname"] for each in tried if each["exp_alerts"]} == set(RULES)
    assert {each["alertname"] for each in tried if not each["exp_alerts"]} == set(RULES)


def test_the_rules_hold_their_own_tests(promtool):
    """promtool finds the rules sound, and each alert fires when it should and not otherwise."""
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")[0] == 0
    assert promtool("check", "config", "--syntax-only", "prometheus.yaml")[0] == 0
    code, told = promtool("test", "rules", "alerts_test.yaml")
    assert code == 0, told


def test_the_queries_of_the_dashboard_are_sound(promtool, tmp_path):
    """promtool reads each as a query."""
    plain = [
        query.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$product", ".*") for query in SHOWN
    ]
    rules = [{"record": f"shown:{number}", "expr": query} for number, query in enumerate(plain)]
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))

    code, told = promtool("check", "rules", path)

    assert code == 0, told
    assert f"{len(SHOWN)} rules found" in told


def test_names_keep_the_conventions(promtool):
    """promtool lints a real scrape: units, suffixes, help; process_* are the client's own."""
    house = House()
    house.group("ana", "acme")
    house.track("ana", "Login")
    house.settle()
    with house.client() as client:
        client.get("/accounts")
        scrape = client.get("/metrics").text

    code, told = promtool("check", "metrics", text=scrape)

    assert code == 0, told
    assert told == ""
