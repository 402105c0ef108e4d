"""Laws of a workspace's numbers, on every engine: what must hold whatever the oracle says, and where calendars are odd.

Drawn are products with hierarchies three deep that close to a cycle, users who move and act in two accounts, around a
leap day and the clock changes of Europe/Berlin.
"""

import math
from collections.abc import Sequence
from datetime import date

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.contract.test_event_store import KINDS, assert_same, engine, fold, other, store, trait
from tests.fakes import MemoryEventStore
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import ActedRow, EventStore, JoinedRow, ListQuery, StoreRules

__all__ = ["engine", "other", "store"]

EVERYONE = ListQuery(limit=1_000)
LEAP = strategies.moment_us("2028-02-28T23:00")
DAYS = (
    date(2028, 2, 29),
    date(2028, 3, 1),
    date(2028, 3, 30),
    date(2028, 5, 28),
    date(2026, 3, 29),
    date(2026, 10, 25),
)
TREES = ("", "12", "beta")
"""What the account at the top of the chain 12 → beta → corp has as its parent: nothing, or one of the two below it."""


@st.composite
def products(draw: st.DrawFn, *, most: int = 25) -> list[ActedRow | JoinedRow]:
    """Users who join, move and act, on days around a leap day or a clock change."""
    moments = st.builds(
        lambda start, hours: start + hours * strategies.HOUR_US,
        st.sampled_from([LEAP, LEAP, *strategies.CLOCK_CHANGES]),
        st.integers(-80, 80) | st.sampled_from([-24 * 60, 24 * 30, 24 * 89]),
    )
    named = st.none() | st.none() | st.sampled_from(strategies.ACCOUNTS)
    acted = st.builds(ActedRow, st.sampled_from(strategies.USERS), named, st.sampled_from(strategies.EVENTS), moments)
    joined = st.builds(
        JoinedRow,
        st.sampled_from(strategies.USERS),
        st.sampled_from(strategies.ACCOUNTS),
        moments,
        strategies.message_ids(),
    )
    return [*draw(st.lists(acted, min_size=1, max_size=most)), *draw(st.lists(joined, max_size=6))]


def furnished(store: EventStore, rows: Sequence[ActedRow | JoinedRow], top: str) -> EventStore:
    """The store with the rows and the chain of accounts."""
    chain = {"12": "beta", "beta": "corp", "corp": top}
    fold(store, [trait("account", child, "parent", parent) for child, parent in chain.items() if parent])
    fold(store, rows)
    return store


def numbers(store: EventStore, model: ScoringModel, day: date) -> dict:
    """Everyone's numbers by kind and id, on a day that is scored for it."""
    store.rescore([model], [day])
    return {(kind, row.tracking_id): row for kind in KINDS for row in store.numbers(kind, model, day, EVERYONE)[0]}


@settings(max_examples=settings().max_examples * 2 // 5)
@given(
    rows=products(),
    model=strategies.models(),
    day=st.sampled_from(DAYS),
    zone=st.sampled_from(strategies.ZONES),
    top=st.sampled_from(TREES),
)
def test_every_number_is_the_oracles(other, rows, model, day, zone, top):
    """Across leap days, clock changes, moves and cycles: whole numbers agree exactly, others to 1e-9."""
    oracle, engine = MemoryEventStore(StoreRules(zone)), other(StoreRules(zone))
    for each in (oracle, engine):
        furnished(each, rows, top)

    found, expected = numbers(engine, model, day), numbers(oracle, model, day)

    assert_same(expected, found, "numbers")
    for kind, each in expected:
        assert_same(
            oracle.series(kind, each, model, (day, day)), engine.series(kind, each, model, (day, day)), "series"
        )
    engine.close()


@settings(max_examples=settings().max_examples // 4)
@given(rows=products(), model=strategies.models(), day=st.sampled_from(DAYS), top=st.sampled_from(TREES))
def test_doubled_counts_leave_scores_as_they_are(other, rows, model, day, top):
    """Raw scores and benchmarks double; scores, levels, changes, adoption, frequency and users do not move."""
    uncapped = msgspec.structs.replace(model, daily_cap=None, user_activation=(), account_activation=())
    once, twice = (furnished(other(StoreRules("UTC")), times, top) for times in (rows, [*rows, *rows]))

    before, after = numbers(once, uncapped, day), numbers(twice, uncapped, day)

    assert {who: msgspec.structs.replace(row, raw_score=0.0) for who, row in after.items()} == {
        who: msgspec.structs.replace(row, raw_score=0.0) for who, row in before.items()
    }
    for who, row in after.items():
        assert math.isclose(row.raw_score, 2 * before[who].raw_score, rel_tol=1e-9)
    for kind in KINDS:
        assert_same(once.p90(uncapped, day, kind), (twice.p90(uncapped, day, kind) or 0) / 2 or None, "P90")
    once.close()
    twice.close()


@settings(max_examples=settings().max_examples // 4)
@given(
    rows=products(),
    model=strategies.models(),
    day=st.sampled_from(DAYS),
    top=st.sampled_from(TREES),
    gone=st.sampled_from(strategies.USERS),
)
def test_without_a_user_every_account_is_less_by_his_parts(other, rows, model, day, top, gone):
    """Parts sum to raw; whoever is taken out takes exactly his own parts from each account that he acted for."""
    store = furnished(other(StoreRules("UTC")), rows, top)
    before = numbers(store, model, day)
    parts = {who: store.parts(*who, model, day) for who in before}

    after = numbers(store, msgspec.structs.replace(model, excluded_users=model.excluded_users | {gone}), day)

    for who, row in before.items():
        assert math.isclose(math.fsum(part.raw for part in parts[who]), row.raw_score, rel_tol=1e-9, abs_tol=1e-9)
    assert ("user", gone) not in after
    for kind, each in after:
        own = math.fsum(part.raw for part in parts[kind, each] if part.user != gone)
        assert math.isclose(after[kind, each].raw_score, own, rel_tol=1e-9, abs_tol=1e-9)
    store.close()


@settings(max_examples=settings().max_examples // 4)
@given(
    rows=products(),
    model=strategies.models(),
    day=st.sampled_from(DAYS),
    top=st.sampled_from(TREES),
    random=st.randoms(use_true_random=False),
)
def test_a_permutation_of_arrival_changes_nothing(other, rows, model, day, top, random):
    """In whatever order and in however many folds rows come, late memberships and parents too: the same numbers."""
    shuffled = random.sample(rows, len(rows))
    cut = random.randint(0, len(rows))
    one, two = furnished(other(StoreRules("Europe/Berlin")), rows, top), other(StoreRules("Europe/Berlin"))
    fold(two, shuffled[:cut])
    numbers(two, model, day)
    furnished(two, shuffled[cut:], top)

    assert_same(numbers(one, model, day), numbers(two, model, day), "numbers")
    assert one.digest() == two.digest()
    one.close()
    two.close()


@settings(max_examples=settings().max_examples // 4)
@given(rows=products(), model=strategies.models(), day=st.sampled_from(DAYS), share=st.integers(0, 25))
def test_a_later_call_changes_no_day_before_it(other, rows, model, day, share):
    """Acts of the days after leave the numbers of a day as they were, all but what events there are to adopt."""
    fixed = msgspec.structs.replace(
        model,
        every_event=False,
        weights=dict.fromkeys(strategies.EVENTS, 2),
        scored_events=frozenset(strategies.EVENTS),
        user_activation=(),
        account_activation=(),
    )
    joined = [row for row in rows if isinstance(row, JoinedRow)]
    acted = [row for row in rows if isinstance(row, ActedRow)]
    known = [trait("user", user, "role", "x") for user in strategies.USERS]
    store = other(StoreRules("UTC"))
    fold(store, [*known, *joined, *(trait("account", each, "plan", "x") for each in strategies.ACCOUNTS)])
    after_us = (day - date(1970, 1, 1)).days * strategies.DAY_US + strategies.DAY_US
    fold(store, [row for row in acted if row.at_us < after_us] + acted[:share])
    before = numbers(store, fixed, day)

    fold(store, [row for row in acted if row.at_us >= after_us])

    assert_same(before, numbers(store, fixed, day), "numbers")
    store.close()
