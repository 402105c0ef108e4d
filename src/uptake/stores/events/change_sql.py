"""Questions about change: who moved between two scored days, levels by day, and what one account or user did by day."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from uptake.core.effects import Kind
from uptake.core.scores import Level, ScoringModel, level_bounds
from uptake.stores.events.changes import DayActs, DayLevels, Move, Movers, Moves, Only
from uptake.stores.events.question_sql import OF_ACCOUNT, OF_USER, not_excluded
from uptake.stores.events.session import Session

ENDS = """
with ends as (
  select k.id, coalesce(a.score, 0) as score_before, coalesce(b.score, 0) as score_after, b.first_day
  from known k
  left join (
    select id, score from scores where workspace_id = $workspace and kind = $kind and day = $before
  ) a on a.id = k.id
  left join (
    select id, score, first_day from scores where workspace_id = $workspace and kind = $kind and day = $after
  ) b on b.id = k.id
  where k.kind = $kind and k.id not in (select unnest($excluded::varchar[]))
    and ($everyone or k.id in (select unnest($only::varchar[])))
)
"""
LEVEL_OF = """case
  when {0} >= $most then 0 when {0} >= $slightly then 1 when {0} >= $passive then 2 when {0} > 0 then 3 else 4
end"""
FLOW = f"""
{ENDS}
select {LEVEL_OF.format("score_before")} as level_before, {LEVEL_OF.format("score_after")} as level_after, count(*)
from ends group by level_before, level_after order by level_before, level_after
"""
MOVERS = f"""
{ENDS}, told as (
  select id, score_before, score_after, case
    when first_day > $before then 'came'
    when score_after = 0 and score_before > 0 then 'stopped'
    when score_after > score_before then 'rose'
    when score_after < score_before then 'fell'
  end as how
  from ends
), placed as (
  select how, id, score_before, score_after, count(*) over (partition by how) as total,
    row_number() over (partition by how order by abs(score_after - score_before) desc, id) as place
  from told where how is not null
)
select how, total, id, score_before, score_after from placed where place <= $listed order by how, place
"""


def moves_between(
    session: Session, kind: Kind, model: ScoringModel, days: tuple[date, date], *, most: int, only: Only
) -> Moves:
    """Who moved between two scored days, and how levels flowed."""
    values = {**_values(kind, model, only), "before": days[0], "after": days[1]}
    names: list[Level] = [level for level, _, _ in level_bounds(model.levels)]
    flow = {(names[before], names[after]): count for before, after, count in session.rows(FLOW, **values)}
    totals: dict[str, int] = {}
    first: Mapping[str, list[Move]] = defaultdict(list)
    for how, total, tracking_id, before, after in session.rows(MOVERS, **values, listed=most):
        totals[how] = total
        first[how].append(Move(tracking_id, before, after))
    return Moves(flow, *(Movers(totals.get(how, 0), first[how]) for how in ("rose", "fell", "stopped", "came")))


LEVELS_BY_DAY = """
select b.day,
  count(case when s.score >= $most then 1 end),
  count(case when s.score >= $slightly and s.score < $most then 1 end),
  count(case when s.score >= $passive and s.score < $slightly then 1 end),
  count(case when s.score > 0 and s.score < $passive then 1 end),
  coalesce(avg(case when s.score > 0 then s.score end), 0)
from benchmarks b
left join (
  select day, score from scores
  where workspace_id = $workspace and kind = $kind and day between $first and $last
    and id not in (select unnest($excluded::varchar[]))
    and ($everyone or id in (select unnest($only::varchar[])))
) s on s.day = b.day
where b.workspace_id = $workspace and b.day between $first and $last
group by b.day order by b.day
"""


def levels_by_day(
    session: Session, kind: Kind, model: ScoringModel, days: tuple[date, date], *, only: Only
) -> list[DayLevels]:
    """How many stood on each level, every scored day from the first to the last."""
    rows = session.rows(LEVELS_BY_DAY, **_values(kind, model, only), first=days[0], last=days[1])
    return [DayLevels(day, *counts) for day, *counts in rows]


ACTS_BY_DAY = """
select day, event, sum(times), count(distinct user_id) from daily_counts
where day between $first and $last and {of} and {not_excluded}
group by day, event order by day, event
"""


def acts_by_day(
    session: Session, kind: Kind, tracking_id: str, model: ScoringModel, *, days: tuple[date, date]
) -> list[DayActs]:
    """What one account or user did on each day."""
    excluded_users, excluded_accounts = model.excluded_users, model.excluded_accounts
    if tracking_id in (excluded_users if kind == "user" else excluded_accounts):
        return []
    text = ACTS_BY_DAY.format(of=OF_USER if kind == "user" else OF_ACCOUNT, not_excluded=not_excluded(model))
    values: dict[str, Any] = {
        "excluded_users": sorted(excluded_users),
        "excluded_accounts": sorted(excluded_accounts),
        "id": tracking_id,
        "first": days[0],
        "last": days[1],
    }
    return [DayActs(day, event, int(times), users) for day, event, times, users in session.rows(text, **values)]


def _values(kind: Kind, model: ScoringModel, only: Only) -> dict[str, Any]:
    excluded = model.excluded_users if kind == "user" else model.excluded_accounts
    return {
        "workspace": model.workspace_id,
        "kind": kind,
        "excluded": sorted(excluded),
        "everyone": only is None,
        "only": sorted(only or ()),
        "most": model.levels.most,
        "slightly": model.levels.slightly,
        "passive": model.levels.passive,
    }
