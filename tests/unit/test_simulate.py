"""The simulated product is big enough, uneven, and the same every time."""

from collections import Counter
from datetime import date
from itertools import islice

from uptake.simulate import EVENTS, STORIES, activity, calls, simulation

LAST = date(2026, 6, 30)


def test_the_same_seed_gives_the_same_calls():
    """A demo can be told about: everybody sees the same accounts."""
    first, second = (list(islice(calls(simulation(LAST, days=20)), 3_000)) for _ in range(2))

    assert first == second


def test_it_is_a_b2b_product_of_uneven_accounts():
    """At least 200 accounts and 2,000 users, some tiny, some large, every story told, about 25 events."""
    simulated = simulation(LAST)
    sizes = sorted(len(company.people) for company in simulated.companies)

    assert len(sizes) >= 200
    assert simulated.people >= 2_000
    assert sizes[0] <= 3 < 50 <= sizes[-1]
    assert {company.story for company in simulated.companies} == set(STORIES)
    assert len(EVENTS) == 25


def test_weeks_have_a_rhythm():
    """Far less happens on Saturdays than on Wednesdays."""
    by_weekday = Counter(
        date.fromisoformat(call["timestamp"][:10]).weekday() for call in calls(simulation(LAST, days=28, accounts=60))
    )

    assert by_weekday[5] < by_weekday[2] / 3


def test_a_churned_account_falls_silent_and_a_returning_one_comes_back():
    """The stories do what their names say."""
    by_story = {company.story: company for company in simulation(LAST).companies}
    churned, returning = by_story["churned"], by_story["returning"]

    assert activity(churned, churned.turn - 1, 90) > 0 == activity(churned, churned.turn + 10, 90)
    assert activity(returning, returning.turn + 5, 90) == 0 < activity(returning, returning.turn + 13, 90)
