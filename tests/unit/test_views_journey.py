"""One call followed from its bytes to what it counts for, and the latest calls narrowed down."""

import msgspec
import pytest

from tests.house import NOW_US, House, ago
from uptake.core.calls import Call
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.core.effects import Acted
from uptake.core.errors import Rejection
from uptake.pipeline.merges import merge_ids
from uptake.views.base import Unknown
from uptake.views.journey import Merged, journey_of
from uptake.views.live import LiveQuery, live_calls, refusal_key, refusal_named

DAY_US = 86_400_000_000
CONFIG = ProductConfig(
    features=(Feature("Reporting", events=("Export",)), Feature("Search", events=("Find",))),
    workspaces=(
        Workspace("Engagement", 1, features={"Reporting": 8}),
        Workspace("Month", 2, window_days=30, features={"Reporting": 2, "Search": 3}),
    ),
    exclusions=Exclusions(users=("robot",)),
    ignored_events=("Ping",),
)


@pytest.fixture
def house():
    """ana joined acme ten days ago and globex two days ago; robot is excluded."""
    house = House(CONFIG)
    house.group("ana", "acme", day=10)
    house.group("ana", "globex", day=2)
    return house


def followed(house, at=None):
    """The journey of the call at an offset, by default of the last one."""
    house.settle()
    return journey_of(house.product, house.log.end(1) - 1 if at is None else at)


def test_an_event_counts_for_the_account_of_its_moment(house):
    """The account, since when the user is in it, the day, the feature, and the weight in each workspace."""
    house.track("ana", "Export", day=1)

    found = followed(house)

    (act,) = found.acts
    assert (found.fate, found.told, found.logged.source) == ("applied", True, "segment")
    assert (act.account, act.reason, act.day, act.feature) == ("globex", "member", ago(1), "Reporting")
    assert act.membership.from_us == NOW_US - 2 * DAY_US - 6 * 3_600_000_000
    assert [(each.workspace, each.weight, each.window_days, each.verdict) for each in act.worths] == [
        ("Engagement", 8, 7, "counted"),
        ("Month", 2, 30, "counted"),
    ]


@pytest.mark.parametrize(
    ("user", "named", "day", "account", "reason"),
    [
        ("ana", "initech", 1, "initech", "named"),
        ("ana", None, 1, "globex", "member"),
        ("ana", None, 5, "acme", "first"),
        ("ana", None, 40, "acme", "first"),
        ("bob", None, 1, "", "none"),
    ],
)
def test_the_account_is_told_with_its_reason(house, user, named, day, account, reason):
    """As the event store attributes it: what the call names, the membership of the moment, the first one, or none."""
    house.track(user, "Export", day=day, account=named)

    (act,) = followed(house).acts

    assert (act.account, act.reason) == (account, reason)
    (row,) = house.product.store.latest_events("user", user, most=1)
    assert row.account == (account or None)


def test_what_is_not_weighed_or_excluded_says_so(house):
    """Per workspace: an event without weight there, and a user that is left out."""
    house.track("ana", "Find")
    house.track("robot", "Export")

    found = [followed(house, at).acts[0].worths for at in (2, 3)]

    assert [[each.verdict for each in worths] for worths in found] == [
        ["not_weighed", "counted"],
        ["excluded_user", "excluded_user"],
    ]


def test_a_duplicate_tells_what_it_would_have_meant(house):
    """Its fate is the fold's; what it means is there, and is not counted."""
    house.track("ana", "Export", day=1)
    house.send(house.log.read(1, 2, most=1)[0].call)

    first, second = followed(house, 2), followed(house, 3)

    assert (first.fate, second.fate) == ("applied", "duplicate")
    assert first.effects == second.effects == (Acted("ana", "Export", None),)


def test_a_call_that_is_not_folded_waits(house):
    """Its journey is what it will be."""
    house.settle()
    house.track("ana", "Export", day=1)

    found = journey_of(house.product, 2)

    assert (found.fate, found.told) == ("waiting", False)
    assert found.acts[0].account == "globex"


def test_an_older_destination_applies_to_older_calls(house):
    """A call is followed through the destination at its offset, not through today's."""
    house.track("ana", "Export", day=1)
    house.settle()
    house.change(
        lambda config: msgspec.structs.replace(
            config, destination=msgspec.structs.replace(config.destination, enabled=False)
        )
    )
    house.track("ana", "Export", day=1)

    before, after = followed(house, 2), followed(house, 3)

    assert (before.fate, before.trace.outcome.fate) == ("applied", "applied")
    assert (after.fate, after.trace.outcome.fate) == ("filtered", "filtered")
    assert after.acts == ()


def test_a_merged_user_counts_as_the_other(house):
    """The id of the call, whose it is, and the account of that one."""
    house.track("ana-old", "Export", day=1)
    house.settle()
    merge_ids(house.running, 1, "user", "ana-old", "ana", by="test")

    found = followed(house)

    assert found.logged.call.user_id == "ana-old"
    assert found.merged == (Merged("user", "ana-old", "ana"),)
    assert found.effects == (Acted("ana", "Export", None),)
    assert found.acts[0].account == "globex"


def test_there_is_no_call_where_the_log_ends(house):
    """Before the first and after the last."""
    for offset in (-1, 2, 10**15):
        with pytest.raises(Unknown, match="the log holds no call"):
            journey_of(house.product, offset)


# ---- the list
def test_calls_are_found_by_what_they_say(house):
    """Type, and parts of user, account and event in any case; together they must all hold."""
    house.track("ana", "Export")
    house.track("bob", "Export", account="initech")
    house.track("bob", "Find")
    house.settle()

    def events(**query):
        return [each.event or each.type for each in live_calls(house.product, 50, LiveQuery(**query))]

    assert events(type="group") == ["group", "group"]
    assert events(user="BO") == ["Find", "Export"]
    assert events(user="bo", event="xpo") == ["Export"]
    assert events(account="acm") == ["group"]
    assert events(account="initech", user="ana") == []
    assert len(events(user="bob", fate="applied")) == 2


def test_ignored_and_excluded_can_be_asked_for(house):
    """Though the fold calls the one filtered and the other applied."""
    house.track("ana", "Ping")
    house.track("robot", "Export")
    house.send(Call(type="page", message_id="p", at_us=NOW_US))
    house.settle()

    assert [each.event for each in live_calls(house.product, 50, LiveQuery("ignored"))] == ["Ping"]
    assert [each.user for each in live_calls(house.product, 50, LiveQuery("excluded"))] == ["robot"]


def test_a_refused_item_is_found_by_its_key(house):
    """It has no offset; what it said is not kept, so that no word of it finds it."""
    house.send(refused=(Rejection("missing_event", "$.event", "expected a name, got nothing"),))

    (listed,) = live_calls(house.product, 50, LiveQuery("refused"))

    assert refusal_key(refusal_named(house.product, listed.key)) == listed.key
    assert refusal_named(house.product, "nonsense") is None
    assert live_calls(house.product, 50, LiveQuery("refused", user="ana")) == []
