"""Adding up what folds append to a store on ClickHouse, now and then.

A partition is prepared in the table `x_next` and takes the place of that in `x_rows` at once, so that whoever reads
sees the one or the other.  Only what counted long ago is added up, and of nobody who has rows since: so it is the same
for everybody who may still be reading, and what is taken back later finds the parts that it is taken from.
"""

from datetime import date

import msgspec
import pyarrow as pa

from uptake.stores.events.base import KEPT_FATES, KEPT_OF_REASON
from uptake.stores.events.clickhouse_range import FoldTaken
from uptake.stores.events.clickhouse_schema import FOLDED, NOT_BROKEN, local, next_of, on
from uptake.stores.events.clickhouse_session import ClickHouseSession


class Sums(msgspec.Struct, frozen=True):
    """How a table is added up.

    columns: all but `born`.  values: what becomes of them, out of `source`, for each of `keys`.  who: whose rows are
    added up together, or not at all.
    """

    columns: str
    values: str
    keys: str
    who: str = "user_id"
    source: str = ""


def _latest(table: str) -> str:
    return f"(select * from {table}_rows where born <= $horizon and born {NOT_BROKEN})"


DAYS = {
    "daily_counts": Sums(
        "user_id, account_id, event, day, times",
        "user_id, account_id, event, day, sum(times)",
        "user_id, account_id, event, day",
    ),
    "active_days": Sums(
        "user_id, account_id, day, times, last_us",
        "user_id, account_id, day, sum(times), max(last_us)",
        "user_id, account_id, day",
    ),
}
"""Tables with a partition a day."""

WHOLE = {
    "events_ever": Sums(
        "user_id, account_id, event, first_day, times, first_us, last_us",
        "user_id, account_id, event, min(first_day), sum(times), min(first_us), max(last_us)",
        "user_id, account_id, event",
    ),
    "traits": Sums(
        "kind, id, key, value, text, moment_us, at_us, message_id",
        "kind, id, key, value, text, moment_us, at_us, message_id",
        "kind, id, key, value, text, moment_us, at_us, message_id",
        who="id",
    ),
    "memberships": Sums("user_id, turns", "user_id, argMax(turns, born)", "user_id", source=_latest("memberships")),
    "lineage": Sums(
        "account_id, ancestors",
        "account_id, argMax(ancestors, born)",
        "account_id",
        who="account_id",
        source=_latest("lineage"),
    ),
    "outcomes": Sums(
        "bucket_us, type, fate, code, mapping, times",
        "bucket_us, type, fate, code, mapping, sum(times)",
        "bucket_us, type, fate, code, mapping",
        who="bucket_us",
    ),
}
"""Tables in one partition."""

ADDED_UP = f"""
insert into {{prepared}} ({{sums.columns}}, born)
select {{sums.values}}, toUInt64(0) from {{source}}
where {{sums.who}} not in (select {{sums.who}} from {{table}}_rows where born > $horizon and {{part}}) and {{part}}
group by {{sums.keys}}
union all
select {{sums.columns}}, born from {{table}}_rows
where {{sums.who}} in (select {{sums.who}} from {{table}}_rows where born > $horizon and {{part}}) and {{part}}
  and born <= $last and born {NOT_BROKEN}
"""

FATES = "log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping, born"
KEPT = f"""
insert into {{prepared}} ({FATES})
select {FATES} from (
  select {FATES}, row_number() over (partition by fate order by log_offset desc) as place,
    row_number() over (partition by fate, code, mapping order by log_offset desc) as place_of_reason
  from fates_rows where born <= $last and born {NOT_BROKEN}
) where place <= {KEPT_FATES} or place_of_reason <= {KEPT_OF_REASON}
"""

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

HORIZON = f"""
select coalesce(max(born), 0) from folds_rows where ended <= now() - $seconds and born {NOT_BROKEN}
"""
OTHERS = "select count() > 0 from begun_rows where born > $last"


class Compactor:
    """Adds up in one session."""

    def __init__(self, session: ClickHouseSession, *, cluster: str, seconds: int) -> None:
        """session: as of the last fold.  seconds: what was ended so long ago is added up."""
        self._session, self._cluster = session, cluster
        self._last = session.as_of
        self._horizon = int(session.rows(HORIZON, seconds=seconds)[0][0])
        session.see(self._horizon)

    def grown_days(self, *, least: int) -> list[date]:
        """The days whose counts have about doubled since they were added up, those that grew most first."""
        return [day for (day,) in self._session.rows(GROWN_DAYS, least=least)]

    def day(self, day: date) -> None:
        """Add up the counts of one day.  Raises FoldTaken."""
        part = f"day = '{day.isoformat()}'"
        for table, sums in DAYS.items():
            self._replace(table, self._summed(table, sums, part), partition=f"'{day.isoformat()}'")
        self._remember(day.isoformat(), f"select count() from daily_counts_rows where {part}")

    def whole(self, *, least: int) -> None:
        """Add up, or leave only what counts of, each table without days that has about doubled.  Raises FoldTaken."""
        texts = {table: self._summed(table, sums, "true") for table, sums in WHOLE.items()}
        for table, text in {**texts, "fates": KEPT.format(prepared=next_of("fates"))}.items():
            if self._session.rows(GROWN.format(table=table), least=least)[0][0]:
                self._replace(table, text, partition="tuple()")
                self._remember(table, f"select count() from {table}_rows")

    def _summed(self, table: str, sums: Sums, part: str) -> str:
        return ADDED_UP.format(prepared=next_of(table), table=table, source=sums.source or table, sums=sums, part=part)

    def _replace(self, table: str, text: str, *, partition: str) -> None:
        session, everywhere = self._session, on(self._cluster)
        live, prepared = (local(name, self._cluster) for name in (f"{table}_rows", next_of(table)))
        session.run(f"truncate table {prepared}{everywhere}")
        session.run(text, horizon=self._horizon, last=self._last)
        if session.rows(OTHERS, last=self._last)[0][0]:
            raise FoldTaken  # what another process has added since would be lost
        session.run(f"alter table {live}{everywhere} replace partition {partition} from {prepared}")
        session.run(f"truncate table {prepared}{everywhere}")

    def _remember(self, part: str, count: str) -> None:
        size = int(self._session.rows(count)[0][0])
        columns = {"part": pa.array([part]), "size": pa.array([size]), "born": pa.array([self._last], pa.uint64())}
        self._session.add("compacted_rows", pa.table(columns))


# ---- what broken folds left

BROKEN = "select born from broken_rows order by born"


def drop_broken(session: ClickHouseSession, *, cluster: str) -> None:
    """Delete the rows of folds that never count; no answer changes by it."""
    broken = ", ".join(f"{born:d}" for (born,) in session.rows(BROKEN))
    for table in FOLDED if broken else ():
        if session.rows(f"select count() from {table} where born in ({broken})")[0][0]:
            session.run(f"delete from {local(table, cluster)}{on(cluster)} where born in ({broken})")
