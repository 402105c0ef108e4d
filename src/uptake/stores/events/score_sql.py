"""Every number of a few days for one model, in one pass over sets.

A day is scored together with the day a window before it, because the change of the score compares both under the same
model: the counts of 2 × n days are read once, and each row falls into the later or the earlier window.  `score_window`
says which: a row for each day whose counts matter to a scored day.  What tells of "ever" and of 90 days comes from
`events_ever` and `active_days`.  Temporary tables are named `score_…`; most of them begin with the scored day.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.scores import ScoringModel
from uptake.stores.events.base import TOTAL_USERS_DAYS
from uptake.stores.events.session import Session
from uptake.stores.events.value_sql import DAY_OF

SCORED_EVENTS = """
select event, weight from (
  select unnest($weight_events::varchar[]) as event, unnest($weights::integer[]) as weight
  union all
  select event, 1 as weight from event_names
  where $every_event and event not in (select unnest($weight_events::varchar[]))
) where weight > 0
"""
"""The model's scored events with their weights; with `every_event` all that were ever seen."""

NOT_EXCLUDED = """
user_id not in (select unnest($excluded_users::varchar[]))
and account_id not in (select unnest($excluded_accounts::varchar[]))
"""

UPWARDS = """
select account_id, {columns} from {acts} where account_id <> ''
union all
select l.ancestor_id as account_id, {columns} from {acts} a join lineage l on l.account_id = a.account_id
"""
"""The rows of `acts` for the account of each and for every account above it."""


def model_values(model: ScoringModel) -> dict[str, Any]:
    """The model as parameters of the texts here and of those that ask about a model."""
    return {
        "workspace": model.workspace_id,
        "weight_events": list(model.weights),
        "weights": list(model.weights.values()),
        "every_event": model.every_event,
        "excluded_users": sorted(model.excluded_users),
        "excluded_accounts": sorted(model.excluded_accounts),
        "cap": model.daily_cap,
        "half_life": model.half_life_days,
    }


def counted_times(model: ScoringModel) -> str:
    """Where counts come from: parts as they lie, or a day's sum cut at the daily cap (per user, account and event)."""
    return "daily_counts" if model.daily_cap is None else CAPPED


CAPPED = """(
  select user_id, account_id, event, day, least(sum(times), $cap) as times from daily_counts
  where day between $first and $last group by user_id, account_id, event, day
)"""


def worth(model: ScoringModel) -> str:
    """What a row's times are worth `age` days later.

    A double holds whole numbers exactly, so that without a half-life no order of adding can be seen.
    """
    plain = "cast(times * weight as double)"
    return plain if model.half_life_days is None else f"{plain} * pow(0.5, age / cast($half_life as double))"


CURVES = {
    "exponential-1": "100 * (1 - pow(10, -{raw} / {p90}))",
    "linear-1": "least(100, 100 * {raw} / {p90})",
}


def points(curve: str, raw: str, p90: str) -> str:
    """The unrounded points of a raw score above 0."""
    return CURVES[curve].format(raw=raw, p90=p90)


ROUNDED = "case when {raw} > 0 then greatest(1, floor({points} + 0.5 + 1e-9)) else 0 end"

# ---- the stages, each a table

DAYS = """
create or replace temp table score_days as
select unnest($days::date[]) as day, unnest($total_froms::date[]) as total_from
"""

WINDOW = """
create or replace temp table score_window as
select unnest($scored::date[]) as day, unnest($counted::date[]) as count_day, unnest($laters::boolean[]) as later,
  unnest($ages::integer[]) as age, unnest($lows::bigint[]) as low, unnest($highs::bigint[]) as high
"""

WEIGHTS = f"create or replace temp table score_weights as {SCORED_EVENTS}"

ACTS = """
create or replace temp table score_acts as
select day, user_id, account_id, event,
  sum(case when later then {worth} else 0 end) as raw,
  sum(case when later then 0 else {worth} end) as raw_before,
  sum(case when later then times else 0 end) as times,
  sum(case when later then 0 else times end) as times_before,
  bit_or(low) as days_low, bit_or(high) as days_high
from (
  select s.day, c.user_id, c.account_id, c.event, c.times, w.weight, s.later, s.age, s.low, s.high
  from {counts} c join score_weights w on w.event = c.event join score_window s on s.count_day = c.day
  where c.day between $first and $last
) where {not_excluded}
group by day, user_id, account_id, event
"""

USERS = """
create or replace temp table score_users as
select day, user_id, sum(raw) as raw, sum(raw_before) as raw_before,
  count(distinct case when times > 0 then event end) as adopted,
  bit_count(bit_or(days_low)) + bit_count(bit_or(days_high)) as frequency
from score_acts group by day, user_id
"""

BENCHMARKS = """
create or replace temp table score_benchmarks as
with own as (
  select day, account_id, sum(raw) as raw, sum(raw_before) as raw_before from score_acts
  where account_id <> '' group by day, account_id
), of_users as (
  select day, quantile_cont(raw, 0.9) filter (where raw > 0) as now,
    quantile_cont(raw_before, 0.9) filter (where raw_before > 0) as before
  from score_users group by day
), of_accounts as (
  select day, quantile_cont(raw, 0.9) filter (where raw > 0) as now,
    quantile_cont(raw_before, 0.9) filter (where raw_before > 0) as before
  from own group by day
)
select d.day, u.now as users_p90, u.before as users_p90_before, a.now as accounts_p90, a.before as accounts_p90_before
from score_days d left join of_users u on u.day = d.day left join of_accounts a on a.day = d.day
"""

ACCOUNT_USERS = """
create or replace temp table score_account_users as
select day, account_id, user_id, sum(raw) as raw, sum(raw_before) as raw_before, sum(times) as times,
  sum(times_before) as times_before
from ({upwards}) group by day, account_id, user_id
"""

ACCOUNTS = """
create or replace temp table score_accounts as
with sums as (
  select s.day, s.account_id, sum(raw) as raw, sum(raw_before) as raw_before,
    sum(case when times > 0 then 1 else 0 end) as active_users,
    avg(case when times > 0 then {points} end) as mean_points,
    avg(case when times_before > 0 then {points_before} end) as mean_points_before
  from score_account_users s join score_benchmarks b on b.day = s.day group by s.day, s.account_id
), events as (
  select day, account_id, count(distinct case when times > 0 then event end) as adopted,
    bit_count(bit_or(days_low)) + bit_count(bit_or(days_high)) as frequency
  from ({upwards}) group by day, account_id
)
select s.day, s.account_id, s.raw, s.raw_before, s.active_users, s.mean_points, s.mean_points_before, e.adopted,
  e.frequency
from sums s join events e on e.day = s.day and e.account_id = s.account_id
"""

ADOPTED_EVER = """
select d.day, a.id as {kind}_id, sum(a.events) as adopted_ever
from {adoptions} a join score_days d on a.first_day <= d.day
where a.kind = '{kind}' group by d.day, a.id
"""

# Who did anything at all, scored or not; the same for every model with the same exclusions.  What lies before the
# first of the days is added up once for all of them.
PRESENT = f"""
create or replace temp table score_present as
with pieces as (
  select user_id, account_id, min(day) as first_day, max(day) as last_day, max(last_us) as last_us
  from active_days where day < $oldest and {NOT_EXCLUDED} group by user_id, account_id
  union all
  select user_id, account_id, day as first_day, day as last_day, last_us
  from active_days where day between $oldest and $last and {NOT_EXCLUDED}
)
select d.day, p.user_id, p.account_id, min(p.first_day) as first_day, max(p.last_day) as last_day,
  max(p.last_us) as last_us
from pieces p join score_days d on p.last_day <= d.day group by d.day, p.user_id, p.account_id
"""

# ---- days that were over when they were scored before: whose numbers are others now were revised

OVER = f"""
create or replace temp table score_over as
select b.day from benchmarks b join score_days d on d.day = b.day
where b.workspace_id = $workspace and {DAY_OF.format(moment="b.scored_us")} > b.day
"""
KEPT = """
create or replace temp table score_kept as
select kind, id, day, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us,
  revised_us
from scores where workspace_id = $workspace and day in (select day from score_over)
"""
REVISED = """
select n.workspace_id, n.kind, n.id, n.day, n.score, n.score_before, n.raw, n.frequency, n.adopted, n.adopted_ever,
  n.active_users, n.total_users, n.last_us, n.first_day,
  case when v.day is null then null
    when o.score = n.score and o.score_before = n.score_before and abs(o.raw - n.raw) < 1e-6
      and o.frequency = n.frequency and o.adopted = n.adopted and o.adopted_ever = n.adopted_ever
      and o.active_users = n.active_users and o.total_users = n.total_users and o.last_us = n.last_us
    then o.revised_us else $at_us end as revised_us
from ({rows}) n
left join score_over v on v.day = n.day
left join score_kept o on o.kind = n.kind and o.id = n.id and o.day = n.day
"""

ADD_BENCHMARKS = """
insert into benchmarks select $workspace, day, users_p90, accounts_p90, $at_us from score_benchmarks
"""


class Keeping(msgspec.Struct, frozen=True):
    """How the numbers of a pass are kept: texts that drop what is there, and that add `{rows}` and benchmarks; values
    of parameters that only these have."""

    drops: tuple[str, ...] = ()
    add_scores: str = "insert into scores {rows}"
    add_benchmarks: str = ADD_BENCHMARKS
    values: dict[str, int] = {}


IN_PLACE = Keeping(
    (
        "delete from scores where workspace_id = $workspace and day in (select day from score_days)",
        "delete from benchmarks where workspace_id = $workspace and day in (select day from score_days)",
    )
)
"""They replace what was kept of their days."""

USER_SCORES = """
with present as (
  select day, user_id, min(first_day) as first_day, max(last_us) as last_us from score_present group by day, user_id
), ever as (
  {adopted_ever}
)
select $workspace as workspace_id, 'user' as kind, p.user_id as id, p.day, {score} as score,
  {score_before} as score_before, coalesce(s.raw, 0) as raw, coalesce(s.frequency, 0) as frequency,
  coalesce(s.adopted, 0) as adopted, coalesce(e.adopted_ever, 0) as adopted_ever, 0 as active_users, 0 as total_users,
  p.last_us, p.first_day
from present p
join score_benchmarks b on b.day = p.day
left join score_users s on s.day = p.day and s.user_id = p.user_id
left join ever e on e.day = p.day and e.user_id = p.user_id
"""

ACCOUNT_SCORES = """
with visits as (
  select day, account_id, user_id, min(first_day) as first_day, max(last_day) as last_day, max(last_us) as last_us
  from ({upwards_present}) group by day, account_id, user_id
), present as (
  select v.day, v.account_id, min(v.first_day) as first_day, max(v.last_us) as last_us,
    sum(case when v.last_day >= d.total_from then 1 else 0 end) as total_users
  from visits v join score_days d on d.day = v.day
  where v.account_id not in (select unnest($excluded_accounts::varchar[])) group by v.day, v.account_id
), ever as (
  {adopted_ever}
)
select $workspace as workspace_id, 'account' as kind, p.account_id as id, p.day, {score} as score,
  {score_before} as score_before, coalesce(s.raw, 0) as raw, coalesce(s.frequency, 0) as frequency,
  coalesce(s.adopted, 0) as adopted, coalesce(e.adopted_ever, 0) as adopted_ever,
  coalesce(s.active_users, 0) as active_users, p.total_users, p.last_us, p.first_day
from present p
join score_benchmarks b on b.day = p.day
left join score_accounts s on s.day = p.day and s.account_id = p.account_id
left join ever e on e.day = p.day and e.account_id = p.account_id
"""

EVER_ROWS = "select count(*) from events_ever"
BITS = 60
"""A day of the later window is a bit: of so many days in `low`, of the days before them in `high`."""

MOST_DAYS, MOST_ACTS = 15, 1_000_000
"""A pass holds up to one row a day for whatever a user ever did: of a small product many days go together, of a large
one each goes by itself, because sums that do not fit into memory cost more than a pass saves."""


def days_a_pass(session: Session) -> int:
    """How many days are worth scoring in one pass."""
    acts = int(session.rows(EVER_ROWS)[0][0])
    return max(1, min(MOST_DAYS, MOST_ACTS // max(1, acts)))


def rescore_days(
    session: Session,
    models: Sequence[ScoringModel],
    days: Sequence[date],
    *,
    zone: str,
    at_us: int = 0,
    keeping: Keeping = IN_PLACE,
) -> None:
    """Compute and keep the numbers of a few days (one or more, each once) for all models; zone: the product's.

    `adoption_sql.add_up_adoptions` must have been called with the models since anything was folded.
    """
    present_for: tuple[frozenset[str], frozenset[str]] | None = None
    for model in models:
        values = {**_values(model, days), "zone": zone, "at_us": at_us, **keeping.values}
        session.run(DAYS, **values)
        excluded = (model.excluded_users, model.excluded_accounts)
        if excluded != present_for:
            session.run(PRESENT, **values)
            present_for = excluded
        for text in _stages(model, keeping):
            session.run(text, **values)


def _values(model: ScoringModel, days: Sequence[date]) -> dict[str, Any]:
    span = 2 * model.window_days
    window = [(day, day - timedelta(days=back), back) for day in days for back in range(span)]
    return {
        **model_values(model),
        "days": list(days),
        "total_froms": [day - timedelta(days=TOTAL_USERS_DAYS - 1) for day in days],
        "scored": [day for day, _, _ in window],
        "counted": [counted for _, counted, _ in window],
        "laters": [back < model.window_days for _, _, back in window],
        "ages": [back % model.window_days for _, _, back in window],
        "lows": [1 << back if back < min(model.window_days, BITS) else 0 for _, _, back in window],
        "highs": [1 << (back - BITS) if BITS <= back < model.window_days else 0 for _, _, back in window],
        "first": min(days) - timedelta(days=span - 1),
        "oldest": min(days),
        "last": max(days),
    }


def _stages(model: ScoringModel, keeping: Keeping) -> list[str]:
    sums = "raw, raw_before, times, times_before"
    return [
        WINDOW,
        WEIGHTS,
        ACTS.format(worth=worth(model), counts=counted_times(model), not_excluded=NOT_EXCLUDED),
        USERS,
        BENCHMARKS,
        ACCOUNT_USERS.format(upwards=upwards("score_acts", f"day, user_id, {sums}")),
        ACCOUNTS.format(
            points=points(model.curve, "raw", "users_p90"),
            points_before=points(model.curve, "raw_before", "users_p90_before"),
            upwards=upwards("score_acts", "day, event, times, days_low, days_high"),
        ),
        OVER,
        KEPT,
        *keeping.drops,
        keeping.add_benchmarks,
        *(keeping.add_scores.format(rows=REVISED.format(rows=rows)) for rows in _rows(model)),
    ]


def adoptions_of(model: ScoringModel) -> str:
    """The temporary table of first times that a workspace's passes read; an imagined one has a number below 0."""
    return f"score_adoptions_{model.workspace_id}".replace("-", "imagined_")


def _rows(model: ScoringModel) -> tuple[str, str]:
    """The texts of users' and accounts' numbers."""
    return (
        USER_SCORES.format(
            score=_user_score(model, ""),
            score_before=_user_score(model, "_before"),
            adopted_ever=ADOPTED_EVER.format(kind="user", adoptions=adoptions_of(model)),
        ),
        ACCOUNT_SCORES.format(
            score=_account_score(model, ""),
            score_before=_account_score(model, "_before"),
            upwards_present=upwards("score_present", "day, user_id, first_day, last_day, last_us"),
            adopted_ever=ADOPTED_EVER.format(kind="account", adoptions=adoptions_of(model)),
        ),
    )


def upwards(acts: str, columns: str) -> str:
    """Read these columns of a table of acts, for the account of each and for every account above it."""
    return UPWARDS.format(acts=acts, columns=columns)


def _user_score(model: ScoringModel, end: str) -> str:
    raw = f"s.raw{end}"
    return ROUNDED.format(raw=raw, points=points(model.curve, raw, f"b.users_p90{end}"))


def _account_score(model: ScoringModel, end: str) -> str:
    raw = f"s.raw{end}"
    pooled = points(model.curve, raw, f"b.accounts_p90{end}")
    return ROUNDED.format(raw=raw, points=pooled if model.account_score == "pooled" else f"s.mean_points{end}")
