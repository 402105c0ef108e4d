"""One batch into a store on ClickHouse: the range first, then rows, and at last the row that makes them count.

The steps are those of `fold_sql`, in its order.  All that a fold reads is as of itself (see `clickhouse_range`), so
that it sees what it wrote.
"""

from hashlib import blake2b

import msgspec
import pyarrow as pa

from uptake.stores.events.base import FoldBatch
from uptake.stores.events.clickhouse_profiles import add_known, add_traits
from uptake.stores.events.clickhouse_range import Fold, settled
from uptake.stores.events.clickhouse_schema import GONE, PARTS, TURNS, counted
from uptake.stores.events.clickhouse_session import ClickHouseSession
from uptake.stores.events.rows import acted_table, fates_table, joined_table, messages_table, outcomes_table
from uptake.stores.events.schema import BEGINNING, FOREVER

NEXT_OFFSET = "select next_offset from fold_cursor"
FIRST_DAY_US, LAST_DAY_US = -2_208_902_400_000_000, 10_413_619_200_000_000
"""Moments outside of 1900-01-02 to 2299-12-30 count on the nearest of these days: the engine knows no others."""

DAY = f"toDate32(toTimeZone(fromUnixTimestamp64Micro(least(greatest(at_us, {FIRST_DAY_US}), {LAST_DAY_US})), $zone))"


def next_offset(session: ClickHouseSession) -> int:
    """The next log offset to fold."""
    return int(session.rows(NEXT_OFFSET)[0][0])


def fold_batch(session: ClickHouseSession, batch: FoldBatch, *, zone: str, writer: str) -> None:
    """Add everything that the batch brings and set the offset.

    Raises ValueError if it does not begin there, FoldTaken if another process folds, too.
    """
    look = settled(session, writer)
    if batch.first != look.next_offset:
        raise ValueError(f"a fold from offset {batch.first} does not follow the store's offset {look.next_offset}")
    content = blake2b(msgspec.msgpack.encode(batch), digest_size=16).hexdigest()
    fold = Fold(session, look, after=batch.after, content=content, writer=writer)
    fold.begin()
    add_known(fold, batch)
    moved = add_joins(fold, batch)
    add_events(fold, batch, zone=zone, moved=moved)
    add_traits(fold, batch)
    if batch.fates:
        fold.add("fates", fates_table(batch.fates))
    if batch.outcomes:
        fold.add("outcomes", outcomes_table(batch.outcomes))
    if batch.messages:
        fold.add("messages", messages_table(batch.messages))
    fold.end()


# ---- memberships

# A call that names the account which its moment has already changes no interval: that is most calls.
UNSETTLED = """
create or replace temporary table fold_unsettled as
select distinct user_id from new_joins
where (user_id, account_id, at_us) not in (
  select j.user_id, j.account_id, j.at_us from new_joins j
  join (
    select user_id, account_id, from_us, until_us from memberships where user_id in (select user_id from new_joins)
  ) m on m.user_id = j.user_id and m.account_id = j.account_id
  where m.from_us <= j.at_us and j.at_us < m.until_us
)
"""
ANY_UNSETTLED = "select count() > 0 from fold_unsettled"

# Of each user, in order of time: of calls at one moment the last by message, then those that change the account.
MOVED = f"""
create or replace temporary table fold_moved as
with calls as (
  select user_id, at_us, argMax(account_id, (message_id, account_id)) as account_id
  from joins where user_id in (select user_id from fold_unsettled) group by user_id, at_us
), ordered as (
  select user_id, arraySort(groupArray((at_us, account_id))) as calls from calls group by user_id
), changes as (
  select user_id, arrayFilter((call, place) -> place = 1 or calls[place - 1].2 <> call.2, calls, arrayEnumerate(calls))
    as starts
  from ordered
), intervals as (
  select user_id, arrayMap((start, place) -> (
    start.2,
    if(place = 1, toInt64({BEGINNING}), start.1),
    if(place = length(starts), toInt64({FOREVER}), starts[place + 1].1)
  ), starts, arrayEnumerate(starts)) as turns
  from changes
)
select user_id, cast(turns as Array(Tuple(String, Int64, Int64))) as turns from intervals
where (user_id, turns) not in (
  select user_id, turns from ({TURNS}) where user_id in (select user_id from fold_unsettled)
)
"""


def add_joins(fold: Fold, batch: FoldBatch) -> bool:
    """Keep membership calls and bring intervals up to date; True if users moved, whom `fold_moved` then names."""
    if not batch.joined:
        return False
    joined = joined_table(batch.joined)
    fold.add("joins", joined)
    fold.session.lend(new_joins=joined)
    fold.session.run(UNSETTLED)
    if not fold.session.rows(ANY_UNSETTLED)[0][0]:
        return False
    fold.session.run(MOVED)
    fold.insert("memberships", "user_id, turns", "select user_id, turns from fold_moved")
    return True


# ---- events and their counts

NEW_NAMES = "select distinct event from new_events where event not in (select event from event_names)"

# Only users who moved and have counts already must be counted again.
RECOUNTED = """
create or replace temporary table fold_recounted as
select distinct user_id from active_days where user_id in (select user_id from fold_moved)
"""
ANY_RECOUNTED = "select count() > 0 from fold_recounted"
OLD_COUNTS = """
create or replace temporary table fold_old_counts as
select user_id, account_id, event, day, sum(times) as times from daily_counts
where user_id in (select user_id from fold_recounted) group by user_id, account_id, event, day
"""
LEFT = " union all ".join(
    f"select r.user_id as user_id, r.born as counted from {table}_rows r"
    f" where {counted(f'{table}_rows')} and r.user_id in (select user_id from fold_recounted)"
    for table in PARTS
)
"""The parts of counts that the users to recount have: of which folds."""
NOW_GONE = f"select distinct user_id, counted from ({LEFT}) where (user_id, counted) not in ({GONE})"

ATTRIBUTED = f"""
create or replace temporary table fold_acts as
select e.user_id as user_id, if(
    e.account_id <> '', e.account_id, arrayFirst(turn -> turn.2 <= e.at_us and e.at_us < turn.3, m.turns).1
  ) as account_id, e.event as event, {DAY} as day, e.at_us as at_us
from ({{acts}}) e
left join (
  select user_id, turns from ({TURNS}) where user_id in (select user_id from ({{acts}}))
) m on m.user_id = e.user_id
"""
NEW_ACTS = "select user_id, account_id, event, at_us from new_events"
NEW_ACTS_OF_OTHERS = f"{NEW_ACTS} where user_id not in (select user_id from fold_recounted)"
OLD_ACTS = """
select user_id, account_id, event, at_us from events where user_id in (select user_id from fold_recounted)
"""

COUNTS: dict[str, tuple[str, str]] = {
    "daily_counts": (
        "user_id, account_id, event, day",
        "select user_id, account_id, event, day, count() as times from fold_acts group by all",
    ),
    "active_days": (
        "user_id, account_id, day, last_us",
        "select user_id, account_id, day, max(at_us) as last_us, count() as times from fold_acts group by all",
    ),
    "events_ever": (
        "user_id, account_id, event, first_day, first_us, last_us",
        "select user_id, account_id, event, min(day) as first_day, min(at_us) as first_us, max(at_us) as last_us,"
        " count() as times from fold_acts group by all",
    ),
}
"""Table → its columns but the sum, and what the events of `fold_acts` add to it."""

NEW_DAYS = "select distinct day from fold_acts"
CHANGED_DAYS = """
with counts as (
  select user_id, account_id, event, day, toInt64(count()) as times from fold_acts group by all
)
select distinct day from (
  select user_id, account_id, event, day, sum(times) as changed from (
    select user_id, account_id, event, day, times from counts
    union all
    select user_id, account_id, event, day, -times from fold_old_counts
  ) group by user_id, account_id, event, day having changed <> 0
)
"""


def add_events(fold: Fold, batch: FoldBatch, *, zone: str, moved: bool) -> None:
    """Keep the events, count them by day, and count users again whose memberships changed."""
    if batch.acted:
        acted = acted_table(batch.acted)
        fold.add("events", acted)
        fold.session.lend(new_events=acted)
        names = fold.session.rows(NEW_NAMES)
        if names:
            fold.add("event_names", pa.table({"event": [name for (name,) in names]}))
    again = moved and _any_to_recount(fold.session)
    if batch.acted:
        _count(fold, NEW_ACTS_OF_OTHERS if again else NEW_ACTS, NEW_DAYS, zone=zone)
    if again:
        fold.session.run(OLD_COUNTS)
        fold.insert("gone", "user_id, counted", NOW_GONE)
        _count(fold, OLD_ACTS, CHANGED_DAYS, zone=zone)


def _any_to_recount(session: ClickHouseSession) -> bool:
    session.run(RECOUNTED)
    return bool(session.rows(ANY_RECOUNTED)[0][0])


def _count(fold: Fold, acts: str, days: str, *, zone: str) -> None:
    fold.session.run(ATTRIBUTED.format(acts=acts), zone=zone)
    fold.mark(days)
    for table, (columns, source) in COUNTS.items():
        fold.insert(table, f"{columns}, times", source)
