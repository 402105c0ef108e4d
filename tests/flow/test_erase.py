"""Erasing: numbers are as if never sent, no byte is left in the data folder, and a kill loses nothing of it."""

import errno
import random
import signal
import time

import msgspec
import pytest

from tests.installed import Installed, code_of, wait_for
from tests.whole import Whole, group, identify, track
from uptake.core.config import Destination, Exclusions, Mapping, ProductConfig, preset_mappings
from uptake.core.errors import UptakeError
from uptake.core.merges import canonical_of
from uptake.pipeline.erase import Eraser, ask_erasure
from uptake.pipeline.merges import merge_ids

FIELDS = {"timestamp": {"@path": "$.timestamp"}, "event": "Invited", "userId": {"@path": "$.properties.guest"}}
GUESTS = Mapping("Guests", "track", 'event = "Invited"', FIELDS, enabled=True)


@pytest.fixture
def app(tmp_path):
    """A product whose destination also counts guests."""
    whole = Whole(tmp_path / "app", ProductConfig(destination=Destination(mappings=(*preset_mappings(), GUESTS))))
    yield whole
    whole.close()


@pytest.fixture
def clean(tmp_path):
    """The same product, to which nothing was sent of those who are erased."""
    whole = Whole(tmp_path / "clean", ProductConfig(destination=Destination(mappings=(*preset_mappings(), GUESTS))))
    yield whole
    whole.close()


def erase(whole, kind, tracking_id):
    """Erase and wait for the receipt."""
    made = ask_erasure(whole.running, 1, kind, tracking_id, by="test")
    for _ in range(10_000):
        whole.running.step()
        whole.later(days=1 / 8640)
        receipt = whole.running.meta.erasures.all(1)[-1]
        if receipt.step == "done":
            assert receipt.id == made.id
            whole.settle()
            return receipt
    raise AssertionError(receipt)


def told(whole):
    """Everything that is told of users, accounts, counts and scores."""
    tables = ("users", "accounts", "memberships", "daily_counts", "scores")
    return {
        table: sorted(
            msgspec.json.encode(row, enc_hook=str)
            for batch in whole.product.store.export(table)
            for row in batch.to_pylist()
        )
        for table in tables
    }


BOBS = (
    identify("bob", traits={"email": "bob@acme.example"}),
    group("bob", "acme", traits={"plan": "pro"}),
    track("bob", "Export", day=9),
    track("bob", "Export", day=10, context={"groupId": "acme"}),
)
OF_ANA = (
    identify("ana", traits={"email": "ana@acme.example"}),
    group("ana", "acme", traits={"name": "Acme"}),
    track("ana", "Export", day=10),
    track("host", "Invited", day=10, properties={"guest": "ana"}),
)


def test_scores_are_as_if_the_user_was_never_sent(app, clean):
    """Live and after a rebuild everything told equals that of a product which never heard of the user."""
    app.post(OF_ANA[0], BOBS[0], OF_ANA[1], BOBS[1])
    app.post(*OF_ANA[2:], *BOBS[2:])
    app.settle()
    clean.post(*BOBS)

    receipt = erase(app, "user", "ana")
    clean.now_us = app.now_us
    clean.settle()
    live = told(app)
    app.running.rebuild(1)

    assert receipt.calls == 4
    assert live == told(clean) == told(app)
    assert [each.call.erased for each in app.running.log.read(1, 0, most=9)] == [True, False] * 2 + [True] * 2 + [
        False
    ] * 2
    assert app.product.status().settled


def test_an_erased_account_leaves_its_users(app, clean):
    """Every call that names the account goes, its child forgets it, and its users are counted without any account."""
    child = group("bob", "west", traits={"parent": "acme", "plan": "pro"})
    app.post(*BOBS, child)
    app.settle()
    clean.post(BOBS[0], BOBS[2], {**child, "traits": {"plan": "pro"}})

    erase(app, "account", "acme")
    clean.now_us = app.now_us
    clean.settle()

    assert told(app) == told(clean)


def test_what_comes_later_is_new(app):
    """A client that sends the user again after the erasure is heard."""
    app.post(*OF_ANA, *BOBS)
    app.settle()

    erase(app, "user", "ana")
    app.post(track("ana", "Export", day=10))
    app.settle()

    assert app.number("user", "ana").raw_score == 1


def test_merged_ids_are_one_person(app):
    """Whoever is erased under one id is erased under all, and nothing that was decided names them any more."""
    app.configure(exclusions=Exclusions(users=("ana@old", "eve")))
    app.post(*OF_ANA, track("ana@old", "Export", day=10), *BOBS)
    merge_ids(app.running, 1, "user", "ana@old", "ana", by="test")
    app.settle()

    receipt = erase(app, "user", "ana@old")

    assert (receipt.calls, receipt.decisions, receipt.ids) == (5, 2, ())
    assert canonical_of(app.running.meta.merges.all(1)).users == {}
    assert app.product.config.exclusions.users == ("eve",)
    assert b"ana" not in msgspec.json.encode([each.call for each in app.running.log.read(1, 0, most=99)])


def test_one_erasure_of_somebody_at_a_time(app):
    """Asking again before the first one is done is refused."""
    ask_erasure(app.running, 1, "user", "ana", by="test")

    with pytest.raises(UptakeError, match="erasure_exists"):
        ask_erasure(app.running, 1, "user", "ana", by="test")


def test_an_erasure_whose_work_failed_is_owed_all_the_same(app, monkeypatch):
    """A full disk ends its work; it is told of meanwhile, and begun again within the hour."""

    def full(_eraser, _erasure):
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    def states():
        return [each.state for each in app.running.meta.jobs.all(1) if each.kind == "erase"]

    def work(*, until):
        for _ in range(10_000):
            if until(states()):
                return
            app.running.step()
            app.later(days=1 / 8640)
        raise AssertionError(states())

    app.post(*OF_ANA, *BOBS)
    app.settle()
    with monkeypatch.context() as disk:
        disk.setattr(Eraser, "work", full)
        ask_erasure(app.running, 1, "user", "ana", by="test")
        work(until=lambda states: states == ["failed"])
    owed = [each.kind for each in app.running.waiting_erasures]
    work(until=lambda states: "done" in states)

    assert owed == ["user"]
    assert app.running.waiting_erasures == []
    assert b"ana" not in msgspec.json.encode([each.call for each in app.running.log.read(1, 0, most=99)])


# ---- real processes
NAME, EMAIL, TRAIT, ID = "Zyphronella", "zyph@nowhere.example", "quuxofilia", "zyph-4711"
PLANTED = tuple(each.encode() for each in (NAME, EMAIL, TRAIT, ID))


def planted():
    """Calls of the one who will go, among others' that stay."""
    for number in range(40):
        yield identify(ID, traits={"name": NAME, "email": EMAIL, "likes": TRAIT * (1 + number)})
        yield track(ID, "Export", day=1, messageId=f"{ID}-{number}")
        yield identify(f"bob{number}", traits={"name": f"Bob {number}"})
        yield track(f"bob{number}", "Export", day=1)


def planted_account():
    """Calls that name the account which will go: in its traits, by its users, and in what they do."""
    for number in range(40):
        yield group(f"bob{number}", ID, traits={"name": NAME, "owner": EMAIL, "likes": TRAIT})
        yield track(f"bob{number}", "Export", day=1, context={"groupId": ID})


def found_in(folder):
    """Which planted bytes are in which file of the folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(path.name, each) for path in files for each in PLANTED if each in path.read_bytes()]


def prepared(tmp_path):
    """An installation with a server that has counted everything, a token, and everything that can name the one."""
    installed = Installed(tmp_path / "data")
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    assert installed.post(list(planted())).status_code == 200
    installed.good("merge", "user", ID, "zyph-old", "--no-wait")
    assert installed.post([track(ID, None), identify(ID, traits=TRAIT)]).status_code == 200  # refused
    installed.settle(token)
    return installed, token


def test_no_byte_is_left_beside_a_running_server(tmp_path):
    """A planted name, address, trait and id are in no file of the data folder once the receipt is given."""
    installed, token = prepared(tmp_path)
    assert {each for _, each in found_in(installed.folder)} == set(PLANTED)

    receipt = installed.json("erase", "user", ID, "--yes")

    assert found_in(installed.folder) == []
    assert (receipt["step"], receipt["calls"]) == ("done", 80)
    installed.settle(token)
    assert installed.read(f"/v2/users/{ID}", token).status_code == 404
    assert installed.read("/v2/users?workspace_id=1&limit=1", token).json()["pagination"]["total"] == 40
    checked = installed.json("check")["products"][0]
    assert (checked["adds_up"], checked["counters"]["fates"]["erased"]) == (True, 80)
    installed.end()
    assert found_in(installed.folder) == []


def test_no_byte_of_an_account_is_left(tmp_path):
    """Its name, its owner's address, a trait and its id are in no file; its users stay, without an account."""
    installed = Installed(tmp_path / "data")
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    assert installed.post(list(planted_account())).status_code == 200
    installed.settle(token)
    assert {each for _, each in found_in(installed.folder)} == set(PLANTED)

    receipt = installed.json("erase", "account", ID, "--yes")

    assert found_in(installed.folder) == []
    assert receipt["step"] == "done"
    installed.settle(token)
    assert installed.read("/v2/accounts?workspace_id=1&limit=1", token).json()["pagination"]["total"] == 0
    installed.end()
    assert found_in(installed.folder) == []


def test_an_erasure_that_was_killed_goes_on(tmp_path):
    """Whenever the server is killed, the next one carries the erasure through."""
    rng = random.Random(7)
    installed, _ = prepared(tmp_path)
    installed.good("erase", "user", ID, "--yes", "--no-wait")
    for _ in range(3):
        time.sleep(rng.random() / 2)
        installed.end(signal.SIGKILL)
        installed.start()

    wait_for(lambda: installed.json("erase", "list")[0]["step"] == "done", pause_s=0.2)

    assert found_in(installed.folder) == []
    assert installed.json("erase", "list")[0]["calls"] == 80
    installed.close()


def test_an_erasure_that_waits_is_cancelled_by_its_number(tmp_path):
    """Until somebody works at it: as an erasure, or as the work that it is; then nobody is erased, and once only."""
    installed = Installed(tmp_path / "data")
    installed.good("key", "create", "--kind", "read")
    for number, words in ((1, "erase"), (2, "jobs")):
        installed.good("erase", "user", "ana", "--yes", "--no-wait")
        assert [each["id"] for each in installed.json("erase", "list")] == [number]
        installed.good(words, "cancel", number)
        assert installed.json("erase", "list") == []
    gone = installed.run("erase", "cancel", 1)
    receipt = installed.json("erase", "user", "ana", "--yes")
    late = installed.run("erase", "cancel", receipt["id"])

    assert (code_of(gone.stderr), code_of(late.stderr)) == ("unknown_erasure", "job_goes_on")
    assert [each["state"] for each in installed.json("jobs", "list")] == ["done", "cancelled", "cancelled"]


def test_a_backup_from_before_brings_nobody_back(tmp_path):
    """Restored with the receipts it holds no byte of whoever was erased, and an old file brings nobody back either."""
    installed = Installed(tmp_path / "data")
    installed.start()
    assert installed.post(list(planted())).status_code == 200
    installed.good("merge", "user", ID, "zyph-old", "--no-wait")
    installed.good("backup", "--out", tmp_path / "before")
    installed.good("erase", "user", ID, "--yes")
    receipts, lines = tmp_path / "receipts.json", tmp_path / "old.jsonl"
    receipts.write_text(installed.good("erase", "list", "--json"))
    lines.write_bytes(b"\n".join(msgspec.json.encode(each) for each in planted()))
    installed.close()
    assert {each for _, each in found_in(tmp_path / "before")} == set(PLANTED)

    again = Installed(tmp_path / "again")
    again.good("restore", tmp_path / "before", "--receipts", receipts)
    restored = found_in(again.folder)
    imported = again.json("import", lines)
    told_now = again.json("check")["products"][0]

    assert (restored, found_in(again.folder)) == ([], [])
    assert b"zyph" not in receipts.read_bytes()
    assert imported[0]["reasons"] == {"erased": 80}
    assert told_now["counters"]["fates"]["erased"] == 80
    assert told_now["totals"]["users"] == 40
    assert len(again.json("erase", "list")) == 1
