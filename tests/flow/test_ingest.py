"""The wire contract of ingest: keys, bodies, limits, answers."""

import base64
import gzip
import json
import tracemalloc
import zlib

import pytest

from tests.fakes_log import MemoryCallLog
from tests.ingesting import ACME, BOBS, NOON, House, basic, track
from uptake.core.calls import CALL_TYPES, Projection
from uptake.core.errors import CODES
from uptake.pipeline.accept import IngestProduct
from uptake.pipeline.limits import KeyLimits, Limits
from uptake.stores.log.base import LogUnavailable
from uptake.web.ingest import IngestOptions
from uptake.web.ingest_routes import ROUTES

BATCH = {"batch": [track(messageId="m1"), track(messageId="m2")]}
NEEDS = {"groupId": "acme", "previousId": "old", "name": "Home"}


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


def is_refusal(answer, code):
    """Is it the refusal with this code, in the form that every SDK and RFC 9457 read?"""
    body = answer.json
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert body["success"] is False
    assert body["error"] == body["message"]
    assert (body["status"], body["type"]) == (answer.status, f"urn:uptake:{code}")
    assert body["title"]
    assert body["detail"]
    return (body["code"], answer.status) == (code, CODES[code].status)


# ---- routes


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize("call_type", CALL_TYPES)
def test_single_calls_have_a_long_and_a_short_route(house, call_type, slash):
    """/v1/track and /v1/t are one, with or without a slash at the end: exactly 200 and JSON."""
    for place, path in enumerate((call_type, call_type[0])):
        answer = house.post(f"/v1/{path}{slash}", track(type=..., messageId=f"m{place}", **NEEDS))

        assert (answer.status, answer.json) == (200, {"success": True})
        assert answer.headers["content-type"] == "application/json"
    assert [call.type for call in house.calls()] == [call_type] * 2


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/v1/import/"])
def test_batches_have_three_routes(house, path):
    """Every SDK's batch route takes the same body."""
    answer = house.post(path, BATCH)

    assert (answer.status, answer.json) == (200, {"success": True})
    assert [call.message_id for call in house.calls()] == ["m1", "m2"]


@pytest.mark.parametrize(
    ("path", "body", "call_type"),
    [
        ("/v2/identify", {"userId": "ana"}, "identify"),
        ("/v2/group", {"groupId": "acme"}, "group"),
        ("/v2/track", {"userId": "ana", "event": "E"}, "track"),
        ("/v1/users", {"user_id": "ana", "timestamp": 1795435200000}, "identify"),
        ("/v1/groups", {"group_id": "acme", "timestamp": 1795435200000}, "group"),
        ("/v1/events", {"user_id": "ana", "event": "E", "timestamp": 1795435200000}, "track"),
        ("/segment", {"type": "track", "userId": "ana", "event": "E", "timestamp": NOON}, "track"),
    ],
)
def test_accoils_routes_answer_202(house, path, body, call_type):
    """/v2, legacy and /segment answer 202 {}, and their calls are direct."""
    for answer in (house.post(path, body), house.post(path + "/", body)):
        assert (answer.status, answer.json) == (202, {})
    assert [(call.type, call.direct) for call in house.calls()] == [(call_type, True)] * 2


def test_segment_answers_a_connection_test(house):
    """{} with a good key is 202 {}, with a bad one 401; nothing is logged."""
    good, bad = house.post("/segment", {}), house.post("/segment", {}, key="WRONG")

    assert (good.status, good.json) == (202, {})
    assert is_refusal(bad, "unknown_key")
    assert house.acceptor.counts.received == {}


def test_a_browsers_metrics_are_ignored(house):
    """/v1/m answers 200, with or without a key, and keeps nothing."""
    answer = house.post("/v1/m", {"series": [{"type": "Counter", "metric": "x", "value": 1, "tags": {}}]}, key=None)

    assert (answer.status, answer.json) == (200, {"success": True})
    assert house.calls() == []


def test_other_addresses_are_not_ingest(house):
    """The read API's routes, and whatever has no route, are left to others."""
    for path in ("/v1/accounts", "/v2/accounts", "/v2/workspaces", "/v1", "/v1/", "/v1/batch/x", "/v3/track", "/"):
        assert not house.ingest.handles(path, "GET")
        assert not house.ingest.handles(path, "POST")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_says_which_method_it_takes(house, route):
    """Another method is 405 with Allow, and a preflight is answered everywhere."""
    path = route.path.replace("{key}", "KEY")
    for method in {"GET", "POST", "PUT", "DELETE", "HEAD"} - {route.method}:
        answer = house.ask(method, path)
        assert is_refusal(answer, "method_not_allowed")
        assert answer.headers["allow"] == f"{route.method}, OPTIONS"
    assert house.ask("OPTIONS", path).status == 200


def test_a_preflight_allows_what_browsers_send(house):
    """Origin, headers and methods are allowed for a day; what the browser asks for is added."""
    asked = {"Origin": "https://app.example", "Access-Control-Request-Headers": "authorization,Sentry-Trace, b@d"}

    answer = house.ask("OPTIONS", "/v1/t", headers=asked)

    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "Retry-After, RateLimit, RateLimit-Policy"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-max-age"] == "86400"
    assert {"authorization", "content-type", "x-retry-count", "sentry-trace"} <= set(allowed)
    assert "b@d" not in allowed


# ---- keys

AS_HEADER = {
    "Segment's SDKs": basic("KEY:"),
    "without the colon": basic("KEY"),
    "with a password": basic("KEY:secret"),
    "without padding": basic("KEY:").rstrip("="),
    "raw": "Basic KEY",
    "raw with a colon": "Basic KEY:",
    "small letters": basic("KEY:").replace("Basic", "basic"),
    "bearer": "Bearer KEY",
    "staging": basic("stg_KEY:"),
    "staging, raw": "Basic STG_KEY",
}


@pytest.mark.parametrize("header", AS_HEADER.values(), ids=AS_HEADER)
def test_a_key_may_come_in_every_form(house, header):
    """Basic with base64, with or without colon, Basic raw, and Bearer."""
    for path, body, status in (("/v1/batch", BATCH, 200), ("/v2/track", track(), 202), ("/segment", track(), 202)):
        assert house.post(path, body, key=None, headers={"Authorization": header}).status == status
    assert len(house.calls()) == 4


@pytest.mark.parametrize(
    "body",
    [
        {**BATCH, "writeKey": "KEY"},
        {**BATCH, "api_key": "KEY"},
        {"batch": [track(writeKey="KEY")]},
        [track(writeKey="KEY")],
    ],
    ids=range(4),
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic Og=="}, {"Authorization": "Bearer oauth-token"}, {"Authorization": "x"}],
    ids=range(4),
)
def test_a_key_may_come_in_the_body(house, body, headers):
    """Senders without Authorization, with an empty one, or with an OAuth token have their key in the body."""
    assert house.post("/v1/batch", body, key=None, headers=headers).status == 200
    assert len(house.calls()) >= 1


def test_a_key_opens_its_own_product_alone(house):
    """Two keys, two logs."""
    house.post("/v1/batch", BATCH)
    house.post("/v1/track", track(), key="BOB")

    assert (len(house.calls(ACME)), len(house.calls(BOBS))) == (2, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": basic("WRONG:")},
        {"Authorization": "Basic WRONG"},
        {"Authorization": "Bearer WRONG"},
        {"Authorization": "Digest KEY"},
        {"Authorization": "KEY"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic \xff\xfe"},
        {"Authorization": "Basic " + "x" * 100_000},
        {},
    ],
    ids=range(9),
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/segment", "/v2/track", "/v1/events"])
def test_an_unknown_key_is_refused_at_once(house, path, headers):
    """401 and JSON, never a silent success; nothing is logged or counted as received."""
    answer = house.post(path, BATCH, key=None, headers=headers)

    assert is_refusal(answer, "unknown_key")
    assert answer.status == 401
    assert house.calls() == []
    assert house.acceptor.counts.received == {}


def test_an_unknown_key_is_refused_before_the_body_is_read(house):
    """Whoever has no key cannot make us wait for a body."""
    answer = house.post("/v1/batch", b'{"batch": [', key="WRONG", stalled=True)

    assert is_refusal(answer, "unknown_key")


def test_what_can_be_no_key_is_never_looked_up(house, monkeypatch):
    """Only short, printable ASCII is asked for; whatever else stands there is an unknown key."""
    asked = []
    monkeypatch.setattr(house.ingest, "_find", asked.append)
    strange = ["k\xfcche", "\ud800", "KEY\n", "x" * 201, "\x00", " ", ""]

    for key in strange:
        body = json.dumps({"writeKey": key, **BATCH}).encode()
        assert is_refusal(house.post("/v1/batch", body, key=None), "unknown_key")
        assert is_refusal(house.ask("GET", f"/v1/projects/{key or '-'}/settings"), "not_found")
    assert asked == [" ", " ", "-"]


def test_unknown_keys_are_remembered_by_their_beginning(house):
    """The health page sees four characters, how often and when, for the latest fifty."""
    for key in ("WRONG", "WRONG", "OTHER"):
        house.post("/v1/track", track(), key=key)
    house.post("/v1/track", track(), key=None)
    for number in range(60):
        house.post("/v1/track", track(), key=f"{number:02d}xx")

    latest = house.ingest.unknown_keys.latest()
    assert len(latest) == 50
    assert latest[0].hint == "59xx…"
    house.post("/v1/track", track(), key="WRONG")
    assert "WRONG" not in repr(house.ingest.unknown_keys.latest())


def test_silence_may_be_restored():
    """With silent_auth an unknown key is answered as Accoil answers, and nothing is kept."""
    house = House(options=IngestOptions(silent_auth=True))

    answers = [house.post(path, track(), key="WRONG") for path in ("/v1/track", "/v2/track", "/segment")]
    house.close()

    assert [(answer.status, answer.json) for answer in answers] == [(200, {"success": True}), (202, {}), (202, {})]
    assert house.calls() == []
    assert house.ingest.unknown_keys.latest()[0].times == 3


# ---- bodies


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/json; charset=utf-8", "text/xml", "", None]
)
def test_any_content_type_is_taken(house, content_type):
    """Browsers say text/plain, C# says nothing: the body is JSON."""
    headers = {} if content_type is None else {"Content-Type": content_type}

    assert house.post("/v1/batch", BATCH, headers=headers).status == 200
    assert len(house.calls()) == 2


def deflated(content, window_bits):
    packer = zlib.compressobj(wbits=window_bits)
    return packer.compress(content) + packer.flush()


CONTENT = json.dumps(BATCH).encode()
PACKED = {
    "gzip": ("gzip", gzip.compress(CONTENT)),
    "GZIP": ("GZIP", gzip.compress(CONTENT)),
    "x-gzip": ("x-gzip", gzip.compress(CONTENT)),
    "two members": ("gzip", gzip.compress(CONTENT[:50]) + gzip.compress(CONTENT[50:])),
    "padded": ("gzip", gzip.compress(CONTENT) + b"\0" * 10),
    "deflate": ("deflate", zlib.compress(CONTENT)),
    "raw deflate": ("deflate", deflated(CONTENT, -15)),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(CONTENT))),
    "identity": ("identity", CONTENT),
    "empty": ("", CONTENT),
    "gzip without a word": ("", gzip.compress(CONTENT)),
    "unpacked by a proxy": ("gzip", CONTENT),
}


@pytest.mark.parametrize(("encoding", "body"), PACKED.values(), ids=PACKED)
def test_packed_bodies_are_unpacked(house, encoding, body):
    """gzip and deflate, as one or several streams, in one piece or in chunks."""
    headers = {"Content-Encoding": encoding}

    assert house.post("/v1/batch", body, headers=headers).status == 200
    assert house.post("/v1/batch", b"", headers=headers, chunks=[body[:7], body[7:20], b"", body[20:]]).status == 200
    assert len(house.calls()) == 4


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CONTENT)[:-10]),
        ("gzip", b"\x1f\x8bnonsense"),
        ("gzip", b"nonsense"),
        ("gzip", b""),
        ("gzip", gzip.compress(CONTENT) + b"nonsense"),
        ("deflate", b"nonsense"),
        ("br", CONTENT),
    ],
    ids=range(7),
)
def test_what_cannot_be_unpacked_is_refused(house, encoding, body):
    """400 and no calls; it is seen among the refused."""
    answer = house.post("/v1/batch", body, headers={"Content-Encoding": encoding})

    assert is_refusal(answer, "bad_encoding")
    assert house.refused() == ["bad_encoding"]


def test_a_byte_order_mark_is_no_fault(house):
    """Some .NET writers begin with one."""
    assert house.post("/v1/batch", b"\xef\xbb\xbf" + CONTENT).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"17", b'{"batch": [', b"\xff\xfe\x00", b"[" * 50_000], ids=range(6)
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/segment", "/v2/track", "/v1/users"])
def test_a_body_that_is_not_json_is_refused(house, path, body):
    """400 with a reason; it counts as one refused item, which the live page shows."""
    answer = house.post(path, body)

    assert answer.status == 400
    assert is_refusal(answer, house.refused()[0])
    assert sum(house.acceptor.counts.received.values()) == sum(house.acceptor.counts.refused.values()) == 1


# ---- limits


def test_a_large_body_is_refused(house):
    """More than 500 KB is 413, whether it is announced, comes in chunks, or unfolds."""
    large = json.dumps({"batch": [track(properties={"x": "x" * 30_000})] * 20}).encode()
    announced = house.post("/v1/batch", b"", headers={"Content-Length": str(len(large))})
    chunked = house.post("/v1/batch", b"", chunks=[large[at : at + 65_536] for at in range(0, len(large), 65_536)])
    packed = house.post("/v1/batch", gzip.compress(large), headers={"Content-Encoding": "gzip"})

    assert all(is_refusal(answer, "body_too_large") for answer in (announced, chunked, packed))
    assert house.refused() == ["body_too_large"] * 3
    assert house.calls() == []


def test_a_bomb_is_not_unpacked(house):
    """A small body that unfolds to fifty megabytes costs little more memory than what is allowed."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(50)) + packer.flush()

    tracemalloc.start()
    answer = house.post("/v1/batch", bomb, headers={"Content-Encoding": "gzip"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert is_refusal(answer, "body_too_large")
    assert peak < 5_000_000


def test_a_body_at_the_limit_is_taken(house):
    """500 KB of calls under 32 KB each, as the largest batch of any SDK."""
    batch = {"batch": [track(messageId=f"m{n}", properties={"x": "x" * 31_000}) for n in range(16)]}

    assert house.post("/v1/batch", batch).json == {"success": True}
    assert len(house.calls()) == 16


def test_a_large_call_is_refused_alone(house):
    """One call may be 32 KB: alone it is 400, in a batch the others are taken."""
    large = track(messageId="large", properties={"x": "x" * 32_768})

    alone = house.post("/v1/track", large)
    batch = house.post("/v1/batch", {"batch": [track(), large]})

    assert is_refusal(alone, "call_too_large")
    assert batch.status == 200
    assert [each["index"] for each in batch.json["refused"]] == [1]
    assert [call.message_id for call in house.calls()] == ["m1"]


def test_a_long_batch_is_refused(house):
    """2,500 calls are taken, 2,501 are 413."""
    items = [track(messageId=f"m{n}") for n in range(2_501)]

    assert house.post("/v1/batch", {"batch": items[:2_500]}).status == 200
    assert is_refusal(house.post("/v1/batch", {"batch": items}), "batch_too_long")
    assert len(house.calls()) == 2_500


def test_a_slow_body_is_given_up():
    """A body that does not arrive in time is refused, and its connection is free again."""
    house = House(options=IngestOptions(body_timeout_s=0.05))

    answer = house.post("/v1/batch", b'{"batch": [', stalled=True)
    again = house.post("/v1/batch", BATCH)
    house.close()

    assert again.status == 200
    assert is_refusal(answer, "slow_body")


def test_bodies_in_memory_are_bounded():
    """Beyond max_held_bytes in all requests together the answer is 429 with Retry-After, and the bytes are released."""
    house = House(options=IngestOptions(max_held_bytes=1_000))

    refused = house.post("/v1/batch", {"batch": [track()] * 10})
    taken = house.post("/v1/track", track())
    house.close()

    assert is_refusal(refused, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert taken.status == 200


# ---- fates


def test_a_batch_that_parses_is_200(house):
    """Whatever is refused in it: the reasons are in the answer, and the others are taken."""
    answer = house.post(
        "/v1/batch", {"batch": [track(), 17, track(messageId="m2", userId=None), track(messageId="m3")]}
    )

    assert (answer.status, answer.json["success"], answer.json["refused_count"]) == (200, True, 2)
    assert [(each["index"], each["code"]) for each in answer.json["refused"]] == [
        (1, "not_an_object"),
        (2, "missing_user"),
    ]
    assert [call.message_id for call in house.calls()] == ["m1", "m3"]
    assert house.refused() == ["not_an_object", "missing_user"]


def test_a_batch_of_nothing_but_faults_is_200(house):
    """Also where no item was taken; of many reasons a hundred are listed."""
    answer = house.post("/v1/batch", {"batch": [17] * 300})

    assert (answer.status, answer.json["refused_count"], len(answer.json["refused"])) == (200, 300, 100)
    assert len(house.refused()) == 300


def test_an_empty_batch_is_200(house):
    """There is nothing to take and nothing to refuse."""
    assert house.post("/v1/batch", {"batch": []}).json == {"success": True}


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t", "/v2/track", "/v1/events", "/segment"])
def test_a_single_bad_call_is_400(house, path):
    """With the code, the place and a sentence."""
    answer = house.post(path, {"type": "track", "userId": "ana", "timestamp": 1795435200000})

    assert is_refusal(answer, "missing_event")
    assert answer.json["message"].startswith("$.event: ")


def test_counts_add_up(house):
    """received = logged + refused, and the log agrees."""
    house.post("/v1/batch", {"batch": [track(), 17]})
    house.post("/v1/track", {})
    house.post("/v1/batch", b"nonsense")
    house.post("/v2/track", track())
    house.ask("GET", "/v1/pixel/track?writeKey=KEY")

    counts = house.acceptor.counts
    assert counts.received == {"segment": 4, "accoil": 1, "pixel": 1}
    assert sum(counts.received.values()) == sum(counts.logged.values()) + sum(counts.refused.values())
    assert sum(counts.logged.values()) == len(house.calls())
    assert sum(counts.refused.values()) == len(house.refused())
    assert house.ingest.requests["/v1/batch", 200] == 1


def test_a_repeat_is_not_corrected(house):
    """X-Retry-Count above 0 says that sentAt is no longer the moment of sending."""
    late = track(timestamp="2026-11-23T11:00:00Z", sentAt="2026-11-23T11:00:00Z")
    for count in ("0", "1", "x", "-1", "\xb2"):
        house.post("/v1/track", late, headers={"X-Retry-Count": count})

    assert [call.notes for call in house.calls()] == [("clock_corrected",), (), *[("clock_corrected",)] * 3]


def test_what_the_product_reads_is_kept(house):
    """The product's projection decides what of properties reaches the log."""
    house.products["KEY"] = IngestProduct(ACME, Projection(properties=frozenset({("plan",)})))

    house.post("/v1/track", track(properties={"plan": "pro", "secret": 1}))

    assert house.calls()[0].properties == {"plan": "pro"}


# ---- when nothing can be taken


class Full(MemoryCallLog):
    """A log whose disk is full."""

    def append(self, requests):
        raise LogUnavailable("the disk is full", retry_after_s=3)


@pytest.mark.parametrize(("path", "body"), [("/v1/batch", BATCH), ("/v1/track", track()), ("/v2/track", track())])
def test_a_full_disk_is_503(path, body):
    """With whole seconds in Retry-After; nothing is counted as taken."""
    house = House(log=Full())

    answer = house.post(path, body)
    house.close()

    assert is_refusal(answer, "log_unavailable")
    assert answer.headers["retry-after"] == "3"
    assert house.acceptor.counts.received == {}


def test_a_full_queue_is_429():
    """With whole seconds in Retry-After."""
    house = House(max_waiting=0)

    answer = house.post("/v1/batch", BATCH)
    house.close()

    assert is_refusal(answer, "overloaded")
    assert answer.status == 429
    assert answer.headers["retry-after"].isdigit()


@pytest.fixture
def limited():
    """Ingest with limits, in a moment that does not pass."""
    house, limits = House(), Limits(requests=1, calls=3, bytes=10_000)
    house.ingest.limits = KeyLimits(limits, clock_s=lambda: 0.0)
    yield house
    house.close()


def test_a_key_that_sends_too_much_is_429(limited):
    """With Retry-After and the RateLimit fields; nothing is kept of it, and other keys go on."""
    house = limited

    taken = [house.post("/v1/batch", {"batch": [track()] * 3}) for _ in range(10)]
    refused = house.post("/v1/batch", {"batch": [track()] * 3})
    others = house.post("/v1/track", track(), key="BOB")

    assert [answer.status for answer in taken] == [200] * 10
    assert taken[0].headers["ratelimit-policy"] == (
        '"requests";q=10;w=10, "calls";q=30;w=10;qu="calls", "bytes";q=100000;w=10;qu="content-bytes"'
    )
    assert taken[0].headers["ratelimit"].startswith('"requests";r=9;t=1, "calls";r=27;t=1, "bytes";r=9')
    assert is_refusal(refused, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit"].startswith('"requests";r=0;t=10')
    assert (others.status, len(house.calls())) == (200, 30)
    assert house.acceptor.counts.received == {"segment": 31}
    assert house.ingest.limits.refused == {"requests": 1, "calls": 0, "bytes": 0}


@pytest.mark.parametrize("body", [{"batch": [track()] * 40}, {"batch": [17] * 40}, b" " * 499_000, b" " * 600_000])
def test_what_is_refused_counts_against_the_key(limited, body):
    """Good calls, bad calls, large bodies: whatever costs us something is taken off, and the next request waits."""
    limited.post("/v1/batch", body)
    again = limited.post("/v1/batch", body)

    assert is_refusal(again, "rate_limited")


def test_a_pixel_over_the_limit_is_an_image(limited):
    """Whoever looks at a mail sees no error; the lost call is counted."""
    shown = [limited.ask("GET", f"/v1/pixel/track?writeKey=KEY&userId=ana&event=E&messageId=m{n}") for n in range(12)]

    assert {answer.status for answer in shown} == {200}
    assert (len(limited.calls()), limited.ingest.lost_pixels) == (10, 2)


def test_without_limits_nothing_is_said_of_them():
    """By default a key sends as much as it likes."""
    house = House(options=IngestOptions(limits=Limits()))
    assert "ratelimit" not in house.post("/v1/track", track()).headers
    assert house.ingest.limits is None
    house.close()


def test_a_stopping_server_is_503(house):
    """What comes after the stop is told to come again."""
    house.acceptor.stop()

    answer = house.post("/v1/batch", BATCH)

    assert is_refusal(answer, "shutting_down")
    assert answer.headers["retry-after"].isdigit()


# ---- pixel and settings


@pytest.mark.parametrize(
    "target",
    [
        "/v1/pixel/track?writeKey=KEY&userId=ana&event=E",
        "/v1/pixel/track?data=" + base64.urlsafe_b64encode(json.dumps(track(writeKey="KEY")).encode()).decode(),
        "/v1/pixel/page/?writeKey=KEY&userId=ana",
        "/v1/pixel/track",
        "/v1/pixel/track?writeKey=WRONG&userId=ana&event=E",
        "/v1/pixel/track?writeKey=KEY",
        "/v1/pixel/track?data=%%%",
        "/v1/pixel/nonsense?writeKey=KEY",
        "/v1/pixel/",
    ],
    ids=range(9),
)
def test_a_pixel_is_always_an_image(house, target):
    """200 and a GIF of one pixel, whatever became of the call."""
    answer = house.ask("GET", target)

    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.body.startswith(b"GIF89a")
    assert answer.body.endswith(b"\x3b")
    assert answer.headers["cache-control"] == "no-store"


def test_a_pixel_brings_a_call(house):
    """Opened mails count; a bad pixel is among the refused, one that was not logged is counted."""
    house.ask("GET", "/v1/pixel/track?writeKey=KEY&userId=ana&event=Mail_Opened")
    house.ask("GET", "/v1/pixel/track?writeKey=KEY")
    house.acceptor.stop()
    house.ask("GET", "/v1/pixel/track?writeKey=KEY&userId=ana&event=Mail_Opened")

    assert [call.event for call in house.calls()] == ["Mail_Opened"]
    assert house.refused() == ["missing_user"]
    assert house.ingest.lost_pixels == 1


@pytest.mark.parametrize("prefix", ["", "/cdn"])
def test_settings_send_sdks_here(house, prefix):
    """A browser that asks for a project's settings learns this server's address, as it came."""
    answer = house.ask(
        "GET", f"{prefix}/v1/projects/KEY/settings", headers={"Host": "in.acme.example:8443"}, scheme="https"
    )

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json["integrations"]["Segment.io"] == {
        "apiKey": "KEY",
        "apiHost": "in.acme.example:8443/v1",
        "protocol": "https",
    }


def test_settings_may_name_another_address(house):
    """Behind a proxy the operator says where senders reach this server; a strange Host is not repeated."""
    named = House(options=IngestOptions(public_url="https://in.acme.example/uptake/"))
    told = named.ask("GET", "/v1/projects/KEY/settings", headers={"Host": "10.0.0.1"})
    named.close()
    strange = house.ask("GET", "/v1/projects/KEY/settings", headers={"Host": "<script>"})

    assert told.json["integrations"]["Segment.io"]["apiHost"] == "in.acme.example/uptake/v1"
    assert strange.json["integrations"]["Segment.io"]["apiHost"] == "127.0.0.1:8000/v1"


def test_settings_of_an_unknown_key_are_404(house):
    """In JSON, with the origin header, so that the browser can say why."""
    assert is_refusal(house.ask("GET", "/v1/projects/WRONG/settings"), "not_found")
