"""What changed between two full days: who moved, why, how levels flowed, and what is wrong with the calls."""

import msgspec
import pytest

from tests.house import NOW_US, House, ago
from uptake.core.config import ProductConfig, Workspace
from uptake.core.days import DAY_US
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list
from uptake.views.changes import MOST_MOVERS, levels_over_time, what_changed
from uptake.views.explanation import explain, summaries
from uptake.views.notices import Notice, notices


@pytest.fixture
def house():
    """Nine accounts, of which all but the first rise, four that stay as they are, and bob-inc that falls."""
    house = House()
    for number in range(4):
        house.group(f"steady{number}", f"steady{number}")
        house.track(f"steady{number}", "Open", day=9, times=9)
        house.track(f"steady{number}", "Open", day=3, times=9)
    for number in range(1, 10):
        house.group(f"u{number}", f"acc{number}")
        house.track(f"u{number}", "Open", day=9)
        house.track(f"u{number}", "Open", day=2, times=number)
    house.group("bob", "bob-inc")
    house.track("bob", "Open", day=9, times=9)
    house.track("bob", "Open", day=1)
    house.settle()
    return house


def test_movers_are_those_of_the_list_of_that_day(house):
    """The change of each is the score_change of the ranked list on the last full day; the first six are told."""
    changes = what_changed(house.product, None)

    listed = account_list(house.product, None, ListQuery(sort="score_change", limit=50), ago(1))
    by_list = {row.tracking_id: row.score_change for row in listed.rows}
    told = [*changes.rose.first, *changes.fell.first]
    assert (changes.day, changes.against) == (ago(1), ago(8))
    assert [mover.change for mover in told] == [by_list[mover.numbers.tracking_id] for mover in told]
    assert len(changes.rose.first) == MOST_MOVERS
    assert changes.rose.total == sum(change > 0 for change in by_list.values())
    assert [mover.numbers.tracking_id for mover in changes.fell.first] == ["acc1", "bob-inc"][
        -len(changes.fell.first) :
    ]


def test_across_a_change_of_the_model_both_days_are_told_by_the_later_one(house):
    """Home, its reasons and the change that lists show say the same when scoring changed between the two days."""
    linear = ProductConfig(workspaces=(Workspace("Engagement", 1, curve="linear-1"),))
    house.running.change_config(1, lambda _: linear, by="test", publish="from_now_on")
    house.now_us += DAY_US
    house.settle()

    changes = what_changed(house.product, None)

    listed = account_list(house.product, None, ListQuery(sort="score_change", limit=50), ago(0))
    by_list = {row.tracking_id: row.score_change for row in listed.rows}
    told = [*changes.rose.first, *changes.fell.first]
    assert (changes.day, changes.against, changes.retold) == (ago(0), ago(7), True)
    assert told
    assert [mover.change for mover in told] == [by_list[mover.numbers.tracking_id] for mover in told]
    for mover in told:
        reason = explain(house.product, "account", None, mover.numbers.tracking_id, ago(0)).summary
        assert mover.reason == reason


@pytest.mark.parametrize("shift", [1, 7, 20])
def test_many_reasons_are_the_reasons_of_each(house, shift):
    """Asked for together or one by one, between days near or far, the sentence is the same."""
    ids = ["acc9", "bob-inc", "acc1"]

    together = summaries(house.product, "account", None, [*ids, "nobody"], (ago(1 + shift), ago(1)))

    alone = {
        each: explain(house.product, "account", None, each, ago(1), against=ago(1 + shift)).summary for each in ids
    }
    assert together == alone


def test_no_more_reasons_than_are_allowed(house):
    """The number of explanations that one question may cost is bounded."""
    with pytest.raises(ValueError, match="up to 50 ids"):
        summaries(house.product, "account", None, [str(each) for each in range(51)], (ago(8), ago(1)))


def test_late_calls_change_the_answer(house):
    """What is kept is forgotten when scores are published again, the reasons too."""
    before = what_changed(house.product, None).rose.first[0]
    house.track("u9", "Open", day=2, times=20)
    house.settle()

    after = what_changed(house.product, None).rose.first[0]

    assert before.numbers.tracking_id == after.numbers.tracking_id == "acc9"
    assert "Open used 8 more times" in before.reason
    assert "Open used 28 more times" in after.reason


def test_activation_counts_who_met_every_condition(house):
    """With conditions of activation both days are told; without there is nothing to tell."""
    assert what_changed(house.product, None).activation is None

    conditions = ('did("Open") >= 5',)
    house.change(lambda _: ProductConfig(workspaces=(Workspace("Engagement", 1, account_activation=conditions),)))
    house.settle()
    activation = what_changed(house.product, None).activation

    assert msgspec.structs.astuple(activation) == (11, 5, 14)


def test_levels_over_time_end_with_the_last_full_day(house):
    """One entry a day, yesterday last, and each counts the active accounts of its day."""
    levels = levels_over_time(house.product, None, "account", 5)

    assert [each.day for each in levels] == [ago(days) for days in (5, 4, 3, 2, 1)]
    assert levels[-1].active == 14


def test_notices_are_of_the_last_day_and_silent_when_all_is_well(house):
    """A product whose calls are counted has no notice; a user without account and a day without calls are two."""
    assert notices(house.product, NOW_US) == []

    house.track("eve", "Open")
    house.settle()

    assert notices(house.product, NOW_US) == [Notice("unattributed", 1)]
    assert notices(house.product, NOW_US + 2 * DAY_US) == [Notice("silent", 2), Notice("unattributed", 1)]


def test_accounts_that_are_each_others_parents_are_noticed(house):
    """A circle of parents is one notice, which names one of the accounts."""
    house.group("u1", "acc1", parent_group_id="acc2")
    house.group("u2", "acc2", parent_group_id="acc1")
    house.settle()

    assert notices(house.product, NOW_US) == [Notice("circle", 2, "acc1")]
