"""Two web nodes and two workers on three NATS servers, PostgreSQL and ClickHouse's engine, beside one process alone."""

import itertools
import random
import re
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.cluster import cluster, leased_in
from tests.installed import NO_TLS, PATIENCE_S, Installed, wait_for

EVENTS = ("Export", "Invite", "Search")
ACCOUNTS = ("acme", "globex", "initech")
CONFIG = """
features:
  - {name: Reporting, events: [Export, Search]}
workspaces:
  - {name: Engagement, window_days: 30, features: {Reporting: 4}, event_weights: {Search: 9}}
"""
ROWS = 30_000
PLANTED = "zyphra@secret.example"
NOT_COMPARED = {"as_of", "_links"}
"""Moments of scoring, and addresses of nodes."""


def calls(seed, count, *, now):
    """Users who join accounts and do things in the last thirty days, the same for the same seed."""
    chosen, numbers = random.Random(seed), itertools.count(1)

    def call(kind, days, **fields):
        at = now - timedelta(days=days, minutes=5)
        return {"type": kind, "messageId": f"{seed}-{next(numbers)}", "timestamp": at.isoformat(), **fields}

    for user in range(12):
        yield call("group", 40, userId=f"ana{user}", groupId=ACCOUNTS[user % 3], traits={"name": ACCOUNTS[user % 3]})
    for _ in range(count):
        who = f"ana{chosen.randrange(12)}"
        yield call("track", chosen.randrange(30), userId=who, event=chosen.choice(EVENTS))


def send(nodes, rows, *, key):
    """Send the calls in batches, each to the next node, again while it says 429 or 503."""
    for number, start in enumerate(range(0, len(rows), 50)):
        node = nodes[number % len(nodes)]
        wait_for(lambda n=node, at=start: n.post(rows[at : at + 50], key=key).status_code == 200, pause_s=0.2)


def numbers(node, token):
    """What the read API tells of accounts and users on three days, and why one account has its score."""
    days = [(datetime.now(UTC) - timedelta(days=ago)).date().isoformat() for ago in (1, 20)]
    asked = ["", *(f"&day={day}" for day in days)]
    paths = [f"/v2/{kind}?workspace_id=1&limit=100{each}" for kind in ("accounts", "users") for each in asked]
    told = [good(node, path, token) for path in paths]
    acme = next(each["id"] for each in told[0]["data"] if each["tracking_id"] == "acme")
    return [*told, good(node, f"/v2/accounts/{acme}?workspace_id=1&day={days[0]}&expand=explanation,traits", token)]


def good(node, path, token):
    """The answer of the read API without what differs by node and moment."""
    answer = node.read(path, token)
    assert answer.status_code == 200, answer.text
    return plain(answer.json())


def plain(told):
    """The value without what is not compared."""
    if isinstance(told, dict):
        return {key: plain(value) for key, value in told.items() if key not in NOT_COMPARED}
    return [plain(each) for each in told] if isinstance(told, list) else told


def leased(worker):
    """The products that a worker holds."""
    return leased_in(metrics(worker))


def metrics(worker):
    """What a worker tells of itself."""
    answer = worker.get("/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture(scope="module")
def servers():
    """The servers of a cluster, for one installation after the other."""
    with cluster() as running:
        yield running


@pytest.mark.slow
def test_a_cluster_gives_the_scores_of_one_process(servers, tmp_path):
    """The same calls through two web nodes and two workers, one of them killed half-way, give the same numbers.

    Each worker has one of two products until the other one is gone.  A configuration and a rebuild that web nodes are
    asked for are done by the worker; each web node tells the same.
    """
    rows = list(calls(1, 400, now=datetime.now(UTC)))
    with closing(Installed(tmp_path / "alone")) as alone:
        webs = [servers.start("web") for _ in range(2)]
        workers = [servers.start("worker") for _ in range(2)]
        key, token = webs[0].key, webs[0].good("key", "create", "--kind", "read").strip()
        assert webs[1].key == key
        webs[0].good("config", "apply", "-", "--create", "--product", "Second", stdin="currency: EUR\n")
        wait_for(lambda: [*map(leased, workers)] in ([{1}, {2}], [{2}, {1}]), pause_s=0.2)

        send(webs, rows[:200], key=key)
        holder = next(each for each in workers if 1 in leased(each))
        holder.end(signal.SIGKILL)
        (left,) = [each for each in workers if each is not holder]
        webs[1].good("config", "apply", "-", "--product", "My product", stdin=CONFIG)
        send(webs, rows[200:], key=key)
        for web in webs:
            web.settle(token)
        assert leased(left) == {1, 2}
        webs[0].good("rebuild", "--product", "My product")
        for web in webs:
            web.settle(token)

        alone.start()
        alone.good("config", "apply", "-", stdin=CONFIG)
        alone_token = alone.good("key", "create", "--kind", "read").strip()
        send([alone], rows, key=alone.key)
        alone.settle(alone_token)
        expected = numbers(alone, alone_token)
        assert [numbers(web, token) for web in webs] == [expected, expected]
        assert [each["score"] > 0 for each in expected[0]["data"]] == [True, True, True]
        health = webs[1].json("check", "--product", "My product")
        assert [each["generation"] for each in health["products"]] == [2]


def traits():
    """A large file of users and what they pay, the first of whom is to be erased."""
    rows = (f"ana{number},user{number}@acme.example,{number % 97}\n" for number in range(1, ROWS))
    return f"userId,email,seats\nana0,{PLANTED},5\n{''.join(rows)}"


def upload(node, text):
    """Import a file in the app; the job that does it."""
    with httpx.Client(base_url=node.url, timeout=PATIENCE_S, verify=NO_TLS) as client:
        page = client.get("/settings/import")
        token = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)[1]
        fields = {"_csrf_token": token, "do": "import", "kind": "user"}
        answer = client.post("/settings/import", data=fields, files={"file": ("users.csv", text.encode())})
    assert (answer.status_code, "Import users.csv" in answer.text) == (200, True), answer.text


def job(node, token, number):
    """How far a job is, as a node tells it."""
    answer = node.read(f"/v2/jobs/{number}", token)
    assert answer.status_code == 200, answer.text
    return answer.json()["job"]


def logged(node, token):
    """How many calls are in the log, as a node tells it."""
    answer = node.read("/v2/status", token)
    assert answer.status_code == 200, answer.text
    return answer.json()["log"]["offset"]


def ask(node, token, path, **wanted):
    """Ask for a change; the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(node.url + path, json=wanted, headers=headers, timeout=PATIENCE_S, verify=NO_TLS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def done(node, token, number):
    """A job that is over, which must have gone well."""
    over = wait_for(lambda: (told := job(node, token, number))["done_at"] and told, pause_s=0.1)
    assert over["state"] == "done", over
    return over


def holding(folders):
    """Files of the servers' streams of files that hold the planted address."""
    files = [path for each in folders for path in each.rglob("*_FILES/msgs/*") if path.is_file()]
    return [path.name for path in files if PLANTED.encode() in path.read_bytes()]


@pytest.mark.slow
def test_files_go_in_and_out_at_any_node(servers, tmp_path):
    """A file that one web node took in is imported by workers, of which one is killed -9 half-way, and another web node
    tells of it and gives out the export, which is that of one process; an erasure takes the files along.
    """
    servers.renew(UPTAKE_OPEN_ON_LOOPBACK="true")
    one, other = (servers.start("web") for _ in range(2))
    workers = [servers.start("worker") for _ in range(2)]
    token = one.good("key", "create", "--kind", "manage").strip()
    wait_for(lambda: other.read("/v2/status", token).status_code == 200, pause_s=0.1)

    holder = wait_for(lambda: next((each for each in workers if leased(each)), None), pause_s=0.1)

    upload(one, traits())
    wait_for(lambda: logged(other, token) > 0, pause_s=0)
    holder.process.send_signal(signal.SIGSTOP)  # so that what is half-done is known, and stays so
    half, begun = logged(other, token), job(other, token, 1)
    holder.end(signal.SIGKILL)
    assert 0 < half < ROWS
    assert (begun["kind"], begun["state"]) == ("import", "running")
    imported = done(other, token, 1)
    assert logged(other, token) == ROWS
    assert (imported["numbers"]["lines"], imported["numbers"]["logged"]) == (ROWS, ROWS)
    assert "taken up again" in [line["words"] for line in imported["log"]]
    other.settle(token)

    exported = done(other, token, ask(one, token, "/v2/jobs", kind="export", format="jsonl")["job"]["id"])
    file = other.read(exported["file"], token)
    assert int(file.headers["content-length"]) == exported["numbers"]["bytes"] == len(file.content)
    assert sorted(file.text.splitlines()) == alone_with(tmp_path, traits())
    assert holding(servers.log_folders)

    refused = one.run("jobs", "start", "backup")
    assert (refused.returncode, "backup_elsewhere" in refused.stderr) == (1, True)
    ask(one, token, "/v2/erasures", kind="user", id="ana0", confirm="ana0")
    wait_for(lambda: other.read("/v2/erasures", token).json()["data"][0]["step"] == "done", pause_s=0.2)
    assert job(other, token, exported["id"])["file"] is None
    assert other.read(exported["file"] or "", token).status_code == 404
    wait_for(lambda: not holding(servers.log_folders), pause_s=0.2)


def alone_with(folder, text):
    """The lines of the same export by one process, sorted."""
    (folder / "users.csv").write_text(text)
    with closing(Installed(folder / "alone")) as alone:
        alone.good("import", folder / "users.csv", "--kind", "user")
        alone.good("export", "--table", "users", "--out", folder / "users.jsonl")
    return sorted((folder / "users.jsonl").read_text().splitlines())
