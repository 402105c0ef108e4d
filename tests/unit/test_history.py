"""Numbers day by day: complete, for any day, under the model of the day or another version, revised by late calls."""

from datetime import timedelta

import msgspec
import pytest

from tests.house import NOW_US, TODAY, House, ago
from tests.unit.test_eras import HEAVY, LIGHT, numbers, publish
from uptake.core.config import Workspace
from uptake.pipeline import rescore
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.accounts import account_history, account_list
from uptake.views.base import BadDay, Unknown
from uptake.views.users import user_history, user_list

ACTIVATED = msgspec.structs.replace(
    LIGHT,
    workspaces=(
        msgspec.structs.replace(
            LIGHT.workspaces[0],
            user_activation=('did("Export") >= 20', 'did("Invite")', "user.role exists"),
            account_activation=('did("Export") >= 10 within 7 days',),
        ),
        LIGHT.workspaces[1],
    ),
)


@pytest.fixture(params=["memory", "duckdb"])
def house(request, tmp_path):
    """Ana of acme since day 20 and bob of globex, who export on most of 70 days; on either engine."""

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{generation}.duckdb", rules, generation=generation)

    house = House(ACTIVATED, open_store=in_duckdb if request.param == "duckdb" else None)
    house.group("ana", "acme", day=80)
    house.group("bob", "globex", day=80)
    house.identify("ana", day=80, role="admin", createdAt=ago(65).isoformat())
    for day in range(70):
        house.track("ana", "Export", day=day, times=1 + day % 3)
        house.track("bob", "Export", day=day)
        house.track("bob", "Invite", day=day, times=day % 2)
    house.settle()
    yield house
    house.running.close()


def series(house, kind, each, days, **more):
    """The points of the days from the first to the last of `days`, counted back from today, by such a count."""
    asked = user_history if kind == "user" else account_history
    found = asked(house.product, 1, each, first=ago(max(days)), last=ago(min(days)), **more)
    return {(TODAY - point.day).days: point for point in found.points}


@pytest.mark.parametrize(("kind", "each"), [("user", "ana"), ("account", "globex")])
def test_a_series_tells_every_number_of_the_list_on_each_day(house, kind, each):
    """Score, change, level, raw, frequency, adoptions, activation, users and last activity are those of the day."""
    ranked = user_list if kind == "user" else account_list

    for day, point in series(house, kind, each, range(0, 70, 5)).items():
        (row,) = ranked(house.product, 1, ListQuery(tracking_ids=(each,)), ago(day)).rows
        for field in msgspec.structs.fields(type(point)):
            if field.name not in ("day", "tenure_days", "revised_us", "weekly_active_users"):
                assert getattr(point, field.name) == getattr(row, field.name), (day, field.name)


def test_weekly_active_users_are_those_of_seven_days_whatever_the_window_is(house):
    """Under a window of seven days they are the active users; the excluded and other accounts' users are not theirs."""
    house.track("eve", "Export", day=9, account="acme")
    house.settle()
    plain = series(house, "account", "acme", range(20))
    publish(house, HEAVY)

    wide = series(house, "account", "acme", range(20))

    assert [point.weekly_active_users for point in plain.values()] == [point.active_users for point in plain.values()]
    assert [wide[day].weekly_active_users for day in (10, 9, 3, 2)] == [1, 2, 2, 1]
    assert wide[2].active_users == 2
    assert series(house, "user", "ana", [0])[0].weekly_active_users == 0


def test_tenure_counts_from_the_creation(house):
    """Nothing before it, then the days since; unknown for who has none."""
    found = series(house, "user", "ana", range(60, 70))

    assert [found[day].tenure_days for day in (66, 65, 60)] == [None, 0, 5]
    assert series(house, "user", "bob", [0])[0].tenure_days is None


def test_days_older_than_what_is_kept_are_computed_when_asked(house, monkeypatch):
    """A series is complete from the product's first event on, however far back that is."""
    before = series(house, "user", "ana", range(40, 80))
    monkeypatch.setattr(rescore, "KEPT_DAYS", 30)
    publish(house, HEAVY)
    publish(house, ACTIVATED)
    kept = house.product.store.scored_days(1)

    after = series(house, "user", "ana", range(40, 80))

    assert kept[0] == ago(30)
    assert after.keys() == set(range(40, 70))
    assert [msgspec.structs.replace(each, revised_us=None) for each in after.values()] == list(before.values())


def test_numbers_of_another_version_stay_readable(house):
    """Under its model alone, in lists and series, while the days are scored by another."""
    listed, told = numbers(house, days=[0, 3]), series(house, "account", "acme", range(30))
    publish(house, HEAVY)
    state = house.product.store.digest()

    again = series(house, "account", "acme", range(30), revision=1)

    assert again == told
    for day in (0, 3):
        rows = user_list(house.product, 1, ListQuery(), ago(day), revision=1).rows
        assert list(rows) == [row for (at, kind, _), row in listed.items() if (at, kind) == (day, "user")]
    assert account_history(house.product, 1, "acme", revision=1).revisions == [1] * 30
    assert numbers(house, days=[0, 3]) != listed
    assert house.product.store.digest() == state


def test_each_point_names_the_version_that_scored_it(house):
    """Published from now on, days before keep the number of their version."""
    publish(house, HEAVY, "from_now_on")

    found = user_history(house.product, 1, "ana", first=ago(2))

    assert found.revisions == [1, 1, 2]
    assert [point.score for point in found.points] == [numbers(house)[day, "user", "ana"].score for day in (2, 1, 0)]


def test_what_cannot_be_told_is_refused(house):
    """An unknown version, more days than are computed for a question, and days that have not begun."""
    with pytest.raises(Unknown, match="no version 9"):
        user_list(house.product, 1, ListQuery(), revision=9)
    with pytest.raises(Unknown, match="no version 9"):
        user_history(house.product, 1, "ana", revision=9)
    with pytest.raises(BadDay, match="at most 99 days"):
        user_history(house.product, 1, "ana", first=ago(100), revision=1)
    with pytest.raises(BadDay, match="at most 399 days"):
        user_history(house.product, 1, "ana", first=ago(400))
    with pytest.raises(BadDay):
        user_history(house.product, 1, "ana", last=ago(-1))


# ---- late data


def revised(house, kind, each, days=range(70)):
    """The days that were revised, with the moment."""
    return {day: point.revised_us for day, point in series(house, kind, each, days).items() if point.revised_us}


def without_moment(points):
    """Points but for when they were revised."""
    return {day: msgspec.structs.replace(point, revised_us=None) for day, point in points.items()}


def test_a_late_call_revises_exactly_the_days_whose_windows_hold_it(house):
    """A call from 60 days ago: seven days of ana and of acme are others now, and say so; all else is as it was."""
    before = {each: series(house, "user", each, range(70)) for each in ("ana", "bob")}
    house.now_us = NOW_US + 1_000_000

    house.track("ana", "Export", day=60)
    house.settle()

    assert revised(house, "user", "ana") == dict.fromkeys(range(54, 61), house.now_us)
    assert revised(house, "account", "acme") == dict.fromkeys(range(54, 61), house.now_us)
    after = series(house, "user", "ana", range(70))
    assert [after[day].raw_score - before["ana"][day].raw_score for day in (61, 60, 54, 53)] == [0, 1, 1, 0]
    bob = series(house, "user", "bob", range(70))
    moved = {day for day in bob if without_moment(bob)[day] != before["bob"][day]}
    assert set(revised(house, "user", "bob")) == moved <= set(range(47, 61))


def test_the_first_event_of_its_name_is_told_on_every_later_day(house):
    """What was ever done differs from its day on, so that every later full day was revised."""
    house.track("ana", "Invite", day=60)
    house.settle()

    told = user_history(house.product, 2, "ana", first=ago(69)).points
    assert {(TODAY - point.day).days for point in told if point.revised_us} == set(range(1, 61))
    assert not revised(house, "user", "ana")


def test_today_is_never_revised_while_it_lasts(house):
    """It is partial: what arrives on it completes it."""
    house.track("ana", "Export")
    house.track("ana", "Export", day=1)
    house.settle()

    assert set(revised(house, "user", "ana")) == {1}


def test_a_late_group_call_repairs_the_account(house):
    """Events of somebody who joins afterwards count for the account on the days on which they happened."""
    for day in (50, 51):
        house.track("eve", "Export", day=day, times=4)
    house.settle()
    before = series(house, "account", "acme", range(70))

    house.group("eve", "acme", day=10)
    house.settle()

    after = series(house, "account", "acme", range(70))
    gained = {day: after[day].raw_score - before[day].raw_score for day in after}
    assert {day: raw for day, raw in gained.items() if raw} == {
        day: 4 * sum(done in range(day, day + 7) for done in (50, 51)) for day in range(44, 52)
    }
    assert set(revised(house, "account", "acme")) >= set(range(44, 52))
    assert not any(day > 51 for day in revised(house, "account", "acme"))


def test_the_api_tells_a_series_with_all_of_it(house):
    """Moments in ISO, the partial day marked, versions of each day; another version where asked."""
    publish(house, msgspec.structs.replace(ACTIVATED, workspaces=(Workspace("Engagement", 1),)), "from_now_on")
    house.track("ana", "Export", day=3)
    house.settle()

    with house.client() as client:
        told = client.get(f"/v2/accounts/acme/history?from={ago(3)}&to={ago(0)}").json()
        old = client.get(f"/v2/accounts/acme/history?from={ago(3)}&revision=1").json()
        unknown = client.get("/v2/accounts?workspace_id=1&revision=7")
        listed = client.get("/v2/accounts?workspace_id=1&revision=1&limit=1").json()

    first, last = told["data"][0], told["data"][-1]
    assert (first["day"], first["day_complete"], first["revision"]) == (str(ago(3)), True, 1)
    assert first["revised_at"] == "2026-11-23T18:00:00.000Z"
    assert first["last_active_at"] == "2026-11-20T12:00:00.000Z"
    assert (last["day_complete"], last["revision"], last["revised_at"]) == (False, 2, None)
    assert [each["revision"] for each in old["data"]] == [1, 1, 1, 1]
    assert listed["data"][0]["score"] == old["data"][-1]["score"]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_revision")
    assert ago(3) + timedelta(days=3) == TODAY
