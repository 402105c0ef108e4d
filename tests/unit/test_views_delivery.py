"""The delivery overview: what it counts since when, and which calls it shows of each reason."""

import msgspec
import pytest

from tests.house import NOW_US, House
from uptake.core.calls import Call
from uptake.core.config import Destination, Mapping, ProductConfig, preset_mappings
from uptake.core.days import SECOND_US
from uptake.core.errors import Rejection
from uptake.views.destination import delivery_overview

PAID = Mapping("Paid", "track", 'event = "Paid"', {"userId": {"@path": "$.userId"}}, enabled=True)
MINUTE_US = 60 * SECOND_US


@pytest.fixture
def house():
    """A product with the presets and a mapping that always fails."""
    return House(ProductConfig(destination=Destination(mappings=(*preset_mappings(), PAID))))


def calls(house, event, times, *, user="ana", **fields):
    """Many calls in one request."""
    house.send(*[house._call("track", 0, user_id=user, event=event, **fields) for _ in range(times)])


def reasons(overview):
    return {(each.step, each.code, each.mapping): each for each in overview.reasons}


def test_each_reason_has_its_latest_calls_however_rare_it_is(house):
    """Ten samples of each reason, of the mapping that it is about, among thousands of others in one fold."""
    calls(house, "Paid", 12)
    calls(house, "Opened", 15, user=None, anonymous_id="x")
    calls(house, "Opened", 4_000)
    house.settle()

    told = reasons(delivery_overview(house.product, NOW_US - 60 * MINUTE_US))

    paid, anonymous = told["applied", "BAD_REQUEST", "Paid"], told["invalid", "BAD_REQUEST", "Track Calls"]
    assert (paid.times, anonymous.times) == (12, 15)
    assert [each.offset for each in paid.samples] == list(range(11, 1, -1))
    assert [each.offset for each in anonymous.samples] == list(range(26, 16, -1))
    assert {each.mapping for each in paid.samples} == {"Paid"}


def test_the_ten_minutes_in_which_the_range_begins_count_whole(house):
    """A call of a moment ago is there, also where ten minutes began meanwhile."""
    house.now_us = NOW_US - MINUTE_US
    calls(house, "Opened", 1)
    house.now_us = NOW_US + MINUTE_US
    house.settle()

    told = delivery_overview(house.product, house.now_us - 10 * MINUTE_US)

    assert told.steps == {"applied": 1, "received": 1}


def test_samples_are_of_the_range(house):
    """What was refused or discarded before the range is neither counted nor shown."""
    rejection = Rejection("missing_user", "$.userId", "neither was present", 0)
    calls(house, "Paid", 1)
    house.send(refused=(rejection,))
    house.now_us = NOW_US + 60 * MINUTE_US
    calls(house, "Paid", 1)
    house.send(refused=(rejection,) * 12)
    house.settle()

    told = reasons(delivery_overview(house.product, house.now_us - 10 * MINUTE_US))

    assert told["refused", "missing_user", ""].times == 12
    assert len(told["refused", "missing_user", ""].samples) == 10
    assert [each.offset for each in told["applied", "BAD_REQUEST", "Paid"].samples] == [1]


def test_every_step_is_counted_once(house):
    """What was received is what became of it, step by step."""
    off = msgspec.structs.replace
    calls(house, "Opened", 2)
    calls(house, "Opened", 1, integrations={"All": False})
    house.send(Call(type="alias", message_id="a", at_us=NOW_US, user_id="ana", previous_id="x"))
    house.send(*[off(house._call("page", 0, name="Home"), message_id="twice") for _ in range(2)])
    house.settle()
    house.change(lambda config: off(config, destination=off(config.destination, mappings=preset_mappings()[:1])))
    calls(house, "Opened", 1)
    house.settle()

    told = delivery_overview(house.product, NOW_US - 60 * MINUTE_US)

    assert told.steps == {
        **{"received": 7, "applied": 2, "filtered": 1, "unmatched": 1, "duplicate": 1},
        "not_counted": 2,
    }
