"""One batch into the store: facts, then what follows from them, in the transaction of the session.

Order matters: memberships first, because they decide for which account the batch's events count; then events and
their counts; then the hierarchy, so that a changed parent marks the days of all counts.  Lent tables of the batch are
named `new_…`, temporary ones `fold_…`.
"""

from datetime import date, datetime, time

from uptake.core.days import DAY_US, to_us
from uptake.stores.events.base import FoldBatch
from uptake.stores.events.message_sql import add_fates, add_messages
from uptake.stores.events.profile_sql import add_known, add_traits
from uptake.stores.events.rows import acted_table, joined_table
from uptake.stores.events.schema import BEGINNING, FOREVER
from uptake.stores.events.session import Session

NEXT_OFFSET = "select next_offset from fold_cursor"
SET_OFFSET = "update fold_cursor set next_offset = $after"


def next_offset(session: Session) -> int:
    """The next log offset to fold."""
    return int(session.rows(NEXT_OFFSET)[0][0])


def fold_batch(session: Session, batch: FoldBatch, *, zone: str, dedupe_us: int) -> None:
    """Add everything that the batch brings and set the offset.  Raises ValueError if it does not begin there."""
    expected = next_offset(session)
    if batch.first != expected:
        raise ValueError(f"a fold from offset {batch.first} does not follow the store's offset {expected}")
    add_known(session, batch)
    moved = add_joins(session, batch)
    add_events(session, batch, zone=zone, moved=moved)
    add_traits(session, batch)
    add_fates(session, batch)
    add_messages(session, batch, dedupe_us=dedupe_us)
    session.run(SET_OFFSET, after=batch.after)


# ---- memberships

ADD_JOINS = "insert into joins select user_id, account_id, at_us, message_id from new_joins"

# A call that names the account which its moment has already changes no interval: that is most calls.
UNSETTLED = """
create or replace temp table fold_unsettled as
select distinct j.user_id from new_joins j
where not exists (
  select 1 from memberships m
  where m.user_id = j.user_id and m.from_us <= j.at_us and j.at_us < m.until_us and m.account_id = j.account_id
)
"""

INTERVALS = f"""
create or replace temp table fold_intervals as
with ranked as (
  select user_id, account_id, at_us,
    row_number() over (partition by user_id, at_us order by message_id desc, account_id desc) as place
  from {{joins}} where user_id in (select user_id from fold_unsettled)
), calls as (
  select user_id, account_id, at_us, lag(account_id) over (partition by user_id order by at_us) as account_before
  from ranked where place = 1
), turns as (
  select user_id, account_id, at_us, account_before from calls
  where account_before is null or account_before <> account_id
)
select user_id, account_id, case when account_before is null then {BEGINNING} else at_us end as from_us,
  coalesce(lead(at_us) over (partition by user_id order by at_us), {FOREVER}) as until_us
from turns
"""

MOVED = """
create or replace temp table fold_moved as
with kept as (
  select user_id, account_id, from_us, until_us from memberships
  where user_id in (select user_id from fold_unsettled)
)
select distinct user_id from (
  (select user_id, account_id, from_us, until_us from fold_intervals except
   select user_id, account_id, from_us, until_us from kept)
  union all
  (select user_id, account_id, from_us, until_us from kept except
   select user_id, account_id, from_us, until_us from fold_intervals)
)
"""

DROP_MEMBERSHIPS = "delete from memberships where user_id in (select user_id from fold_moved)"
ADD_MEMBERSHIPS = """
insert into memberships select user_id, account_id, from_us, until_us from fold_intervals
where user_id in (select user_id from fold_moved)
"""

# Nearly always they are newcomers, of whom the store holds nothing: neither earlier calls nor counts need a look.
ANY_UNSETTLED = """
select count(*) > 0, count(case when user_id not in (select id from new_known where kind = 'user') then 1 end) > 0
from fold_unsettled
"""


def add_joins(session: Session, batch: FoldBatch) -> bool:
    """Keep membership calls and bring intervals up to date; True if users who were known before may have moved.

    Those who moved are then named by `fold_moved`.  Newcomers are told by `new_known` (see `add_known`).
    """
    if not batch.joined:
        return False
    session.lend(new_joins=joined_table(batch.joined))
    session.run(ADD_JOINS)
    session.run(UNSETTLED)
    unsettled, known_before = session.rows(ANY_UNSETTLED)[0]
    if not unsettled:
        return False
    intervals = INTERVALS.format(joins="joins" if known_before else "new_joins")
    for text in (intervals, MOVED, DROP_MEMBERSHIPS, ADD_MEMBERSHIPS):
        session.run(text)
    return bool(known_before)


# ---- events and their counts

ADD_EVENTS = "insert into events select user_id, account_id, event, at_us from new_events"
ADD_EVENT_NAMES = """
insert into event_names select distinct event from new_events where event not in (select event from event_names)
"""

# Only users who moved and have counts already must be counted again.
RECOUNTED = """
create or replace temp table fold_recounted as
select user_id, min(day) as first_day, max(day) as last_day from active_days
where user_id in (select user_id from fold_moved) group by user_id
"""
RECOUNTED_DAYS = "select min(first_day), max(last_day) from fold_recounted"

# Days as bounds, although the users alone would do: they let the engine skip most of a large table.
OLD_COUNTS = """
create or replace temp table fold_old_counts as
select user_id, account_id, event, day, sum(times) as times from daily_counts
where user_id in (select user_id from fold_recounted) and day between $first and $last
group by user_id, account_id, event, day
"""

DROP_COUNTS = (
    "delete from daily_counts where user_id in (select user_id from fold_recounted) and day between $first and $last",
    "delete from active_days where user_id in (select user_id from fold_recounted) and day between $first and $last",
    "delete from events_ever where user_id in (select user_id from fold_recounted)",
)

ATTRIBUTED = """
create or replace temp table fold_acts as
select e.user_id, case when e.account_id <> '' then e.account_id else coalesce(m.account_id, '') end as account_id,
  e.event, cast(make_timestamp(e.at_us) at time zone 'UTC' at time zone $zone as date) as day, e.at_us
from ({acts}) e
left join memberships m on m.user_id = e.user_id and m.from_us <= e.at_us and e.at_us < m.until_us
"""
NEW_ACTS = "select user_id, account_id, event, at_us from new_events"
NEW_ACTS_OF_OTHERS = f"{NEW_ACTS} where user_id not in (select user_id from fold_recounted)"
OLD_ACTS = """
select user_id, account_id, event, at_us from events
where user_id in (select user_id from fold_recounted) and at_us between $first_us and $last_us
"""

ADD_COUNTS = (
    """insert into daily_counts
       select user_id, account_id, event, day, count(*) from fold_acts group by user_id, account_id, event, day""",
    """insert into active_days
       select user_id, account_id, day, count(*), max(at_us) from fold_acts group by user_id, account_id, day""",
    """insert into events_ever
       select user_id, account_id, event, min(day), count(*), min(at_us), max(at_us) from fold_acts
       group by user_id, account_id, event""",
)

MARK_NEW_DAYS = """
insert into dirty_days select distinct day from fold_acts where day not in (select day from dirty_days)
"""
MARK_CHANGED_DAYS = """
insert into dirty_days
with counts as (
  select user_id, account_id, event, day, count(*) as times from fold_acts group by user_id, account_id, event, day
)
select distinct day from (
  (select user_id, account_id, event, day, times from counts except
   select user_id, account_id, event, day, times from fold_old_counts)
  union all
  (select user_id, account_id, event, day, times from fold_old_counts except
   select user_id, account_id, event, day, times from counts)
) where day not in (select day from dirty_days)
"""


def add_events(session: Session, batch: FoldBatch, *, zone: str, moved: bool) -> None:
    """Keep the events, count them by day, and count users again whose memberships changed."""
    if batch.acted:
        session.lend(new_events=acted_table(batch.acted))
        session.run(ADD_EVENTS)
        session.run(ADD_EVENT_NAMES)
    days = _days_to_recount(session) if moved else None
    if batch.acted:
        session.run(ATTRIBUTED.format(acts=NEW_ACTS_OF_OTHERS if days else NEW_ACTS), zone=zone)
        _add_counts(session, MARK_NEW_DAYS)
    if days:
        _recount(session, batch, days, zone=zone)


def _days_to_recount(session: Session) -> tuple[date, date] | None:
    session.run(RECOUNTED)
    first, last = session.rows(RECOUNTED_DAYS)[0]
    return (first, last) if first is not None else None


def _recount(session: Session, batch: FoldBatch, days: tuple[date, date], *, zone: str) -> None:
    first_us, last_us = _moments(batch, days)
    session.run(OLD_COUNTS, first=days[0], last=days[1])
    for text in DROP_COUNTS:
        session.run(text, first=days[0], last=days[1])
    session.run(ATTRIBUTED.format(acts=OLD_ACTS), zone=zone, first_us=first_us, last_us=last_us)
    _add_counts(session, MARK_CHANGED_DAYS)


def _moments(batch: FoldBatch, days: tuple[date, date]) -> tuple[int, int]:
    """Bounds that hold every event of the days in any zone, and every event of the batch."""
    midnights = [to_us(datetime.combine(day, time())) for day in days]
    moments = [row.at_us for row in batch.acted]
    return min([midnights[0] - DAY_US, *moments]), max([midnights[1] + 2 * DAY_US, *moments])


def _add_counts(session: Session, mark_days: str) -> None:
    session.run(mark_days)
    for text in ADD_COUNTS:
        session.run(text)
