"""What RudderStack's and PostHog's Accoil destinations post, in the shapes that they document."""

from datetime import UTC, datetime

import httpx
import pytest

NOW = datetime.now(UTC).isoformat()

RUDDERSTACK = [
    {"type": "identify", "userId": "ana", "traits": {"email": "ana@example.com", "plan": "pro"}, "timestamp": NOW},
    {"type": "group", "userId": "ana", "groupId": "acme", "traits": {"name": "Acme", "mrr": 9900}, "timestamp": NOW},
    {"type": "track", "userId": "ana", "event": "Report Exported", "timestamp": NOW},
    {"type": "page", "userId": "ana", "name": "Pricing", "timestamp": NOW},
    {"type": "screen", "userId": "ana", "name": "Inbox", "timestamp": NOW},
]
POSTHOG = [
    {"type": "identify", "userId": "bob", "traits": {"email": "bob@example.com", "role": None}, "timestamp": NOW},
    {
        "type": "group",
        "anonymousId": "0191",
        "groupId": "globex",
        "traits": {"name": "Globex", "mrr": 5.5},
        "timestamp": NOW,
    },
    {"type": "track", "userId": "bob", "event": "Report Exported", "timestamp": NOW},
    {"type": "page", "userId": "bob", "name": "/pricing", "timestamp": NOW},
    {"type": "screen", "userId": "bob", "name": "Inbox", "timestamp": NOW},
]


@pytest.mark.parametrize(
    ("bodies", "user", "page"),
    [(RUDDERSTACK, "ana", "Viewed Pricing Page"), (POSTHOG, "bob", "Viewed /pricing Page")],
    ids=["RudderStack", "PostHog"],
)
def test_their_five_bodies_count_once_each(bodies, user, page, served, arrived):
    """Each body is answered 202 `{}` as Accoil answers it, and has the effect that it names."""
    answers = [httpx.post(f"{served.url}/segment", json=body, auth=(served.key, "")) for body in bodies]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {})] * 5
    arrived.settle()
    found = arrived.user(user)
    assert found["events"] == {"Report Exported": 1, page: 1, "Viewed Inbox Screen": 1}
    assert found["email"] == f"{user}@example.com"


def test_a_group_without_a_user_describes_the_account_alone(served, arrived):
    """PostHog's group call names no user: the account has its traits, and nobody joined it."""
    body = {"type": "group", "anonymousId": "0191", "groupId": "umbrella", "traits": {"mrr": 5.5}, "timestamp": NOW}

    assert httpx.post(f"{served.url}/segment", json=body, auth=(served.key, "")).status_code == 202

    arrived.settle()
    umbrella = arrived.account("umbrella")
    assert (umbrella["traits"], umbrella["total_users"]) == ({"mrr": 5.5}, 0)
