"""What machines ask of the server: health, readiness, metrics, the document, the files; and who may ask."""

import re

import msgspec
import pytest

from tests.house import House
from uptake.core.errors import Rejection
from uptake.stores.log.base import LogUnavailable
from uptake.web.app import STATIC


@pytest.fixture
def house():
    house = House()
    house.group("ana", "acme")
    house.track("ana", "Login", times=3)
    house.send(refused=(Rejection("missing_event", "$.event", "a track call needs event"),))
    house.settle()
    return house


def metric(text, name):
    """The value of a sample by its name and labels."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not in:\n{text}"
    return float(found[1])


def test_health_needs_no_token(house):
    """200 while the process answers, also to HEAD."""
    with house.client(token="") as client:
        for path in ("/healthz", "/readyz"):
            assert client.get(path).json() == {"status": "ok"}
            assert client.head(path).status_code == 200


def test_head_is_get_without_a_body(house):
    """Everywhere on the site: same status and headers, nothing after them."""
    with house.client() as client:
        for path in ("/accounts", "/v2/status", "/openapi.json", "/nothing"):
            got, head = client.get(path), client.head(path)
            assert head.status_code == got.status_code
            assert head.headers["content-type"] == got.headers["content-type"]
            assert head.content == b""


def test_the_server_loads_only_what_it_uses(house):
    """The framework's plugins for libraries that happen to be installed stay out: they cost more than the site."""
    with house.client():
        names = {type(plugin).__module__ for plugin in house.app.site.site.plugins}

    assert not [name for name in names if "pydantic" in name or "attrs" in name]


def test_ready_means_that_calls_are_accepted(house):
    """503 with Retry-After once the way into the log is closed; health stays."""
    with house.client() as client:
        house.acceptor.stop()

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert client.head("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


def test_metrics_tell_how_far_everything_is(house):
    """Offsets, lag, fates and refusals of each product by id; no name and no content."""
    house.track("ana", "Login")

    with house.client(token="") as client:
        answer = client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    assert metric(text, 'uptake_logged_offset{product="1"}') == 5
    assert metric(text, 'uptake_folded_offset{product="1"}') == 4
    assert metric(text, 'uptake_fold_lag_calls{product="1"}') == 1
    applied = 'uptake_folded_calls_total{code="",fate="applied",mapping="",product="1",type="track"}'
    assert metric(text, applied) == 3
    assert metric(text, "uptake_waiting_requests") == 0
    assert metric(text, 'uptake_last_rescore_seconds{product="1"}') >= 0
    assert metric(text, "process_resident_memory_bytes") > 0
    assert "acme" not in text
    assert "My product" not in text


def test_metrics_count_what_comes_in(house):
    """Received = logged + refused, by source; requests by route and status; an unknown key is a 401."""
    key = house.token("ingest")
    batch = {"batch": [{"type": "track", "userId": "ana", "event": "Login"}, {"type": "track", "userId": "ana"}]}

    with house.client(token="") as client:
        client.post("/v1/batch", json=batch, auth=(key, ""))
        client.post("/v1/track", json={"userId": "ana", "event": "Login"}, auth=("nonsense", ""))
        text = client.get("/metrics").text

    assert metric(text, 'uptake_received_calls_total{source="segment"}') == 2
    assert metric(text, 'uptake_logged_calls_total{source="segment"}') == 1
    assert metric(text, 'uptake_refused_calls_total{code="missing_event",source="segment"}') == 1
    assert metric(text, 'uptake_ingest_requests_total{route="/v1/track",status="401"}') == 1


def test_ingest_and_api_share_the_server(house):
    """A call goes in over HTTP with the ingest key and is read over HTTP with the read token."""
    key = house.token("ingest")

    with house.client() as client:
        sent = client.post("/v1/group", json={"userId": "bob", "groupId": "globex"}, headers={}, auth=(key, ""))
        house.settle()

        assert sent.json() == {"success": True}
        assert client.get("/v2/accounts/globex").json()["account"]["tracking_id"] == "globex"


def test_ingest_answers_any_host_and_the_site_does_not(house):
    """Senders know the server by many names; a browser may not be led here by a foreign one."""
    key = house.token("ingest")
    foreign = {"Host": "evil.example"}

    with house.client() as client:
        assert client.post("/v1/track", json={"userId": "a", "event": "e"}, auth=(key, ""), headers=foreign).is_success
        for path in ("/v2/status", "/accounts", "/metrics", "/openapi.json"):
            answer = client.get(path, headers=foreign)
            assert answer.status_code == 421
            assert answer.json()["error"]["code"] == "host_not_allowed"
    with house.client(allowed_hosts=("uptake.example",)) as client:
        assert client.get("/v2/status", headers={"Host": "uptake.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/v2/status", "/v2/nothing", "/accounts", "/nothing", "/openapi.json", "/metrics"])
def test_every_answer_carries_the_headers(house, path):
    """Found or not, API or page."""
    with house.client() as client:
        headers = client.get(path).headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"]
    assert len(headers.get_list("content-security-policy")) == 1


def test_answers_of_the_api_are_not_kept(house):
    """They are of one reader."""
    with house.client() as client:
        assert client.get("/v2/status").headers["cache-control"] == "no-store"
        assert client.get("/v1/accounts").headers["cache-control"] == "no-store"


def test_a_browser_gets_a_page_for_what_is_not_there(house):
    """HTML where a browser asks for a page; JSON for programs and below the API."""
    html = {"Accept": "text/html,application/xhtml+xml"}

    with house.client() as client:
        assert client.get("/nothing", headers=html).headers["content-type"].startswith("text/html")
        assert client.get("/nothing").json()["error"]["code"] == "not_found"
        assert client.get("/v2/nothing", headers=html).json()["error"]["code"] == "not_found"


@pytest.mark.skipif(not STATIC.is_dir(), reason="the browser assets are not built")
def test_assets_with_a_hash_are_kept_for_ever(house):
    """And nothing outside the folder is served."""
    manifest = msgspec.json.decode((STATIC / "manifest.json").read_bytes())
    asset = "/static/" + manifest["src/app.css"]["file"]

    with house.client(token="") as client:
        answer = client.get(asset)

        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "immutable" not in client.get("/static/favicon.svg").headers["cache-control"]
        assert client.get("/favicon.ico").headers["content-type"].startswith("image/svg")
        for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/assets/../../app.py", "/static/nothing.js"):
            assert client.get(path).status_code == 404


def test_a_failing_log_leaves_reading_alone(house, monkeypatch):
    """While the log refuses (a full disk), ingest says 503 and the API goes on."""
    key = house.token("ingest")

    def full(_requests):
        raise LogUnavailable("the disk is full")

    with house.client() as client:
        monkeypatch.setattr(house.log, "append", full)

        refused = client.post("/v1/track", json={"userId": "ana", "event": "Login"}, headers={}, auth=(key, ""))

        assert refused.status_code == 503
        assert client.get("/v2/accounts?workspace_id=1").status_code == 200
