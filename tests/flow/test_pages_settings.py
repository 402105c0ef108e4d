"""The settings as a browser gets them: what they show, what their forms change, and what they refuse."""

import html
import re

import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.core.errors import Rejection

CONFIG = ProductConfig(
    features=(Feature("Reporting", events=("Export",)), Feature("Search", events=("Find",))),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}), Workspace("Month", 2, window_days=30)),
)


@pytest.fixture
def house():
    """ana and eve export for acme, bob searches for globex; bob's plan is a number, that of the others a text."""
    house = House(CONFIG)
    house.group("ana", "acme", name="Acme", title="Acme Inc", mrr=1000)
    house.group("bob", "globex", name="Globex", title="Globex Ltd", mrr="many")
    house.group("eve", "acme")
    house.identify("ana", email="ana@acme.example", plan="pro")
    house.identify("bob", email="bob@globex.example", plan=7)
    house.track("ana", "Export", day=1, times=4)
    house.track("eve", "Export", day=2)
    house.track("bob", "Find", day=1, times=3)
    house.settle()
    return house


def words(text):
    """What a reader sees of a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_data_health_shows_what_the_api_tells(house):
    """Every finding with its count, examples that lead to whom they are about, and the checks that found nothing."""
    house.track("stray", "Export")
    house.send(refused=(Rejection("missing_user", "$.userId", "expected one"),))
    house.settle()

    with house.client() as client:
        page, told = client.get("/settings/health").text, client.get("/v2/health").json()

    shown = re.findall(r'id="(\w+)-title">([^<]*?) <.*?class="times">([\d,]+)<', page, re.DOTALL)
    assert [(code, html.unescape(title), int(times)) for code, title, times in shown] == [
        (each["code"], each["title"], each["times"]) for each in told["findings"]
    ]
    assert {"refused_calls", "users_without_account"} <= {code for code, *_ in shown}
    assert 'href="/users/stray"' in page
    assert 'href="/live?fate=refused"' in page
    assert page.count("<li>") - sum(len(each["samples"]) for each in told["findings"]) == len(told["good"])
    assert "No accounts are each other's parents" in words(page)
