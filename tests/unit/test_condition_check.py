"""Conditions in a configuration: what saving refuses, and what is only warned of."""

import msgspec
import pytest

from tests.house import House
from uptake.core.config import Exclusions, Feature, ProductConfig, Segment, TraitTypes, Workspace
from uptake.pipeline.condition_check import warnings_about
from uptake.pipeline.configure import faults_in
from uptake.segments import parse

ACME = ProductConfig()


def places(**changes):
    return {fault.place: fault.message for fault in faults_in(msgspec.structs.replace(ACME, **changes))}


def test_a_segment_must_parse_and_belong_to_a_workspace():
    """Every fault at once, each with its place, line and column."""
    good = Segment("Big", "account", "Engagement", "account.mrr > 1000", 1)
    bad = Segment("Big", "user", "Trial", "scor > 3", 0)

    assert places(segments=(good,)) == {}
    told = places(segments=(good, bad))
    assert set(told) == {
        "$.segments[0].name",
        "$.segments[1].name",
        "$.segments[1].workspace",
        "$.segments[1].id",
        "$.segments[1].where",
    }
    assert told["$.segments[1].where"].startswith("line 1, column 1:")
    assert "'Trial'" in told["$.segments[1].workspace"]


@pytest.mark.parametrize("words", ["score > 3", "not (user.a exists and level = passive)", "activation = 100", "x"])
def test_what_makes_scores_cannot_ask_for_scores(words):
    """In exclusions, filters and activation; there a condition must parse, too."""
    workspace = Workspace("E", 1, filter=words, user_activation=("everyone", words), account_activation=(words,))

    assert set(places(exclusions=Exclusions(users_where=words, accounts_where=words), workspaces=(workspace,))) == {
        "$.exclusions.users_where",
        "$.exclusions.accounts_where",
        "$.workspaces[0].filter",
        "$.workspaces[0].user_activation[1]",
        "$.workspaces[0].account_activation[0]",
    }


def test_events_traits_and_age_may_decide_who_is_scored():
    """They do not depend on scores."""
    words = 'did("Export") and (account.plan = "pro" or tenure_days < 30)'

    assert places(exclusions=Exclusions(users_where=words), workspaces=(Workspace("E", 1, filter=words),)) == {}


def test_an_operand_that_is_no_value_of_the_type_is_a_warning():
    """Only comparisons read it by the type; nothing is refused, as types may change."""
    types = TraitTypes(account={"seats": "number", "renews": "date"})
    house = House(ProductConfig(trait_types=types))
    house.group("ana", "acme", seats=3, renews="2027-01-01")
    house.settle()

    def told(words):
        return warnings_about(parse(words), "account", house.product.config, house.product.store)

    assert told('account.seats = "3" and account.seats contains "x" and account.renews > "2027-01-01"') == []
    assert told('account.seats > "many" or account.renews = 5') == [
        "account.seats is a number, and 'many' is none: nothing equals it",
        "account.renews is a date, and 5 is none: nothing equals it",
    ]


def test_what_was_never_seen_is_a_warning():
    """An event, a feature or a trait may yet come."""
    house = House(ProductConfig(features=(Feature("Reporting"),)))
    house.group("ana", "acme", plan="pro")
    house.track("ana", "Export")
    house.settle()

    def told(words, kind="user"):
        return warnings_about(parse(words), kind, house.product.config, house.product.store)

    assert told('did("Export") and did(feature "Reporting") and account.plan = "pro"') == []
    assert told('did("Exprt") or did(feature "Search") or not user.plan exists or did("Exprt") > 3') == [
        "the event 'Exprt' was never seen",
        "the product has no feature 'Search'",
        "no user has a trait 'plan'",
    ]
    assert told("active_users > 1") == ["a user has no number of users: it counts as 0"]
    assert told("active_users > 1", "account") == []
