"""docs/reference/conditions.md keeps its word: each of its examples holds for whom it says."""

import re
from pathlib import Path

import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.segments import ConditionError, parse, text
from uptake.segments.words import NUMBER_FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "conditions.md").read_text()
BLOCKS = re.findall(r"^```(.+)\n((?:.+\n)+)```$", PAGE, re.MULTILINE)
CONFIG = ProductConfig(
    features=(Feature("Reporting", events=("Report_Exported",)),),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}),),
)


def blocks(*kinds):
    """The examples of some kinds: kind, condition and what stands under it."""
    found = [(kind, *body.rstrip("\n").split("\n")) for kind, body in BLOCKS if kind in kinds]
    return [pytest.param(kind, where, lines, id=where) for kind, where, *lines in found]


@pytest.fixture(scope="module")
def house():
    """The world that the page describes."""
    house = House(CONFIG)
    house.group("ana", "acme", plan="pro", mrr=500_000, tags=["eu", "beta"], renewal="2026-12-31")
    house.group("eve", "acme")
    house.group("bob", "globex", plan="free")
    house.identify("ana", role="admin", opted_in=True)
    house.track("ana", "Report_Exported", day=1, times=4)
    house.track("eve", "Report_Exported", day=2)
    house.track("bob", "Dashboard_Viewed", day=40)
    house.settle()
    return house


def test_the_page_has_no_example_of_an_unknown_kind():
    """A block with a misspelt kind would be checked by nobody."""
    assert {kind for kind, _ in BLOCKS} == {"accounts", "users", "refused"}
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert len(BLOCKS) > 12


@pytest.mark.parametrize(("kind", "where", "lines"), blocks("accounts", "users"))
def test_examples_hold_for_whom_they_say(house, kind, where, lines):
    """Everybody is either in or out, as it stands under the condition."""
    (model,) = house.product.models
    inside = house.product.store.matching(kind[:-1], parse(where), model, house.product.today())
    everyone = house.product.store.matching(kind[:-1], parse("everyone"), model, house.product.today())

    told = [f"in {' '.join(inside)}", f"out {' '.join(each for each in everyone if each not in inside)}"]

    assert [line for line in told if " " in line.strip()] == lines


@pytest.mark.parametrize(("kind", "where", "lines"), blocks("refused"))
def test_refused_examples_say_what_the_page_says(kind, where, lines):
    """The error stands there word for word."""
    with pytest.raises(ConditionError) as refused:
        parse(where)

    assert [f"error {refused.value}"] == lines


def test_the_tables_name_what_there_is():
    """Every condition in a table is one, and every number of the language is explained."""
    for where in re.findall(r"^\| `([^`]+)` \| (?:is|has)", PAGE, re.MULTILINE):
        assert text(parse(where))
    fields = set(re.findall(r"`([a-z_]+)`", PAGE.split("## Numbers of the day")[1].split("```")[0]))
    assert set(NUMBER_FIELDS) <= fields
