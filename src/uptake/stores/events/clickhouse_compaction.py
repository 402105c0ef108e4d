"""Adding up what folds append to a store on ClickHouse, now and then.

A compaction is a fold of no calls.  It writes what counts of a partition anew, on a base of its own number, and says
which base no longer counts since; the row that ends it makes both true at once.  So whoever reads as of an earlier fold
sees the old partition, everybody later the new one; a compaction that breaks off, or that another process overtakes,
never counts; and what it took the place of is dropped by its number when nobody can be reading it any more (see
`clickhouse_upkeep`).
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from uptake.stores.events.base import KEPT_FATES, KEPT_OF_REASON
from uptake.stores.events.clickhouse_range import Fold, Look, settled
from uptake.stores.events.clickhouse_schema import ANCESTORS, DAYS, GONE, NOT_BROKEN, PARTS, TURNS
from uptake.stores.events.clickhouse_session import ClickHouseSession, in_texts

OF_DAYS: dict[str, tuple[str, str]] = {
    "daily_counts": (
        "user_id, account_id, event, day, times",
        """select user_id, account_id, event, day, toInt64(sum(times)) as times from daily_counts
           where day in ({days}) group by user_id, account_id, event, day""",
    ),
    "active_days": (
        "user_id, account_id, day, times, last_us",
        """select user_id, account_id, day, toInt64(sum(times)) as times, max(last_us) as last_us from active_days
           where day in ({days}) group by user_id, account_id, day""",
    ),
}
"""Table with a partition a day → its columns, and the rows that some days are written anew as."""

TRAITS = "kind, id, key, value, text, moment_us, at_us, message_id"
FATES = "log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping"
WHOLE: dict[str, tuple[str, str]] = {
    "events_ever": (
        "user_id, account_id, event, first_day, times, first_us, last_us",
        """select user_id, account_id, event, min(first_day) as first_day, toInt64(sum(times)) as times,
             min(first_us) as first_us, max(last_us) as last_us
           from events_ever group by user_id, account_id, event""",
    ),
    "traits": (TRAITS, f"select {TRAITS} from traits"),
    "memberships": ("user_id, turns", TURNS),
    "lineage": ("account_id, ancestors", ANCESTORS),
    "outcomes": (
        "bucket_us, type, fate, code, mapping, times",
        "select bucket_us, type, fate, code, mapping, times from outcomes",
    ),
    "fates": (
        FATES,
        f"""select {FATES} from (
              select {FATES}, row_number() over (partition by fate order by log_offset desc) as place,
                row_number() over (partition by fate, code, mapping order by log_offset desc) as place_of_reason
              from fates
            ) where place <= {KEPT_FATES} or place_of_reason <= {KEPT_OF_REASON}""",
    ),
    "gone": (
        "user_id, counted",
        f"""select user_id, counted from ({GONE}) where (user_id, counted) in (
              {
            " union all ".join(
                f"select user_id, born from {table}_rows where user_id in (select user_id from gone_rows)"
                for table in PARTS
            )
        }
            )""",
    ),
}
"""Table in one partition → its columns, and the rows that it is written anew as."""

GROWN_DAYS = f"""
select d.day, d.base from (select day, base, count() as size from daily_counts_rows group by day, base) d
left join (
  select day, max(born) as base, argMax(size, born) as size from compacted_rows
  where part = '{DAYS}' and born {NOT_BROKEN} group by day
) c on c.day = d.day
where d.base = coalesce(c.base, 0) and d.size > 2 * coalesce(c.size, 0) + $least
order by d.size - coalesce(c.size, 0) desc, d.day
"""
GROWN = f"""
select g.part from ({{sizes}}) g
left join (
  select part, argMax(size, born) as size from compacted_rows where born {NOT_BROKEN} group by part
) c on c.part = g.part
where g.size > 2 * coalesce(c.size, 0) + $least
"""
SIZE = "select '{part}' as part, toDate32(0) as day, count() as size from {part}_rows where base = {base}"
SIZE_OF_DAYS = f"""
select '{DAYS}' as part, day, count() as size from daily_counts_rows where base = {{base}} group by day
"""
NO_DAY = date(1970, 1, 1)


def compact(session: ClickHouseSession, writer: str, *, least: int, most_days: int | None) -> None:
    """Write anew the days, those that grew most first, and the tables without days that have about doubled.

    Raises FoldTaken if another process folds, too.
    """
    look = settled(session, writer)
    session.see(look.as_of)
    days = [(day, base) for day, base in session.rows(GROWN_DAYS, least=least)][:most_days]
    parts = _grown(session, look, least)
    if not days and not parts:
        return
    fold = Fold(session, look, after=look.next_offset, content="compaction", writer=writer)
    fold.begin()
    session.see(look.as_of)  # what it writes is what counted before it
    for listed in in_texts([f"toDate32('{day.isoformat()}')" for day, _ in days]):
        for table, (columns, source) in OF_DAYS.items():
            fold.insert(table, columns, source.format(days=listed), base=fold.born)
    for part in parts:
        fold.insert(part, *WHOLE[part], base=fold.born)
    _replace(fold, [(DAYS, *each) for each in days] + [(part, NO_DAY, look.bases.get(part, 0)) for part in parts])
    fold.end()


def _grown(session: ClickHouseSession, look: Look, least: int) -> list[str]:
    sizes = " union all ".join(SIZE.format(part=part, base=look.bases.get(part, 0)) for part in WHOLE)
    return [part for (part,) in session.rows(GROWN.format(sizes=sizes), least=least)]


def _replace(fold: Fold, replaced: Sequence[tuple[str, date, int]]) -> None:
    """Say which bases no longer count: part, day and base of each."""
    texts = [SIZE.format(part=part, base=fold.born) for part, _, _ in replaced if part != DAYS]
    told = fold.session.rows(" union all ".join([SIZE_OF_DAYS.format(base=fold.born), *texts]))
    sizes = {(part, day): size for part, day, size in told}
    columns = {
        "part": pa.array([part for part, _, _ in replaced]),
        "day": pa.array([day for _, day, _ in replaced], pa.date32()),
        "old": pa.array([old for _, _, old in replaced], pa.uint64()),
        "size": pa.array([sizes.get((part, day), 0) for part, day, _ in replaced], pa.int64()),
    }
    fold.add("compacted", pa.table(columns))
