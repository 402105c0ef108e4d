"""Faults around a real server: what it answers meanwhile, that it stays up, and that nothing is lost or doubled."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.counted import counted, counted_alone, counted_of
from tests.installed import NO_TLS, PATIENCE_S, SOAK_ROUNDS, Installed, wait_for
from tests.senders import Sender, calls_of
from uptake.core.days import DAY_US
from uptake.installation import Installation
from uptake.settings import load
from uptake.stores.events.base import StoreRules
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.meta.base import key_digest

DISK_BYTES = 64 * 1024 * 1024
FAULTY = str(Path(__file__).parent / "faulty")
"""On the path of a server it makes the machine fail as the environment says."""


# ---- a full disk
@pytest.fixture
def disk(tmp_path):
    """A small file system of the test's own."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.mark.parametrize("left_bytes", [0, 2_000_000, *([150_000, 1_000_000] if SOAK_ROUNDS else [])])
def test_a_full_disk_is_503_until_there_is_room(disk, left_bytes, tmp_path):
    """Senders are told when to come again; with room the server goes on by itself, and scores are those of a clean run.

    How much room is left decides who meets the end of it first: the log, the counts or the scores.
    """
    installed = Installed(disk / "data")
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    sender = Sender("ana", 200)
    try:
        sender.send_to(installed)
        wait_for(lambda: sender.acknowledged >= 5)
        fill(disk, left_bytes)
        wait_for(lambda: len(sender.refused) >= 10)
        while_full = sender.acknowledged
        assert installed.get("/healthz").status_code == 200
        wait_for(lambda: installed.get("/readyz").status_code == 503)
        assert installed.read("/v2/accounts?workspace_id=1", token).status_code == 200

        (disk / "ballast").unlink()
        wait_for(lambda: sender.acknowledged > while_full + 5)
        sender.stop()

        assert set(sender.refused) == {(503, "2")}
        assert installed.get("/readyz").status_code == 200
        installed.settle(token)
        assert counted(installed, token) == counted_alone(tmp_path / "clean", [sender])
        assert installed.end()[0] == 0
        assert_counted(installed, sender)
    finally:
        sender.stop()
        installed.close()


def test_an_idle_server_says_that_its_disk_is_full(disk):
    """Nobody has to be refused before readiness tells the truth, and it is ready again once there is room."""
    installed = Installed(disk / "data")
    installed.start()
    try:
        assert installed.get("/readyz").status_code == 200
        fill(disk, 0)
        wait_for(lambda: installed.get("/readyz").status_code == 503)
        assert installed.get("/healthz").status_code == 200

        (disk / "ballast").unlink()

        wait_for(lambda: installed.get("/readyz").status_code == 200)
    finally:
        installed.close()


def test_a_kill_while_the_disk_is_full_loses_nothing(disk, tmp_path):
    """kill -9 in the middle of refusals; the next start, with room, has every acknowledged call once."""
    installed = Installed(disk / "data")
    installed.start()
    sender = Sender("ana", 200)
    sender.send_to(installed)
    wait_for(lambda: sender.acknowledged >= 5)
    fill(disk, 1_000_000)
    wait_for(lambda: len(sender.refused) >= 5)
    installed.end(signal.SIGKILL)
    sender.join()
    (disk / "ballast").unlink()

    installed.start()
    try:
        sender.most = sender.begun
        sender.send_to(installed)
        sender.join()
        token = installed.good("key", "create", "--kind", "read").strip()
        installed.settle(token)
        assert counted(installed, token) == counted_alone(tmp_path / "clean", [sender])
        assert installed.end()[0] == 0
        assert_counted(installed, sender)
    finally:
        installed.close()


def fill(disk, left_bytes):
    """Take all room but so many bytes."""
    with open(disk / "ballast", "wb", buffering=0) as ballast:
        room = shutil.disk_usage(disk).free - left_bytes
        while room > 0:
            room -= ballast.write(b"x" * min(room, 65_536))
            room = min(room, shutil.disk_usage(disk).free - left_bytes)


# ---- more than can be taken
@pytest.fixture
def hanging(tmp_path):
    """A server whose call log hangs while the file `hung` is there; twelve requests may wait for it."""
    made = Installed(tmp_path / "data", UPTAKE_MAX_WAITING="12", PYTHONPATH=FAULTY, HUNG_WHILE=str(tmp_path / "hung"))
    made.start()
    made.post(calls_of("bob", 0, 1))
    yield made
    made.close()


@contextmanager
def hung(installed):
    """Let the disk hang."""
    flag = installed.folder.with_name("hung")
    flag.touch()
    yield
    flag.unlink()


def test_overload_is_refused_and_memory_stays_bounded(hanging):
    """While the disk hangs, so many requests wait as may; the others get 429 and when to come again, memory is flat."""
    calls = [call | {"properties": {"text": "x" * 300}} for call in calls_of("ana", 0, 400)]
    before = memory_mb(hanging)

    with ThreadPoolExecutor(24) as pool:
        with hung(hanging):
            posts = [pool.submit(hanging.post, calls) for _ in range(150)]
            wait_for(lambda: sum(post.done() for post in posts) >= 138)
            during = memory_mb(hanging)
            assert waiting(hanging) == 12
            assert hanging.get("/healthz").status_code == 200
            wait_for(lambda: hanging.get("/readyz").status_code == 503)
        answers = [post.result() for post in posts]

    told = Counter((answer.status_code, answer.headers.get("Retry-After")) for answer in answers)
    assert told == {(200, None): 12, (429, "1"): 138}
    assert during - before < 100
    assert hanging.get("/readyz").status_code == 200
    assert hanging.post(calls).status_code == 200


def test_a_stop_answers_what_was_taken(hanging, tmp_path):
    """SIGTERM while requests wait for a hanging disk: each of them is answered, and durable."""
    with ThreadPoolExecutor(12) as pool:
        with hung(hanging):
            posts = [pool.submit(hanging.post, calls_of("ana", number, 2)) for number in range(12)]
            wait_for(lambda: waiting(hanging) == 12)
            hanging.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert hanging.process.poll() is None
            assert not any(post.done() for post in posts)
        assert [post.result().status_code for post in posts] == [200] * 12
    code, log = hanging.end()

    assert code == 0, log
    hanging.start()
    token = hanging.good("key", "create", "--kind", "read").strip()
    hanging.settle(token)
    assert hanging.json("check")["products"][0]["counters"]["logged"] == 12 * 3 + 2
    taken = [call for number in range(12) for call in calls_of("ana", number, 2)]
    assert counted(hanging, token) == counted_of(tmp_path / "clean", [*calls_of("bob", 0, 1), *taken])


def waiting(installed):
    """How many requests wait for the disk, as the metrics say."""
    lines = installed.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith("uptake_waiting_requests "))


def test_a_slow_disk_slows_answers_and_loses_nothing(tmp_path):
    """Where a commit takes a third of a second many requests share one: all are taken, and the server is ready."""
    installed = Installed(tmp_path / "data", PYTHONPATH=FAULTY, SLOW_COMMIT_S="0.3")
    installed.start()
    try:
        with ThreadPoolExecutor(40) as pool:
            posts = [pool.submit(installed.post, calls_of("ana", number, 3)) for number in range(120)]
            assert installed.get("/readyz").status_code == 200
            answers = [post.result() for post in posts]

        assert {answer.status_code for answer in answers} == {200}
        token = installed.good("key", "create", "--kind", "read").strip()
        installed.settle(token)
        counters = installed.json("check")["products"][0]["counters"]
        assert counters["logged"] == counters["fates"]["applied"] == 120 * 4
        sent = [call for number in range(120) for call in calls_of("ana", number, 3)]
        assert counted(installed, token) == counted_of(tmp_path / "clean", sent)
    finally:
        installed.close()


# ---- a clock that steps, a meta store that is locked, very many keys
def test_a_clock_that_steps_loses_and_doubles_nothing(tmp_path):
    """Hours ahead, a day back, into the next month and back: calls are taken, and a repeat still counts once."""
    clock = tmp_path / "clock"
    installed = Installed(tmp_path / "data", PYTHONPATH=FAULTY, CLOCK_STEP=str(clock))
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    steps = [0, 3 * 3_600, -86_400, 2 * 86_400, -3_600, 10 * 86_400, 0]
    try:
        for number, step in enumerate(steps):
            step_to(clock, step)
            assert installed.post(calls_of("ana", number, 20)).status_code == 200
            if step < 7 * 86_400:  # within the dedupe window of the first
                assert installed.post(calls_of("ana", 0, 20)).status_code == 200
            assert installed.get("/readyz").status_code == 200
            installed.settle(token)

        checked = json.loads(installed.run("check", "--json").stdout)
        fates = checked["products"][0]["counters"]["fates"]
        assert checked["healthy"], checked
        assert fates["applied"] == len(steps) * 21
        assert fates["duplicate"] == (len(steps) - 1) * 21
        assert len(list((installed.folder / "log").glob("calls-*.sqlite"))) <= 2
        again = [row["raw_score"] for row in told_of(installed, token)]
        installed.good("rebuild")
        assert [row["raw_score"] for row in told_of(installed, token)] == again
    finally:
        installed.close()


def step_to(clock, step_s):
    """Set the clock at once: a server that reads half a number would fail by the test's doing."""
    clock.with_suffix(".next").write_text(str(step_s))
    clock.with_suffix(".next").replace(clock)


def told_of(installed, token):
    """The accounts, best first."""
    return installed.read("/v2/accounts?workspace_id=1&limit=100", token).json()["data"]


def test_a_locked_meta_store_stops_no_calls(installed, tmp_path):
    """While another program keeps it locked, known keys are good, and calls are taken, folded and scored as ever."""
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    installed.post(calls_of("ana", 0, 5))
    installed.settle(token)
    holder = sqlite3.connect(installed.folder / "meta.sqlite", isolation_level=None)
    holder.execute("begin exclusive")

    for number in range(1, 6):
        assert installed.post(calls_of("ana", number, 5)).status_code == 200
    assert installed.get("/readyz").status_code == 200
    assert installed.settle(token)["log"]["offset"] == 6 * 6
    sent = [call for number in range(6) for call in calls_of("ana", number, 5)]
    while_locked = counted(installed, token)

    holder.execute("rollback")
    holder.close()
    assert installed.good("key", "create", "--kind", "read")
    assert while_locked == counted(installed, token) == counted_of(tmp_path / "clean", sent)


def test_ten_thousand_keys_are_as_good_as_one(installed):
    """Each opens its product, a new one is good at once, and a revoked one no longer."""
    made = Installation(load({}, {"data_dir": str(installed.folder)}), role="command")
    made.close()
    rows = [(1, "ingest", "", "many", key_digest(f"key-{number}"), 1) for number in range(10_000)]
    with closing(sqlite3.connect(installed.folder / "meta.sqlite")) as meta, meta:
        meta.executemany(
            "insert into keys (product_id, kind, name, hint, digest, created_us) values (?, ?, ?, ?, ?, ?)", rows
        )
    installed.start()
    before = memory_mb(installed)

    with ThreadPoolExecutor(8) as pool:
        posts = [
            pool.submit(installed.post, calls_of("ana", number, 1), key=f"key-{number * 83}") for number in range(120)
        ]
        assert {post.result().status_code for post in posts} == {200}
    fresh = installed.good("key", "create", "--kind", "ingest").strip()
    assert installed.post(calls_of("bob", 1, 1), key=fresh).status_code == 200
    installed.good("key", "revoke", "10001")  # key-9999: the first key was made with the folder
    assert installed.post(calls_of("bob", 2, 1), key="key-9999").status_code == 401
    assert installed.post(calls_of("bob", 2, 1), key="key-10000").status_code == 401
    assert memory_mb(installed) - before < 100


# ---- senders that mean ill
def test_slow_senders_hold_nobody_up(tmp_path):
    """A hundred connections with half a head or half a body; others are answered while those still hang."""
    installed = Installed(tmp_path / "data", UPTAKE_RECEIVE_S="600")
    installed.start()
    installed.post(calls_of("bob", 0, 1))
    head = f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {installed.key}:\r\n"
    body = 'Content-Length: 4000\r\n\r\n{"batch": ['
    slow = [connected(installed, (head + ("X-Sl" if number % 2 else body)).encode()) for number in range(100)]

    for number in range(1, 11):
        for each in slow:
            each.send(b"o")
        assert installed.post(calls_of("ana", number, 10)).status_code == 200
    for each in slow:  # none of them was given up meanwhile: nobody waited for them
        each.setblocking(False)
        with pytest.raises(BlockingIOError):
            each.recv(1)
        each.close()

    code, log = installed.end()
    assert (code, errors_in(log)) == (0, [])


def test_one_client_at_a_hundred_times_the_others_is_held_back_alone(tmp_path):
    """With limits on, its key is told 429 and when to come again; every request of the others is taken at once."""
    installed = Installed(tmp_path / "data", UPTAKE_MAX_KEY_CALLS="5")
    installed.start()
    greedy = installed.good("key", "create", "--kind", "ingest").strip()
    try:
        with ThreadPoolExecutor(12) as pool:
            loud = [pool.submit(installed.post, calls_of("loud", number, 99), key=greedy) for number in range(100)]
            quiet = [pool.submit(installed.post, calls_of("quiet", number, 1)) for number in range(10)]
            loud, quiet = ([post.result() for post in posts] for posts in (loud, quiet))

        taken = [number for number, answer in enumerate(loud) if answer.status_code == 200]
        assert [answer.status_code for answer in quiet] == [200] * 10
        assert {answer.status_code for answer in loud} == {200, 429}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in loud if answer.status_code == 429)
        assert all('"calls";r=' in answer.headers["RateLimit"] for answer in loud)
        token = installed.good("key", "create", "--kind", "read").strip()
        installed.settle(token)
        assert installed.json("check")["products"][0]["counters"]["logged"] == len(taken) * 100 + 10 * 2
        sent = [call for number in taken for call in calls_of("loud", number, 99)]
        sent += [call for number in range(10) for call in calls_of("quiet", number, 1)]
        assert counted(installed, token) == counted_of(tmp_path / "clean", sent)
    finally:
        installed.close()


def test_connections_that_bring_nothing_are_given_up(tmp_path):
    """Silent ones, heads that drip in, heads without end, half bodies: each is ended, and others are answered."""
    installed = Installed(tmp_path / "data", UPTAKE_RECEIVE_S="1")
    installed.start()
    head = f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {installed.key}:\r\n"
    kinds = {
        b"": [""],
        b"HTTP/1.1 408 ": ["P", head + "X-Sl", head + 'Content-Length: 4000\r\n\r\n{"batch": ['],
        b"HTTP/1.1 431 ": [head + "X: " + "x" * 100_000, head + "X: x\r\n" * 20_000],
    }
    given_up = [(connected(installed, data.encode()), told) for told, several in kinds.items() for data in several * 10]

    for connection, told in given_up:
        connection.settimeout(PATIENCE_S)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))  # noqa: B023 - until the server ends it
        assert received.startswith(told)
        connection.close()

    assert installed.post(calls_of("ana", 1, 1)).status_code == 200
    code, log = installed.end()
    assert (code, errors_in(log)) == (0, [])


def connected(installed, data):
    """A connection on which so much was sent."""
    made = socket.create_connection(("127.0.0.1", int(installed.url.rsplit(":", 1)[1])))
    made.sendall(data)
    return made


def test_a_gzip_bomb_is_refused(installed):
    """200 MB in 200 KB: 413, and the server did not grow by a tenth of it."""
    installed.start()
    installed.post(calls_of("bob", 0, 1))
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=1)
    headers = {"Content-Encoding": "gzip"}
    before = memory_mb(installed)

    def send():
        return httpx.post(
            f"{installed.url}/v1/batch",
            content=bomb,
            headers=headers,
            auth=(installed.key, ""),
            timeout=PATIENCE_S,
            verify=NO_TLS,
        )

    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(send) for _ in range(16)]
        answers = [post.result() for post in sent]

    assert {answer.status_code for answer in answers} == {413}
    assert memory_mb(installed, peak=True) - before < 20
    assert installed.post(calls_of("ana", 1, 1)).status_code == 200


def memory_mb(installed, *, peak=False):
    """The server's memory now, or at its highest."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{installed.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


# ---- files that are gone or broken
@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An installation whose server has folded and scored a few thousand calls, and ended; with what it told."""
    made = Installed(tmp_path_factory.mktemp("template") / "data")
    made.start()
    for number in range(30):
        assert made.post(calls_of("ana", number, 200)).status_code == 200
    made.token = made.good("key", "create", "--kind", "read").strip()
    made.settle(made.token)
    made.told = told(made)
    assert made.end()[0] == 0
    return made


@pytest.fixture
def folded(template, installed):
    """A copy of it, of the test's own."""
    shutil.copytree(template.folder, installed.folder)
    installed.token, installed.told = template.token, template.told
    return installed


def told(installed):
    """What the API says of every account and user."""
    paths = ("/v2/accounts?workspace_id=1&limit=100", "/v2/users?workspace_id=1&limit=100")
    answers = [installed.read(path, installed.token).json() for path in paths]
    return [(answer["data"], answer["pagination"]) for answer in answers]


def lost(store):
    """Only the write-ahead log is left."""
    store.with_name(store.name + ".wal").write_bytes(store.read_bytes()[:5000])
    store.unlink()


def emptied(store):
    """Nothing in it."""
    store.write_bytes(b"")


def cut(store):
    """The second half is gone: it opens, and cannot be read."""
    store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])


def overwritten(store):
    """Something else in its place."""
    store.write_bytes(b"not a database" * 5_000)


@pytest.mark.parametrize("harm", [lost, cut, overwritten, *([emptied] if SOAK_ROUNDS else [])])
def test_a_store_that_is_of_no_use_is_made_again(folded, harm):
    """From the log, with every number as before; the server says so, and answers meanwhile."""
    harm(folded.folder / "store" / "p1-g1.duckdb")

    folded.start()
    assert folded.get("/readyz").status_code == 200  # whatever is still to be folded
    assert folded.post(calls_of("ana", 0, 200)).status_code == 200  # a repeat: it changes nothing
    folded.settle(folded.token)
    again = told(folded)
    code, log = folded.end()

    assert again == folded.told
    assert (code, [line.split()[3] for line in errors_in(log)]) == (0, ["store_made_again"])


@pytest.mark.parametrize("harm", ["cut", "flipped header", "flipped body", "emptied"])
def test_a_damaged_log_keeps_what_can_be_read(folded, harm):
    """The server starts, counts go on from what was folded, it says what is missing, and a rebuild takes the rest."""
    (log,) = (folded.folder / "log").glob("calls-*.sqlite")
    content = bytearray(log.read_bytes())
    if harm == "cut":
        del content[-40_000:]
    elif harm == "emptied":
        content.clear()
    else:
        place = 30 if harm == "flipped header" else content.index(b'"ana-7-77"')
        content[place] ^= 0x5A
    log.write_bytes(content)

    folded.start()
    assert folded.get("/readyz").status_code == 200
    assert folded.post(calls_of("bob", 1, 50)).status_code == 200
    assert folded.settle(folded.token)["log"]["offset"] == 30 * 201 + 51
    before = len(told_of(folded, folded.token))
    rebuilt = folded.json("rebuild")
    checked = folded.run("check", "--json")
    code, lines = folded.end()

    lost = json.loads(checked.stdout)["products"][0]["counters"]["fates"]["unreadable"]
    assert rebuilt["calls"] == 30 * 201 + 51
    assert before == 12
    if harm == "flipped header":
        assert lost == 0
    else:
        assert 201 <= lost <= (30 * 201 if harm == "emptied" else 30 * 201 / 2)
        assert lost % 201 == 0
        assert "calls_unreadable" in lines
        assert "calls-" in lines
    assert checked.returncode == 1
    assert (code, "step_failed" in lines) == (0, False)


def test_damage_that_was_folded_before_is_found_by_reading_the_log(folded):
    """A flipped bit in an old call changes no number; `check --log` reads every call and names the place."""
    (log,) = (folded.folder / "log").glob("calls-*.sqlite")
    content = bytearray(log.read_bytes())
    content[content.index(b'"ana-7-77"')] ^= 0x5A
    log.write_bytes(content)
    folded.start()

    unseen, seen = folded.run("check", "--json"), folded.run("check", "--log", "--json")

    assert (unseen.returncode, json.loads(unseen.stdout)["healthy"]) == (0, True)
    assert (seen.returncode, json.loads(seen.stdout)["healthy"]) == (1, False)
    (told,) = json.loads(seen.stdout)["log_damage"]
    assert re.search(rf"{log.name}: product 1, offset {7 * 201}: the checksum .* \(201 calls\)$", told)
    assert told_of(folded, folded.token) == folded.told[0][0]


def test_a_store_of_another_log_is_made_again(folded):
    """A log put back from a copy ends before the store: what it holds is counted, and what comes then."""
    copy = folded.folder.parent / "copy"
    shutil.copytree(folded.folder / "log", copy)
    folded.start()
    folded.post(calls_of("bob", 1, 100))
    folded.settle(folded.token)
    assert folded.end()[0] == 0
    shutil.rmtree(folded.folder / "log")
    copy.rename(folded.folder / "log")

    folded.start()
    folded.settle(folded.token)

    assert told(folded) == folded.told


def test_a_kill_in_a_rebuild_leaves_the_old_state(folded):
    """The numbers are as before after the next start, which begins the rebuild again; its generation then tells them
    too.
    """
    folded.start()
    rebuild = folded.popen("rebuild")
    fresh = folded.folder / "store" / "p1-g2.duckdb"
    wait_for(fresh.exists)
    assert folded.get("/readyz").status_code == 200
    folded.end(signal.SIGKILL)
    rebuild.communicate()
    assert fresh.exists()

    folded.start()
    folded.settle(folded.token)
    assert told(folded) == folded.told
    wait_for(lambda: folded.json("jobs", "list")[0]["state"] == "done", pause_s=0.1)
    folded.settle(folded.token)
    assert fresh.exists()
    assert told(folded) == folded.told


# ---- shared
def errors_in(log):
    """The lines of a server's log that tell of errors."""
    return [line for line in log.splitlines() if " ERROR " in line]


def assert_counted(installed, sender):
    """Every acknowledged call of a sender is counted once; the server must have ended."""
    path = installed.folder / "store" / "p1-g1.duckdb"
    store = DuckEventStore(path, StoreRules("UTC", dedupe_us=7 * DAY_US), generation=1)
    try:
        counted = {volume.event: volume.times for volume in store.event_volumes()}
    finally:
        store.close()
    assert counted == Counter(call["event"] for call in sender.sent() if call["type"] == "track")
