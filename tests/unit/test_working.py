"""What a worker answers over HTTP."""

import threading

import pytest
from litestar.testing import TestClient

from tests.sharing import Shared
from uptake.stores.meta.base import MetaUnavailable
from uptake.web.working import Work, create_worker_app


class Failing:
    """A worker whose last step may have failed."""

    told = ""


@pytest.fixture
def shared():
    """What the processes share."""
    return Shared()


@pytest.fixture
def failing():
    """How the worker's steps go."""
    return Failing()


@pytest.fixture
def running(shared):
    """A worker that has the product."""
    running = shared.node("worker")
    running.step()
    return running


@pytest.fixture
def client(running, failing, tmp_path):
    """A client on this machine."""
    work = Work(lambda: failing.told)
    app = create_worker_app(running, work, metrics_token="", allowed_hosts=(), any_address=False, data_dir=tmp_path)

    async def here(scope, receive, send):
        await app({**scope, "client": ("127.0.0.1", 50_000)} if scope["type"] == "http" else scope, receive, send)

    with TestClient(here, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


def test_a_worker_is_ready_while_it_can_work(client, running, failing, monkeypatch):
    """It is alive whatever happens; ready unless its last step failed or the meta store is away."""
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]

    failing.told = "StoreDamaged"
    failed = client.get("/readyz")
    failing.told = ""

    def gone():
        raise MetaUnavailable("away")

    monkeypatch.setattr(running.meta, "revision", gone, raising=False)
    away = client.get("/readyz")
    assert "uptake_ready 0.0" in client.get("/metrics").text.splitlines()

    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "worker_failing")
    assert (away.status_code, away.json()["error"]["code"]) == (503, "meta_unavailable")
    assert client.get("/healthz").status_code == 200


def test_a_worker_that_waits_for_a_silent_database_is_not_ready(client, running, monkeypatch):
    """A scrape does not wait until the connection is given up: it tells what is known, and 0 for ready."""
    heard = threading.Event()
    monkeypatch.setattr(running.meta, "revision", lambda: heard.wait(), raising=False)
    monkeypatch.setattr("uptake.web.working.READY_S", 0.01)
    try:
        lines = client.get("/metrics").text.splitlines()
    finally:
        heard.set()

    assert {"uptake_ready 0.0", "uptake_leased_products 1.0"} <= {*lines}


def test_a_worker_tells_what_it_holds_and_how_far_it_is(client, shared, running, failing):
    """Metrics name the leased products, their offsets, and steps that failed."""
    shared.track("ana", "Export")
    running.step()
    running.failed_steps = 3

    lines = client.get("/metrics").text.splitlines()

    assert {"uptake_leased_products 1.0", "uptake_ready 1.0"} <= {*lines}
    assert any(line.startswith("uptake_disk_free_bytes ") for line in lines)
    assert 'uptake_folded_offset{product="1"} 1.0' in lines
    assert "uptake_failed_steps_total 3.0" in lines


def test_a_worker_serves_nothing_else(client):
    """Neither calls nor pages nor the read API."""
    assert [client.get(path).status_code for path in ("/", "/v2/status", "/openapi.json")] == [404, 404, 404]
    assert client.post("/v1/batch", json={"batch": []}).status_code == 404
