"""Import, export, explain, rescore and rebuild through real commands, beside a server and without one."""

import csv
import gzip
import io
import json
import signal
from datetime import UTC, datetime, timedelta

import pyarrow.parquet
import pytest

from tests.installed import Installed, code_of, wait_for

DAYS = 120
CONFIG = """
features: [{name: Reporting, events: [Report_Created]}, {name: Sharing, events: [Shared]}]
workspaces: [{name: Engagement, features: {Reporting: 8, Sharing: 3}}]
"""


def history():
    """The calls of ana and bob over 120 days, bob in an account below ana's, ending a moment ago."""
    now = datetime.now(UTC)

    def call(kind, user, ago, **more):
        at = (now - timedelta(days=ago, minutes=5)).isoformat()
        return {"type": kind, "userId": user, "timestamp": at, **more}

    yield call("group", "ana", DAYS, groupId="acme", traits={"name": "Acme", "mrr": 100})
    yield call("group", "bob", DAYS, groupId="acme-west", traits={"parent_group_id": "acme"})
    for ago in range(DAYS):
        yield call("track", "ana", ago, event="Report_Created")
        if ago % 2:
            yield call("track", "bob", ago, event="Shared", messageId=f"bob{ago}")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The history as a compressed file."""
    path = tmp_path_factory.mktemp("history") / "calls.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, history())).encode()))
    return path


@pytest.fixture(scope="module")
def filled(tmp_path_factory, file):
    """A server whose installation holds the history and weights."""
    made = Installed(tmp_path_factory.mktemp("filled") / "data")
    made.start()
    made.good("config", "apply", "-", stdin=CONFIG)
    made.good("import", file)
    yield made
    made.close()


def test_an_import_beside_the_server_is_scored_when_it_returns(filled, file):
    """Every line is logged, folded and scored; a second import says that it was done before."""
    checked = filled.json("check")["products"][0]

    again = filled.json("import", file)

    assert checked["settled"]
    assert checked["counters"]["logged"] == 182
    assert checked["totals"] | {"first_day": 0, "last_day": 0} == {
        "users": 2,
        "accounts": 2,
        "events": 180,
        "unattributed_users": 0,
        "first_day": 0,
        "last_day": 0,
    }
    assert again[0]["skipped"]
    assert filled.json("check")["products"][0]["counters"]["logged"] == 182


@pytest.mark.parametrize(("kind", "who"), [("account", "acme"), ("user", "ana"), ("account", "acme-west")])
def test_an_explanation_adds_up(filled, kind, who):
    """Parts sum to raw, and the lines of the difference to the changes of raw and score."""
    told = filled.json("explain", kind, who)

    assert told["raw"] == pytest.approx(sum(part["raw"] for part in told["parts"]))
    assert all(part["raw"] == part["times"] * part["weight"] for part in told["parts"])
    difference = told["difference"]
    assert difference["raw_change"] == pytest.approx(sum(line["raw"] for line in difference["lines"]))
    assert difference["score_change"] == pytest.approx(sum(line["points"] for line in difference["lines"]))
    assert told["score"] > 0


def test_people_read_the_same_explanation(filled):
    """Events, weights and the sum stand in the table; an earlier day can be asked for, an unknown account is said."""
    told = filled.good("explain", "account", "acme")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    earlier = filled.json("explain", "account", "acme", "--day", yesterday)
    unknown = filled.run("explain", "account", "nobody")
    future = filled.run("explain", "account", "acme", "--day", "2999-01-01")

    assert "Report_Created" in told
    assert "raw 65" in told or "raw 68" in told
    assert "Since " in told
    assert earlier["day"] == yesterday
    assert (unknown.returncode, code_of(unknown.stderr)) == (1, "E008")
    assert (future.returncode, code_of(future.stderr)) == (1, "invalid_parameter")


def test_rebuilding_and_rescoring_change_nothing(filled):
    """A new generation from the log and numbers computed anew are what was there; the server goes on."""
    before = {table: exported(filled, table) for table in ("users", "daily_counts", "memberships", "scores")}
    generation = filled.json("check")["products"][0]["generation"]

    rebuilt = filled.json("rebuild")
    rescored = filled.json("rescore")

    assert rebuilt == {"generation": generation + 1, "calls": 182}
    assert rescored["days"] >= DAYS
    assert {table: exported(filled, table) for table in before} == before


def exported(installed, table):
    """A table's lines."""
    return installed.good("export", "--table", table, "--out", "-", "--format", "jsonl")


@pytest.mark.parametrize("table", ["memberships", "scores"])
def test_the_three_formats_say_the_same(filled, tmp_path, table):
    """Parquet, CSV and JSON Lines have the same rows and columns."""
    for kind in ("parquet", "csv", "jsonl"):
        told = filled.json("export", "--table", table, "--out", tmp_path / f"t.{kind}")
        assert told["format"] == kind

    parquet = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]

    assert 0 < parquet.num_rows == len(rows) == len(lines) == told["rows"]
    assert parquet.column_names == list(rows[0]) == list(lines[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.jsonl", "t.parquet"]


def test_traits_are_objects_in_json(filled):
    """In JSON Lines an account's traits are values and not a text."""
    lines = [json.loads(line) for line in exported(filled, "accounts").splitlines()]

    assert {line["tracking_id"]: line["traits"] for line in lines} == {
        "acme": {"mrr": 100, "name": "Acme"},
        "acme-west": {"parent_group_id": "acme"},
    }


def test_calls_leave_as_they_are_kept(filled, tmp_path):
    """All of them with their offsets, imported elsewhere they give the same counts."""
    told = filled.json("export", "--table", "calls", "--out", tmp_path / "calls.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    elsewhere = Installed(tmp_path / "elsewhere")
    elsewhere.good("import", tmp_path / "calls.jsonl")

    assert [line["offset"] for line in lines] == list(range(told["rows"])) == list(range(182))
    assert {line["type"] for line in lines} == {"group", "track"}
    assert exported(elsewhere, "daily_counts") == exported(filled, "daily_counts")


def test_an_export_that_cannot_be_written_is_said(filled, tmp_path):
    """The message names the file."""
    done = filled.run("export", "--table", "users", "--out", tmp_path / "missing" / "t.csv")

    assert (done.returncode, code_of(done.stderr)) == (1, "E007")


def test_all_of_it_works_without_a_server(installed, file):
    """Import makes the installation; explain, export and check find everything folded and scored."""
    installed.good("import", file)

    told = installed.json("explain", "account", "acme")
    checked = installed.json("check")

    assert told["raw"] == sum(part["raw"] for part in told["parts"]) > 0
    assert not checked["served"]
    assert checked["healthy"]
    assert checked["products"][0]["settled"]


def test_an_empty_table_has_its_columns(installed, tmp_path):
    """Before the first call an export has titles and no rows."""
    installed.good("key", "create", "--kind", "read")

    installed.good("export", "--table", "users", "--out", tmp_path / "users.csv")

    assert (tmp_path / "users.csv").read_text().startswith('"tracking_id","id","name"')
    assert len((tmp_path / "users.csv").read_text().splitlines()) == 1


def test_a_killed_import_goes_on(installed, tmp_path):
    """kill -9 in the middle of a large file; the next run takes the rest, every line once."""
    path = tmp_path / "calls.jsonl"
    lines = [
        json.dumps({"type": "track", "userId": f"u{n % 50}", "event": "Export", "messageId": f"m{n}"})
        for n in range(60_000)
    ]
    path.write_text("\n".join(lines))
    installed.start()
    process = installed.popen("import", path, "--no-wait")
    logged = installed.folder / "log"
    wait_for(lambda: sum(log.stat().st_size for log in logged.glob("calls-*.sqlite-wal")) >= 400_000, pause_s=0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    told = installed.json("import", path)[0]

    counters = installed.json("check")["products"][0]["counters"]
    assert 0 < told["resumed_at"] < 60_000
    assert told["logged"] == 60_000
    assert counters["logged"] == counters["fates"]["applied"] == 60_000


def test_check_says_what_looks_wrong_with_the_data(installed):
    """Also with which keys requests were refused, as a running server counts them; findings do not make it fail."""
    installed.start()
    installed.post([{"type": "track", "userId": "kim@beta.example", "event": "Login"}], key="stg-zebra")
    installed.post([{"type": "track", "userId": "kim@beta.example", "event": "Login"}])
    wait_for(lambda: installed.json("check")["products"][0]["settled"])

    told = installed.good("check")
    report = installed.json("check")["products"][0]["data"]

    assert [each["code"] for each in report["findings"]] == ["refused_keys", "users_without_account", "email_as_id"]
    assert "Requests came with keys that no product has: 1  (refused_keys)" in told
    assert "    kim@beta.example" in told
    assert "zebra" not in told
