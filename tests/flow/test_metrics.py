"""What /metrics tells: everything of the table, well-formed, true, and of nobody."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.house import House
from uptake.stores.log.base import LogUnavailable
from uptake.stores.meta.base import MetaUnavailable
from uptake.web.metric_table import TABLE

RARE = {
    "uptake_unfinished_jobs",
    "uptake_limited_requests_total",
    "uptake_waiting_erasures",
    "uptake_scored_timestamp_seconds",
}
"""Without a sample where there is nothing to tell."""


@pytest.fixture
def house():
    made = House()
    made.group("ana", "acme", name="Acme", email="ana@acme.example")
    made.track("ana", "Secret Report", times=3)
    made.running.step()
    return made


@pytest.fixture
def scrape(house, tmp_path):
    """What a scrape gives after some requests: {name: [(labels, value)]}."""
    key = house.token("ingest")
    call = {"userId": "ana", "event": "Login"}

    def scraped():
        with house.client(data_dir=tmp_path) as client:
            client.post("/v1/track", json=call, auth=(key, ""), headers={"X-Retry-Count": "1"})
            client.post("/v1/track", json=call, auth=("nobody's", ""))
            client.post("/v1/batch", json={"batch": [{"type": "track", "userId": "ana"}]}, auth=(key, ""))
            client.get("/v2/accounts/acme")
            client.get("/accounts")
            text = client.get("/metrics", headers={"Authorization": ""}).text
        return text

    return scraped


def samples(text):
    """Every sample by its name."""
    found = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found.setdefault(each.name, []).append((each.labels, each.value))
    return found


def value(text, name, **labels):
    """The one sample with these labels."""
    (found,) = [number for given, number in samples(text)[name] if labels.items() <= given.items()]
    return found


def test_everything_of_the_table_is_told(house, scrape):
    """Each metric has its kind, its sentence and its labels as the table says, and there is none beside it."""
    families = {family.name: family for family in text_string_to_metric_families(scrape())}

    told = {name for name in families if name.startswith("uptake_")} | {"uptake_leased_products"}
    assert told == {metric.name.removesuffix("_total") for metric in TABLE}
    for metric in TABLE:
        if metric.name == "uptake_leased_products":
            continue
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert family.samples or metric.name in RARE, metric.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


def test_nobody_is_named(scrape):
    """No user, account, e-mail address, event, key or path of a request is in a scrape."""
    text = scrape()

    assert re.findall("ana|acme|secret|nobody|login", text, re.IGNORECASE) == []


def test_requests_are_timed_by_part_and_status(scrape):
    """A call, a refused one, a question and a page: each is in its histogram, once."""
    text = scrape()

    def count(part, status):
        return value(text, "uptake_request_duration_seconds_count", part=part, status=status)

    assert (count("ingest", "2xx"), count("ingest", "4xx"), count("api", "2xx"), count("page", "2xx")) == (2, 1, 1, 1)
    assert value(text, "uptake_request_duration_seconds_bucket", part="page", status="2xx", le="+Inf") == 1
    assert value(text, "uptake_repeated_requests_total") == 1
    assert value(text, "uptake_commit_duration_seconds_count") == 2


def test_lag_is_told_in_seconds(house, scrape):
    """The age of the first call that is not folded; nothing once all is."""
    house.settle()
    settled = house.client(token="")
    with settled as client:
        before = client.get("/metrics").text
    house.track("ana", "Login")
    house.now_us += 90_000_000
    house.track("ana", "Login")

    text = scrape()

    assert value(before, "uptake_fold_lag_seconds", product="1") == 0
    assert value(text, "uptake_fold_lag_seconds", product="1") == 90
    assert value(text, "uptake_fold_lag_calls", product="1") == 3


def test_long_work_that_waits_is_told(house, scrape):
    """By product, kind and state, until it is done."""
    house.running.jobs.ask(1, "rebuild", by="test")
    before = scrape()
    house.settle()
    house.running.step()

    after = scrape()

    assert value(before, "uptake_unfinished_jobs", product="1", kind="rebuild", state="waiting") == 1
    assert "uptake_unfinished_jobs" not in samples(after)


def test_faults_are_counted(house, scrape, monkeypatch):
    """A commit that fails, and a meta store that is away, are told, and readiness with them."""

    def failing(*_args):
        raise LogUnavailable("the disk is full")

    def away():
        raise MetaUnavailable("locked")

    with monkeypatch.context() as patch:
        patch.setattr(house.meta, "revision", away)
        house.running.step()
    monkeypatch.setattr(house.log, "append", failing)
    monkeypatch.setattr(house.log, "probe", failing)

    text = scrape()

    assert value(text, "uptake_failed_commits_total") == 2
    assert value(text, "uptake_failed_meta_reads_total") == 1
    assert value(text, "uptake_ready") == 0
    assert value(text, "uptake_request_duration_seconds_count", part="ingest", status="5xx") == 2


def test_what_is_known_is_told_while_a_server_is_away(house, scrape, monkeypatch):
    """A call log that does not answer takes what only it can tell with it, and not the word that calls are refused."""

    def away(*_args):
        raise LogUnavailable("nobody answers")

    for question in ("size_bytes", "end", "append", "probe"):
        monkeypatch.setattr(house.log, question, away)

    text = scrape()

    assert value(text, "uptake_ready") == 0
    assert value(text, "uptake_disk_free_bytes") > 0
    assert not {"uptake_log_bytes", "uptake_folded_offset"} & set(samples(text))
