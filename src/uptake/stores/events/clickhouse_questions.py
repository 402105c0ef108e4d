"""What is read from an event store on ClickHouse, and the numbers of its scored days.

Questions are those of `StoreQuestions`, by the same texts (see `clickhouse_dialect`), each as of one fold and one run.
There are no transactions, so a scoring is a *run* with a number of its own: the rows of all its scores are written
first, and one insert of its benchmarks makes them count.  What a run took the place of is dropped a while later, when
nobody can be reading it any more.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date

from uptake.core.scores import ScoringModel
from uptake.stores.events.adoption_sql import add_up_adoptions
from uptake.stores.events.base import Published
from uptake.stores.events.clickhouse_schema import TABLES, local, on
from uptake.stores.events.clickhouse_session import ClickHouseDatabase, ClickHouseSession, in_texts
from uptake.stores.events.questions import StoreQuestions
from uptake.stores.events.score_sql import Keeping, days_a_pass, rescore_days

SHADOWS = tuple(
    f"create temporary table {view} ({TABLES[f'{view}_rows'].columns.partition(', forgotten')[0]})"
    for view in ("scores", "benchmarks")
)

# ---- a run

NEXT_RUN = """
select 1 + greatest(
  (select coalesce(max(born), 0) from scores_rows), (select coalesce(max(born), 0) from benchmarks_rows)
)
"""
"""Also after a run that ended too early: its rows never count, and nobody may add to them."""

RUN = """
create or replace temporary table score_run (
  workspace_id Int32, day Date32, users_p90 Nullable(Float64), accounts_p90 Nullable(Float64), scored_us Int64
)
"""
KEEP_SCORES = """
insert into scores_rows (
  workspace_id, kind, id, day, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users,
  last_us, first_day, revised_us, born
)
select *, $run from ({rows})
"""
KEEP_BENCHMARKS = """
insert into score_run select $workspace, day, users_p90, accounts_p90, $at_us from score_benchmarks
"""
END_RUN = """
insert into benchmarks_rows (workspace_id, day, users_p90, accounts_p90, scored_us, forgotten, born)
select workspace_id, day, users_p90, accounts_p90, scored_us, 0, $run from score_run
"""
FORGET = """
insert into benchmarks_rows (workspace_id, day, users_p90, accounts_p90, scored_us, forgotten, born)
select workspace_id, day, null, null, null, 1, $run from benchmarks where day between $first and $last
"""

# ---- what a run took the place of

READ_SECONDS = 600
"""Nobody reads for so long that a run which something newer took the place of so long ago is still looked at."""
REPLACED = """
with latest as (
  select workspace_id, day, max(born) as born, argMax(ended, born) as ended from benchmarks_rows
  group by workspace_id, day
)
select r.workspace_id, r.day, r.born
from benchmarks_rows r join latest l on l.workspace_id = r.workspace_id and l.day = r.day
where r.born < l.born and l.ended < now() - $seconds order by r.born limit 1000
"""
UNENDED = """
select distinct workspace_id, day, born from scores_rows
where (workspace_id, day, born) not in (select workspace_id, day, born from benchmarks_rows)
"""
DROP_RUNS = "alter table {table} {partitions}"
PARTITION = "drop partition ({}, '{}', {})"
DROP_RUN_ENDS = """
delete from {table} where (workspace_id, day, born) in ({runs})
"""

PUBLISH = """
insert into published_rows (next_offset, revision, as_of_us, cleared, born)
select $offset, $revision, $as_of_us,
  (select greatest($cleared, coalesce(max(cleared), 0)) from published_rows),
  (select 1 + coalesce(max(born), 0) from published_rows)
"""


class ClickHouseQuestions(StoreQuestions):
    """What of `EventStore` only reads, and the numbers of scored days."""

    shadows = SHADOWS
    _database: ClickHouseDatabase
    _reading: Callable[[], AbstractContextManager[ClickHouseSession]]
    _writing: Callable[[], AbstractContextManager[ClickHouseSession]]
    _swept = False

    def rescore(self, models: Sequence[ScoringModel], days: Sequence[date], *, at_us: int = 0) -> None:
        """Compute and keep every number of the days; readers see the days of a pass together."""
        once = list(dict.fromkeys(days))
        self.sweep(seconds=READ_SECONDS)
        with self._writing() as session:  # one for all passes: what they share ends with it
            step = days_a_pass(session)
            add_up_adoptions(session, models)
            for at in range(0, len(once), step):
                run = int(session.rows(NEXT_RUN)[0][0])
                keeping = Keeping((), KEEP_SCORES, KEEP_BENCHMARKS, {"run": run})
                session.run(RUN)
                rescore_days(
                    session, models, once[at : at + step], zone=self.rules.time_zone, at_us=at_us, keeping=keeping
                )
                session.run(END_RUN, run=run)

    def publish(self, published: Published, *, clear_dirty: bool) -> None:
        """Say which state the kept scores tell, and which folds they have seen."""
        with self._writing() as session:
            session.run(
                PUBLISH,
                offset=published.offset,
                revision=published.revision,
                as_of_us=published.as_of_us,
                cleared=session.as_of if clear_dirty else 0,
            )

    def forget(self, days: tuple[date, date]) -> None:
        """Drop the numbers of some days."""
        with self._writing() as session:
            session.run(FORGET, first=days[0], last=days[1], run=int(session.rows(NEXT_RUN)[0][0]))

    def sweep(self, *, seconds: int) -> None:
        """Drop what newer runs took the place of so long ago, and once what a run left that never ended."""
        with self._writing() as session:
            replaced = session.rows(REPLACED, seconds=seconds)
            unended = [] if self._swept else session.rows(UNENDED)
            self._swept = True
            if not replaced and not unended:
                return
            cluster = self._database.cluster
            where = on(cluster)
            for partitions in in_texts([PARTITION.format(*run) for run in (*replaced, *unended)]):
                session.run(DROP_RUNS.format(table=local("scores_rows", cluster) + where, partitions=partitions))
            for runs in in_texts([f"({workspace}, toDate32('{day}'), {born})" for workspace, day, born in replaced]):
                session.run(DROP_RUN_ENDS.format(table=local("benchmarks_rows", cluster) + where, runs=runs))
