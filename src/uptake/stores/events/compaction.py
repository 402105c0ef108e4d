"""Adding up the parts that folds append, now and then.

A day's counts are rewritten, in the order of users, once they have about doubled since the last time; `events_ever`
likewise as a whole.  So each row is rewritten a few times at most, however folds arrive, and a day lies together on
disk, which lets a reader skip all others.  Nothing that can be asked changes.
"""

from datetime import date

from uptake.stores.events.session import Session

LEAST_ROWS = 20_000
"""Parts fewer than so many are left as they are."""

GROWN_DAYS = """
select d.day from (select day, count(*) as size from daily_counts group by day) d
left join compacted c on c.day = d.day
where d.size > 2 * coalesce(c.size, 0) + $least
order by d.size - coalesce(c.size, 0) desc, d.day
"""
COMPACT_DAY = (
    """create or replace temp table compact_counts as
       select user_id, account_id, event, day, sum(times) as times from daily_counts where day = $day
       group by user_id, account_id, event, day""",
    """create or replace temp table compact_days as
       select user_id, account_id, day, sum(times) as times, max(last_us) as last_us from active_days where day = $day
       group by user_id, account_id, day""",
    "delete from daily_counts where day = $day",
    "delete from active_days where day = $day",
    """insert into daily_counts select user_id, account_id, event, day, times from compact_counts
       order by user_id, account_id, event""",
    """insert into active_days select user_id, account_id, day, times, last_us from compact_days
       order by user_id, account_id""",
    "delete from compacted where day = $day",
    "insert into compacted select $day, count(*) from compact_counts",
    "drop table compact_counts",
    "drop table compact_days",
)

EVER_GROWN = """
select count(*) > 2 * coalesce((select max(size) from compacted where day is null), 0) + $least from events_ever
"""
COMPACT_EVER = (
    """create or replace temp table compact_ever as
       select user_id, account_id, event, min(first_day) as first_day, sum(times) as times, min(first_us) as first_us,
         max(last_us) as last_us
       from events_ever group by user_id, account_id, event""",
    "delete from events_ever",
    """insert into events_ever select user_id, account_id, event, first_day, times, first_us, last_us from compact_ever
       order by user_id, account_id, event""",
    "delete from compacted where day is null",
    "insert into compacted select null, count(*) from compact_ever",
    "drop table compact_ever",
)


def grown_days(session: Session, *, least: int) -> list[date]:
    """The days whose counts have about doubled since they were added up, those that grew most first."""
    return [day for (day,) in session.rows(GROWN_DAYS, least=least)]


def compact_day(session: Session, day: date) -> None:
    """Add up the counts of one day."""
    for text in COMPACT_DAY:
        session.run(text, day=day)


def compact_ever_if_grown(session: Session, *, least: int) -> None:
    """Add up `events_ever` if it has about doubled."""
    if session.rows(EVER_GROWN, least=least)[0][0]:
        for text in COMPACT_EVER:
            session.run(text)
