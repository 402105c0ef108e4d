"""Series out of kept numbers, single scores, and which days have any."""

from datetime import date
from typing import Any

from uptake.core.config import Levels
from uptake.core.effects import Kind
from uptake.core.scores import Point, ScoringModel
from uptake.stores.events.base import StoreRules
from uptake.stores.events.condition_sql import condition_values, conditions_met_by_day
from uptake.stores.events.list_sql import ACTIVATION, NO_ACTIVATION, events_scored, level_of
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, OF_PAGE, USER_PROFILES
from uptake.stores.events.question_sql import not_excluded, scored_events
from uptake.stores.events.session import Session
from uptake.stores.events.value_sql import DAY_OF

WEEK = 7

ONE_SCORE = """
select score from scores
where workspace_id = $workspace and kind = $kind and id = $id and day = $day
  and id not in (select unnest($excluded::varchar[])) and id in (select id from known where kind = $kind and id = $id)
"""


def score_of(session: Session, kind: Kind, tracking_id: str, model: ScoringModel, *, day: date) -> int:
    """The kept score of one account or user; 0 for none."""
    excluded = sorted(model.excluded_users if kind == "user" else model.excluded_accounts)
    values = {"workspace": model.workspace_id, "kind": kind, "id": tracking_id, "day": day, "excluded": excluded}
    found = session.rows(ONE_SCORE, **values)
    return found[0][0] if found else 0


SERIES = f"""
with page as (select $id::varchar as id), described as ({{described}}), days as (
  select day from benchmarks where workspace_id = $workspace and day between $first and $last
), weekly as ({{weekly}})
select d.day, coalesce(s.score, 0), coalesce(s.score_before, 0), coalesce(s.raw, 0), coalesce(s.frequency, 0),
  coalesce(100.0 * s.adopted / nullif({{events}}, 0), 0), coalesce(100.0 * s.adopted_ever / nullif({{events}}, 0), 0),
  {{activation}},
  coalesce(s.active_users, 0), coalesce(s.total_users, 0), coalesce(w.users, 0),
  date_diff('day', {DAY_OF.format(moment="p.created_us")}, d.day), s.last_us, s.revised_us
from days d
join known k on k.kind = $kind and k.id = $id and k.id not in (select unnest($excluded::varchar[]))
join described p on p.id = k.id
left join (
  select day, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us, revised_us
  from scores where workspace_id = $workspace and kind = $kind and id = $id and day between $first and $last
) s on s.day = d.day
{{activated}}
left join weekly w on w.day = d.day
order by d.day
"""
ACTIVATED_BY_DAY = "left join (select day, met from ({met}) where id = $id) a on a.day = d.day"
WEEKLY_USERS = f"""
select d.day, count(distinct c.user_id) as users from days d join (
  select distinct user_id, day as done_on from daily_counts
  where account_id in (select $id union select account_id from lineage where ancestor_id = $id)
    and event in (select event from ({{scored}})) and day between $first::date - {WEEK - 1} and $last
    and {{not_excluded}}
) c on c.done_on between d.day - {WEEK - 1} and d.day
group by d.day
"""
NO_WEEKLY_USERS = "select day, 0 as users from days"
BENCHMARK = "select users_p90, accounts_p90 from benchmarks where workspace_id = $workspace and day = $day"
FORGET = (
    "delete from scores where day between $first and $last",
    "delete from benchmarks where day between $first and $last",
)
SCORED_DAYS = "select day from benchmarks where workspace_id = $workspace order by day"


def series_of(
    session: Session,
    kind: Kind,
    tracking_id: str,
    model: ScoringModel,
    *,
    days: tuple[date, date],
    rules: StoreRules,
) -> list[Point]:
    """The kept numbers of one account or user, day by day."""
    met = conditions_met_by_day(kind, model, days, types=rules.trait_types)
    activations = len(model.user_activation if kind == "user" else model.account_activation)
    weekly = WEEKLY_USERS.format(scored=scored_events(model), not_excluded=not_excluded(model))
    text = SERIES.format(
        described=(USER_PROFILES if kind == "user" else ACCOUNT_PROFILES).format(**OF_PAGE),
        weekly=weekly if kind == "account" else NO_WEEKLY_USERS,
        events=events_scored(model),
        activation=ACTIVATION if activations else NO_ACTIVATION,
        activated=ACTIVATED_BY_DAY.format(met=met.text) if activations else "",
    )
    values = {**condition_values(kind, model, days[1], rules), **met.values, "activations": activations}
    rows = session.rows(text, **values, id=tracking_id, first=days[0], last=days[1])
    return [_point(model.levels, row) for row in rows]


def _point(levels: Levels, row: tuple[Any, ...]) -> Point:
    day, score, score_before, raw, frequency, adoption, adoption_all_time, activation = row[:8]
    active_users, total_users, weekly_active_users, tenure_days, last_active_us, revised_us = row[8:]
    return Point(
        day=day,
        score=score,
        score_change=score - score_before,
        level=level_of(score, levels),
        raw_score=raw,
        frequency=frequency,
        adoption=adoption,
        adoption_all_time=adoption_all_time,
        activation=activation,
        active_users=active_users,
        total_users=total_users,
        weekly_active_users=weekly_active_users,
        tenure_days=tenure_days if tenure_days is not None and tenure_days >= 0 else None,
        last_active_us=last_active_us,
        revised_us=revised_us,
    )


def benchmark_of(session: Session, kind: Kind, model: ScoringModel, day: date) -> float | None:
    """The 90th percentile behind the scores of the kind on a day."""
    found = session.rows(BENCHMARK, workspace=model.workspace_id, day=day)
    pooled = kind == "account" and model.account_score == "pooled"
    return found[0][1 if pooled else 0] if found else None


def days_scored(session: Session, workspace_id: int) -> list[date]:
    """The days with kept numbers, ascending."""
    return [day for (day,) in session.rows(SCORED_DAYS, workspace=workspace_id)]
