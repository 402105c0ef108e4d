"""What a store on ClickHouse drops of its own accord: rows that no answer needs any more.

Each drop names what it drops by number, and is of numbers that nobody reads: so it may come late, twice, from two
processes or not at all.  Numbers of broken folds are kept long after their rows, because a process that was thought
dead may still add rows under one.
"""

from uptake.stores.events.clickhouse_schema import BY_DAYS, DAYS, FOLDED, NOT_BROKEN, TABLES, local, on
from uptake.stores.events.clickhouse_session import MOST_NAMED, ClickHouseSession, in_texts

# ---- rows that tell of folds

FLOORS = f"""
with (select coalesce(max(born), 0) from folds_rows where ended <= now() - $seconds and born {NOT_BROKEN}) as horizon
select horizon,
  (select coalesce(max(born), 0) from folds_rows where born {NOT_BROKEN}),
  (select coalesce(max(born), 0) from published_rows),
  (select coalesce(max(cleared), 0) from published_rows)
"""
COUNT_BELOW = "select '{table}' as name, count() as size from {table} where born < {floor}"


def forget_folds(session: ClickHouseSession, *, seconds: int, cluster: str) -> int:
    """Leave of what tells of folds, published states and marked days the latest rows, and those since the last fold
    that was ended so many seconds ago; its number is returned, 0 for none."""
    horizon, last, published, cleared = session.rows(FLOORS, seconds=seconds)[0]
    floors = {"begun_rows": last, "folds_rows": horizon, "published_rows": published, "dirty_days_rows": cleared + 1}
    told = session.rows(
        " union all ".join(COUNT_BELOW.format(table=table, floor=floor) for table, floor in floors.items())
    )
    for table, size in told:
        if size:
            session.run(f"delete from {local(table, cluster)}{on(cluster)} where born < {floors[table]}")
    return int(horizon)


# ---- partitions that were written anew

_OLD = """
select c.{columns} from compacted_rows c where c.part = '{part}' and c.born <= $horizon and c.born {counts}
"""
LEFT = """
select distinct '{table}' as name, {day} as day, base from {table}
where {key} in ({old}) or base in (select born from broken_rows)
"""
FORGOTTEN = f"""
select c.part, c.day, c.born from compacted_rows c join (
  select part, day, max(born) as latest from compacted_rows where born <= $horizon and born {NOT_BROKEN}
  group by part, day
) l on l.part = c.part and l.day = c.day
where c.born < l.latest limit {MOST_NAMED}
"""


def _left(table: str) -> str:
    days = table in BY_DAYS
    old = _OLD.format(
        columns="day, c.old" if days else "old",
        part=DAYS if days else table.removesuffix("_rows"),
        counts=NOT_BROKEN,
    )
    return LEFT.format(
        table=table, old=old, day="day" if days else "toDate32(0)", key="(day, base)" if days else "base"
    )


STILL_THERE = " union all ".join(_left(table) for table, how in TABLES.items() if how.based)


def drop_replaced(session: ClickHouseSession, horizon: int, *, cluster: str) -> None:
    """Drop partitions that compactions up to a fold took the place of, and those that broken ones prepared."""
    partitions: dict[str, list[str]] = {}
    for table, day, base in session.rows(STILL_THERE, horizon=horizon):
        name = f"('{day.isoformat()}', {base})" if table in BY_DAYS else f"{base}"
        partitions.setdefault(table, []).append(f"drop partition {name}")
    for table, drops in partitions.items():
        for some in in_texts(drops):
            session.run(f"alter table {local(table, cluster)}{on(cluster)} {some}")
    forgotten = ", ".join(
        f"('{part}', toDate32('{day.isoformat()}'), {born})"
        for part, day, born in session.rows(FORGOTTEN, horizon=horizon)
    )
    if forgotten:
        told = f"{local('compacted_rows', cluster)}{on(cluster)}"
        session.run(f"delete from {told} where (part, day, born) in ({forgotten})")


# ---- what broken folds left

BROKEN = " union all ".join(
    f"select distinct '{table}' as name, born from {table} where born in (select born from broken_rows)"
    for table in (*FOLDED, "compacted_rows")
)


def drop_broken(session: ClickHouseSession, *, cluster: str) -> None:
    """Delete the rows of folds that never count; no answer changes by it."""
    broken: dict[str, list[str]] = {}
    for table, born in session.rows(BROKEN):
        broken.setdefault(table, []).append(f"{born:d}")
    for table, numbers in broken.items():
        for some in in_texts(sorted(numbers)):
            session.run(f"delete from {local(table, cluster)}{on(cluster)} where born in ({some})")


KEPT_BROKEN = 1000
"""So many latest numbers of broken folds are kept: a process that was thought dead would have to go on after that many
others have broken off."""
LONG_BROKEN = f"""
select distinct born from broken_rows
where born < $horizon and born < (
  select min(born) from (select distinct born from broken_rows order by born desc limit $kept)
)
order by born limit {MOST_NAMED}
"""


def forget_broken(session: ClickHouseSession, horizon: int, *, cluster: str) -> None:
    """Leave of the numbers of broken folds the latest ones, those since `horizon` (what tells of folds before it must
    have been dropped), and those of which rows are left."""
    numbers = {born for (born,) in session.rows(LONG_BROKEN, horizon=horizon, kept=KEPT_BROKEN)}
    if not numbers:
        return
    some = ", ".join(f"{born:d}" for born in sorted(numbers - {born for _, born in session.rows(BROKEN)}))
    if some:
        session.run(f"delete from {local('broken_rows', cluster)}{on(cluster)} where born in ({some})")
