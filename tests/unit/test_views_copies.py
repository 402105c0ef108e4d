"""Copies of a message: which calls repeat one that was counted, where that one lies, and what older calls met."""

import pytest

from tests.house import NOW_US, House
from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.core.days import DAY_US, SECOND_US
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.copies import first_copy
from uptake.views.journey import journey_of
from uptake.views.live import LiveQuery
from uptake.views.older import older_calls


@pytest.fixture(params=["memory", "duckdb"])
def house(request, tmp_path):
    """One message received at once, after a day and after six days, many others around it."""

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{generation}.duckdb", rules, generation=generation)

    house = House(ProductConfig(dedupe_days=7), open_store=in_duckdb if request.param == "duckdb" else None)
    for after_us in (0, 3 * SECOND_US, DAY_US, 6 * DAY_US):
        house.now_us = NOW_US + after_us
        house.track("bob", "Search", times=7)
        house.send(Call(type="track", message_id="twice", at_us=NOW_US, user_id="ana", event="Export"))
        house.track("bob", "Search", times=2)
    house.settle()
    yield house
    house.running.close()


def calls(house):
    """The log."""
    return house.log.read(1, 0, most=1_000)


def test_a_copy_is_followed_to_the_call_that_was_counted(house):
    """Found by its moment, however much lies between; what was counted, or came once, has none."""
    twice = [each.offset for each in calls(house) if each.call.message_id == "twice"]

    found = {each.offset: first_copy(house.product, each) for each in calls(house)}

    assert twice == [7, 17, 27, 37]
    assert {offset: copied for offset, copied in found.items() if copied is not None} == {17: 7, 27: 7, 37: 7}
    assert journey_of(house.product, 27).copied == 7
    assert journey_of(house.product, 7).copied is None


def test_a_copy_in_the_same_request_is_followed_too(house):
    """Both were received at one moment: the first of them counts."""
    call = Call(type="track", message_id="both", at_us=NOW_US, user_id="ana", event="Export")
    house.send(call, call)
    house.settle()

    assert [first_copy(house.product, each) for each in calls(house)[-2:]] == [None, 40]


def test_a_copy_after_the_window_counts_anew(house):
    """It is followed to nothing, and whom its own copies are followed to is it."""
    for after_us in (8 * DAY_US, 9 * DAY_US):
        house.now_us = NOW_US + after_us
        house.send(Call(type="track", message_id="twice", at_us=NOW_US, user_id="ana", event="Export"))
    house.settle()

    assert [first_copy(house.product, each) for each in calls(house)[-2:]] == [None, 40]
    earlier = [each for each in calls(house)[:-2] if each.call.message_id == calls(house)[-1].call.message_id]
    assert [first_copy(house.product, each) for each in earlier] == [None, 7, 7, 7]


def test_calls_that_are_no_longer_listed_are_told_alike(house, monkeypatch):
    """By the rules, older calls have the fates that the fold listed."""
    listed = older_calls(house.product, 40, most=100)
    monkeypatch.setattr(type(house.product.store), "fates", lambda *_, **__: [])
    told = older_calls(house.product, 40, most=100)

    assert told == listed
    assert [each.offset for each in told.calls] == list(range(39, -1, -1))
    assert [each.offset for each in told.calls if each.fate == "duplicate"] == [37, 27, 17]
    assert journey_of(house.product, 27).fate == "duplicate"


def test_older_calls_are_asked_for_page_by_page(house):
    """A page goes on where the one before ended, and what is asked for is looked for alone."""
    pages, before = [], 39
    while before:
        page = older_calls(house.product, before, 7, LiveQuery(user="bob", fate="applied"))
        pages.append([each.offset for each in page.calls])
        before = page.looked_from

    assert [offset for page in pages for offset in page] == [
        offset for offset in range(38, -1, -1) if offset not in (7, 17, 27, 37)
    ]
    assert {len(page) for page in pages[:-1]} == {7}
