"""How much events were done, by how many, and by whom most: sums of daily counts."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from uptake.core.days import days_between, to_us, window
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.stores.events.question_sql import not_excluded
from uptake.stores.events.score_sql import NOT_EXCLUDED, UPWARDS, model_values
from uptake.stores.events.session import Session
from uptake.stores.events.usage import ActiveDay, Doer, Use

USE = f"""
with wanted as (
  select unnest($numbers::integer[]) as number, unnest($events::varchar[]) as event
), every as (select unnest($every::integer[]) as number), by_users as (
  {{by_users}}
), acts as (
  {{acts}}
), by_accounts as (
  select number, day, count(distinct account_id) as accounts
  from ({UPWARDS.format(acts="acts", columns="number, day")}) {{of_account}} group by number, day
)
select u.number, u.day, u.times, u.users, coalesce(a.accounts, 0)
from by_users u left join by_accounts a on a.number = u.number and a.day = u.day
order by u.number, u.day
"""
USE_WITHOUT_ACCOUNTS = """
with wanted as (
  select unnest($numbers::integer[]) as number, unnest($events::varchar[]) as event
), every as (select unnest($every::integer[]) as number)
select number, day, times, users, 0 from ({by_users}) order by number, day
"""
OF_SETS = "from daily_counts c join wanted w on w.event = c.event where c.day between $first and $last {counted}"
OF_EVERY = "from active_days c cross join every w where c.day between $first and $last {counted}"
BY_USERS = """
select w.number, {of_day} as day, sum(c.times) as times, {users} as users
{of} group by w.number, {of_day}
"""
COUNT_USERS, NO_USERS = "count(distinct c.user_id)", "0"
ACTS = "select distinct w.number, {of_day} as day, c.account_id {of}"
EACH_DAY, ALL_DAYS = "c.day", "$last::date"
SINCE = "case when c.day < $since then $since::date - 1 else $last::date end"
# A number of a day that is kept tells when somebody was last active, so that no event is looked at.
ACTIVE_BY_DAY = """
with windows as (
  select unnest($days::date[]) as window_day, unnest($from_us::bigint[]) as from_us
)
select b.day, count(case when s.kind = 'user' and s.last_us >= w.from_us then 1 end),
  count(case when s.kind = 'account' and s.last_us >= w.from_us then 1 end)
from (select day from benchmarks where workspace_id = $workspace and day between $first and $last) b
join windows w on w.window_day = b.day
left join (
  select day, kind, last_us from scores
  where workspace_id = $workspace and day between $first and $last {listed}
) s on s.day = b.day
group by b.day order by b.day
"""
# Texts leave out what tells of the excluded where there are none: every count would be looked up among nobody.
LISTED = """
and (kind <> 'user' or id not in (select unnest($excluded_users::varchar[])))
and (kind <> 'account' or id not in (select unnest($excluded_accounts::varchar[])))
"""
ACCOUNTS_NOT_EXCLUDED = "where account_id not in (select unnest($excluded_accounts::varchar[]))"
DOERS = f"""
with acts as (
  select user_id, account_id, day, sum(times) as times from daily_counts
  where event in (select unnest($events::varchar[])) and day between $first and $last and {NOT_EXCLUDED}
  group by user_id, account_id, day
)
select {{who}} as id, sum(times) as all_times, count(distinct day) as days, max(day) as last_day from ({{acts}})
where {{who}} not in (select unnest($excluded::varchar[]))
group by {{who}} order by all_times desc, id limit $most
"""
THEMSELVES = "select user_id, day, times from acts"
THEIR_ACCOUNTS = UPWARDS.format(acts="acts", columns="day, times")


def use_of(
    session: Session,
    sets: Sequence[Collection[str]],
    model: ScoringModel,
    days: tuple[date, date],
    *,
    by_day: bool,
    since: date | None,
    of: Collection[Kind],
) -> list[Use]:
    """How much each set of events was done, day by day, before and since a day, or in all; an empty set is every
    event, and of: who is counted."""
    pairs = [(number, event) for number, events in enumerate(sets) for event in sorted(set(events))]
    every = [number for number, events in enumerate(sets) if not events]
    of_day = EACH_DAY if by_day else ALL_DAYS if since is None else SINCE
    asked = [text for text, some in ((OF_SETS, pairs), (OF_EVERY, every)) if some]
    if not asked:
        return []
    parts = {"of_day": of_day, "users": COUNT_USERS if "user" in of else NO_USERS}
    counted = f"and {not_excluded(model)}"
    by_users, acts = (
        " union all ".join(text.format(of=each.format(counted=counted), **parts) for each in asked)
        for text in (BY_USERS, ACTS)
    )
    of_account = ACCOUNTS_NOT_EXCLUDED if model.excluded_accounts else ""
    text = USE if "account" in of else USE_WITHOUT_ACCOUNTS
    found = session.rows(
        text.format(by_users=by_users, acts=acts, of_account=of_account),
        **model_values(model),
        numbers=[number for number, _ in pairs],
        events=[event for _, event in pairs],
        every=every,
        first=days[0],
        last=days[1],
        since=since,
    )
    together = not by_day and since is None
    return [
        Use(number, None if together else day, int(times), users, accounts)
        for number, day, times, users, accounts in found
    ]


def active_by_day(session: Session, model: ScoringModel, days: tuple[date, date], *, zone: ZoneInfo) -> list[ActiveDay]:
    """How many were active in the window up to each scored day."""
    span = list(days_between(*days))
    begin = [datetime.combine(window(day, model.window_days)[0], time(), zone) for day in span]
    rows = session.rows(
        ACTIVE_BY_DAY.format(listed=LISTED if model.excluded_users or model.excluded_accounts else ""),
        **model_values(model),
        days=span,
        from_us=[to_us(moment) for moment in begin],
        first=days[0],
        last=days[1],
    )
    return [ActiveDay(*row) for row in rows]


def doers_of(
    session: Session, kind: Kind, events: Collection[str], model: ScoringModel, *, days: tuple[date, date], most: int
) -> list[Doer]:
    """Who did the events most."""
    of_user = kind == "user"
    text = DOERS.format(who="user_id" if of_user else "account_id", acts=THEMSELVES if of_user else THEIR_ACCOUNTS)
    rows = session.rows(
        text,
        **model_values(model),
        excluded=sorted(model.excluded_users if of_user else model.excluded_accounts),
        events=list(events),
        first=days[0],
        last=days[1],
        most=most,
    )
    return [Doer(each, int(times), count, last_day) for each, times, count, last_day in rows]
