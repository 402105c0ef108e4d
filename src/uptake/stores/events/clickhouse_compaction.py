"""Adding up what folds append to a store on ClickHouse, now and then.

A partition is prepared in the table `x_next` and takes the place of that in `x_rows` at once, so that whoever reads
sees the one or the other.  Its rows count as of every fold.
"""

from datetime import date
from typing import Any

import pyarrow as pa

from uptake.stores.events.base import KEPT_FATES, KEPT_OF_REASON
from uptake.stores.events.clickhouse_schema import FOLDED, NOT_BROKEN, local, next_of, on
from uptake.stores.events.clickhouse_session import ClickHouseSession

DAYS: dict[str, tuple[str, str]] = {
    "daily_counts": ("user_id, account_id, event, day", "sum(times)"),
    "active_days": ("user_id, account_id, day", "sum(times), max(last_us)"),
}
"""Table with a partition a day → what its rows are told apart by, and what is added up."""

WHOLE: dict[str, tuple[str, str]] = {
    "events_ever": (
        "user_id, account_id, event, first_day, times, first_us, last_us, born",
        "select user_id, account_id, event, min(first_day), sum(times), min(first_us), max(last_us), toUInt64(0)"
        " from events_ever group by user_id, account_id, event",
    ),
    "traits": (
        "kind, id, key, value, text, moment_us, at_us, message_id, born",
        "select kind, id, key, value, text, moment_us, at_us, message_id, toUInt64(0) from traits",
    ),
    "memberships": (
        "user_id, turns, born",
        "select user_id, argMax(turns, born), toUInt64(0) from memberships_rows"
        f" where born <= $born and born {NOT_BROKEN} group by user_id",
    ),
    "lineage": (
        "account_id, ancestors, born",
        "select account_id, argMax(ancestors, born), toUInt64(0) from lineage_rows"
        f" where born <= $born and born {NOT_BROKEN} group by account_id",
    ),
    "outcomes": (
        "bucket_us, type, fate, code, mapping, times, born",
        "select bucket_us, type, fate, code, mapping, sum(times), toUInt64(0) from outcomes"
        " group by bucket_us, type, fate, code, mapping",
    ),
    "fates": (
        "log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping, born",
        f"""
        select log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping,
          toUInt64(0)
        from (
          select log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping,
            row_number() over (partition by fate order by log_offset desc) as place,
            row_number() over (partition by fate, code, mapping order by log_offset desc) as place_of_reason
          from fates
        ) where place <= {KEPT_FATES} or place_of_reason <= {KEPT_OF_REASON}""",
    ),
}
"""Table in one partition → its columns, and the rows that are to stay."""

GROWN_DAYS = """
select d.day from (select day, count() as size from daily_counts_rows group by day) d
left join (select part, argMax(size, born) as size from compacted_rows group by part) c on c.part = toString(d.day)
where d.size > 2 * coalesce(c.size, 0) + $least
order by d.size - coalesce(c.size, 0) desc, d.day
"""
GROWN = """
select (select count() from {table}_rows)
  > 2 * coalesce((select argMax(size, born) from compacted_rows where part = '{table}'), 0) + $least
"""


def grown_days(session: ClickHouseSession, *, least: int) -> list[date]:
    """The days whose counts have about doubled since they were added up, those that grew most first."""
    return [day for (day,) in session.rows(GROWN_DAYS, least=least)]


def compact_day(session: ClickHouseSession, day: date, *, cluster: str) -> None:
    """Add up the counts of one day."""
    for table, (keys, sums) in DAYS.items():
        columns = f"{keys}, times{', last_us' if 'last_us' in sums else ''}, born"
        rows = f"select {keys}, {sums}, toUInt64(0) from {table} where day = $day group by {keys}"
        _replace(session, table, columns, rows, partition=f"'{day.isoformat()}'", cluster=cluster, day=day)
    _remember(session, day.isoformat(), f"select count() from daily_counts_rows where day = '{day.isoformat()}'")


def compact_whole_if_grown(session: ClickHouseSession, *, least: int, cluster: str) -> None:
    """Add up, or leave only what counts of, each table without days that has about doubled."""
    for table, (columns, rows) in WHOLE.items():
        if session.rows(GROWN.format(table=table), least=least)[0][0]:
            _replace(session, table, columns, rows, partition="tuple()", cluster=cluster, born=session.as_of)
            _remember(session, table, f"select count() from {table}_rows")


def _replace(
    session: ClickHouseSession, table: str, columns: str, rows: str, *, partition: str, cluster: str, **values: Any
) -> None:
    live, prepared = (local(name, cluster) for name in (f"{table}_rows", next_of(table)))
    session.run(f"truncate table {prepared}{on(cluster)}")
    session.run(f"insert into {next_of(table)} ({columns}) {rows}", **values)
    session.run(f"alter table {live}{on(cluster)} replace partition {partition} from {prepared}")
    session.run(f"truncate table {prepared}{on(cluster)}")


def _remember(session: ClickHouseSession, part: str, count: str) -> None:
    size = int(session.rows(count)[0][0])
    columns = {"part": pa.array([part]), "size": pa.array([size]), "born": pa.array([session.as_of], pa.uint64())}
    session.add("compacted_rows", pa.table(columns))


# ---- what broken folds left

BROKEN = "select born from broken_rows order by born"


def drop_broken(session: ClickHouseSession, *, cluster: str) -> None:
    """Delete the rows of folds that never count; no answer changes by it."""
    broken = ", ".join(f"{born:d}" for (born,) in session.rows(BROKEN))
    for table in FOLDED if broken else ():
        if session.rows(f"select count() from {table} where born in ({broken})")[0][0]:
            session.run(f"delete from {local(table, cluster)}{on(cluster)} where born in ({broken})")
