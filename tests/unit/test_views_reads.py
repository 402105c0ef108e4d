"""What is read beside scores: live calls, counters, events, workspaces, suggested segments, status."""

from datetime import date

import msgspec
import pytest

from tests.house import NOW_US, TODAY, House, ago
from uptake.core.config import Feature, Mapping, ProductConfig, Workspace
from uptake.core.effects import FATES
from uptake.core.errors import Rejection
from uptake.core.scores import Numbers
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import (
    account_detail,
    account_events,
    account_history,
    account_list,
    account_named,
    account_traits,
    account_users,
)
from uptake.views.base import BadDay, Unknown
from uptake.views.events import event_list, events_by_day
from uptake.views.health import counters
from uptake.views.live import LiveQuery, live_calls
from uptake.views.segments import segments_of
from uptake.views.status import status_of
from uptake.views.users import user_detail, user_events, user_history, user_list, user_named, user_traits
from uptake.views.workspaces import workspace_detail, workspace_list, workspace_size

MINUTE_US = 60_000_000


@pytest.fixture
def house():
    house = House()
    house.group("ana", "acme", name="Acme")
    house.track("ana", "Login", times=2)
    house.track("ana", "Export", day=3)
    house.settle()
    return house


def test_every_item_is_counted_once(house):
    """Received = refused + logged, and logged = waiting + the sum of fates, with every fate named."""
    bad = Rejection("missing_event", "$.event", "a track call needs event")
    call = house.log.read(1, 1, most=1)[0].call
    house.send(call, refused=(bad, bad))
    house.settle()
    house.track("ana", "Login")

    counted = counters(house.product)

    assert (counted.received, counted.refused, counted.logged, counted.waiting) == (8, 2, 6, 1)
    assert set(counted.fates) == set(FATES)
    assert (counted.fates["applied"], counted.fates["duplicate"]) == (4, 1)
    assert counted.refused_by_code == {"missing_event": 2}
    assert counted.by_code == {"duplicate": 1}
    assert counted.logged == counted.waiting + sum(counted.fates.values())


def test_live_calls_are_newest_first_with_their_fate(house):
    """Folded and refused ones in one list by time, with code, place and message where there is something to say."""
    house.now_us += MINUTE_US
    house.send(refused=(Rejection("missing_event", "$.event", "a track call needs event"),))
    house.now_us += MINUTE_US
    house.send(house.log.read(1, 1, most=1)[0].call)
    house.settle()

    listed = live_calls(house.product)

    assert [call.fate for call in listed] == ["duplicate", "refused", "applied", "applied", "applied", "applied"]
    duplicate, refused, export = listed[:3]
    assert (duplicate.offset, duplicate.code) == (4, "duplicate")
    assert (refused.offset, refused.source, refused.code, refused.place) == (
        None,
        "segment",
        "missing_event",
        "$.event",
    )
    assert (export.user, export.event, export.type) == ("ana", "Export", "track")


def test_live_calls_can_be_kept_to_a_fate(house):
    """Refused ones alone, or one fate alone; never more than asked for."""
    house.send(refused=(Rejection("bad_json", "$", "not JSON"),))

    assert [call.fate for call in live_calls(house.product, 50, LiveQuery("refused"))] == ["refused"]
    assert [call.fate for call in live_calls(house.product, 2, LiveQuery("applied"))] == ["applied"] * 2
    assert live_calls(house.product, 50, LiveQuery("invalid")) == []
    assert len(live_calls(house.product, 3)) == 3


def test_events_have_feature_weight_and_volume():
    """The most frequent first; an event in no feature has none and weighs nothing once there are features."""
    workspace = Workspace("E", id=1, features={"Reporting": 8})
    house = House(ProductConfig(features=(Feature("Reporting", events=("Export",)),), workspaces=(workspace,)))
    house.group("ana", "acme")
    house.track("ana", "Login", times=3)
    house.track("bob", "Export", day=2)
    house.settle()

    login, export = event_list(house.product)

    assert (login.event, login.feature, login.weight, login.times, login.users, login.accounts) == (
        "Login",
        "",
        0,
        3,
        1,
        1,
    )
    assert (export.event, export.feature, export.weight, export.times, export.users) == ("Export", "Reporting", 8, 1, 1)
    assert export.accounts == 0
    assert events_by_day(house.product, 3) == {ago(2): 1, ago(1): 0, TODAY: 3}


def test_an_account_is_found_by_either_id(house):
    """The opaque id first, then the tracking id; anything else is unknown."""
    listed = account_list(house.product, 1, ListQuery()).rows[0]

    assert account_named(house.product, listed.id) == "acme"
    assert account_named(house.product, "acme") == "acme"
    assert user_named(house.product, "ana") == "ana"
    with pytest.raises(Unknown, match="no account"):
        account_named(house.product, "ana")
    with pytest.raises(Unknown, match="no user"):
        user_named(house.product, "acme")


def test_an_account_stands_with_its_earlier_scores(house):
    """Today's numbers, yesterday's score, the one the change is counted from; by default in the first workspace."""
    found = account_detail(house.product, None, "acme")

    assert (found.workspace_id, found.day, found.day_complete) == (1, TODAY, False)
    assert found.numbers.raw_score == 3
    assert found.score_yesterday == account_list(house.product, 1, ListQuery(), ago(1)).rows[0].score
    assert found.score_last_period == found.numbers.score - found.numbers.score_change
    assert account_detail(house.product, 1, "acme", ago(1)).day_complete
    assert user_detail(house.product, 1, "ana").numbers.account == "acme"


def test_what_belongs_to_an_account(house):
    """Its users, traits and latest events; a user's own alike."""
    house.track("bob", "Login")
    house.settle()

    assert [row.tracking_id for row in account_users(house.product, 1, "acme", ListQuery()).rows] == ["ana"]
    assert [row.tracking_id for row in user_list(house.product, 1, ListQuery()).rows] == ["ana", "bob"]
    assert account_traits(house.product, "acme") == {"name": "Acme"}
    assert user_traits(house.product, "ana") == {}
    assert [row.event for row in account_events(house.product, "acme", most=2)] == ["Login", "Login"]
    assert [row.event for row in user_events(house.product, "ana")] == ["Login", "Login", "Export"]


def test_history_is_of_the_days_asked(house):
    """Thirty days by default, ascending; never more than 400, never the future."""
    assert account_history(house.product, 1, "acme").first == ago(29)
    some = user_history(house.product, None, "ana", first=ago(3), last=ago(1))
    assert [point.day for point in some.points] == [ago(3), ago(2), ago(1)]
    assert len(account_history(house.product, 1, "acme", first=ago(399)).points) == 4
    for first, last in ((ago(400), None), (ago(1), ago(2)), (None, ago(-1))):
        with pytest.raises(BadDay):
            account_history(house.product, 1, "acme", first=first, last=last)


@pytest.mark.parametrize("day", [ago(-1), date(1969, 12, 31)])
def test_a_day_that_is_not_over_the_calendar_is_refused(house, day):
    """Tomorrow has not begun, and before 1970 there is nothing."""
    with pytest.raises(BadDay, match="expected a day from 1970-01-01 to 2026-11-23"):
        account_list(house.product, 1, ListQuery(), day)


def test_a_day_without_numbers_is_computed_when_asked(house):
    """Older than anything kept: all zeros, not an error."""
    row = account_list(house.product, 1, ListQuery(), ago(2000)).rows[0]

    assert (row.score, row.raw_score, row.level) == (0, 0, "inactive")


def test_workspaces_are_listed_by_id():
    """With how many users and accounts each lists."""
    house = House(ProductConfig(workspaces=(Workspace("B", id=2), Workspace("A", id=1))))
    house.group("ana", "acme")
    house.identify("bob")
    house.settle()

    assert [each.name for each in workspace_list(house.product)] == ["A", "B"]
    assert workspace_detail(house.product, 2).name == "B"
    size = workspace_size(house.product, 2)
    assert (size.users, size.accounts) == (2, 1)
    with pytest.raises(Unknown):
        workspace_detail(house.product, 3)


def test_status_tells_the_lag(house):
    """Log ahead of fold ahead of scores, until all are equal; a new configuration unsettles the scores."""
    house.track("ana", "Login")
    waiting = status_of(house.product)
    house.settle()
    settled = status_of(house.product)
    house.change(lambda config: msgspec.structs.replace(config, workspaces=(Workspace("E", id=1, window_days=30),)))
    changed = status_of(house.product)

    assert (waiting.log.offset, waiting.folded.offset) == (5, 4)
    assert settled.log.offset == settled.folded.offset == settled.scored.offset == 5
    assert settled.scored.as_of == "2026-11-23T18:00:00.000Z"
    assert changed.scored.offset == -1
    assert (changed.config.revision, changed.config.scored_revision) == (2, 1)


def numbers(**more) -> Numbers:
    fields = {
        "kind": "account",
        "id": "1",
        "tracking_id": "acme",
        "name": "Acme",
        "score": 80,
        "score_change": 0,
        "level": "most_engaged",
        "raw_score": 5.0,
        "frequency": 1,
        "adoption": 50.0,
        "adoption_all_time": 50.0,
        "activation": None,
        "last_active_us": NOW_US,
        "created_us": NOW_US - 100 * 86_400_000_000,
        "provisional": False,
        "active_users": 1,
        "total_users": 2,
    }
    return Numbers(**(fields | more))


SEGMENTS = [
    ({}, ["most_engaged", "active_today", "all_active", "all"]),
    ({"score": 0, "level": "inactive", "last_active_us": None}, ["all"]),
    ({"score_change": 10}, ["most_engaged", "red_hot", "active_today", "all_active", "all"]),
    ({"score_change": -10}, ["most_engaged", "ice_cold", "active_today", "all_active", "all"]),
    ({"active_users": 2}, ["most_engaged", "active_today", "all_active", "multi_user", "all"]),
    ({"created_us": NOW_US}, ["most_engaged", "active_today", "new", "all_active", "all"]),
    ({"created_us": 0}, ["most_engaged", "active_today", "mature", "all_active", "all"]),
    (
        {"score": 0, "level": "inactive", "last_active_us": NOW_US - 30 * 86_400_000_000},
        ["recently_inactive", "all"],
    ),
    ({"score": 0, "level": "inactive", "last_active_us": NOW_US - 61 * 86_400_000_000}, ["all"]),
]


@pytest.mark.parametrize(("fields", "expected"), SEGMENTS)
def test_suggested_segments_follow_from_the_numbers(house, fields, expected):
    """Level, trend, age and silence, each by its own bound."""
    found = segments_of(house.product, 1, numbers(**fields), TODAY)

    assert [segment.id for segment in found] == [f"accounts.{key}" for key in expected]


def test_a_wrong_mapping_is_seen_among_the_live_calls():
    """What no mapping takes is listed with its code."""
    only_groups = (Mapping("Groups", "group", 'type = "group"', enabled=True),)
    house = House()
    house.change(
        lambda config: msgspec.structs.replace(
            config, destination=msgspec.structs.replace(config.destination, mappings=only_groups)
        )
    )
    house.track("ana", "Login")
    house.settle()

    listed = live_calls(house.product, 50, LiveQuery("unmatched"))

    assert [(call.code, call.event) for call in listed] == [("NO_MATCHING_MAPPING", "Login")]
    assert counters(house.product).by_code == {"NO_MATCHING_MAPPING": 1}
