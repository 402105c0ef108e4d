"""An account or user in plain sentences, each of which is a number said in words."""

from zoneinfo import ZoneInfo

import pytest

from tests.house import House, ago
from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.views.base import model_of
from uptake.views.explanation import explain
from uptake.views.insights import Seen, insights
from uptake.views.ranking import standing

CONFIG = ProductConfig(
    features=(
        Feature("Reporting", events=("Export",)),
        Feature("Setup", events=("Invite",)),
        Feature("Search", events=("Find",)),
    ),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 5, "Setup": 2, "Search": 1}),),
)


@pytest.fixture
def house():
    """Ana does most of what acme does, eve invited once, and max of acme was last seen long ago; bob is elsewhere."""
    house = House(CONFIG)
    for user, account in (("ana", "acme"), ("eve", "acme"), ("max", "acme"), ("bob", "globex")):
        house.group(user, account)
    house.identify("ana", name="Ana")
    for day in range(3):
        house.track("ana", "Export", day=day, times=2)
        house.track("bob", "Export", day=day, times=9)
    house.track("eve", "Invite", day=1)
    house.track("max", "Export", day=40)
    house.settle()
    return house


def told(house, kind, each, day=0):
    """The insights of one on a day."""
    explained = explain(house.product, kind, 1, each, ago(day))
    numbers = standing(house.product, kind, 1, each, day=ago(day)).numbers
    return insights(Seen(explained, numbers, model_of(house.product, 1), ZoneInfo("UTC")))


def test_an_account_is_told_by_its_users_and_features(house):
    """Who is active, what and who makes the score, what is not used; the summary says why it changed."""
    found = told(house, "account", "acme")

    assert found.summary.startswith("Score rose ")
    assert found.notes == [
        "Up from inactive to passive since 2026-11-16.",
        "2 of 3 users active in 7 days.",
        "Reporting makes 94 % of the raw score.",
        "Ana alone makes 94 % of the raw score.",
        "Not used in 7 days: Search.",
    ]


def test_a_user_is_told_without_users(house):
    """Features and silence, and nothing that only an account has."""
    assert told(house, "user", "eve").notes[1:] == ["Not used in 7 days: Reporting, Search."]
    assert told(house, "user", "max").notes == ["Last active 40 days ago."]


def test_what_does_not_stand_out_is_not_told(house):
    """One feature of one user is no maker among others, and whoever was here yesterday is not silent."""
    notes = told(house, "account", "globex").notes

    assert not [note for note in notes if "makes" in note or "Last active" in note]


def test_the_api_gives_them_where_they_are_asked_for(house):
    """For accounts and users alike."""
    with house.client() as client:
        account = client.get("/v2/accounts/acme?expand=insights").json()["account"]
        user = client.get("/v2/users/max?expand=insights").json()["user"]
        bare = client.get("/v2/users/max").json()["user"]

    assert "2 of 3 users active in 7 days." in account["insights"]["notes"]
    assert user["insights"]["notes"] == ["Last active 40 days ago."]
    assert user["insights"]["summary"] == "Inactive: no scored event in the last 7 days."
    assert "insights" not in bare
