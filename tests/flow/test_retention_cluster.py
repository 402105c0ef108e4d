"""Retention where nothing is in a folder: NATS has the log, PostgreSQL what left it, ClickHouse what follows."""

import signal
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.clickhouse_server import client_of
from tests.cluster import cluster
from tests.flow.test_retention_server import AGES, FAULTY, calls_of, keep_for, retained, set_back, told
from tests.installed import wait_for

CALLS, LEFT = 72, 48
"""All calls, and those of the two months that leave the log."""


@pytest.mark.slow
def test_an_event_store_is_made_again_from_what_left_the_log(tmp_path):
    """Old months leave, ClickHouse loses the database, a worker is killed -9 while it makes it again: every table that
    is told is the one from before."""
    clock = tmp_path / "clock"
    with cluster(1) as servers:
        servers.environment |= {"PYTHONPATH": FAULTY, "CLOCK_STEP": str(clock)}
        set_back(clock, AGES[0])
        web = servers.start("web")
        token = web.good("key", "create", "--kind", "read").strip()
        for month, days in enumerate(AGES):
            set_back(clock, days)
            assert web.post(calls_of(month)).status_code == 200
        worker = servers.start("worker")
        web.settle(token)
        before = told(web)
        keep_for(web, 30)
        wait_for(lambda: (now := retained(web, token)) and now["offset"] == LEFT, pause_s=0.1)
        assert told(web) == before

        for node in (worker, web):
            node.end()
        address = servers.environment["UPTAKE_STORE_URL"]
        store = f"{urlsplit(address).path.strip('/')}_p1_g1"
        with closing(client_of(address, "default")) as client:
            client.command(f"drop database {store} sync")
            worker.start("--role", "worker")
            wait_for(lambda: begun(client, store))
            worker.process.send_signal(signal.SIGSTOP)  # so that what is half-done is known, and stays so
            (half,) = client.query(f"select max(next_offset) from {store}.folds_rows").first_row
            worker.end(signal.SIGKILL)
        assert half < CALLS

        web.start("--role", "web")
        worker.start("--role", "worker")
        web.settle(token)
        assert told(web) == before
        assert web.read("/v2/status", token).json()["folded"]["offset"] == CALLS


def begun(client, store):
    """How many folds were begun into a store."""
    made = "select count() from system.tables where database = {store:String} and name = 'begun_rows'"
    if not client.query(made, parameters={"store": store}).first_row[0]:
        return 0
    return client.query(f"select count() from {store}.begun_rows").first_row[0]
