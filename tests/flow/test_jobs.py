"""Long work on a real server: its progress is seen, it ends when told to, and a kill in the middle loses none of it."""

import signal

import pytest

from tests.installed import Installed, wait_for
from tests.whole import moment

DAYS = 30
USERS = 400


def calls():
    """Some weeks of many users, in batches."""
    for day in range(1, DAYS + 1):
        yield [
            {
                "type": "track",
                "userId": f"user{number}",
                "event": f"Event {number % 7}",
                "messageId": f"m{day}-{number}",
                "timestamp": moment(day),
                "context": {"groupId": f"account{number % 20}"},
            }
            for number in range(USERS)
        ]


@pytest.fixture
def installed(tmp_path):
    """A server with small folds, so that a rebuild takes many steps, and a token that manages."""
    made = Installed(tmp_path / "data", UPTAKE_FOLD_BATCH="100")
    made.start()
    made.token = made.good("key", "create", "--kind", "manage").strip()
    for batch in calls():
        assert made.post(batch).status_code == 200
    made.settle(made.token)
    yield made
    made.close()


def job_of(installed, number):
    return installed.read(f"/v2/jobs/{number}", installed.token).json()["job"]


def over(installed, number):
    """The job once it is over."""
    return wait_for(lambda: (job := job_of(installed, number))["done_at"] and job, pause_s=0.05)


def begun(installed, *words):
    """Ask for work by a command that does not wait for it; its number once it runs."""
    number = installed.json("jobs", "start", *words, "--no-wait")["id"]
    wait_for(lambda: job_of(installed, number)["state"] != "waiting")
    return number


def numbers(installed):
    """Every score."""
    pages = (f"/v2/users?workspace_id=1&limit=100&offset={first}" for first in range(0, USERS, 100))
    return [row for page in pages for row in installed.read(page, installed.token).json()["data"]]


def test_a_rebuild_goes_on_after_kills_and_ends_the_same(installed):
    """Its progress is seen, calls are counted meanwhile, each restart takes it up, and every number is as before."""
    before = numbers(installed)
    number = begun(installed, "rebuild")
    for _ in range(2):
        installed.end(signal.SIGKILL)
        installed.start()
        wait_for(lambda: job_of(installed, number)["state"] != "waiting")

    done = over(installed, number)

    installed.settle(installed.token)
    assert (done["state"], done["numbers"]) == ("done", {"generation": 2, "calls": DAYS * USERS})
    assert done["done"] == done["total"] > 0
    assert numbers(installed) == before
    shown = installed.good("jobs", "show", number, "--json")
    assert "user1" not in shown
    assert "begun" in shown
    stores = sorted(path.name for path in (installed.folder / "store").glob("*.duckdb"))
    assert "p1-g2.duckdb" in stores


def test_an_export_that_was_killed_is_whole_in_the_end(installed):
    """Half a file is never offered, and nothing half made is left."""
    number = begun(installed, "export", "--table", "daily_counts", "--format", "jsonl")
    installed.end(signal.SIGKILL)
    installed.start()

    done = over(installed, number)

    file = installed.read(done["file"], installed.token)
    assert len(file.text.splitlines()) == done["numbers"]["rows"] == DAYS * USERS
    assert [path.name[:12] for path in (installed.folder / "files").iterdir()] == [f"p1-j{number}-export"]


def test_work_that_waits_behind_another_is_ended(installed):
    """Each piece waits for its turn; one that is told to end does, and the live numbers are as they were."""
    before = numbers(installed)
    first, second = (installed.json("jobs", "start", kind, "--no-wait")["id"] for kind in ("rebuild", "recompute"))
    for number in (second, first):
        installed.run("jobs", "cancel", number)  # where it is not over already

    states = [over(installed, number)["state"] for number in (first, second)]

    assert set(states) <= {"cancelled", "done"}
    assert numbers(installed) == before
    assert [job["id"] for job in installed.json("jobs", "list")] == [second, first]
    assert installed.run("jobs", "cancel", first).stderr.startswith("job_over")


def test_a_backup_is_made_beside_the_server(installed, tmp_path):
    """Killed and taken up again, it restores to the same numbers."""
    before = numbers(installed)
    number = begun(installed, "backup")
    installed.end(signal.SIGKILL)
    installed.start()

    assert over(installed, number)["state"] == "done"

    file = next((installed.folder / "files").glob("*backup*.zst"))
    again = Installed(tmp_path / "again")
    again.good("restore", file)
    again.start()
    again.token = installed.token
    again.settle(again.token)
    restored = numbers(again)
    again.close()
    assert restored == before
    assert installed.read(f"/v2/jobs/{number}/file", installed.token).status_code == 404
