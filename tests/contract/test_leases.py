"""Which process works at which product: on a real PostgreSQL, and what each one should do next."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.stores.meta import leases_sql
from uptake.stores.meta.leases import change_of
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of at least 32 characters"
PATIENCE_S = 30


@pytest.fixture
def stores(databases):
    """Opens stores of one database."""
    url, opened = databases(), []

    def open_one():
        opened.append(SqlMetaStore(url, SECRET))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def at_once(monkeypatch):
    """Leases begin as they are taken."""
    monkeypatch.setattr(leases_sql, "GRACE_S", 0.0)


def rounds(*stores, products, until):
    """Let the processes ask in turn until it is so; what each holds then."""
    end = time.monotonic() + PATIENCE_S
    while True:
        held = [store.leases(products) for store in stores]
        if until(held):
            return held
        assert time.monotonic() < end, held
        time.sleep(0.01)


def test_products_are_shared_evenly(stores, at_once):
    """A second process gets half of what the first one holds, and no product is held twice."""
    ours, theirs = stores(), stores()
    assert ours.leases([1, 2, 3, 4]) == {1, 2, 3, 4}

    held = rounds(ours, theirs, products=[1, 2, 3, 4], until=lambda held: [len(each) for each in held] == [2, 2])

    assert held[0] | held[1] == {1, 2, 3, 4}
    assert [ours.holds(each) for each in sorted(held[0])] == [True, True]
    assert not any(ours.holds(each) for each in held[1])


def test_who_is_gone_leaves_its_products_to_the_others(stores, at_once):
    """The one that is left holds everything a moment after the other one ended."""
    ours, theirs = stores(), stores()
    rounds(ours, theirs, products=[1, 2], until=lambda held: [len(each) for each in held] == [1, 1])
    ours.close()

    assert rounds(theirs, products=[1, 2], until=lambda held: len(held[0]) == 2) == [{1, 2}]


def test_a_lost_connection_is_a_lost_lease(stores, at_once):
    """Whoever loses the server holds nothing from then on; another process may have it."""
    ours, theirs = stores(), stores()
    assert ours.leases([1]) == {1}
    with theirs._engine.connect() as connection:
        connection.exec_driver_sql(
            "select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchall()

    assert not ours.holds(1)
    assert theirs.leases([1]) == {1}
    assert ours.leases([1]) == frozenset()


def test_a_lease_begins_a_while_after_it_was_taken(stores, monkeypatch):
    """So that whoever lost it with its connection has found that out."""
    ours, now = stores(), [100.0]
    monkeypatch.setattr(ours._leases, "_now_s", lambda: now[0])

    assert ours.leases([1]) == frozenset()
    now[0] += leases_sql.GRACE_S
    assert ours.leases([1]) == {1}


def test_who_shares_and_who_leads_exclude_one_another(stores, at_once):
    """While processes share the products nobody leads, and while somebody leads nobody gets a product."""
    sharing, leading = stores(), stores()
    assert sharing.leases([1]) == {1}
    assert not leading.lead()

    sharing.close()
    end = time.monotonic() + PATIENCE_S
    while not leading.lead():
        assert time.monotonic() < end
    assert stores().leases([1]) == frozenset()


def test_who_attends_keeps_others_from_leading(stores, at_once):
    """A web node holds no product and counts as no worker; while it is there nobody works alone."""
    web, worker, alone = stores(), stores(), stores()
    assert web.attend()

    assert worker.leases([1, 2, 3]) == {1, 2, 3}
    worker.close()
    assert not alone.lead()
    web.close()
    end = time.monotonic() + PATIENCE_S
    while not alone.lead():
        assert time.monotonic() < end
    assert not stores().attend()


def test_a_product_that_is_gone_is_given_up(stores, at_once):
    """Only what is asked for is held."""
    ours = stores()
    ours.leases([1, 2])

    ours.leases([1])

    assert not ours.holds(2)
    assert ours.holds(1)


@given(st.integers(0, 12), st.lists(st.integers(0, 4), max_size=12), st.integers(1, 5), st.randoms())
def test_any_state_becomes_even(count, owners, processes, random):
    """Whoever holds what, in any order of asking: in the end each product is held once, as evenly as can be."""
    products = list(range(1, count + 1))
    held = {each: set() for each in range(processes)}
    for product, owner in zip(products, owners, strict=False):
        held[owner % processes].add(product)

    for _ in range(40):
        for me in random.sample(range(processes), processes):
            change = change_of(me, products, held)
            assert set(change.give) <= held[me]
            assert not set(change.take) & set().union(*held.values())
            held[me] = (held[me] - set(change.give)) | set(change.take)

    assert sorted(each for own in held.values() for each in own) == products
    assert max(map(len, held.values())) - min(map(len, held.values())) <= 1
