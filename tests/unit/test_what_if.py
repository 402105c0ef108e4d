"""What a changed model would make of a day, before it is published."""

import msgspec
import pytest

from tests.house import House, ago
from tests.unit.test_eras import HEAVY, LIGHT, furnish, numbers, publish
from uptake.core.config import Levels, Workspace
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.accounts import account_list
from uptake.views.base import BadDay, Unknown
from uptake.views.users import user_list
from uptake.views.what_if import what_if
from uptake.views.what_if_ranking import PlacesQuery, Rankings


@pytest.fixture(params=["memory", "duckdb"])
def house(request, tmp_path):
    """Ana of acme and bob of globex, scored by the light model, on either engine."""

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{generation}.duckdb", rules, generation=generation)

    house = House(LIGHT, open_store=in_duckdb if request.param == "duckdb" else None)
    furnish(house)
    yield house
    house.running.close()


def test_what_it_tells_is_what_publishing_gives(house):
    """Scores before are those in force, scores after those that the candidate then has; meanwhile nothing changes."""
    before, state = numbers(house, days=[1]), house.product.store.digest()

    told = what_if(house.product, 1, HEAVY)

    assert (told.day, numbers(house, days=[1]), house.product.store.digest()) == (ago(1), before, state)
    publish(house, HEAVY)
    after = numbers(house, days=[1])
    for kind, compared in (("user", told.users), ("account", told.accounts)):
        movers = [*compared.up, *compared.down]
        assert {each.tracking_id for each in movers} == {
            who for _, known, who in before if known == kind and before[1, kind, who].score != after[1, kind, who].score
        }
        for each in movers:
            old, new = before[1, kind, each.tracking_id], after[1, kind, each.tracking_id]
            assert (each.score, each.level, each.raw_score) == (old.score, old.level, old.raw_score)
            assert (each.score_after, each.level_after, each.raw_score_after) == (new.score, new.level, new.raw_score)
            assert (each.id, each.name) == (new.id, new.name)


def test_it_counts_who_changes_level_and_how_scores_lie(house):
    """The matrix holds everyone who is listed both times; levels by the bounds of each model."""
    house.identify("eve")
    house.settle()
    workspace = msgspec.structs.replace(LIGHT.workspaces[0], levels=Levels(100, 99, 98))
    candidate = msgspec.structs.replace(LIGHT, workspaces=(workspace, LIGHT.workspaces[1]))

    users = what_if(house.product, 1, candidate, ago(1)).users

    assert (users.changed, users.level_changed, users.up, users.down) == (0, 2, [], [])
    assert users.levels["most_engaged"]["least_engaged"] == 1
    assert users.levels["inactive"]["inactive"] == 1
    assert sum(sum(row.values()) for row in users.levels.values()) == users.before.listed == 3
    assert users.before.deciles == users.after.deciles
    assert sum(users.before.deciles) == users.before.active == 2
    assert users.before.levels["inactive"] == 1


def test_a_filter_says_who_enters_and_leaves(house):
    """Whoever is listed in one ranking alone is in no other number of the comparison."""
    house.identify("eve")
    house.settle()
    narrow = msgspec.structs.replace(LIGHT.workspaces[0], filter='did("Invite")')
    candidate = msgspec.structs.replace(LIGHT, workspaces=(narrow, LIGHT.workspaces[1]))

    told = what_if(house.product, 1, candidate)
    publish(house, candidate)
    back = what_if(house.product, 1, LIGHT)

    assert (told.users.left, told.users.entered, told.users.before.listed, told.users.after.listed) == (2, 0, 3, 1)
    assert (told.accounts.left, told.accounts.after.listed) == (1, 1)
    assert sum(sum(row.values()) for row in told.users.levels.values()) == 1
    assert (back.users.left, back.users.entered) == (0, 2)
    assert [change.field for change in told.changes] == ["filter"]


def test_what_cannot_be_asked_is_refused(house):
    """A workspace that either side has not, and a day that has not begun."""
    alone = msgspec.structs.replace(LIGHT, workspaces=(Workspace("Adoption", 2),))

    with pytest.raises(Unknown, match="candidate has no workspace 1"):
        what_if(house.product, 1, alone)
    with pytest.raises(Unknown, match="no workspace 7"):
        what_if(house.product, 7, LIGHT)
    with pytest.raises(BadDay):
        what_if(house.product, 1, HEAVY, ago(-1))


@pytest.mark.parametrize("kind", ["user", "account"])
def test_both_rankings_stand_beside_each_other_in_full(house, kind):
    """Each row has both scores and places, those that publishing then gives; everybody has one row."""
    house.identify("eve")
    house.group(None, "initech")
    house.settle()
    before = numbers(house, days=[1])

    rankings = Rankings(house.product, 1, HEAVY)
    page = rankings.page(PlacesQuery(kind))
    publish(house, HEAVY)

    after = numbers(house, days=[1])
    assert page.total == len(page.rows) == sum(known == kind for _, known, _ in before)
    for row in page.rows:
        old, new = before[1, kind, row.tracking_id], after[1, kind, row.tracking_id]
        assert (row.score, row.level, row.raw_score) == (old.score, old.level, old.raw_score)
        assert (row.score_after, row.level_after, row.raw_score_after) == (new.score, new.level, new.raw_score)
        assert (row.change, row.id, row.name) == (new.score - old.score, new.id, new.name)
        assert (row.place is None, row.place_after is None) == (old.score == 0, new.score == 0)
    ranked = [row.tracking_id for row in page.rows]
    assert ranked == [row.tracking_id for row in account_or_user_list(house, kind)]
    assert [row.place_after for row in page.rows if row.score_after] == list(range(1, 1 + sum(map(scored, page.rows))))


def scored(row):
    return row.score_after > 0


def account_or_user_list(house, kind):
    asked = account_list if kind == "account" else user_list
    return asked(house.product, 1, ListQuery(limit=100), ago(1)).rows


def test_both_rankings_are_sorted_and_paged(house):
    """By either score, the change, the name or the id, either way; pages follow one another, and the whole is all of
    them."""
    house.identify("eve", name="aaron")
    house.identify("bob", name="Zoe")
    house.settle()
    rankings = Rankings(house.product, 1, HEAVY)

    def ids(**query):
        return [row.tracking_id for row in rankings.page(PlacesQuery("user", **query)).rows]

    for sort, value in [("score", "score"), ("score_after", "score_after"), ("change", "change")]:
        falling = [getattr(row, value) for row in rankings.page(PlacesQuery("user", sort)).rows]
        assert falling == sorted(falling, reverse=True)
        rising = [getattr(row, value) for row in rankings.page(PlacesQuery("user", sort, descending=False)).rows]
        assert rising == falling[::-1]
    assert ids(sort="tracking_id", descending=False) == ["ana", "bob", "eve"]
    assert ids(sort="name", descending=False) == ids(sort="name")[::-1] == ["eve", "ana", "bob"]
    assert ids(limit=2) + ids(limit=2, offset=2) == ids()
    assert [row.tracking_id for rows in rankings.whole(PlacesQuery("user", limit=1)) for row in rows] == ids()


def test_who_is_listed_in_one_ranking_alone_has_no_level_in_the_other(house):
    """A filter that leaves somebody out takes level and place, and the score is told as 0."""
    narrow = msgspec.structs.replace(LIGHT.workspaces[0], filter='did("Invite")')
    candidate = msgspec.structs.replace(LIGHT, workspaces=(narrow, LIGHT.workspaces[1]))

    rows = Rankings(house.product, 1, candidate).page(PlacesQuery("user")).rows

    left = {row.tracking_id: (row.level is None, row.level_after is None, row.place_after) for row in rows}
    assert left == {"ana": (False, True, None), "bob": (False, False, 1)}


def test_a_workspace_that_does_not_exist_yet_is_held_against_one_that_does(house):
    """What it would score stands beside the scores of the workspace that is named, before anything is saved."""
    fresh = Workspace("Adoption of invites", 9, event_weights={"Invite": 5})
    candidate = msgspec.structs.replace(LIGHT, workspaces=(*LIGHT.workspaces, fresh))

    told = what_if(house.product, 1, candidate, beside=9)
    rows = Rankings(house.product, 1, candidate, beside=9).page(PlacesQuery("account")).rows

    house.change(lambda _: candidate)
    house.settle()
    asked = account_list(house.product, 9, ListQuery(limit=100), ago(1)).rows
    assert [(row.tracking_id, row.score_after) for row in rows] == [(row.tracking_id, row.score) for row in asked]
    assert told.accounts.after.listed == len(asked)
    assert "event_weights.Invite" in [change.field for change in told.changes]
