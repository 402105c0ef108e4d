"""Segment's calls as every SDK writes them: what is taken, what is refused and why."""

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.calls import CALL_TYPES, Call, Projection
from uptake.core.days import DAY_US, SECOND_US
from uptake.core.errors import CODES
from uptake.sources import segment
from uptake.sources.base import MAX_CALL_BYTES, Incoming
from uptake.sources.reading import SDK, call_of, item_in
from uptake.sources.typed import call_alone, calls_in_batch

NOON_US = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z
NOON = "2026-11-23T12:00:00.000Z"
EVERYTHING = Projection(everything=True)


def incoming(call_type=None, projection=None, **facts):
    return Incoming(NOON_US, projection or Projection(), iter("123456789").__next__, call_type, **facts)


def item(**fields):
    fields = {
        "type": "track",
        "userId": "ana",
        "event": "Report_Created",
        "messageId": "m1",
        "timestamp": NOON,
        **fields,
    }
    return {key: value for key, value in fields.items() if value is not ...}


def batch(*items, projection=None, facts=None, **shared):
    return segment.decode_batch(
        json.dumps({"batch": items, **shared}).encode(), incoming(None, projection, **(facts or {}))
    )


def only(decoded):
    assert decoded.refused == []
    (call,) = decoded.calls
    return call


def one(projection=None, **fields):
    return only(batch(item(**fields), projection=projection))


def codes(decoded):
    return [(each.index, each.code, each.place) for each in decoded.refused]


def test_a_track_call_is_taken():
    """Ids, event and time are kept; what nobody reads of properties and context is not."""
    call = one(properties={"secret": 1}, context={"ip": "203.0.113.7"}, unknown="x")

    assert call == Call(type="track", message_id="m1", at_us=NOON_US, user_id="ana", event="Report_Created")


@pytest.mark.parametrize("call_type", CALL_TYPES)
def test_a_single_route_names_the_type(call_type):
    """On a route of its own, a call's type is the route's, whatever the body says."""
    body = item(type="page", groupId="acme", previousId="old")

    call = only(segment.decode_one(json.dumps(body).encode(), incoming(call_type)))

    assert (call.type, call.group_id, call.previous_id) == (call_type, "acme", "old")


def test_explicit_nulls_are_absent():
    """Python's SDK writes null for what is not set; it means nothing."""
    nulls = dict.fromkeys(
        (
            *("anonymousId", "groupId", "traits", "properties", "context", "integrations", "name", "sentAt"),
            *("receivedAt", "originalTimestamp", "previousId", "category"),
        )
    )

    assert one(**nulls) == one()
    assert one(**nulls, projection=EVERYTHING) == one(projection=EVERYTHING)


def test_a_null_trait_is_kept():
    """A null inside traits clears the trait, so it stays."""
    assert one(type="identify", traits={"plan": None, "seats": 3}).traits == {"plan": None, "seats": 3}


def test_empty_ids_are_absent():
    """An empty userId beside an anonymousId says nothing."""
    call = one(userId="", anonymousId="anon", groupId="")

    assert (call.user_id, call.anonymous_id, call.group_id) == (None, "anon", None)


@pytest.mark.parametrize(("written", "text"), [(42, "42"), (42.0, "42"), (0, "0"), (10**20, "1" + "0" * 20)], ids=repr)
def test_numeric_ids_become_text(written, text):
    """An id that is a whole number is its digits, in every place."""
    call = one(type="group", userId=written, groupId=written, messageId=written, context={"groupId": written})

    assert (call.user_id, call.group_id, call.message_id) == (text, text, text)
    assert call.context == {"groupId": text}


def test_the_account_that_a_call_names_is_kept():
    """context.groupId stays, whatever the product reads; context.traits only on identify."""
    context = {"groupId": "acme", "traits": {"plan": "pro"}, "ip": "203.0.113.7"}

    assert one(context=context).context == {"groupId": "acme"}
    assert one(type="identify", context=context).context == {"groupId": "acme", "traits": {"plan": "pro"}}
    assert one(type="group", groupId="x", context=context).context == {"groupId": "acme"}


def test_rudderstack_puts_traits_into_context_alone():
    """An identify whose traits are only in its context keeps them there; traits itself stays absent."""
    call = one(type="identify", context={"traits": {"email": "ana@acme.example", "plan": None}})

    assert call.traits is None
    assert call.context == {"traits": {"email": "ana@acme.example", "plan": None}}


def test_a_batch_speaks_for_its_items():
    """Context, integrations and sentAt of the batch count for each item that does not say otherwise."""
    decoded = batch(
        item(type="identify", context={"groupId": "own"}),
        item(messageId="m2", context={"groupId": None}, integrations={"All": True}),
        context={"groupId": "acme", "traits": {"plan": "pro"}, "ip": "203.0.113.7"},
        integrations={"All": False, "Mixpanel": {"secret": 1}},
    )

    first, second = decoded.calls
    assert first.context == {"groupId": "own", "traits": {"plan": "pro"}}
    assert (first.integrations, second.integrations) == ({"All": False}, {"All": True})
    assert second.context == {"groupId": "acme"}


def test_of_integrations_only_our_switch_is_kept():
    """All, Accoil Analytics and Uptake stay, as true, false or null; options count as true."""
    integrations = {"All": False, "Accoil Analytics": {"token": "secret"}, "Uptake": None, "Mixpanel": True}

    assert one(integrations=integrations).integrations == {"All": False, "Accoil Analytics": True, "Uptake": None}
    assert one(integrations={"Mixpanel": False}).integrations is None


REFUSED = [
    ({"userId": ...}, "missing_user", "$.userId"),
    ({"userId": None, "anonymousId": ""}, "missing_user", "$.userId"),
    ({"userId": {}}, "bad_id", "$.userId"),
    ({"userId": True}, "bad_id", "$.userId"),
    ({"userId": 1.5}, "bad_id", "$.userId"),
    ({"userId": "a\x00"}, "bad_id", "$.userId"),
    ({"userId": "x" * 501}, "id_too_long", "$.userId"),
    ({"messageId": "x" * 201}, "id_too_long", "$.messageId"),
    ({"messageId": []}, "bad_id", "$.messageId"),
    ({"type": "purchase"}, "unknown_type", "$.type"),
    ({"type": ...}, "unknown_type", "$.type"),
    ({"type": ["track"]}, "unknown_type", "$.type"),
    ({"event": ...}, "missing_event", "$.event"),
    ({"event": ""}, "missing_event", "$.event"),
    ({"event": 7}, "bad_field", "$.event"),
    ({"event": "x" * 501}, "id_too_long", "$.event"),
    ({"type": "group"}, "missing_group_id", "$.groupId"),
    ({"type": "group", "groupId": []}, "bad_id", "$.groupId"),
    ({"type": "alias"}, "missing_previous_id", "$.previousId"),
    ({"type": "page", "name": 404}, "bad_field", "$.name"),
    ({"type": "identify", "traits": "x"}, "bad_field", "$.traits"),
    ({"type": "identify", "traits": {"a": "\x00"}}, "bad_field", "$.traits"),
    ({"type": "identify", "traits": {"a": {"\x00": 1}}}, "bad_field", "$.traits"),
    ({"type": "identify", "traits": {"a": [10**30]}}, "bad_field", "$.traits"),
    ({"type": "identify", "traits": {"a": "\ud83d"}}, "bad_field", "$.traits"),
    ({"type": "identify", "context": {"traits": []}}, "bad_field", "$.context.traits"),
    ({"properties": []}, "bad_field", "$.properties"),
    ({"context": "x"}, "bad_field", "$.context"),
    ({"context": {"groupId": {}}}, "bad_id", "$.context.groupId"),
    ({"context": {"groupId": "x" * 501}}, "id_too_long", "$.context.groupId"),
    ({"integrations": []}, "bad_field", "$.integrations"),
    ({"timestamp": "yesterday"}, "bad_timestamp", "$.timestamp"),
    ({"timestamp": True}, "bad_timestamp", "$.timestamp"),
    ({"timestamp": None, "originalTimestamp": {}}, "bad_timestamp", "$.originalTimestamp"),
    ({"properties": {"big": "x" * MAX_CALL_BYTES}}, "call_too_large", "$"),
]


@pytest.mark.parametrize(("fields", "code", "place"), REFUSED, ids=range(len(REFUSED)))
@pytest.mark.parametrize(
    "projection", [Projection(), Projection(properties=frozenset({("plan",)})), EVERYTHING], ids="lwe"
)
def test_a_bad_item_costs_its_neighbours_nothing(fields, code, place, projection):
    """An item is refused with a code, its place and its index; those beside it are taken, whatever is kept."""
    decoded = batch(item(messageId="a"), item(**fields), item(messageId="b"), projection=projection)

    assert codes(decoded) == [(1, code, place)]
    assert CODES[code].status == 400
    assert [each.message_id for each in decoded.calls] == ["a", "b"]


@pytest.mark.parametrize(
    "bad", ["17", "null", '"track"', "[]", '{"type": "track", "userId": NaN}', '{"userId": "\xff"}']
)
def test_an_item_that_is_no_object_costs_its_neighbours_nothing(bad):
    """Not even what is not JSON, as long as it is clear where it ends."""
    good = json.dumps(item())
    body = f'{{"batch": [{good}, {bad}, {good}]}}'.encode("latin-1")

    decoded = segment.decode_batch(body, incoming())

    assert [each.index for each in decoded.refused] == [1]
    assert len(decoded.calls) == 2


def test_halves_of_surrogate_pairs_matter_only_where_they_are_kept():
    """A title cut in the middle of an emoji is no reason to lose a call that does not keep the title."""
    assert one(properties={"title": "\ud83d"}) == one()
    assert one(properties={"title": "\ud83d"}, messageId=..., projection=Projection()).message_id.startswith("hash-")
    assert codes(batch(item(properties={"title": "\ud83d"}), projection=EVERYTHING)) == [
        (0, "bad_field", "$.properties")
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"nonsense", "bad_json"),
        (b'{"batch": [', "bad_json"),
        (b"{}", "bad_json"),
        (b'{"batch": {}}', "bad_json"),
        (b'{"batch": null}', "bad_json"),
        (b"17", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"batch": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "bad_json"),
        (json.dumps({"batch": [{}] * 2501}).encode(), "batch_too_long"),
        (json.dumps([item()] * 2501).encode(), "batch_too_long"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(body, code):
    """Without a list of items there is nothing to take."""
    decoded = segment.decode_batch(body, incoming())

    assert decoded.fault is not None
    assert (decoded.fault.code, decoded.calls, decoded.refused) == (code, [], [])


def test_a_batch_may_hold_2500_calls_or_none():
    """The limit itself is taken; an empty batch is no fault."""
    many = batch(*[item(properties=..., messageId=f"{n}") for n in range(2500)])

    assert len(many.calls) == 2500
    assert batch() == segment.decode_batch(b"[]", incoming())
    assert batch().calls == []


def test_a_list_alone_is_a_batch():
    """A body that is only the list of items is taken too."""
    body = json.dumps([item(), item(messageId="m2")]).encode()

    assert [call.message_id for call in segment.decode_batch(body, incoming()).calls] == ["m1", "m2"]


# ---- time


def time_of(facts=None, shared=None, **fields):
    call = only(batch(item(**fields), facts=facts, **(shared or {})))
    return call.at_us - NOON_US, call.notes


def test_the_time_is_timestamp_else_original_else_receipt():
    """timestamp wins over originalTimestamp; a call without either happened when it came."""
    later, earlier = "2026-11-23T11:00:00Z", "2026-11-23T10:00:00Z"

    assert time_of(timestamp=later, originalTimestamp=earlier)[0] == -3600 * SECOND_US
    assert time_of(timestamp=None, originalTimestamp=earlier)[0] == -7200 * SECOND_US
    assert time_of(timestamp=None)[0] == 0


AN_HOUR_AGO = "2026-11-23T11:00:00Z"
BEHIND = 3600 * SECOND_US


def test_a_slow_clock_is_corrected():
    """A sender whose clock is an hour behind did its event an hour later than it says, in batch and item alike."""
    at = "2026-11-23T10:59:50Z"  # ten seconds before it sent
    corrected = (-10 * SECOND_US, ("clock_corrected",))

    assert time_of(timestamp=at, sentAt=AN_HOUR_AGO) == corrected
    assert time_of(timestamp=at, shared={"sentAt": AN_HOUR_AGO}) == corrected
    assert time_of(timestamp=None, originalTimestamp=at, sentAt=AN_HOUR_AGO) == corrected
    assert time_of(timestamp=at, sentAt=NOON, shared={"sentAt": AN_HOUR_AGO})[1] == ()
    assert time_of(timestamp=at, sentAt=1795431600, shared={"sentAt": NOON}) == corrected


def test_a_single_call_is_corrected_too():
    """A call on its own route brings its own sentAt."""
    body = json.dumps(item(sentAt=AN_HOUR_AGO, timestamp=AN_HOUR_AGO)).encode()

    assert only(segment.decode_one(body, incoming("track"))).at_us == NOON_US


@pytest.mark.parametrize(
    "case",
    [
        {"facts": {"repeated": True}, "sentAt": AN_HOUR_AGO},
        {"sentAt": AN_HOUR_AGO, "receivedAt": NOON},
        {"sentAt": AN_HOUR_AGO, "originalTimestamp": AN_HOUR_AGO},
        {"sentAt": "2026-11-23T11:59:30Z"},
        {"sentAt": "no time"},
        {"sentAt": {}},
        {},
    ],
    ids=range(7),
)
def test_a_clock_is_not_corrected(case):
    """Not on a repeat, not with a receivedAt or both times of its own, not within a minute, not without sentAt."""
    assert time_of(timestamp=AN_HOUR_AGO, **case) == (-BEHIND, ())


def test_a_time_far_ahead_becomes_receipt():
    """More than 24 hours in the future is a broken clock."""
    assert time_of(timestamp="2026-11-24T12:00:00Z") == (DAY_US, ())
    assert time_of(timestamp="2026-11-24T12:00:01Z") == (0, ("future_time",))


# ---- messageId


def test_a_call_without_messageid_has_the_hash_of_its_content():
    """The same item twice is one message; order of keys, sentAt, receivedAt, _metadata and keys do not count."""
    first = one(messageId=..., properties={"a": 1, "b": 2})
    again = {**item(messageId=..., sentAt=NOON, receivedAt=NOON, _metadata={"retryCount": 1}, writeKey="KEY")}
    again["properties"] = {"b": 2, "a": 1}

    assert first.message_id == only(batch(again)).message_id
    assert len(first.message_id) <= 200


@pytest.mark.parametrize(
    "other",
    [
        {"properties": {"a": 2}},
        {"event": "Report_Shared"},
        {"timestamp": "2026-11-23T12:00:00.001Z"},
        {"userId": "bob"},
        {"context": {"ip": "203.0.113.8"}},
    ],
    ids=range(5),
)
def test_whatever_differs_makes_another_message(other):
    """Also what is dropped before the log tells two messages apart."""
    assert (
        one(messageId=..., properties={"a": 1}).message_id
        != one(messageId=..., **{"properties": {"a": 1}, **other}).message_id
    )


def test_a_call_with_neither_messageid_nor_time_is_always_new():
    """Two such calls are two calls, even if all else is the same."""
    decoded = batch(item(messageId=..., timestamp=...), item(messageId=None, timestamp=None))

    assert [call.message_id for call in decoded.calls] == ["1", "2"]


def test_a_page_and_a_screen_are_two_messages():
    """Where the route names the type, it counts in the hash."""
    body = json.dumps(item(messageId=..., name="Home")).encode()

    page, screen = (only(segment.decode_one(body, incoming(each))) for each in ("page", "screen"))

    assert page.message_id != screen.message_id


# ---- what is kept


def test_only_the_paths_that_are_read_are_kept():
    """Of properties and context exactly what the product reads is left; lists are kept whole."""
    projection = Projection(
        properties=frozenset({("plan",), ("a", "b"), ("products",)}),
        context=frozenset({("page", "path")}),
        extra=frozenset({"category", "writeKey"}),
    )
    fields = {
        "properties": {"plan": "pro", "a": {"b": 1, "secret": 2}, "products": [{"sku": 1}], "secret": 3},
        "context": {"page": {"path": "/x", "secret": 4}, "groupId": "acme", "traits": {"secret": 5}},
        "category": "docs",
        "secret": 6,
        "writeKey": "KEY",
    }

    call = one(projection=projection, **fields)

    assert call.properties == {"plan": "pro", "a": {"b": 1}, "products": [{"sku": 1}]}
    assert call.context == {"page": {"path": "/x"}, "groupId": "acme"}
    assert call.extra == {"category": "docs"}


def test_everything_may_be_kept_but_no_key():
    """With the setting that keeps everything, only credentials are dropped."""
    call = one(
        projection=EVERYTHING, properties={"a": 1}, context={"ip": "x"}, category="docs", writeKey="KEY", api_key="KEY"
    )

    assert (call.properties, call.context, call.extra) == (
        {"a": 1},
        {"ip": "x"},
        {
            "category": "docs",
        },
    )


def test_the_fast_way_agrees_with_the_slow_one():
    """Where the typed decoder takes a body, reading item by item gives the same calls."""
    random = Random(7)
    taken = Counter()
    for _ in range(4_000):
        paths = frozenset({random.choice([("a",), ("traits", "a")])})
        projection = random.choice([Projection(), Projection(properties=paths), Projection(context=paths)])
        shared = random.choice([{}, {"sentAt": AN_HOUR_AGO}, {"sentAt": "x"}, {"context": {"groupId": "g"}}])
        facts = incoming(None, projection, repeated=random.random() < 0.3)
        body = json.dumps({"batch": [odd_item(random) for _ in range(2)], **shared}).encode()

        fast = calls_in_batch(body, facts)

        items, rest = segment.batch_in(body)
        slow = segment.read_each(items, lambda raw, facts=facts, rest=rest: call_of(item_in(raw), SDK, facts, rest))
        taken[fast is not None] += 1
        assert fast is None or (fast, []) == (slow.calls, slow.refused)

    assert min(taken.values()) > 300


def test_the_fast_way_agrees_on_single_calls():
    """The same for a route that takes one call."""
    random = Random(8)
    taken = Counter()
    for _ in range(2_000):
        facts = incoming(random.choice(CALL_TYPES), repeated=random.random() < 0.3)
        body = json.dumps(odd_item(random)).encode()

        fast = call_alone(body, facts)

        taken[fast is not None] += 1
        assert fast is None or fast == call_of(item_in(body), SDK, facts)

    assert min(taken.values()) > 300


def odd_item(random):
    """An item that is mostly right, with now and then an oddity in some field."""

    def pick(usual, odd):
        return random.choice(odd if random.random() < 0.04 else usual)

    def an_id():
        return pick(["ana", "bob"], ["", None, 7, 7.0, "x" * 501, "\x00"])

    def a_time():
        return pick([NOON, AN_HOUR_AGO, 1795435200], ["2026-11-25T00:00:00Z", None, 1.5, "2026-11-23", "x"])

    def an_object():
        return pick([{}, {"a": 1}, {"a": None}, {"b": "x"}, {"a": {"a": [1]}}], [{"a": 10**30}, {"a": "\x00"}, 7, None])

    def a_context():
        usual = [{}, {"groupId": "acme"}, {"traits": {"a": 1}}, {"ip": 1}, {"groupId": "x", "traits": {}}]
        return pick(usual, [{"groupId": 7}, {"traits": 7}, {"groupId": ""}, {"traits": {"a": 10**30}}, 7, None])

    makers = {"timestamp": a_time, "originalTimestamp": a_time, "sentAt": a_time, "receivedAt": a_time}
    makers |= {"anonymousId": an_id, "previousId": an_id, "name": an_id, "groupId": an_id, "context": a_context}
    makers |= {"traits": an_object, "properties": an_object}
    makers |= {"integrations": lambda: pick([{}, {"All": False}, {"Mixpanel": {}, "Uptake": True}], [7, {"All": None}])}
    fields = {name: make() for name, make in makers.items() if random.random() < 0.4}
    needed = {"type": pick(CALL_TYPES, [None, "x"]), "userId": an_id(), "event": an_id(), "messageId": an_id()}
    return needed | fields


@given(body=st.binary(max_size=300))
def test_no_bytes_break_a_source(body):
    """Whatever the bytes, a source answers with calls and refusals."""
    for decoded in (segment.decode_batch(body, incoming()), segment.decode_one(body, incoming("track"))):
        assert decoded.calls or decoded.refused or decoded.fault


def test_refusals_never_repeat_what_was_sent():
    """A message says what was expected and which type came: the value may be private."""
    secret = "4111-1111-1111-1111"
    decoded = batch(
        *[{**item(), **{key: [secret]}} for key in ("userId", "event", "traits", "properties", "context", "messageId")],
        *[{**item(), **{key: secret}} for key in ("traits", "properties", "context", "integrations")],
    )

    assert len(decoded.refused) == 10
    assert secret not in repr(decoded.refused)
