"""Scorings on ClickHouse, which knows no transactions: what readers see of them, and what stays of those before."""

from datetime import timedelta
from unittest import mock

import pytest

from tests.clickhouse import clickhouse
from tests.contract.test_event_store import JUNE_1, NOON, acts, fold, model
from uptake.stores.events import clickhouse_questions, clickhouse_session, score_sql
from uptake.stores.events.base import Published, StoreRules
from uptake.stores.events.clickhouse_session import ClickHouseSession
from uptake.stores.events.list_sql import standings_of

MAY_31 = JUNE_1 - timedelta(days=1)
RUNS = "select distinct born from {table} order by born"


@pytest.fixture
def store():
    """ana opened twice and is scored; then bob opened three times and is not scored yet."""
    with clickhouse() as create:
        store = create(StoreRules("UTC"))
        fold(store, acts("ana", "open", 2))
        store.rescore([model()], [JUNE_1])
        fold(store, acts("bob", "open", 3))
        yield store
        store.close()


def runs(store, table="scores_rows"):
    """The runs of which rows are there."""
    with store._reading() as session:
        return [run for (run,) in session.rows(RUNS.format(table=table))]


def raws(store):
    """Everyone's raw score on the day."""
    return {each: raw for each, (_, raw) in store.standings("user", model(), JUNE_1).items()}


def test_a_scoring_that_is_broken_off_is_never_seen(store, monkeypatch):
    """All of its scores are there but its end; the numbers are those before it, and the next scoring stands alone."""
    monkeypatch.setattr(clickhouse_questions, "END_RUN", "select broken off")
    with pytest.raises(Exception, match="broken"):
        store.rescore([model()], [MAY_31, JUNE_1])
    monkeypatch.undo()

    assert runs(store) == [1, 2]
    assert raws(store) == {"ana": 2}
    assert store.scored_days(1) == [JUNE_1]

    store.rescore([model(window_days=1)], [JUNE_1])
    assert raws(store) == {"ana": 2, "bob": 3}
    assert store.scored_days(1) == [JUNE_1]


def test_passes_of_a_scoring_share_what_is_the_same_for_all_days(store, monkeypatch):
    """It is added up once; each pass is a run that readers see when it ends, and the numbers are those of one pass."""
    models, days = [model(), model(workspace_id=2, window_days=1)], [JUNE_1 + timedelta(days=each) for each in range(3)]
    store.rescore(models, days, at_us=NOON)
    before, added_up, ended = store.digest(), mock.Mock(wraps=clickhouse_questions.add_up_adoptions), []

    def rescore_days(session, models, of, **how):
        ended.append(runs(store, "benchmarks_rows")[2:])
        score_sql.rescore_days(session, models, of, **how)

    monkeypatch.setattr(clickhouse_questions, "days_a_pass", lambda _: 1)
    monkeypatch.setattr(clickhouse_questions, "add_up_adoptions", added_up)
    monkeypatch.setattr(clickhouse_questions, "rescore_days", rescore_days)
    store.rescore(models, days, at_us=NOON)

    assert (added_up.call_count, ended) == (1, [[], [3], [3, 4]])
    assert store.digest() == before


def test_a_reader_sees_one_scoring(store):
    """What is scored while it reads it does not see; the next reader does."""
    with store._reading() as session:
        store.rescore([model()], [MAY_31, JUNE_1])
        seen = standings_of(session, "user", model(), JUNE_1)

    assert {each: raw for each, (_, raw) in seen.items()} == {"ana": 2}
    assert raws(store) == {"ana": 2, "bob": 3}


def test_what_was_scored_before_goes_a_while_later(store):
    """A reader may still be at it for some minutes; then it is dropped, and nothing that can be asked changes."""
    store.rescore([model()], [MAY_31, JUNE_1])
    store.forget((MAY_31, MAY_31))
    before = store.digest()

    store.sweep(seconds=600)
    assert runs(store) == [1, 2]

    store.sweep(seconds=-60)
    assert (runs(store), runs(store, "benchmarks_rows")) == ([2], [2, 3])
    assert store.digest() == before
    assert store.scored_days(1) == [JUNE_1]


def test_what_a_broken_scoring_left_is_dropped_by_the_next_process(store, monkeypatch):
    """Once it begins to score; what counts stays."""
    monkeypatch.setattr(clickhouse_questions, "END_RUN", "select broken off")
    with pytest.raises(Exception, match="broken"):
        store.rescore([model()], [JUNE_1])
    monkeypatch.undo()

    store._swept = False
    store.sweep(seconds=600)

    assert (runs(store), raws(store)) == ([1], {"ana": 2})


def test_however_many_days_were_scored_no_text_grows(store, monkeypatch):
    """What was scored before, and what a broken scoring left, is named a few days at a time when it goes."""
    monkeypatch.setattr(clickhouse_session, "MOST_NAMED", 3)
    days = [JUNE_1 + timedelta(days=each) for each in range(4)]
    texts, run = [], ClickHouseSession.run
    store.rescore([model()], days)
    store.rescore([model()], days)
    with monkeypatch.context() as patched:
        patched.setattr(clickhouse_questions, "END_RUN", "select broken off")
        with pytest.raises(Exception, match="broken"):
            store.rescore([model()], days)
    store._swept, before = False, store.digest()

    monkeypatch.setattr(ClickHouseSession, "run", lambda self, sql, **how: (texts.append(sql), run(self, sql, **how)))
    store.sweep(seconds=-60)

    assert [text.count("drop partition") for text in texts] == [3, 3, 3, 0, 0]
    assert [text.count("toDate32") for text in texts] == [0, 0, 0, 3, 2]
    assert (runs(store), runs(store, "benchmarks_rows")) == ([3], [3])
    assert (store.digest(), store.scored_days(1)) == (before, days)


def test_publishing_clears_the_days_of_folds_that_were_scored(store):
    """Days of a later fold are marked anew, and the latest published state is the one that is told."""
    store.publish(Published(1, 1, NOON), clear_dirty=True)
    store.publish(Published(2, 1, NOON), clear_dirty=False)
    assert (store.dirty_days(), store.published()) == ([], Published(2, 1, NOON))

    fold(store, acts("ana", "open"))

    assert store.dirty_days() == [JUNE_1]
