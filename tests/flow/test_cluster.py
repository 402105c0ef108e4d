"""Two web nodes and two workers on three NATS servers, PostgreSQL and ClickHouse's engine, beside one process alone."""

import itertools
import random
import re
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster import cluster
from tests.installed import Installed, wait_for

EVENTS = ("Export", "Invite", "Search")
ACCOUNTS = ("acme", "globex", "initech")
CONFIG = """
features:
  - {name: Reporting, events: [Export, Search]}
workspaces:
  - {name: Engagement, window_days: 30, features: {Reporting: 4}, event_weights: {Search: 9}}
"""
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
    found = re.findall(r'^uptake_folded_offset\{product="(\d+)"\}', metrics(worker), re.MULTILINE)
    return {int(each) for each in found}


def metrics(worker):
    """What a worker tells of itself."""
    answer = worker.get("/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.slow
def test_a_cluster_gives_the_scores_of_one_process(tmp_path):
    """The same calls through two web nodes and two workers, one of them killed half-way, give the same numbers.

    Each worker has one of two products until the other one is gone.  A configuration and a rebuild that web nodes are
    asked for are done by the worker; each web node tells the same.
    """
    rows = list(calls(1, 400, now=datetime.now(UTC)))
    with cluster() as servers, closing(Installed(tmp_path / "alone")) as alone:
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
