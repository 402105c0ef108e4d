"""Accoil's own routes, what an Accoil destination posts, and raw events beside them."""

import json

import pytest

from uptake.core.calls import Call, Projection
from uptake.sources import accoil, segment_webhook
from uptake.sources.base import Incoming

NOON_US = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z
NOON = "2026-11-23T12:00:00Z"
NOON_MS = 1_795_435_200_000


def incoming(call_type=None):
    return Incoming(NOON_US, Projection(), iter("123456789").__next__, call_type)


def v2(call_type, **body):
    return accoil.decode_v2(json.dumps(body).encode(), incoming(call_type))


def legacy(call_type, **body):
    return accoil.decode_legacy(json.dumps({"api_key": "KEY", **body}).encode(), incoming(call_type))


def posted(body):
    return segment_webhook.decode(json.dumps(body).encode(), incoming())


def only(decoded):
    assert decoded.refused == []
    assert decoded.fault is None
    (call,) = decoded.calls
    return call


def code(decoded):
    assert decoded.calls == []
    (rejection,) = decoded.refused
    return rejection.code, rejection.place


# ---- /v2


def test_v2_calls_are_direct():
    """What Accoil's API takes passes no mapping; a missing time is the moment of receipt."""
    identify = only(v2("identify", userId="ana", groupId="acme", traits={"created_at": NOON, "plan": None}))
    group = only(v2("group", groupId="acme", traits={"mrr": 9900}))
    track = only(v2("track", userId=7, event="Report_Created", timestamp=NOON))

    assert identify.traits == {"created_at": NOON, "plan": None}
    assert (identify.user_id, identify.group_id, identify.at_us, identify.direct) == ("ana", "acme", NOON_US, True)
    assert (group.user_id, group.group_id, group.direct) == (None, "acme", True)
    assert (track.user_id, track.event, track.direct) == ("7", "Report_Created", True)


@pytest.mark.parametrize("stamp", [NOON, 1795435200, NOON_MS, str(NOON_MS), "2026-11-23T13:00:00+01:00"], ids=repr)
def test_v2_takes_every_form_of_time(stamp):
    """ISO 8601 or Unix time."""
    assert only(v2("track", userId="ana", event="E", timestamp=stamp)).at_us == NOON_US


def test_v2_keeps_the_account_that_an_event_names():
    """context.groupId of a track call is kept."""
    assert only(v2("track", userId="ana", event="E", context={"groupId": "acme"})).context == {"groupId": "acme"}


def test_v2_takes_both_spellings_of_ids():
    """user_id and group_id count as userId and groupId, which win where both are there."""
    call = only(v2("identify", user_id="ana", group_id="other", groupId="acme"))

    assert (call.user_id, call.group_id) == ("ana", "acme")


@pytest.mark.parametrize(
    ("call_type", "body", "refused"),
    [
        ("identify", {"anonymousId": "x"}, ("missing_user_id", "$.userId")),
        ("group", {"userId": "ana"}, ("missing_group_id", "$.groupId")),
        ("track", {"userId": "ana"}, ("missing_event", "$.event")),
        ("track", {"event": "E"}, ("missing_user_id", "$.userId")),
        ("track", {"event": "E", "userId": "ana", "timestamp": "soon"}, ("bad_timestamp", "$.timestamp")),
        ("track", {}, ("missing_user_id", "$.userId")),
    ],
    ids=range(6),
)
def test_v2_says_what_is_missing(call_type, body, refused):
    """There are no anonymous users: each call needs what Accoil needs."""
    assert code(v2(call_type, **body)) == refused


@pytest.mark.parametrize("body", [b"", b"[]", b"17", b"nonsense", b'{"userId": "ana"'], ids=range(5))
def test_a_body_that_is_no_object_is_refused(body):
    """A single call's body is one JSON object."""
    for decode in (accoil.decode_v2, accoil.decode_legacy):
        assert decode(body, incoming("track")).refused[0].code in ("bad_json", "not_an_object")


def test_the_same_v2_call_twice_is_one_message():
    """A repeat after a timeout has the same hash; without any time nothing tells it from a second event."""
    calls = [only(v2("track", userId="ana", event="E", timestamp=NOON)) for _ in range(2)]
    untimed = v2("track", userId="ana", event="E")

    assert calls[0].message_id == calls[1].message_id
    assert only(untimed).message_id == "1"


# ---- legacy


def test_legacy_calls_are_direct():
    """Snake case, the key in the body, whole milliseconds."""
    user = only(legacy("identify", user_id="ana", group_id="acme", timestamp=NOON_MS, traits={"plan": "pro"}))
    account = only(legacy("group", group_id="acme", timestamp=NOON_MS))
    event = only(legacy("track", user_id="ana", event="E", timestamp=NOON_MS))

    assert (user.user_id, user.group_id, user.traits) == ("ana", "acme", {"plan": "pro"})
    assert (account.type, account.group_id) == ("group", "acme")
    assert (event.type, event.event) == ("track", "E")
    assert {each.at_us for each in (user, account, event)} == {NOON_US}
    assert all(each.direct for each in (user, account, event))


@pytest.mark.parametrize(
    ("stamp", "refused"),
    [
        (None, "missing_timestamp"),
        (NOON, "bad_timestamp"),
        (str(NOON_MS), "bad_timestamp"),
        (float(NOON_MS) + 0.5, "bad_timestamp"),
        (True, "bad_timestamp"),
        ([], "bad_timestamp"),
        (-1, "bad_timestamp"),
        (10**40, "bad_timestamp"),
    ],
    ids=repr,
)
def test_legacy_demands_whole_milliseconds(stamp, refused):
    """The timestamp is required, a whole number."""
    assert code(legacy("track", user_id="ana", event="E", timestamp=stamp)) == (refused, "$.timestamp")


def test_the_key_does_not_tell_messages_apart():
    """A body's key is neither kept nor hashed."""
    calls = [
        only(legacy("track", user_id="ana", event="E", timestamp=NOON_MS)),
        only(legacy("track", user_id="ana", event="E", timestamp=NOON_MS, api_key="stg_KEY")),
    ]

    assert calls[0] == calls[1]


# ---- /segment

MAPPED = {
    "identify": {"type": "identify", "userId": "ana", "traits": {"email": "ana@acme.example"}, "timestamp": NOON},
    "group": {"type": "group", "userId": "ana", "groupId": "acme", "traits": {"mrr": 9900}, "timestamp": NOON},
    "track": {"type": "track", "userId": "ana", "event": "Report_Created", "timestamp": NOON},
    "page": {"type": "page", "userId": "ana", "name": "Home", "timestamp": NOON},
    "screen": {"type": "screen", "timestamp": NOON},
}


@pytest.mark.parametrize("call_type", MAPPED)
def test_a_mapped_body_is_direct(call_type):
    """What a destination's mapping made passes no second mapping; a page may come without user and name."""
    call = only(posted(MAPPED[call_type]))

    assert (call.type, call.direct, call.at_us) == (call_type, True, NOON_US)
    assert call.message_id.startswith("hash-")


@pytest.mark.parametrize(
    "mark", [{"messageId": "m1"}, {"context": {}}, {"context": {"ip": "x"}, "messageId": "m1"}], ids=range(3)
)
def test_a_raw_event_passes_the_mappings(mark):
    """An event with messageId or context is Segment's own, not yet mapped."""
    call = only(posted({**MAPPED["track"], **mark, "properties": {"secret": 1}}))

    assert call.direct is False
    assert call.properties is None


def test_nulls_make_no_raw_event():
    """A null messageId is no messageId."""
    assert only(posted({**MAPPED["track"], "messageId": None, "context": None})).direct is True


def test_a_raw_event_keeps_segments_time():
    """A forwarded event was corrected where it was received: its sentAt says nothing about us."""
    sent = {"messageId": "m1", "sentAt": "2026-11-23T09:00:00Z", "timestamp": "2026-11-23T09:00:00Z"}

    call = only(posted({**MAPPED["track"], **sent}))

    assert (NOON_US - call.at_us, call.notes) == (3 * 3600 * 1_000_000, ())


def test_an_empty_object_is_a_connection_test():
    """Nothing is logged and nothing refused, with or without a key in it."""
    for body in ({}, {"api_key": "KEY"}, {"writeKey": "KEY"}):
        decoded = posted(body)
        assert (decoded.calls, decoded.refused, decoded.fault) == ([], [], None)


def test_a_list_of_events_is_taken():
    """Segment's webhooks may send several at once; a bad one costs the others nothing."""
    decoded = posted([MAPPED["track"], {**MAPPED["track"], "messageId": "m1"}, {"type": "track"}, 17])

    assert [call.direct for call in decoded.calls] == [True, False]
    assert [(each.index, each.code) for each in decoded.refused] == [(2, "missing_user_id"), (3, "not_an_object")]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"userId": "ana"}, ("unknown_type", "$.type")),
        ({"type": "identify"}, ("missing_user_id", "$.userId")),
        ({"type": "track", "userId": "ana"}, ("missing_event", "$.event")),
        ({"type": "group", "userId": "ana"}, ("missing_group_id", "$.groupId")),
        ({"type": "track", "event": "E", "messageId": "m"}, ("missing_user", "$.userId")),
        (17, ("not_an_object", "$")),
    ],
    ids=range(6),
)
def test_segment_says_what_is_missing(body, refused):
    """Mapped bodies need what the action needs, raw events what Segment needs."""
    assert code(posted(body)) == refused


def test_an_anonymous_raw_event_is_taken():
    """A raw event may be anonymous, as at Segment; its mapping will tell."""
    call = only(posted({"type": "page", "anonymousId": "x", "context": {}, "timestamp": NOON}))

    assert call == Call(type="page", message_id=call.message_id, at_us=NOON_US, anonymous_id="x")
