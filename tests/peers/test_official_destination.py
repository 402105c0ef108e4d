"""Segment's own Accoil Analytics destination (npm @segment/action-destinations) sends to a running Uptake.

Only its host is another one; presets, validation, authorization and connection test are Segment's.
"""

from datetime import UTC, datetime

import pytest

DONE = ["Mappings resolved", "Payload validated", "Action Executed"]
SKIPPED = ["not subscribed"] * 4


def event(kind, user, **fields):
    """A call as Segment hands it to a destination."""
    now = datetime.now(UTC).isoformat()
    return {"type": kind, "messageId": f"{kind}-{user}", "userId": user, "timestamp": now, "context": {}, **fields}


def delivered(outcome):
    """Whether exactly one of the five presets took the event and delivered it."""
    return sorted(outcome) == sorted([*DONE, *SKIPPED])


def test_the_five_actions_have_their_effect(served, arrived, destination):
    """identify, group, track, page and screen arrive, each counts once, and traits are what Segment's mapping sent."""
    before = arrived.settle()
    traits = {"email": "ana@example.com", "name": "Ana", "role": "admin", "createdAt": "2025-03-04T10:11:12.000Z"}
    events = [
        event("identify", "ana", traits={**traits, "seats": 12}),
        event("group", "ana", groupId="acme", traits={"name": "Acme", "plan": "pro", "mrr": "9900", "region": "north"}),
        event("track", "ana", event="Report Exported", properties={"format": "pdf"}),
        event("page", "ana", name="Pricing"),
        event("screen", "ana", name="Inbox"),
    ]

    outcomes = destination(*({"key": served.key, "event": each} for each in events))

    assert all(map(delivered, outcomes)), outcomes
    assert arrived.settle() == before + 5
    ana, acme = arrived.user("ana"), arrived.account("acme")
    assert ana["events"] == {"Report Exported": 1, "Viewed Pricing Page": 1, "Viewed Inbox Screen": 1}
    assert ana["traits"] == {**traits, "seats": 12}
    assert (ana["account"], ana["email"], acme["active_users"]) == ("acme", "ana@example.com", 1)
    assert acme["traits"] == {"name": "Acme", "plan": "pro", "mrr": 9900, "region": "north"}
    assert (ana["raw_score"], acme["raw_score"]) == (3.0, 3.0)


def test_a_repeated_delivery_counts_once(served, arrived, destination):
    """Segment repeats a delivery without a messageId; the same content at the same time is the same call."""
    again = {"key": served.key, "event": event("track", "eve", event="Invoice Sent")}

    assert all(map(delivered, destination(again, again)))

    arrived.settle()
    assert arrived.user("eve")["events"] == {"Invoice Sent": 1}


def test_a_good_key_passes_the_connection_test(served, arrived, destination):
    """Segment's test of the connection succeeds, with a staging prefix too, and leaves no call behind."""
    before = arrived.settle()

    assert destination({"key": served.key}, {"key": f"stg_{served.key}"}) == [["connected"], ["connected"]]

    assert arrived.settle() == before


@pytest.mark.parametrize("key", ["wrong", "", "stg_wrong"])
def test_a_wrong_key_fails_the_connection_test(key, destination):
    """Whoever pastes a wrong key into Segment is told at once."""
    (outcome,) = destination({"key": key})

    assert "Credentials are invalid" in outcome["error"]
    assert "401" in outcome["error"]


def test_a_wrong_key_delivers_nothing(arrived, destination):
    """An event under a wrong key is refused with 401, which Segment shows, and bob stays unknown."""
    before = arrived.settle()

    (outcome,) = destination({"key": "wrong", "event": event("track", "bob", event="Report Exported")})

    assert outcome["status"] == 401
    assert arrived.settle() == before
    assert "bob" not in arrived.names("users")


def test_what_segment_refuses_never_arrives(served, arrived, destination):
    """An event that fails the preset's validation is discarded by Segment before it is sent."""
    before = arrived.settle()
    spoilt = event("group", "bob", groupId="acme", traits={"mrr": "$99"})

    (outcome,) = destination({"key": served.key, "event": spoilt})

    assert outcome["error"] == "MRR must be a number but it was a string."
    assert arrived.settle() == before
