"""Exclusions, filters and activation of the configuration: whom scores are made of, for every day and reversibly."""

from datetime import timedelta

import msgspec
import pytest

from tests.fakes_meta import MemoryMetaStore
from tests.house import NOW_US, House, ago
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.pipeline.running import Running
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.accounts import account_list
from uptake.views.users import user_list

SCORED = ProductConfig(
    features=(Feature("Reporting", events=("Export",)),),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 3}),),
)
INTERNAL = ("bob", "eve", "sam")
RULES = {
    "ids": Exclusions(users=INTERNAL, accounts=("uptake",)),
    "an account with its users": Exclusions(users=("bob", "sam"), accounts=("uptake",)),
    "domains": Exclusions(email_domains=("uptake.example", "@Corp.example"), accounts=("uptake",)),
    "conditions": Exclusions(
        users_where='user.internal = true or did("Impersonated")', accounts_where='account.plan = "internal"'
    ),
}


@pytest.fixture(params=["memory", "duckdb"])
def opened(request, tmp_path):
    """Opens an installation on the engine; closes it after the test."""
    houses = []

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{len(houses)}-{generation}.duckdb", rules, generation=generation)

    def open_house(config=None):
        houses.append(House(config, open_store=in_duckdb if request.param == "duckdb" else None))
        return houses[-1]

    yield open_house
    for house in houses:
        house.running.close()


def furnish(house, *, internal=True):
    """Acme with ana, and max who came from globex; bob, eve and sam are internal: of them only eve is in uptake."""
    house.group("ana", "acme", plan="pro")
    house.group("max", "globex", day=60, plan="free")
    house.group("max", "acme", day=9)
    house.identify("ana", email="ana@acme.example", role="admin")
    for day in range(30):
        house.track("ana", "Export", day=day, times=1 + day % 3)
        house.track("max", "Export", day=day)
    if internal:
        house.group("bob", "acme")
        house.group("eve", "uptake", plan="internal")
        house.identify("bob", email="bob@Uptake.example", internal=True)
        house.identify("eve", email="eve@corp.example", internal=True)
        house.identify("sam", email="sam@uptake.example")
        for day in range(25):
            house.track("bob", "Export", day=day, times=5)
            house.track("eve", "Impersonated", day=day, account="acme")
        house.track("eve", "Export", day=2)
        house.track("sam", "Impersonated", day=20)


def numbers(house, *, days=(0, 1, 6, 20), workspace=1):
    """What lists say on a few days: everything but opaque order."""
    found = {}
    for day in days:
        for kind, ranked in (("user", user_list), ("account", account_list)):
            for row in ranked(house.product, workspace, ListQuery(limit=100), ago(day)).rows:
                if row.tracking_id != "uptake":
                    found[day, kind, row.tracking_id] = msgspec.structs.astuple(row)
    return found


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_the_excluded_are_as_if_they_had_never_been(opened, rules):
    """For every day of history, benchmark, scores and lists are those of a product without them."""
    house = opened(SCORED)
    without = opened(msgspec.structs.replace(SCORED, exclusions=Exclusions(accounts=("uptake",))))
    furnish(house)
    house.settle()
    before, state = numbers(house), house.product.store.digest()
    furnish(without, internal=False)
    without.settle()

    house.change(lambda config: msgspec.structs.replace(config, exclusions=rules))
    house.settle()

    assert numbers(house) == numbers(without) != before
    assert house.product.store.p90(house.product.models[0], ago(3)) == without.product.store.p90(
        without.product.models[0], ago(3)
    )
    house.change(lambda config: msgspec.structs.replace(config, exclusions=Exclusions()))
    house.settle()
    assert numbers(house) == before
    assert house.product.store.digest() == state


def test_a_trait_that_arrives_late_takes_its_user_out_of_history(opened):
    """Nothing was configured anew: the rule holds for what is known now; the other way round alike."""
    house, without = opened(ProductConfig(exclusions=RULES["conditions"])), opened()
    furnish(house, internal=False)
    furnish(without, internal=False)
    for day in range(20):
        house.track("joe", "Export", day=day, times=3)
    house.identify("joe")
    house.settle()
    without.settle()
    before = numbers(house)

    house.identify("joe", day=0, internal=True)
    house.settle()
    gone = numbers(house)
    house.identify("joe", day=-1, internal=None)
    house.settle()

    assert gone == numbers(without)
    assert numbers(house) == before != gone


FILTERS = {
    'account.plan = "pro"': ({"ana", "max"}, {"acme"}),
    'account.plan != "pro"': (set(), {"globex"}),
    'user.role = "admin"': ({"ana"}, {"acme"}),
    'did("Export") within 30 days and not user.role = "admin"': ({"max"}, {"acme", "globex"}),
    "": ({"ana", "max"}, {"acme", "globex"}),
}


@pytest.mark.parametrize(("words", "inside"), FILTERS.items(), ids=FILTERS)
def test_a_workspace_scores_whom_its_filter_lets_in(opened, words, inside):
    """Accounts follow their users, unless the filter speaks of accounts; the other workspace scores everyone."""
    house = opened(ProductConfig(workspaces=(Workspace("Engagement", 1), Workspace("Some", 2, filter=words))))
    furnish(house, internal=False)
    house.settle()

    def listed(workspace):
        ranked = (user_list, account_list)
        return tuple({row.tracking_id for row in each(house.product, workspace, ListQuery()).rows} for each in ranked)

    assert listed(2) == inside
    assert listed(1) == ({"ana", "max"}, {"acme", "globex"})
    if words == 'user.role = "admin"':
        (ana,) = user_list(house.product, 2, ListQuery()).rows
        assert ana.score == 90
        assert account_list(house.product, 2, ListQuery()).rows[0].active_users == 1


def test_activation_counts_conditions_of_the_workspace(opened):
    """For users and accounts apart; null where the workspace has none."""
    activated = Workspace(
        "Engagement",
        1,
        user_activation=('did("Export") >= 40', "user.role exists", "everyone"),
        account_activation=('did("Export")', 'account.plan = "pro"'),
    )
    house = opened(ProductConfig(workspaces=(activated, Workspace("Plain", 2))))
    furnish(house, internal=False)
    house.settle()

    users = {row.tracking_id: row.activation for row in user_list(house.product, 1, ListQuery()).rows}
    accounts = account_list(house.product, 1, ListQuery(sort="activation", descending=False)).rows

    assert users == {"ana": 100.0, "max": pytest.approx(100 / 3)}
    assert [(row.tracking_id, row.activation) for row in accounts] == [("globex", 50.0), ("acme", 100.0)]
    assert account_list(house.product, 2, ListQuery()).rows[0].activation is None


def test_only_days_that_change_are_scored_again(opened, monkeypatch):
    """Somebody new whom a rule leaves out costs the days since the first event of his, not all of history."""
    house = opened(ProductConfig(exclusions=Exclusions(email_domains=("uptake.example",))))
    furnish(house, internal=False)
    house.settle()
    scored = []
    rescore = house.product.store.rescore
    monkeypatch.setattr(
        house.product.store,
        "rescore",
        lambda models, days, **when: (scored.extend(days), rescore(models, days, **when)),
    )

    house.identify("new", day=1, email="new@uptake.example")
    house.track("new", "Export", day=2)
    house.settle()

    assert sorted(set(scored)) == [ago(2), ago(1), ago(0)]


def test_after_a_restart_it_is_known_whom_the_scores_count(tmp_path):
    """Nothing is scored again where the same are left out; everything where others are."""
    path, meta, house = tmp_path / "s.duckdb", MemoryMetaStore(), House()
    scored = []

    class Counting(DuckEventStore):
        def rescore(self, models, days, **when):
            scored.extend(days)
            super().rescore(models, days, **when)

    def started(log, now_us):
        return Running(
            meta, log, lambda _p, n, rules: Counting(path, rules, generation=n), lambda *_: None, clock=lambda: now_us
        )

    running = started(house.log, NOW_US)
    running.create_product(ProductConfig(exclusions=RULES["conditions"]), by="test")
    furnish(house)
    running.settle(1)
    running.product(1).store.close()
    scored.clear()

    running = started(house.log, NOW_US + 1_000_000)
    assert running.product(1).models[0].excluded_users == frozenset(INTERNAL)
    running.settle(1)
    house.track("ana", "Export")
    running.settle(1)
    assert set(scored) == {ago(0)}

    meta.set_fact("product:1:scored-under", "others")
    running.product(1).store.close()
    running = started(house.log, NOW_US + 2_000_000)
    house.track("ana", "Export")
    running.settle(1)
    assert len(set(scored)) > 25
    assert running.product(1).today() - timedelta(days=5) in scored
    running.product(1).store.close()
