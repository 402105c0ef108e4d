"""Whatever comes in, nothing breaks: random and broken requests to every route, over real stores.

No answer is a 500, none takes long, memory does not grow with what was sent, and at the end everything that was taken
can be folded, scored and shown.
"""

import gzip
import json
import time
import zlib
from base64 import b64encode
from urllib.parse import quote

import msgspec
import pytest
import schemathesis
from hypothesis import example, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from tests.installed import SOAK_ROUNDS
from uptake.app import create_app
from uptake.core.errors import CODES
from uptake.installation import Installation
from uptake.pipeline.accept import Acceptor
from uptake.settings import load
from uptake.web.access import AccessOptions
from uptake.web.api.openapi import document
from uptake.web.app import WebOptions
from uptake.web.ingest_routes import ROUTES

DOCUMENT = msgspec.json.decode(document("1.0"))
PATIENCE_S = 30
"""No answer takes that long, even where the machine is busy."""


class Served:
    """A whole installation on disk behind a client in this process."""

    def __init__(self, folder):
        self.installation = Installation(load({}, {"data_dir": str(folder)}), role="server")
        self.running, self.directory = self.installation.running, self.installation.directory
        self.key, self.token = (self._key(kind) for kind in ("ingest", "manage"))
        self.acceptor = Acceptor(self.running.log, max_waiting=100)
        options = WebOptions(access=AccessOptions(open_on_loopback=True))
        self.app = create_app(self.running, self.directory, self.acceptor, options)

    def _key(self, kind):
        _, text = self.running.meta.create_key(1, kind, name=kind, now_us=self.running.clock())
        self.directory.refresh()
        return text

    async def at_home(self, scope, receive, send):
        """The application, asked from this machine."""
        scope = {**scope, "client": ("127.0.0.1", 50_000)} if scope["type"] == "http" else scope
        await self.app(scope, receive, send)

    def ask(self, method, path, **more):
        """An answer that is none of a fault, and came in time."""
        began = time.monotonic()
        answer = self.client.request(method, path, **more)
        assert time.monotonic() - began < PATIENCE_S
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        return answer


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """It, with an account; what a test of the module sends stays."""
    made = Served(tmp_path_factory.mktemp("fuzz") / "data")
    made.acceptor.start()
    with TestClient(made.at_home, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        made.client = client
        batch = [
            {"type": "group", "userId": "ana", "groupId": "acme", "traits": {"plan": "pro", "seats": 3}},
            {"type": "track", "userId": "ana", "event": "Login"},
        ]
        made.ask("POST", "/v1/batch", json={"batch": batch}, auth=(made.key, ""))
        made.running.settle(1)
        yield made
    made.acceptor.stop()
    made.installation.close()


def assert_sound(served):
    """What was taken is folded and scored, every main page shows it, and nothing is left in memory."""
    served.running.settle(1)
    for path in ("/", "/accounts", "/users", "/live", "/events", "/settings/health"):
        assert served.ask("GET", path).status_code == 200, path
    assert served.ask("GET", "/v2/accounts?workspace_id=1", headers=bearer(served)).status_code == 200
    assert served.app.ingest._bodies.held == 0
    assert served.acceptor.waiting == 0
    assert served.app.site.site.state.site.faults.times == 0


def bearer(served):
    """The header of a token that may do everything."""
    return {"Authorization": f"Bearer {served.token}"}


# ---- everything that the document promises
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
    schemathesis.checks.response_schema_conformance,
]
everything = schemathesis.openapi.from_dict(DOCUMENT)


@everything.parametrize()
@settings(max_examples=50 if SOAK_ROUNDS else 4)
def test_every_operation_answers_as_documented(case, served):
    """Random and broken parameters and bodies: a documented status, type, headers and shape, soon, and no 500."""
    asked = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
    ingest = "ingest" in case.operation.definition.raw["tags"]
    login = {"auth": (served.key, "")} if ingest else {"headers": bearer(served)}
    body = {"content": asked["data"]} if isinstance(asked.get("data"), bytes) else {"json": asked.get("json")}

    answer = served.ask(asked["method"], asked["url"], params=asked["params"], **body, **login)

    case.validate_response(answer, checks=CHECKS)


def test_what_was_asked_at_random_can_be_shown(served):
    """After all of that everything is folded and scored, and every main page and list is there."""
    assert_sound(served)


# ---- bytes
DEEP = b'{"batch":[' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"]}"
HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"x"',
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"NaN",
    b"1e999",
    b"{" * 5_000,
    b"[" * 100_000,
    DEEP,
    b'{"batch":' + b"[" * 50_000,
    b'{"batch":[null,1,"x",[],{}]}',
    b'{"batch":{}}',
    b'{"type":"track","userId":"\\ud800","event":"\\u0000"}',
    b'{"userId":"a","userId":"b","event":1}',
    b'{"type":"track","event":"x","userId":' + b"9" * 5_000 + b"}",
    b'{"type":"track","event":"x","userId":1e400,"timestamp":1e400}',
    b'{"type":"identify","userId":"a","traits":' + b'{"a":' * 200 + b"1" + b"}" * 201,
    b'{"type":"track","userId":"a","event":"x","timestamp":-99999999999999999999}',
    b'{"type":"track","userId":"a","event":"x","timestamp":"0000-00-00T99:99:99Z","sentAt":"9999-12-31T23:59:59Z"}',
    b'{"batch":[' + b",".join([b"{}"] * 2_600) + b"]}",
    b" " * 400_000,
    b"x" * 600_000,
    gzip.compress(b"{}")[:-4],
    gzip.compress(b" " * 5_000_000),
    zlib.compress(b"{}"),
]
"""Bodies that break servers."""

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["ana", "acme", "", " ", "\x00", "\ud7ff\uffff", "a" * 2_000, "2026-11-23", "-1"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("type", "userId", "anonymousId", "groupId", "event", "name", "traits", "properties", "context", "timestamp")
MORE_FIELDS = (
    "sentAt",
    "originalTimestamp",
    "receivedAt",
    "messageId",
    "previousId",
    "_metadata",
    "integrations",
    "api_key",
)
TYPES = st.sampled_from(["identify", "group", "track", "page", "screen", "alias", "none"])
CALLS = st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), VALUES, max_size=7).flatmap(
    lambda call: st.just(call) | TYPES.map(lambda kind: {"userId": "ana", **call, "type": kind})
)
BODIES = (
    CALLS | st.fixed_dictionaries({"batch": st.lists(CALLS | VALUES, max_size=4)}, optional={"sentAt": VALUES}) | VALUES
)
ENCODINGS = st.sampled_from([None, None, None, "gzip", "deflate", "gzip, gzip", "br", "identity", "x", "\xff"])


def as_json(value):
    """As a careless client writes it: with NaN, and with halves of characters."""
    return json.dumps(value).encode()


@st.composite
def bodies(draw):
    """Bytes, JSON, and JSON of which a few bytes are wrong."""
    body = draw(st.binary(max_size=200) | BODIES.map(as_json) | BODIES.map(as_json))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3])) if body else 0):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=2)) + body[at + 1 :]
    return draw(st.sampled_from([body, gzip.compress(body), zlib.compress(body)])) if draw(st.booleans()) else body


POSTED = [route for route in ROUTES if route.method == "POST"]


def assert_answered(served, answer):
    """JSON: success, or a refusal with a code that is documented."""
    told = answer.json()
    if answer.status_code >= 400:
        assert told["success"] is False
        assert CODES[told["code"]].status == answer.status_code
    assert answer.status_code in (200, 202, 400, 401, 408, 413, 415, 429, 503)


@pytest.mark.parametrize("route", POSTED, ids=lambda route: route.path)
def test_hostile_bodies_are_answered(route, served):
    """What breaks servers (depth, size, broken encodings, impossible numbers) is taken or refused with a code."""
    for body in HOSTILE:
        for headers in (
            {},
            {"Content-Encoding": "gzip"},
            {"Content-Type": "text/plain", "Content-Encoding": "deflate"},
        ):
            assert_answered(
                served, served.ask("POST", route.path, content=body, headers=headers, auth=(served.key, ""))
            )


@pytest.mark.parametrize("route", POSTED, ids=lambda route: route.path)
@settings(max_examples=300 if SOAK_ROUNDS else 25)
@given(body=bodies(), encoding=ENCODINGS, keyed=st.booleans())
def test_any_bytes_are_answered(route, served, body, encoding, keyed):
    """Random bytes and broken JSON, in any encoding, with the key in the header or not at all."""
    headers = {b"content-encoding": encoding.encode("latin-1")} if encoding else {}

    answer = served.ask("POST", route.path, content=body, headers=headers, auth=(served.key, "") if keyed else None)

    assert_answered(served, answer)


@settings(max_examples=300 if SOAK_ROUNDS else 60)
@given(header=st.binary(max_size=60), name=st.sampled_from([b"authorization", b"x-retry-count", b"content-length"]))
@example(header=b"Basic " + b64encode(b"\xff" * 40), name=b"authorization")
@example(header=b"Bearer " + b"x" * 5_000, name=b"authorization")
@example(header=b"9" * 5_000, name=b"content-length")
@example(header=b"\xc2\xb2", name=b"x-retry-count")
def test_any_header_is_answered(served, header, name):
    """Keys that are none, lengths and counts that are no numbers."""
    header = header.translate(None, b"\r\n\x00")

    assert_answered(served, served.ask("POST", "/v1/track", content=b"{}", headers={name: header}))


@settings(max_examples=300 if SOAK_ROUNDS else 60)
@given(query=st.binary(max_size=80) | BODIES.map(lambda body: b"data=" + b64encode(as_json(body))))
def test_any_pixel_is_an_image(served, query):
    """Whatever stands in its query, a pixel is a GIF."""
    answer = served.ask("GET", f"/v1/pixel/track?{quote(query, safe='=&%+')}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")


@settings(max_examples=300 if SOAK_ROUNDS else 60)
@given(path=st.text(max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
@example(path="accounts", method="OPTIONS")
@example(path="v2/accounts/%00", method="GET")
@example(path="accounts/%F0%28%8C%28", method="GET")
@example(path="v1/projects/%2e%2e/settings", method="GET")
@example(path="static/../../pyproject.toml", method="GET")
def test_any_address_is_answered(served, path, method):
    """Addresses that are none, with any method."""
    answer = served.ask(method, f"/{quote(path, safe='/%.')}", headers=bearer(served))

    assert answer.status_code < 500


def test_memory_does_not_grow_with_what_is_refused(served):
    """Thousands of unknown keys and refused bodies: as much is kept as was kept before, to a bound."""
    for number in range(1_200):
        served.ask("POST", "/v1/track", content=b"{", auth=(f"unknown-{number}", ""))
    kept = served.app.ingest.unknown_keys

    assert kept.times >= 1_200
    assert len(kept.latest()) <= 100
    assert_sound(served)
