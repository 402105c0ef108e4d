"""Calls in a query, history in lines, and keys in bodies."""

import base64
import gzip
import json
from urllib.parse import quote, urlencode

import pytest

from uptake.core.calls import Projection
from uptake.sources import jsonl, pixel
from uptake.sources.base import Incoming
from uptake.sources.keys import key_in_body, key_in_query

NOON_US = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z
CALL = {"userId": "ana", "event": "Mail_Opened", "messageId": "m1", "timestamp": "2026-11-23T12:00:00Z"}


def incoming(call_type=None):
    return Incoming(NOON_US, Projection(), iter("123456789").__next__, call_type)


def seen(query):
    decoded = pixel.decode(query if isinstance(query, bytes) else query.encode(), incoming("track"))
    assert decoded.refused == []
    return decoded.calls[0]


def packed(call):
    return base64.b64encode(json.dumps(call).encode()).decode()


def test_a_pixel_brings_base64():
    """data is base64 of the call's JSON, in either alphabet, with or without padding, and with pluses lost."""
    name = "Møøse_Opened_>>>???"  # gives + and / in base64
    for data in (packed({**CALL, "event": name}), packed({**CALL, "event": name, "x": "1"})):
        forms = [quote(data, safe=""), data.rstrip("="), data.replace("+", "-").replace("/", "_"), data]
        assert {seen(f"data={form}").event for form in forms} == {name}


def test_a_pixel_brings_plain_parameters():
    """Dotted keys make objects; every value is text."""
    query = urlencode({**CALL, "timestamp": "1795435200", "context.groupId": "acme", "properties.a.b": "1"})

    call = seen(query)

    assert (call.user_id, call.event, call.at_us, call.context) == ("ana", "Mail_Opened", NOON_US, {"groupId": "acme"})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"", "missing_user"),
        (b"data=%%%", "bad_encoding"),
        (b"data=" + base64.b64encode(b"nonsense"), "bad_json"),
        (b"data=" + base64.b64encode(b"[]"), "not_an_object"),
        (b"userId=ana", "missing_event"),
        (b"userId=%00&event=E", "bad_id"),
        (b"&".join(b"a=1" for _ in range(2000)), "bad_json"),
        (b"userId=ana&event=E&context=1&context.groupId=2", "bad_field"),
        (b"userId=\xff&event=E&timestamp=x", "bad_timestamp"),
    ],
    ids=range(9),
)
def test_a_bad_pixel_is_refused_with_a_reason(query, code):
    """What cannot be a call says why, and breaks nothing."""
    (rejection,) = pixel.decode(query, incoming("track")).refused
    assert rejection.code == code


def test_keys_are_found_in_queries():
    """A key stands in a parameter, or inside the data."""
    assert key_in_query(b"writeKey=KEY&userId=ana") == "KEY"
    assert key_in_query(b"api_key=KEY") == "KEY"
    assert key_in_query(b"data=" + packed({**CALL, "writeKey": "KEY"}).encode()) == "KEY"
    assert key_in_query(b"writeKey=KEY&data=" + packed(CALL).encode()) == "KEY"
    assert key_in_query(b"userId=ana") is None
    assert key_in_query(b"data=%%%") is None


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"writeKey": "KEY"}, "KEY"),
        ({"api_key": "KEY"}, "KEY"),
        ({"batch": [{"writeKey": "KEY"}], "writeKey": None}, "KEY"),
        ({"batch": [{"userId": "ana"}, {"writeKey": "KEY"}]}, "KEY"),
        ({"batch": [7, {"writeKey": "KEY"}]}, "KEY"),
        ({"batch": 7, "writeKey": "KEY"}, "KEY"),
        ({"batch": [{"n": float("nan"), "writeKey": "KEY"}]}, "KEY"),
        ({"batch": [{"properties": {"writeKey": "KEY"}}]}, None),
        ([{"writeKey": "KEY"}], "KEY"),
        ({"writeKey": 7, "api_key": ""}, None),
        ({}, None),
        (7, None),
    ],
    ids=range(12),
)
def test_keys_are_found_in_bodies(body, key):
    """The body's own key, else the first item's that has one, whatever is wrong with the calls."""
    assert key_in_body(json.dumps(body).encode()) == key


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[" * 100_000, b"\xff\xfe", gzip.compress(b"{}")], ids=range(5))
def test_a_body_that_is_no_json_has_no_key(body):
    """Nothing is found, and nothing breaks."""
    assert key_in_body(body) is None


def test_history_is_read_line_by_line():
    """Each line has its own times, and no clock is corrected; a bad line says which it was."""
    lines = [
        json.dumps({**CALL, "type": "track", "timestamp": "2015-01-01T00:00:00Z", "sentAt": "2015-01-01T00:00:09Z"}),
        "not JSON",
        json.dumps({"type": "identify", "userId": "ana", "traits": {"plan": "pro"}}) + "\r\n",
        json.dumps({**CALL, "type": "track", "messageId": "m2", "timestamp": "2027-01-01T00:00:00Z"}),
    ]

    decoded = jsonl.decode_lines([line.encode() for line in lines], incoming())

    assert [(each.index, each.code) for each in decoded.refused] == [(1, "bad_json")]
    assert [call.at_us - NOON_US for call in decoded.calls] == [1_420_070_400_000_000 - NOON_US, 0, 0]
    assert [call.notes for call in decoded.calls] == [(), (), ("future_time",)]
    assert not any(call.direct for call in decoded.calls)
