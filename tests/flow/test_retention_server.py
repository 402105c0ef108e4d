"""Retention beside a real server: killed, backed up, restored, and with people erased."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.installed import Installed, wait_for

FAULTY = str(Path(__file__).parent / "faulty")
DAY_S = 86_400
AGES = (100, 65, 0)
"""How many days ago each month's calls were received."""

PERSON = "zyphra-7"
PLANTED = (b"zyphra-7", b"zyphra@secret.example", b"Zyphra Quill")
EXPORTS = ("users", "accounts", "memberships", "daily_counts")


def calls_of(month):
    """A month of two people in acme; the ids tell the month."""
    people = {PERSON: {"email": "zyphra@secret.example", "name": "Zyphra Quill"}, "ana": {"plan": f"p{month}"}}
    calls = []
    for user, traits in people.items():
        calls.append({"type": "identify", "userId": user, "traits": traits})
        calls.append({"type": "group", "userId": user, "groupId": "acme", "traits": {"name": "Acme"}})
        calls += [{"type": "track", "userId": user, "event": "Shared"} for _ in range(10)]
    return [{**call, "messageId": f"{month}-{index}"} for index, call in enumerate(calls)]


@pytest.fixture
def aged(tmp_path):
    """A server whose calls came in over months, and its read token."""
    clock = tmp_path / "clock"
    installed = Installed(tmp_path / "data", PYTHONPATH=FAULTY, CLOCK_STEP=str(clock))
    set_back(clock, AGES[0])
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    for month, days in enumerate(AGES):
        set_back(clock, days)
        assert installed.post(calls_of(month)).status_code == 200
        installed.settle(token)
    yield installed, token
    installed.close()


def set_back(clock, days):
    clock.with_suffix(".next").write_text(str(-days * DAY_S))
    clock.with_suffix(".next").replace(clock)


def keep_for(installed, days):
    installed.good("config", "apply", "-", stdin=f"retention_days: {days}\n")


def retained(installed, token):
    return installed.read("/v2/status", token).json().get("retained")


def log_files(folder):
    return sorted(path.name for path in (folder / "log").glob("calls-*.sqlite"))


def told(installed):
    """Everything that is told of the product."""
    return {table: installed.good("export", "--table", table, "--out", "-", "--format", "csv") for table in EXPORTS}


def found_in(folder):
    """Where planted bytes stand in any file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(path.name, each) for path in files for each in PLANTED if each in path.read_bytes()]


def wait_until_retained(installed, token):
    """Wait until two of three months have left the log."""
    gone = wait_for(lambda: (now := retained(installed, token)) and now["offset"] == 48 and now, pause_s=0.1)
    wait_for(lambda: len(log_files(installed.folder)) == 1, pause_s=0.1)
    return gone


def test_months_leave_the_log_and_nothing_told_changes(aged):
    """Their files are gone, every table is as it was, also after a rebuild, and the check finds nothing wrong."""
    installed, token = aged
    before = told(installed)
    assert (len(log_files(installed.folder)), retained(installed, token)) == (3, None)

    keep_for(installed, 30)
    wait_until_retained(installed, token)

    assert told(installed) == before
    installed.good("rebuild")
    assert told(installed) == before
    assert installed.json("check", "--log")["healthy"]
    repeat = installed.post(calls_of(2))
    installed.settle(token)
    assert (repeat.status_code, told(installed)) == (200, before)


def test_a_kill_at_any_moment_loses_nothing(aged):
    """Whenever the server is killed, the next one goes on, and so does a rebuild that was under way."""
    installed, token = aged
    before, rng = told(installed), random.Random(3)
    keep_for(installed, 30)
    for _ in range(4):
        time.sleep(rng.random() / 3)
        installed.end(signal.SIGKILL)
        for store in (installed.folder / "store").iterdir():
            store.unlink()
        installed.start()

    wait_until_retained(installed, token)
    installed.settle(token)

    assert told(installed) == before
    assert installed.json("check", "--log")["healthy"]


def test_a_backup_holds_what_left_the_log(aged, tmp_path):
    """Restored elsewhere, every table is as it was; without the snapshot's file the backup is refused."""
    installed, token = aged
    keep_for(installed, 30)
    wait_until_retained(installed, token)
    before = told(installed)

    installed.good("backup", "--out", tmp_path / "all")
    again = Installed(tmp_path / "again", **installed.environment)
    again.good("restore", tmp_path / "all")

    assert told(again) == before
    (tmp_path / "all" / "base.sqlite").unlink()
    assert Installed(tmp_path / "third").run("restore", tmp_path / "all").returncode == 1


def test_who_is_erased_is_erased_from_what_left_the_log(aged, tmp_path):
    """No byte is left, everybody else is as before, and a backup from before with the receipts brings nobody back."""
    installed, token = aged
    keep_for(installed, 30)
    wait_until_retained(installed, token)
    installed.good("backup", "--out", tmp_path / "before")
    users = installed.read("/v2/users?workspace_id=1", token).json()["pagination"]["total"]

    receipt = installed.json("erase", "user", PERSON, "--yes")

    assert found_in(installed.folder) == []
    assert (receipt["step"], receipt["calls"]) == (
        "done",
        35,
    )  # the first identify left nothing that a later one did not replace
    installed.settle(token)
    assert installed.read("/v2/users?workspace_id=1", token).json()["pagination"]["total"] == users - 1
    assert installed.json("check")["healthy"]
    after = told(installed)
    receipts = tmp_path / "receipts.json"
    receipts.write_text(installed.good("erase", "list", "--json"))
    again = Installed(tmp_path / "again", **installed.environment)
    again.good("restore", tmp_path / "before", "--receipts", receipts)
    assert (told(again), found_in(again.folder)) == (after, [])


def test_a_changed_setting_is_refused_where_nothing_can_leave(tmp_path):
    """A number below zero is no number of days; the message names the place."""
    installed = Installed(tmp_path / "data")

    done = installed.run("config", "apply", "-", stdin="retention_days: -1\n")

    assert done.returncode == 1
    assert "retention_days" in done.stderr
