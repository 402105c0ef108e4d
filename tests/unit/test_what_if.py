"""What a changed model would make of a day, before it is published."""

import msgspec
import pytest

from tests.house import House, ago
from tests.unit.test_eras import HEAVY, LIGHT, furnish, numbers, publish
from uptake.core.config import Levels, Workspace
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.base import BadDay, Unknown
from uptake.views.what_if import what_if


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
