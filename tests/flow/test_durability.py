"""What was acknowledged is durable: a real server, killed under load again and again on the same folder.

`UPTAKE_SOAK_ROUNDS` says how many rounds (`make soak` has hundreds).
"""

import os
import random
import signal
import sys
import time
from collections import Counter

from tests.installed import SOAK_ROUNDS, Installed
from tests.senders import Sender
from uptake.stores.events.base import StoreRules
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.log.sqlite import SqliteCallLog

ROUNDS = SOAK_ROUNDS or 5
SEED = int(os.environ.get("UPTAKE_SOAK_SEED", "1"))
CHECK_EVERY = 50


def test_acknowledged_means_durable(installed, tmp_path):
    """After kill -9 at random moments under load every acknowledged call is in the log and counted exactly once.

    Requests that were not acknowledged are sent again; scores are those of a server that was never killed.
    """
    rng = random.Random(SEED)
    senders = [Sender("big", 40), Sender("middle", 12), Sender("small", 3), Sender("single", 0)]
    repeated = 0
    for number in range(1, ROUNDS + 1):
        if number % 4 == 0:
            kill_while_it_starts(installed, rng)
        installed.start()
        acknowledged = kill_under_load(installed, senders, rng)
        repeated += sum(sender.begun > sender.acknowledged for sender in senders)
        assert all(acknowledged), "some sender had no answer before the kill"
        if number % CHECK_EVERY == 0:
            installed.start()
            settle(installed)
            assert_counted_once(installed, senders)
            sys.stdout.write(f"{number} kills, {sum(each.acknowledged for each in senders)} requests, none lost\n")
    installed.start()
    finish(installed, senders)
    settle(installed)

    assert repeated, "no kill fell between a request and its answer"
    assert_counted_once(installed, senders)
    assert told(installed) == told_of_clean_run(tmp_path, senders)


def kill_under_load(installed, senders, rng):
    """Send until every sender has some answers and for a random moment longer, then kill the server.

    Returns how many requests of each sender were acknowledged in this round.
    """
    before = [sender.acknowledged for sender in senders]
    for sender in senders:
        sender.send_to(installed)
    while not all(sender.acknowledged > had for sender, had in zip(senders, before, strict=True)):
        assert any(sender.is_alive() for sender in senders), "the server ended by itself"
        time.sleep(0.002)
    time.sleep(rng.choice([0.0, 0.05, 0.4]) * rng.random())
    alive = [sender.is_alive() for sender in senders]
    acknowledged = [sender.acknowledged - had for sender, had in zip(senders, before, strict=True)]
    _, log = installed.end(signal.SIGKILL)
    for sender in senders:
        sender.join()
        assert sender.refused == [], log
    assert all(alive), log
    return acknowledged


def kill_while_it_starts(installed, rng):
    """Kill a server somewhere between its first instruction and its first answers."""
    process = installed.popen("serve", "--port", "0", "--json")
    time.sleep(rng.uniform(0.3, 1.2))
    process.kill()
    process.communicate()


def finish(installed, senders):
    """Let every sender repeat what it has no answer for."""
    for sender in senders:
        sender.most = sender.begun
        sender.send_to(installed)
    for sender in senders:
        sender.join()
        assert sender.acknowledged == sender.begun


def assert_counted_once(installed, senders):
    """Every acknowledged call is in the log, and in the counts once; what else is there was sent and not answered.

    The server must have ended.
    """
    log = SqliteCallLog(installed.folder / "log")
    logged = {each.call.message_id for each in log.read(1, 0, most=log.end(1))}
    assert log.damage() == []
    log.close()
    acknowledged = {call["messageId"] for sender in senders for call in sender.sent()}
    assert acknowledged - logged == set()

    counted = Counter()
    for row in rows(installed, "daily_counts"):
        counted[row["user"], row["event"]] += row["times"]
    expected = Counter(
        (call["userId"], call["event"]) for sender in senders for call in sender.sent() if call["type"] == "track"
    )
    unanswered = {f"{sender.sender}-{sender.acknowledged}" for sender in senders if sender.begun > sender.acknowledged}
    assert {key: times for key, times in counted.items() if key[0] not in unanswered} == expected


def settle(installed):
    """Wait until everything in the log is folded and scored, and end the server."""
    installed.settle(installed.good("key", "create", "--kind", "read").strip())
    code, log = installed.end()
    assert (code, [line for line in log.splitlines() if " ERROR " in line]) == (0, [])


def rows(installed, table):
    """The rows of a table; the server must have ended."""
    path = installed.folder / "store" / "p1-g1.duckdb"
    store = DuckEventStore(path, StoreRules("UTC"), generation=1, memory_limit="512MB")
    try:
        return [row for batch in store.export(table) for row in batch.to_pylist()]
    finally:
        store.close()


def told(installed):
    """Everything that is told of users, accounts and their scores."""
    return {table: rows(installed, table) for table in ("users", "accounts", "memberships", "scores")}


def told_of_clean_run(tmp_path, senders):
    """What another installation tells that got the same calls once each, and was never disturbed."""
    installed = Installed(tmp_path / "clean")
    installed.start()
    for sender in senders:
        calls = list(sender.sent())
        for start in range(0, len(calls), 1_000):
            assert installed.post(calls[start : start + 1_000]).status_code == 200
    settle(installed)
    return told(installed)
