"""Changes of a configuration, one after another: features and events, workspaces, fields, types, exclusions."""

import msgspec
import pytest

from tests.house import House, ago
from uptake.core.config import Exclusions, Feature, ProductConfig, Segment, TraitTypes, Workspace
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.exclusion_preview import preview_exclusions
from uptake.pipeline.feature_changes import (
    add_feature,
    assign_events,
    change_feature,
    drop_feature,
    feature_of,
    hide_events,
    ignore_events,
    order_features,
)
from uptake.pipeline.product_changes import change_exclusions, change_fields, exclude, include, type_trait
from uptake.pipeline.workspace_changes import add_workspace, change_workspace, drop_workspace
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list
from uptake.views.configuration import field_choices
from uptake.views.events import event_list
from uptake.views.features import feature_list
from uptake.views.users import user_list

CONFIG = ProductConfig(
    features=(
        Feature("Reporting", "What they pay for.", ("Report_Created", "Report_Shared")),
        Feature("Files", events=("Upload",)),
    ),
    workspaces=(
        Workspace(
            "Engagement",
            1,
            features={"Reporting": 8, "Files": 2},
            filter='did(feature "Reporting") or did("Upload")',
            user_activation=('did(feature "Reporting") >= 3',),
        ),
        Workspace("Month", 2, window_days=30, features={"Reporting": 1}),
    ),
    segments=(Segment("Reporters", "user", "Month", 'did(feature "Reporting") >= 2', 1),),
    exclusions=Exclusions(users_where='did(feature "Files") >= 99'),
)


@pytest.fixture
def house():
    """ana of acme and bob of beta; ana shares reports, bob uploads and opens dashboards."""
    house = House(CONFIG)
    house.group("ana", "acme", name="Acme", plan_tier="pro", signed_up_at="2025-01-01")
    house.group("bob", "beta", account_name="Beta Ltd")
    house.identify("ana", email="ana@acme.example", company_id="acme")
    house.identify("bob", email="bob@Uptake.example", createdAt="2024-06-01")
    house.track("ana", "Report_Shared", day=1, times=3)
    house.track("bob", "Upload", day=2)
    house.track("bob", "Dashboard Opened", day=2)
    house.track("bob", "Dashboard Shared", day=1, times=2)
    house.settle()
    return house


# ---- features and events
def test_a_renamed_feature_takes_along_all_that_names_it(house):
    """Weights, filters, activation, segments and exclusions name it anew, so that no number changes."""
    before = user_list(house.product, 1, ListQuery()).rows

    house.change(change_feature("Reporting", {"name": "Reports"}))
    house.settle()

    config = house.product.config
    assert config.workspaces[0].features == {"Reports": 8, "Files": 2}
    assert config.workspaces[0].filter == 'did(feature "Reports") >= 1 or did("Upload") >= 1'
    assert config.workspaces[0].user_activation == ('did(feature "Reports") >= 3',)
    assert config.segments[0].where == 'did(feature "Reports") >= 2'
    assert config.exclusions.users_where == CONFIG.exclusions.users_where
    assert config.features[0].description == "What they pay for."
    assert user_list(house.product, 1, ListQuery()).rows == before


def test_an_event_moves_and_one_can_say_from_where(house):
    """It is in one feature at most; None takes it out of all."""
    assert feature_of(house.product.config, "Report_Shared") == "Reporting"

    house.change(assign_events(["Report_Shared", "New"], "Files"))
    assert [each.events for each in house.product.config.features] == [
        ("Report_Created",),
        ("Upload", "Report_Shared", "New"),
    ]
    house.change(assign_events(["Report_Shared"], None))
    assert feature_of(house.product.config, "Report_Shared") == ""


def test_features_are_ordered_deleted_and_added(house):
    """Those that an order does not name follow; a deleted one leaves the workspaces too."""
    house.change(add_feature(Feature("Dashboards", events=("Dashboard Opened",))))
    house.change(order_features(["Dashboards", "Files"]))
    assert [each.name for each in house.product.config.features] == ["Dashboards", "Files", "Reporting"]

    house.change(drop_feature("Reporting"))
    assert [each.features for each in house.product.config.workspaces] == [{"Files": 2}, {}]


@pytest.mark.parametrize(
    "change",
    [change_feature("No", {}), drop_feature("No"), order_features(["No"]), assign_events(["Upload"], "No")],
)
def test_a_feature_that_is_not_there_is_told(house, change):
    """With a code of its own."""
    with pytest.raises(ConfigInvalid) as caught:
        house.change(change)

    assert caught.value.faults[0].code == "unknown_feature"


def test_events_without_a_feature_are_listed_with_a_suggestion(house):
    """Volume, first and last seen; the hidden and the ignored are put aside."""
    found = feature_list(house.product)

    assert [(each.event, each.times) for each in found.unassigned] == [("Dashboard Shared", 2), ("Dashboard Opened", 1)]
    assert found.unassigned[0].first_us == found.unassigned[0].last_us
    assert [(each.feature, each.events) for each in found.suggestions] == [
        ("Dashboard", ("Dashboard Shared", "Dashboard Opened"))
    ]
    assert [(each.name, each.weights) for each in found.features] == [("Reporting", {1: 8, 2: 1}), ("Files", {1: 2})]
    assert [(each.event, each.times) for each in found.features[0].events] == [
        ("Report_Created", 0),
        ("Report_Shared", 3),
    ]

    house.change(hide_events(["Dashboard Opened", "Never"], hidden=True))
    found = feature_list(house.product)
    assert [each.event for each in found.unassigned] == ["Dashboard Shared"]
    assert [(each.event, each.hidden) for each in found.put_aside] == [("Dashboard Opened", True), ("Never", True)]
    assert "Dashboard Opened" not in [each.event for each in event_list(house.product)]
    assert "Dashboard Opened" in [each.event for each in event_list(house.product, with_hidden=True)]
    house.change(hide_events(["Never", "Dashboard Opened"], hidden=False))
    assert house.product.config.hidden_events == ()


def test_an_ignored_event_was_never_there_and_can_come_back(house):
    """It is counted nowhere once the history is rebuilt, and everything is as before when it is taken back."""
    before, rows = house.product.store.digest(), user_list(house.product, 2, ListQuery()).rows
    house.change(ignore_events(["Report_Shared"], ignored=True))
    assert house.product.rebuild_due
    assert house.product.models[0].weights["Report_Shared"] == 0
    house.settle()

    assert "Report_Shared" not in [each.event for each in house.product.store.event_volumes()]
    assert [(row.tracking_id, row.raw_score) for row in user_list(house.product, 2, ListQuery()).rows] == [
        ("ana", 0),
        ("bob", 0),
    ]

    house.change(ignore_events(["Report_Shared"], ignored=False))
    house.settle()
    assert house.product.store.digest() == before
    assert user_list(house.product, 2, ListQuery()).rows == rows


# ---- workspaces
def test_workspaces_are_added_changed_and_deleted(house):
    """Ids are given; segments follow a new name and go with their workspace; the last one stays."""
    house.change(add_workspace(Workspace("Quarter", 1, window_days=90)))
    house.change(change_workspace(2, {"name": "Monthly", "daily_cap": 5}))
    assert [(each.id, each.name) for each in house.product.config.workspaces] == [
        (1, "Engagement"),
        (2, "Monthly"),
        (3, "Quarter"),
    ]
    assert house.product.config.segments[0].workspace == "Monthly"
    assert house.product.config.workspaces[1].window_days == 30

    house.change(drop_workspace(2))
    assert house.product.config.segments == ()
    house.change(drop_workspace(3))
    with pytest.raises(ConfigInvalid) as caught:
        house.change(drop_workspace(1))
    assert caught.value.faults[0].place == "$.workspaces"
    with pytest.raises(ConfigInvalid) as caught:
        house.change(drop_workspace(9))
    assert caught.value.faults[0].code == "unknown_workspace"


# ---- fields and types
def test_traits_that_were_seen_can_be_chosen(house):
    """Likely ones first; with how many have them, and what stands in where one is missing."""
    choices = {each.field: each for each in field_choices(house.product)}

    name, created, owner, account = choices.values()
    assert [(each.key, each.have, each.suggested) for each in name.candidates] == [
        ("name", 1, True),
        ("account_name", 1, True),
        ("plan_tier", 1, False),
    ]
    assert (name.chosen, name.seen, name.candidates[1].example) == ("name", True, '"Beta Ltd"')
    assert [each.key for each in created.candidates] == ["signed_up_at"]
    assert (created.chosen, created.seen) == ("createdAt", False)
    assert [(each.key, each.share) for each in account.candidates] == [("company_id", 0.5), ("email", 1.0)]
    assert account.fallback.startswith("the groupId")
    assert (owner.chosen, owner.seen) == ("", False)


def test_a_chosen_trait_applies_at_once_and_falls_back(house):
    """Names and creation dates of accounts follow without a rebuild; the account id with one."""

    def told():
        rows = account_list(house.product, 1, ListQuery(sort="tracking_id", descending=False)).rows
        return [(row.name, row.created_us and row.created_us // 86_400_000_000) for row in rows]

    assert told() == [("Acme", None), ("beta", 19875)]

    house.change(change_fields({"account_display_name": "account_name", "account_created_at": "signed_up_at"}))
    assert told() == [("acme", 20089), ("Beta Ltd", 19875)]
    assert not house.product.rebuild_due

    house.change(change_fields({"account_id_trait": "company_id", "features": ()}))
    assert house.product.rebuild_due
    assert house.product.config.features == CONFIG.features


def test_types_are_chosen_and_taken_back(house):
    """`created_at` and `createdAt` are one trait."""
    house.change(type_trait("account", "created_at", "date"))
    house.change(type_trait("user", "seats", "number"))
    assert house.product.config.trait_types == TraitTypes({"seats": "number"}, {"createdAt": "date"})

    house.change(type_trait("account", "createdAt", None))
    house.change(type_trait("user", "never", None))
    assert house.product.config.trait_types == TraitTypes({"seats": "number"}, {})


# ---- exclusions
def test_exclusions_are_added_and_taken_back(house):
    """Each entry once, domains in lower case without @; history follows both ways."""
    before = user_list(house.product, 2, ListQuery(), ago(1)).rows

    house.change(exclude("email_domains", ["@UPTAKE.example", "uptake.example"]))
    house.change(exclude("users", ["ana", "ana"]))
    house.settle()
    assert house.product.config.exclusions.email_domains == ("uptake.example",)
    assert user_list(house.product, 2, ListQuery(), ago(1)).rows == []

    house.change(include("users", ["ana", "never"]))
    house.change(include("email_domains", ["@Uptake.Example"]))
    house.settle()
    assert house.product.config.exclusions == CONFIG.exclusions
    assert user_list(house.product, 2, ListQuery(), ago(1)).rows == before


def test_a_preview_says_who_would_go_and_who_would_come_back(house):
    """Nothing is changed; ids that nobody has are told."""
    house.change(change_exclusions({"users": ("ana",), "users_where": ""}))
    rules = Exclusions(users=("ghost",), accounts=("beta",), email_domains=("nobody.example",))

    told = preview_exclusions(house.product, rules)

    assert (told.users.total, told.users.more, told.users.back, told.users.sample) == (1, 1, 1, ("bob",))
    assert told.users.unknown == ("ghost",)
    assert (told.accounts.more, told.accounts.sample, told.accounts.unknown) == (1, ("beta",), ())
    assert house.product.config.exclusions.users == ("ana",)


def test_a_preview_of_a_rule_that_does_not_parse_is_refused(house):
    """With the place of the fault."""
    with pytest.raises(ConfigInvalid) as caught:
        preview_exclusions(house.product, msgspec.structs.replace(CONFIG.exclusions, users_where="user."))

    assert [fault.place for fault in caught.value.faults] == ["$.exclusions.users_where"]
