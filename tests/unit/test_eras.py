"""Versions of a scoring model: each scores the days that it was published for, whatever happens later."""

from datetime import timedelta

import msgspec
import pytest

from tests.house import TODAY, House, ago
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.pipeline import rescore
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.accounts import account_list
from uptake.views.users import user_list
from uptake.views.versions import model_versions

FEATURES = (Feature("Reporting", events=("Export",)), Feature("Setup", events=("Invite",)))
LIGHT = ProductConfig(
    features=FEATURES,
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 1}), Workspace("Adoption", 2, features={"Setup": 5})),
)
HEAVY = msgspec.structs.replace(
    LIGHT,
    workspaces=(
        Workspace("Engagement", 1, features={"Reporting": 1, "Setup": 10}, window_days=14, curve="linear-1"),
        LIGHT.workspaces[1],
    ),
)
DAYS = range(12)


@pytest.fixture(params=["memory", "duckdb"])
def opened(request, tmp_path):
    """Opens an installation on the engine; closes it after the test."""
    houses = []

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{len(houses)}-{generation}.duckdb", rules, generation=generation)

    def open_house(config=LIGHT):
        houses.append(House(config, open_store=in_duckdb if request.param == "duckdb" else None))
        return houses[-1]

    yield open_house
    for house in houses:
        house.running.close()


def furnish(house):
    """Ana of acme and bob of globex export on most days, and bob invites."""
    house.group("ana", "acme")
    house.group("bob", "globex")
    for day in range(30):
        house.track("ana", "Export", day=day, times=1 + day % 3)
        house.track("bob", "Export", day=day)
        house.track("bob", "Invite", day=day, times=day % 2)
    house.settle()


def publish(house, config, how=None):
    """Change the whole configuration."""
    house.running.change_config(1, lambda _: config, by="ana", why="tuned", publish=how)
    house.settle()


def numbers(house, workspace=1, days=DAYS):
    """Everyone's numbers by day, kind and id; days are counted back from `TODAY`, whatever today is."""
    found = {}
    for day in days:
        for kind, ranked in (("user", user_list), ("account", account_list)):
            for row in ranked(house.product, workspace, ListQuery(), ago(day)).rows:
                found[day, kind, row.tracking_id] = row
    return found


def of(found, days):
    """Some days' numbers, without what changes as time passes."""
    return {key: msgspec.structs.replace(row, provisional=False) for key, row in found.items() if key[0] in days}


def later(house, days=3):
    """Let days pass, in which ana goes on."""
    for _ in range(days):
        house.now_us += 86_400_000_000
        house.track("ana", "Export", day=int((TODAY - house.product.today()).days))
    house.settle()


def test_from_now_on_leaves_the_days_before_as_they_were(opened):
    """Today is scored by the new model, both ends of its change too; yesterday and before by the old one."""
    house, heavy = opened(), opened(HEAVY)
    furnish(house)
    furnish(heavy)
    before, wanted = numbers(house), numbers(heavy)

    publish(house, HEAVY, "from_now_on")

    after = numbers(house)
    assert of(after, range(1, 12)) == of(before, range(1, 12))
    assert of(after, [0]) == of(wanted, [0]) != of(before, [0])
    assert of(numbers(house, 2), DAYS) == of(numbers(heavy, 2), DAYS)


def test_without_a_word_a_changed_model_scores_all_of_history(opened):
    """As `recompute` does, which also takes days back that another version had."""
    house, heavy = opened(), opened(HEAVY)
    furnish(house)
    furnish(heavy)

    publish(house, HEAVY)
    at_once = numbers(house)
    publish(house, LIGHT)
    publish(house, HEAVY, "from_now_on")
    partly = numbers(house)
    publish(house, HEAVY, "recompute")

    assert at_once == numbers(heavy) == numbers(house) != partly
    assert house.product.version.revision == 5


def test_late_calls_reopen_a_day_under_its_own_model(opened):
    """What arrives for the days of the old model counts by it, and for the days of the new one by that."""
    house, light, heavy = opened(), opened(), opened(HEAVY)
    for each in (house, light, heavy):
        furnish(each)
    publish(house, HEAVY, "from_now_on")

    for each in (house, light, heavy):
        later(each)
        each.track("bob", "Export", day=5, times=40)
        each.track("eve", "Invite", day=9, times=3, account="acme")
        each.settle()

    found = numbers(house, days=range(-3, 12))
    assert of(found, range(1, 12)) == of(numbers(light), range(1, 12))
    assert of(found, range(-3, 1)) == of(numbers(heavy, days=range(-3, 1)), range(-3, 1))
    assert (5, "user", "bob") in of(found, [5])


def test_a_rebuild_gives_the_same(opened):
    """Eras are made of versions alone, so that a new generation scores every day as the old one did."""
    house = opened()
    furnish(house)
    publish(house, HEAVY, "from_now_on")
    later(house)
    before, state = numbers(house, days=range(-3, 12)), house.product.store.digest()

    house.running.rebuild(1)

    assert numbers(house, days=range(-3, 12)) == before
    assert house.product.store.digest() == state


def test_other_changes_disturb_no_era(opened):
    """A renamed workspace, a mapping or another workspace's model leave the days of both models alone."""
    house = opened()
    furnish(house)
    publish(house, HEAVY, "from_now_on")
    before, scored = numbers(house), []
    score = house.product.store.rescore
    house.product.store.rescore = lambda models, days, **when: (scored.extend(days), score(models, days, **when))

    for change in ({"currency": "EUR"}, {"hidden_events": ("Noise",)}):
        publish(house, msgspec.structs.replace(house.product.config, **change))
    assert set(scored) == {TODAY}
    engagement, adoption = HEAVY.workspaces
    named = msgspec.structs.replace(engagement, name="Health")
    wide = msgspec.structs.replace(adoption, window_days=30)
    publish(house, msgspec.structs.replace(house.product.config, workspaces=(named, wide)))

    assert numbers(house) == before
    assert len(set(scored)) > 25


def test_only_the_days_of_the_new_model_are_scored(opened):
    """Publishing from now on costs today alone."""
    house = opened()
    furnish(house)
    scored = []
    score = house.product.store.rescore
    house.product.store.rescore = lambda models, days, **when: (scored.extend(days), score(models, days, **when))

    publish(house, HEAVY, "from_now_on")

    assert set(scored) == {TODAY}


def test_exclusions_hold_for_the_days_of_every_model(opened):
    """Whoever is excluded now is not counted under the old model either."""
    house, without = opened(), opened(msgspec.structs.replace(LIGHT, exclusions=Exclusions(users=("bob",))))
    furnish(house)
    furnish(without)
    publish(house, HEAVY, "from_now_on")

    publish(house, msgspec.structs.replace(HEAVY, exclusions=Exclusions(users=("bob",))))

    assert of(numbers(house), range(1, 12)) == of(numbers(without), range(1, 12))
    assert (0, "user", "bob") not in numbers(house)


def test_days_older_than_what_is_kept_are_not_stale(opened, monkeypatch):
    """A day that somebody asked for is computed anew after the model or its counts have changed."""
    monkeypatch.setattr(rescore, "KEPT_DAYS", 20)
    house, heavy = opened(), opened(HEAVY)
    for each in (house, heavy):
        each.track("ana", "Export", day=30, times=2)
        each.track("bob", "Export", day=29, times=1)
        each.track("ana", "Invite", day=29, times=1)
        each.settle()
    before = numbers(house, days=[28])

    publish(house, HEAVY)

    assert numbers(house, days=[28]) == numbers(heavy, days=[28]) != before
    house.track("ana", "Export", day=28, times=5)
    house.settle()
    assert numbers(house, days=[28])[28, "user", "ana"].raw_score == 2 + 10 + 5


def test_versions_tell_who_changed_what_and_which_days_they_score():
    """The latest first, with the fields before and after; versions that change no model are not among them."""
    house = House(LIGHT)
    furnish(house)
    publish(house, msgspec.structs.replace(LIGHT, currency="EUR"))
    publish(house, msgspec.structs.replace(HEAVY, currency="EUR"), "from_now_on")
    publish(house, msgspec.structs.replace(HEAVY, exclusions=Exclusions(users=("bob",))))

    excluded, heavy, first = model_versions(house.product, 1)

    assert [(each.field, each.before, each.after) for each in heavy.changes] == [
        ("window_days", 7, 14),
        ("curve", "exponential-1", "linear-1"),
        ("features.Setup", None, 10),
        ("Setup.events", None, ["Invite"]),
    ]
    assert (heavy.revision, heavy.by, heavy.why) == (3, "ana", "tuned")
    assert (heavy.scores_from, heavy.scores, heavy.first, heavy.last) == (TODAY, True, TODAY, None)
    assert (first.revision, first.scores, first.first, first.last) == (1, True, None, ago(1))
    assert [(each.field, each.after) for each in excluded.changes] == [("exclusions.users", ["bob"])]
    assert [each.revision for each in model_versions(house.product, 2)] == [4, 1]


def test_a_version_that_was_replaced_scores_no_day():
    """It stays in the list, and says so."""
    house = House(LIGHT)
    furnish(house)
    publish(house, HEAVY, "from_now_on")
    house.now_us += 86_400_000_000
    publish(house, LIGHT, "from_now_on")

    scoring = [(each.revision, each.scores, each.first, each.last) for each in model_versions(house.product, 1)]
    publish(house, HEAVY)

    assert scoring == [(3, True, TODAY + timedelta(days=1), None), (2, True, TODAY, TODAY), (1, True, None, ago(1))]
    assert [each.scores for each in model_versions(house.product, 1)] == [True, False, False, False]


def test_models_with_one_filter_ask_it_once(opened):
    """However many versions of a model score history, whom they count is found once for each filter."""
    internal = "not user.internal = true"
    filtered = [
        msgspec.structs.replace(
            config, workspaces=tuple(msgspec.structs.replace(each, filter=internal) for each in config.workspaces)
        )
        for config in (LIGHT, HEAVY)
    ]
    house = opened(filtered[0])
    house.identify("bob", internal=True)
    furnish(house)
    publish(house, filtered[1], "from_now_on")
    asked = []
    matching = house.product.store.matching
    house.product.store.matching = lambda *about: (asked.append(about[0]), matching(*about))[1]

    house.track("ana", "Export")
    house.settle()

    assert asked == ["user", "user", "account"]
    assert {row for day, kind, row in numbers(house) if kind == "user"} == {"ana"}
