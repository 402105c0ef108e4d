"""What a reader is told while the numbers are not those of now."""

import msgspec
import pytest

from tests.house import House
from uptake.core.config import ProductConfig, Workspace
from uptake.web.pages import visit


@pytest.fixture
def house() -> House:
    """A settled product."""
    house = House()
    house.group("ana", "acme")
    house.track("ana", "Open", day=1)
    house.settle()
    return house


@pytest.mark.parametrize("path", ["/", "/accounts", "/accounts/acme", "/events"])
def test_numbers_of_now_need_no_word(house, path):
    """Nothing is said where everything is counted."""
    with house.client() as client:
        assert 'class="stale"' not in client.get(path).text


def test_many_waiting_calls_are_told(house, monkeypatch):
    """A few are counted in a moment; many make the numbers old, and the reader sees as of when they are."""
    house.track("ana", "Open", times=3)

    with house.client() as client:
        few = client.get("/accounts").text
        monkeypatch.setattr(visit, "FAR_BEHIND", 3)
        many = client.get("/accounts").text

    assert 'class="stale"' not in few
    assert "3 calls wait to be counted. What you see is as of <time" in many


def test_another_model_makes_the_scores_stale(house):
    """Between a change of the configuration and its scores the page says that they are being computed."""
    house.change(lambda _: ProductConfig(workspaces=(Workspace("Engagement", 1, window_days=30),)))

    with house.client() as client:
        before = client.get("/accounts").text
        house.settle()
        after = client.get("/accounts").text

    assert "Scores are being computed anew." in before
    assert 'class="stale"' not in after


def test_a_rebuild_for_another_configuration_is_told(house):
    """While it is made the old one is shown, and the reader knows; one that changes nothing is silent."""
    house.product.rebuilding = True

    with house.client() as client:
        for_nothing = client.get("/accounts").text
        house.change(lambda before: msgspec.structs.replace(before, time_zone="Asia/Tokyo"))
        needed = client.get("/accounts").text

    assert 'class="stale"' not in for_nothing
    assert "All numbers are being made anew." in needed
