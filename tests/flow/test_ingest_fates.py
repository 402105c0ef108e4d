"""Whatever is sent, every item has one fate, nothing breaks, and what nobody reads is nowhere on disk."""

import gzip
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingesting import House, basic, track
from uptake.core.calls import CALL_TYPES
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.web.ingest_routes import ROUTES

POSTS = [route.path for route in ROUTES if route.method == "POST"]
BATCHES = ["/v1/batch", "/v1/import", "/v1/b"]
ANSWERS = {200, 202, 400, 401, 408, 413, 429, 503}

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\x00") | st.just("\ud800")
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
fields = {
    "type": st.sampled_from(CALL_TYPES) | values,
    "userId": st.just("ana") | values,
    "event": st.just("E") | values,
    "messageId": st.uuids().map(str) | values,
    "groupId": st.just("acme") | values,
    "previousId": st.just("old") | values,
    "timestamp": st.just("2026-11-23T12:00:00Z") | values,
}
more = dict.fromkeys(["anonymousId", "name", "traits", "properties", "context", "integrations", "sentAt", "x"], values)
items = st.fixed_dictionaries({}, optional={**fields, **more}) | values


@pytest.fixture(scope="module")
def house():
    house = House()
    yield house
    house.close()


def counted(house):
    counts = house.acceptor.counts
    return sum(counts.received.values()), sum(counts.logged.values()), sum(counts.refused.values())


def settled(house):
    """How many items were received so far; each of them is in the log or among the refused, and nowhere else."""
    received, logged, refused = counted(house)
    assert received == logged + refused
    assert logged == house.log.end(1)
    assert refused == len(house.refused())
    return received


@given(
    path=st.sampled_from(BATCHES),
    batch=st.lists(items, max_size=5),
    shared=st.dictionaries(st.text(max_size=4), values),
)
def test_every_item_has_one_fate(house, path, batch, shared):
    """Each item of a batch is logged or refused, once, with its place; the counters and the answer say the same."""
    before, logged = settled(house), house.log.end(1)
    content = json.dumps({"context": 7, "sentAt": "x", **shared, "batch": batch})

    answer = house.post(path, content.encode())

    assert answer.status == 200
    assert settled(house) - before == len(batch)
    listed = [each["index"] for each in answer.json.get("refused", [])]
    assert listed == sorted(set(listed))
    assert house.log.end(1) - logged == len(batch) - answer.json.get("refused_count", 0) == len(batch) - len(listed)


@given(path=st.sampled_from(POSTS), item=items)
def test_every_single_call_has_one_fate(house, path, item):
    """One call is taken or refused, never both, and never a fault of ours."""
    before = settled(house)

    answer = house.post(path, json.dumps(item).encode())

    assert answer.status in ANSWERS
    assert settled(house) - before in (
        (0, 1) if path == "/v1/m" or item in ({}, []) else (1, len(item) if isinstance(item, list) else 1)
    )


@given(
    path=st.sampled_from(POSTS),
    body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    encoding=st.sampled_from([None, "gzip", "deflate", "br", "\xff"]),
    authorization=st.sampled_from([basic("KEY:"), None]) | st.text(max_size=20).map(lambda text: quote(text)),
)
def test_no_bytes_break_a_route(house, path, body, encoding, authorization):
    """Raw bytes, any encoding, any key: an answer in JSON, one of those that the contract names."""
    headers = {"Content-Encoding": encoding, "Authorization": authorization}

    answer = house.ask(
        "POST", path, body, headers={name: value for name, value in headers.items() if value is not None}
    )

    assert answer.status in ANSWERS
    assert isinstance(answer.json, dict)
    settled(house)


@given(
    path=st.sampled_from(CALL_TYPES),
    query=st.text(max_size=60).map(quote) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")),
)
def test_no_query_breaks_a_pixel(house, path, query):
    """Whatever a mail client made of the address, it gets its image."""
    assert house.ask("GET", f"/v1/pixel/{path}?writeKey=KEY&{query.replace('?', '')}").status == 200
    settled(house)


@pytest.mark.parametrize("depth", [10, 63, 64, 65, 500, 990, 2_000, 16_000])
@pytest.mark.parametrize("field", ["traits", "properties", "context", "userId", "x"])
def test_deep_nesting_costs_at_most_its_own_item(house, field, depth):
    """A call nested too deeply is refused, or taken where what is deep is not kept; its neighbours are taken."""
    deep = '{"a":' * depth + "1" + "}" * depth
    bad = f'{{"type": "identify", "userId": "ana", "messageId": "deep", "{field}": {deep}}}'
    before = settled(house)

    alone = house.post("/v1/identify", bad.encode())
    answer = house.post("/v1/batch", f'{{"batch": [{json.dumps(track())}, {bad}]}}'.encode())

    refused = {"traits": depth > 64, "userId": True}.get(field, False)
    if depth < 900:  # beyond, it depends on how deep the stack was
        assert alone.status == (400 if refused else 200)
        assert (answer.status, answer.json.get("refused_count", 0)) == (200, int(refused))
    assert {alone.status, answer.status} <= {200, 400}
    assert settled(house) - before == 1 + (2 if answer.status == 200 else 1)


SECRET = "4111-1111-1111-1111"
PLANTED = {
    "properties": {"card": SECRET, SECRET: 1, "deep": [{"card": SECRET}]},
    "context": {"ip": SECRET, "page": {"url": SECRET}, "device": {"token": SECRET}},
    "integrations": {"Other": {"token": SECRET}, "Accoil Analytics": {"token": SECRET}, "All": SECRET},
    "_metadata": {"x": SECRET},
    "unknown": SECRET,
    SECRET: SECRET,
    "category": SECRET,
    "writeKey": "KEY",
}


def test_what_nobody_reads_is_nowhere_on_disk(tmp_path):
    """A secret in properties, context and unknown fields is in no file of the log, whatever became of the call."""
    house = House(log=SqliteCallLog(tmp_path))
    for place, call_type in enumerate(CALL_TYPES):
        call = track(messageId=..., groupId="acme", previousId="old", name="x", **PLANTED, type=call_type)
        anonymous = {**call, "context": {**PLANTED["context"], "traits": {"card": SECRET}}}
        bodies = [call, {**call, "messageId": f"m{place}"}, {**call, "userId": {}}, {**call, "properties": [SECRET]}]
        if call_type != "identify":
            bodies.append(anonymous)
        house.post("/v1/batch", {"batch": bodies, "context": PLANTED["context"], "unknown": SECRET})
        for path in (f"/v1/{call_type}", "/segment", "/v2/track", "/v1/events"):
            for body in bodies:
                house.post(path, body)
        house.post(
            "/v1/batch", gzip.compress(json.dumps({"batch": bodies}).encode()), headers={"Content-Encoding": "gzip"}
        )
        house.ask("GET", f"/v1/pixel/{call_type}?writeKey=KEY&userId=ana&event=E&properties.card={SECRET}&x={SECRET}")
    assert len(house.calls()) > 60
    assert len(house.refused()) > 40

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = [path for path in files if SECRET.encode() in path.read_bytes() or b'"KEY"' in path.read_bytes()]
    house.close()

    assert files
    assert found == []
