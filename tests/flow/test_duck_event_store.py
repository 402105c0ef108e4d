"""What the embedded event store promises beyond the contract: its file, its transactions, its readers."""

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from tests.strategies import DAY_US, moment_us
from uptake.core.config import Levels
from uptake.core.scores import ScoringModel
from uptake.stores.events import duckdb as engine
from uptake.stores.events import duckdb_file
from uptake.stores.events.base import ActedRow, FoldBatch, JoinedRow, KnownRow, ListQuery, Published, StoreRules
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.events.duckdb_file import DuckSession

ROOT = Path(__file__).parents[2]
RULES = StoreRules("UTC")
NOON_US = moment_us("2026-06-01T12:00")
MODEL = ScoringModel(1, 7, {}, True, frozenset(), {}, "exponential-1", "mean", Levels())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of a store is."""
    return tmp_path / "store.duckdb"


@pytest.fixture
def store(path):
    """An open store."""
    opened = DuckEventStore(path, RULES, generation=3)
    yield opened
    opened.close()


def batch(first: int, calls: int, *, joined: bool = True) -> FoldBatch:
    """A track call and a message each, of a hundred users over three days, of whom the first may join an account."""
    acted = [
        ActedRow(f"user {call % 100}", None, f"event {call % 4}", NOON_US + call % 3 * DAY_US)
        for call in range(first, first + calls)
    ]
    messages = [(call.to_bytes(16, "big"), NOON_US) for call in range(first, first + calls)]
    joins = [JoinedRow(f"user {first // calls % 100}", "acme", NOON_US, f"m{first}")] if joined else []
    return FoldBatch(first, first + calls, messages, [], acted, joins, [], [], [])


def test_a_store_opens_again_as_it_was(path):
    """Everything that it can be asked survives closing, the scores and what they tell included."""
    store = DuckEventStore(path, RULES, generation=3)
    store.commit(batch(0, 50))
    store.rescore([MODEL], store.dirty_days())
    store.publish(Published(50, 2, NOON_US), clear_dirty=False)
    before = (store.offset(), store.digest(), store.dirty_days(), store.published(), store.scored_days(1))
    store.close()

    again = DuckEventStore(path, RULES, generation=3)

    assert (again.offset(), again.digest(), again.dirty_days(), again.published(), again.scored_days(1)) == before
    assert again.seen([((7).to_bytes(16, "big"), NOON_US)]) == [True]
    assert again.size_bytes() == path.stat().st_size > 0
    again.close()


def test_a_second_opener_is_refused(store, path):
    """The file belongs to one process; whoever else opens it is told, and nothing is spoiled."""
    store.commit(batch(0, 5))

    opener = f"import duckdb; duckdb.connect({str(path)!r}, read_only=True)"
    told = subprocess.run([sys.executable, "-c", opener], capture_output=True, text=True, check=False)

    assert told.returncode == 1
    assert "Could not set lock" in told.stderr
    assert store.offset() == 5


def test_a_fold_that_fails_leaves_nothing(store, monkeypatch):
    """Whichever step fails, rows and offset stay as they were, and the same fold succeeds afterwards."""
    store.commit(batch(0, 20))
    before = store.digest()

    run = DuckSession.run
    for doomed in ("insert into events", "insert into daily_counts", "update fold_cursor"):

        def fail(self, sql, doomed=doomed, **values):
            if doomed in sql:
                raise duckdb.IOException("no space left on device")
            run(self, sql, **values)

        monkeypatch.setattr(DuckSession, "run", fail)
        with pytest.raises(duckdb.IOException):
            store.commit(batch(20, 20))
        monkeypatch.undo()
        assert (store.offset(), store.digest()) == (20, before)

    store.commit(batch(20, 20))
    assert store.offset() == 40


def test_a_reader_sees_one_commit_and_holds_up_no_writer(store):
    """An export that was begun goes on with what it began with, while folds and scorings are committed."""
    store.commit(batch(0, 30_000, joined=False))
    rows = store.export("daily_counts")
    first = next(rows)

    store.commit(batch(30_000, 30_000))
    store.rescore([MODEL], store.dirty_days())

    assert sum(sum(part.column("times").to_pylist()) for part in (first, *rows)) == 30_000
    assert store.totals().events == 60_000


def test_many_threads_read_while_one_writes(store):
    """Every answer is of one commit: never half a fold, and never an older one than before."""
    stop, faults = threading.Event(), []

    def read() -> None:
        while not stop.wait(0.01):
            events = store.totals().events
            if events % 100 or store.totals().events < events:
                faults.append(events)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for fold in range(10):
        store.commit(batch(fold * 100, 100))
        store.rescore([MODEL], store.dirty_days()[-1:])
    stop.set()
    for reader in readers:
        reader.join()

    assert faults == []


def test_adding_up_changes_no_answer(store, monkeypatch):
    """Counts in parts and counts added up tell the same, and folds go on from both, users who move included."""
    monkeypatch.setattr(engine, "LEAST_ROWS", 0)
    for fold in range(6):
        store.commit(batch(fold * 500, 500))
    days, before = store.dirty_days(), store.digest()

    parts = count(store, "daily_counts"), count(store, "active_days"), count(store, "events_ever")
    store.compact()
    sums = count(store, "daily_counts"), count(store, "active_days"), count(store, "events_ever")

    assert store.digest() == before
    assert all(one < other for one, other in zip(sums, parts, strict=True))
    store.compact()
    store.commit(FoldBatch(3000, 3001, [], [], [], [JoinedRow("user 50", "beta", NOON_US, "n")], [], [], []))
    store.commit(batch(3001, 500))
    store.rescore([MODEL], days)
    listed = store.numbers("account", MODEL, days[-1], ListQuery())[0]
    assert sum(row.raw_score for row in listed) == sum(
        part.raw for row in listed for part in store.parts("account", row.tracking_id, MODEL, days[-1])
    )
    assert {row.tracking_id for row in listed} == {"acme", "beta"}


def test_counts_are_added_up_by_themselves(store, monkeypatch):
    """A store that many folds write to does not keep all their parts, nor messages long out of the window."""
    monkeypatch.setattr(engine, "COMPACT_EVERY", 1)
    monkeypatch.setattr(engine, "LEAST_ROWS", 0)
    week = RULES.dedupe_us
    for fold in range(12):
        rows = batch(fold * 300, 300)
        messages = [(digest, NOON_US + fold * week) for digest, _ in rows.messages]
        store.commit(FoldBatch(rows.first, rows.after, messages, [], rows.acted, rows.joined, [], [], []))

    assert store.totals().events == 3600
    assert count(store, "daily_counts") <= 3 * 300 * 2
    assert count(store, "messages") <= 300 * 4


def test_scoring_again_and_again_takes_no_more_room(store):
    """A day that is scored after every fold leaves nothing of its earlier numbers behind in the file."""
    users = [KnownRow("user", f"user {number}") for number in range(3_000)]
    acted = [ActedRow(row.id, None, "open", NOON_US) for row in users]
    store.commit(FoldBatch(0, 1, [], users, acted, [], [], [], []))
    days = store.dirty_days()

    def room_after(times: int) -> int:
        for _ in range(times):
            store.rescore([MODEL], days)
        store._file.connections()[0].execute("checkpoint")
        return store.size_bytes()

    early = room_after(3)
    assert room_after(40) < 3 * early


def count(store: DuckEventStore, table: str) -> int:
    """How many rows a table of the file has."""
    with store._reading() as session:
        return session.rows(f"select count(*) from {table}")[0][0]


def fill_a_disk(path: Path) -> None:
    """A process of its own: fold until the disk is full (here: no file may be larger), then with more room again."""
    duckdb_file.LEAST_WAL_MB = 1
    store = DuckEventStore(path, RULES, generation=3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    acknowledged, fault = 0, None
    while fault is None:
        try:
            store.commit(batch(acknowledged, 5_000, joined=False))
        except duckdb.Error as error:
            fault = error
        else:
            acknowledged += 5_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert isinstance(fault, duckdb.FatalException)  # after which DuckDB refuses every use of an open database
    assert store.totals().events == store.offset() >= acknowledged >= 5_000
    store.commit(batch(store.offset(), 5_000, joined=False))
    assert store.totals().events == store.offset() >= acknowledged + 5_000
    store.close()


def test_a_full_disk_is_survived(path):
    """What was folded stays, and folding goes on by itself once there is room; nobody has to open the store anew."""
    words = f"from tests.flow.test_duck_event_store import *\nfill_a_disk(Path({str(path)!r}))"
    places = os.pathsep.join([str(ROOT / "src"), str(ROOT)])

    subprocess.run([sys.executable, "-c", words], cwd=ROOT, env={**os.environ, "PYTHONPATH": places}, check=True)
