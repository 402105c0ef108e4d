"""An installation is moved from its folder to servers and back, and every number stays."""

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.clickhouse_server import clickhouse
from tests.flow.test_retention_server import aged, calls_of, keep_for, wait_until_retained
from tests.installed import Installed, code_of, wait_for
from tests.jetstream import jetstream
from tests.postgres import postgres

__all__ = ["aged"]  # a fixture

CONFIG = """
features:
  - {name: Reporting, events: [Export]}
workspaces:
  - {name: Engagement, window_days: 30, features: {Reporting: 4}}
"""


def at(days):
    """So many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


ROWS = [
    {
        "type": "group",
        "messageId": "g",
        "timestamp": at(20),
        "userId": "ana",
        "groupId": "acme",
        "traits": {"plan": "ü"},
    },
    *(
        {"type": "track", "messageId": f"t{day}", "timestamp": at(day), "userId": "ana", "event": "Export"}
        for day in range(12)
    ),
    {"type": "track", "messageId": "t3", "timestamp": at(3), "userId": "ana", "event": "Export"},
    {"type": "track", "messageId": "refused", "event": "Export"},
]


@pytest.fixture
def filled(tmp_path):
    """An installation in a folder, with calls, a configuration, and somebody who may sign in; it does not run."""
    installed = Installed(tmp_path / "folder")
    with closing(installed):
        installed.start()
        installed.good("config", "apply", "-", stdin=CONFIG)
        installed.good(
            "user", "create", "ana@acme.example", "--role", "owner", "--password-stdin", stdin="a long password\n"
        )
        assert installed.post(ROWS).status_code == 200
        installed.settle(installed.good("key", "create", "--kind", "read").strip())
        installed.end()
    return installed


def settings_file(path, **settings):
    """A file with the settings of a target."""
    path.write_text("# the target\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


@pytest.mark.slow
def test_there_and_back_every_number_is_the_same(filled, tmp_path):
    """Folder → NATS, PostgreSQL and ClickHouse → folder: rows, calls and digests of all tables are compared.

    A second try on the filled target goes on and compares again; another installation is refused there.
    """
    with postgres() as database, jetstream() as ((server,), _), clickhouse() as stores:
        servers = {
            "UPTAKE_META_URL": database(),
            "UPTAKE_LOG_URL": f"{server.url}?name=moved",
            "UPTAKE_STORE_URL": stores(),
            "UPTAKE_SECRET_KEY": "k" * 40,
        }
        there = settings_file(tmp_path / "there.env", UPTAKE_DATA_DIR=tmp_path / "node", **servers)
        back = settings_file(tmp_path / "back.env", UPTAKE_DATA_DIR=tmp_path / "again")
        key = filled.json("key", "list")[0]

        (moved,) = filled.json("migrate-store", there)
        (repeated,) = filled.json("migrate-store", there)
        scaled = Installed(tmp_path / "node", **servers)
        (returned,) = scaled.json("migrate-store", back)

        assert moved == repeated == returned
        assert moved["calls"] == 14
        assert moved["digest"]["scores"] != "0:0000000000000000"
        assert not list((tmp_path / "node").rglob("*.duckdb"))
        again = Installed(tmp_path / "again")
        assert again.json("key", "list")[0] == key
        assert [each["email"] for each in again.json("user", "list")] == ["ana@acme.example"]

        other = Installed(tmp_path / "other")
        with closing(other):
            other.start()
            other.end()
        refused = other.run("migrate-store", there)
        assert (refused.returncode, code_of(refused.stderr)) == (1, "E018")


def test_a_migration_into_itself_or_beside_a_server_is_refused(filled, tmp_path):
    """Nothing is copied onto itself, from an installation that runs, or by settings that are none."""
    itself = settings_file(tmp_path / "itself.env", UPTAKE_DATA_DIR=filled.folder)
    misspelt = settings_file(tmp_path / "misspelt.env", UPTAKE_DATADIR="x")
    good = settings_file(tmp_path / "good.env", UPTAKE_DATA_DIR=tmp_path / "target")

    assert code_of(filled.run("migrate-store", itself).stderr) == "E018"
    assert code_of(filled.run("migrate-store", misspelt).stderr) == "E001"
    with closing(filled):
        filled.start()
        assert code_of(filled.run("migrate-store", good).stderr) == "E004"
    assert json.loads(filled.good("migrate-store", good, "--json"))[0]["calls"] == 14


def test_a_migration_that_is_killed_goes_on(filled, tmp_path):
    """Killed -9 wherever it may be once the target has begun to fill, it is repeated and ends with equal numbers."""
    target = tmp_path / "target"
    file = settings_file(tmp_path / "target.env", UPTAKE_DATA_DIR=target)
    process = filled.popen("migrate-store", file)
    wait_for(lambda: (target / "meta.sqlite").exists() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (moved,) = filled.json("migrate-store", file)

    assert moved["calls"] == 14
    assert Installed(target).json("key", "list") == filled.json("key", "list")


ACME = "/v2/accounts/acme"


@pytest.fixture
def bounded(aged):
    """An installation in a folder, two of whose three months have left the log; it does not run."""
    installed, token = aged
    keep_for(installed, 30)
    wait_until_retained(installed, token)
    installed.end()
    return installed


@pytest.mark.slow
def test_what_left_the_log_is_moved_too(bounded, tmp_path):
    """Folder → servers → folder, with a base snapshot: all digests stay, and a repeat of a call counts once."""
    with postgres() as database, jetstream() as ((server,), _):
        servers = {
            "UPTAKE_META_URL": database(),
            "UPTAKE_LOG_URL": f"{server.url}?name=moved",
            "UPTAKE_SECRET_KEY": "k" * 40,
        }
        there = settings_file(tmp_path / "there.env", UPTAKE_DATA_DIR=tmp_path / "node", **servers)
        back = settings_file(tmp_path / "back.env", UPTAKE_DATA_DIR=tmp_path / "again")
        scaled = Installed(tmp_path / "node", **servers)

        (moved,) = bounded.json("migrate-store", there)
        (repeated,) = bounded.json("migrate-store", there)
        (returned,) = scaled.json("migrate-store", back)

    again = Installed(tmp_path / "again")
    assert moved == repeated == returned
    assert not (tmp_path / "node" / "base.sqlite").exists()
    with closing(again):
        again.start()
        token = again.good("key", "create", "--kind", "read").strip()
        counted = again.read(ACME, token).json()
        assert again.read("/v2/status", token).json()["retained"]["offset"] == 48
        assert again.post(calls_of(2)).status_code == 200
        again.settle(token)
        assert again.read(ACME, token).json()["account"]["raw_score"] == counted["account"]["raw_score"] > 0


def test_a_base_snapshot_goes_on_where_it_broke_off_and_no_other_is_added_to(bounded, tmp_path):
    """Killed when the first calls are in the target's base snapshot it is repeated; other pieces there are refused."""
    target = tmp_path / "target"
    file = settings_file(tmp_path / "target.env", UPTAKE_DATA_DIR=target)
    process = bounded.popen("migrate-store", file)
    wait_for(lambda: pieces(target) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (moved,) = bounded.json("migrate-store", file)

    assert moved["calls"] == 72
    assert pieces(target) == pieces(bounded.folder) == 1

    bounded.good("erase", "user", "ana", "--yes")
    refused = bounded.run("migrate-store", file)
    assert (refused.returncode, code_of(refused.stderr)) == (1, "E018")
    assert "base snapshot" in refused.stderr


def pieces(folder):
    """How many pieces are in the base snapshot of a folder."""
    if not (folder / "base.sqlite").exists():
        return 0
    with closing(sqlite3.connect(folder / "base.sqlite")) as base:
        if not base.execute("select 1 from sqlite_master where name = 'pieces'").fetchall():
            return 0
        return base.execute("select count(*) from pieces").fetchone()[0]
