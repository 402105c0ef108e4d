"""Traces: off unless asked for; then a receiver of OpenTelemetry gets a span for each thing, and nobody is in them."""

import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import closing
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.closing import ClosingServer
from tests.installed import Installed, wait_for
from uptake.core.errors import UptakeError
from uptake.engines import open_tracing


class Receiver(ClosingServer):
    """Takes traces by OTLP over HTTP, as a collector does."""

    def __init__(self, status=200):
        self.bodies, self.status, self._adding = [], status, threading.Lock()
        super().__init__(Taking)

    def took(self, body):
        """Keep what came."""
        with self._adding:
            self.bodies.append(body)

    def resources(self):
        """What was told, decoded."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]
        return [each for request in requests for each in request.resource_spans]

    def spans(self):
        """All spans."""
        return [span for each in self.resources() for scope in each.scope_spans for span in scope.spans]

    def named(self, name):
        """The attributes of each span of this name."""
        return [attributes_of(span) for span in self.spans() if span.name == name]


class Taking(BaseHTTPRequestHandler):
    """One connection to it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.server.took(body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


def attributes_of(told):
    """Name → value."""
    return {each.key: each.value.string_value or each.value.int_value for each in told.attributes}


@pytest.fixture
def traced(tmp_path):
    """A receiver, and a server that sends to it."""
    with closing(Receiver()) as receiver:
        made = Installed(tmp_path / "data", UPTAKE_OTEL_ENDPOINT=receiver.url + "/", OTEL_BSP_SCHEDULE_DELAY="100")
        made.start()
        yield made, receiver
        made.close()


def test_requests_commits_folds_and_rescores_are_spans(traced):
    """Each is told with its route, status, counts and how long it took; the last ones while the server ends."""
    installed, receiver = traced
    token = installed.good("key", "create", "--kind", "read").strip()
    installed.post([{"type": "track", "userId": "ana", "event": "Login"} for _ in range(3)])
    installed.settle(token)
    installed.get("/accounts/nobody")
    assert installed.end()[0] == 0

    sent = receiver.named("POST /v1/batch")[0]
    assert (sent["http.route"], sent["http.response.status_code"], sent["uptake.part"]) == ("/v1/batch", 200, "ingest")
    assert {"uptake.requests": 1}.items() <= receiver.named("append")[0].items()
    assert sum(each["uptake.calls"] for each in receiver.named("fold batch")) == 3
    assert receiver.named("rescore")[0] == {"uptake.product": 1}
    assert receiver.named("GET /v2/status")[0]["uptake.part"] == "api"
    assert receiver.named("GET /accounts/{account}")
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in receiver.spans())
    assert attributes_of(receiver.resources()[0].resource)["service.name"] == "uptake"


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_request_goes_on_with_the_trace_that_it_names(traced):
    """A call and a question of the API are children of the sender's span; what else it says of itself is left out.

    What is no header of W3C Trace Context, or comes twice, begins a trace of its own.
    """
    installed, receiver = traced
    token = installed.good("key", "create", "--kind", "read").strip()
    told = ("traceparent", f"00-{TRACE}-{PARENT}-01")
    call = {"type": "track", "userId": "ana", "event": "Login"}
    for headers in ([told, ("tracestate", "acme=secret-state")], [("traceparent", "00-secret")], [told, told], []):
        sent = [("Authorization", f"Basic {b64encode(f'{installed.key}:'.encode()).decode()}"), *headers]
        assert httpx.post(f"{installed.url}/v1/track", json=call, headers=sent).status_code == 200
    httpx.get(f"{installed.url}/v2/status", headers=[("Authorization", f"Bearer {token}"), told]).raise_for_status()
    assert installed.end()[0] == 0

    calls = [span for span in receiver.spans() if span.name == "POST /v1/track"]
    assert [span.parent_span_id.hex() for span in calls] == [PARENT, "", "", ""]
    assert [span.trace_id.hex() == TRACE for span in calls] == [True, False, False, False]
    (asked,) = [span for span in receiver.spans() if span.name == "GET /v2/status"]
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == (TRACE, PARENT)
    assert b"secret" not in b"".join(receiver.bodies)


def test_nobody_is_in_a_trace(traced):
    """No id, trait, event, key or token of what was sent and asked stands in any byte that left the server."""
    installed, receiver = traced
    token = installed.good("key", "create", "--kind", "read").strip()
    call = {"type": "identify", "userId": "secret-user", "traits": {"email": "secret-mail@example.com"}}
    installed.post(
        [call, {"type": "track", "userId": "secret-user", "event": "Secret Event", "messageId": "secret-id"}]
    )
    installed.post([call], key="secret-key")
    installed.settle(token)
    for path in ("/v2/users/secret-user", "/v2/accounts?workspace_id=1&match_type=name&match_value=secret", "/secret"):
        installed.read(path, token)
    wait_for(lambda: receiver.named("GET /v2/users/{user_id}"))
    assert installed.end()[0] == 0

    told = b"".join(receiver.bodies)
    for secret in (b"secret", b"Secret", installed.key.encode(), token.encode()):
        assert secret not in told


@pytest.mark.parametrize("status", [500, None])
def test_a_receiver_that_does_not_take_them_harms_nothing(tmp_path, status):
    """It fails, or is away: calls are taken and scored, and the server ends."""
    with closing(Receiver(status or 200)) as receiver:
        if status is None:
            receiver.close()
        installed = Installed(tmp_path / "data", UPTAKE_OTEL_ENDPOINT=receiver.url, OTEL_BSP_SCHEDULE_DELAY="50")
        installed.start()
        assert installed.post([{"type": "track", "userId": "ana", "event": "Login"}]).status_code == 200
        installed.settle(installed.good("key", "create", "--kind", "read").strip())

        code, log = installed.end()

    assert code == 0
    assert "opentelemetry" not in log
    assert receiver.url not in log


def test_without_an_address_nothing_of_it_is_loaded():
    """The packages are imported only where traces are asked for."""
    program = (
        "import sys, uptake.app, uptake.engines; sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert open_tracing("") is None


def test_a_missing_package_is_said(monkeypatch):
    """With what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "uptake.tracing", raising=False)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.")]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(UptakeError, match="opentelemetry") as told:
        open_tracing("http://collector:4318")

    assert told.value.code == "E015"
    assert "uptake[otel]" in told.value.hint
