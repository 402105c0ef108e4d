"""What every store of failed attempts promises, asked of SQLite, PostgreSQL and the oracle in memory."""

import threading

import pytest

from tests.fakes_meta import MemoryMetaStore
from uptake.stores.meta.attempts import Failures
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of at least 32 characters"
ANA, BOB = "account ana@acme.example", "account bob@globex.example"


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def meta(request, tmp_path):
    if request.param == "memory":
        store = MemoryMetaStore()
    elif request.param == "postgres":
        store = SqlMetaStore(request.getfixturevalue("databases")(), SECRET)
    else:
        store = SqlMetaStore(f"sqlite:///{tmp_path}/meta.sqlite", SECRET)
    yield store
    store.close()


def kept(meta, *subjects):
    """What is kept of the subjects, by asking for no change."""
    found = {}
    meta.attempts.change(subjects, lambda before: found.update(before) or before, forgotten_us=0, most=100)
    return found


def put(meta, at_us, *subjects, forgotten_us=0, most=100):
    """One more failure of each of the subjects."""

    def more(before):
        return {each: Failures(before[each].times + 1 if each in before else 1, at_us) for each in subjects}

    meta.attempts.change(subjects, more, forgotten_us=forgotten_us, most=most)


def test_failures_are_counted_by_subject(meta):
    """Each of its own, with the moment of the last one; others are not seen."""
    put(meta, 10, ANA, "address 192.0.2.1")
    put(meta, 20, ANA)

    assert kept(meta, ANA, BOB) == {ANA: Failures(2, 20)}
    assert kept(meta, "address 192.0.2.1") == {"address 192.0.2.1": Failures(1, 10)}


def test_what_is_left_out_is_forgotten(meta):
    """Of the subjects that were named; the rest stays."""
    put(meta, 10, ANA, BOB)

    meta.attempts.change((ANA,), lambda _: {}, forgotten_us=0, most=100)

    assert kept(meta, ANA, BOB) == {BOB: Failures(1, 10)}


def test_what_failed_long_ago_is_forgotten_at_the_next_change(meta):
    """Whoever it was, up to the moment itself."""
    put(meta, 10, ANA)
    put(meta, 11, BOB)

    put(meta, 12, "address 192.0.2.1", forgotten_us=10)

    assert kept(meta, ANA, BOB) == {BOB: Failures(1, 11)}


def test_the_oldest_of_too_many_go(meta):
    """So that ever new names fill no disk."""
    for number in range(30):
        put(meta, 100 + number, f"account {number}", most=10)

    assert sorted(kept(meta, *(f"account {number}" for number in range(30)))) == [f"account {n}" for n in range(20, 30)]


def test_many_at_once_are_all_counted(meta):
    """Nobody comes in between reading and writing."""
    threads = [threading.Thread(target=put, args=(meta, 10, ANA)) for _ in range(8)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert kept(meta, ANA) == {ANA: Failures(8, 10)}


def test_nothing_that_was_typed_lies_on_disk(tmp_path):
    """An e-mail address, or a password in its field, is not to be read in the file; another start finds its count."""
    url = f"sqlite:///{tmp_path}/meta.sqlite"
    before = SqlMetaStore(url, SECRET)
    put(before, 10, "account hunter2-hunter2")
    before.close()

    after = SqlMetaStore(url, SECRET)

    assert kept(after, "account hunter2-hunter2") == {"account hunter2-hunter2": Failures(1, 10)}
    after.close()
    assert not [each for each in tmp_path.iterdir() if b"hunter2" in each.read_bytes()]


def test_nodes_count_together(databases):
    """What failed at one node is known to the other."""
    url = databases()
    ours, theirs = SqlMetaStore(url, SECRET), SqlMetaStore(url, SECRET)
    put(ours, 10, ANA)
    put(theirs, 20, ANA)

    assert kept(ours, ANA) == {ANA: Failures(2, 20)}
    ours.close()
    theirs.close()
