"""Conditions on the numbers of a day as texts; see `uptake.stores.events.condition_sql`, which fills them in."""

from collections.abc import Sequence

from uptake.core.conditions import NumberField
from uptake.core.effects import Kind
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, EVERYONE, USER_PROFILES
from uptake.stores.events.score_sql import SCORED_EVENTS
from uptake.stores.events.value_sql import DAY_OF

KNOWN = "select id from known where kind = $kind and id not in (select unnest($excluded::varchar[]))"

OF_DAY = "select {day}{its_id} from {numbers} where {test}"
ITS_NUMBERS = (
    "score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us, first_day"
)
NUMBERS = f"""
({KNOWN}) k {{days}}
left join (
  select day as scored_day, id, {ITS_NUMBERS}
  from scores where workspace_id = $workspace and kind = $kind and {{scored}}
) s on s.id = k.id and s.scored_day = {{today}}
"""
STANDING = f"""
standing as materialized (
  select k.id, {ITS_NUMBERS} from ({KNOWN}) k
  left join (
    select id as scored_id, {ITS_NUMBERS} from scores where workspace_id = $workspace and kind = $kind and day = $day
  ) s on s.scored_id = k.id
)"""
"""Everyone with the numbers of the day, for many conditions that are asked together."""
KNOWN_TOGETHER = "select id from standing"
DESCRIBED = ", described as materialized (select id, created_us from ({profiles}))"
DESCRIBED_TOGETHER = "select id, created_us from described"
OF_CHANGE = f"""
select {{day}}k.id from ({KNOWN}) k {{days}}
left join (
  select day as scored_day, id, score from scores where workspace_id = $workspace and kind = $kind and {{scored}}
) s on s.id = k.id and s.scored_day = {{today}}
left join (
  select day + {{over}} as compared_day, id, score from scores
  where workspace_id = $workspace and kind = $kind and {{scored_before}}
) b on b.id = k.id and b.compared_day = {{today}}
where coalesce(s.score, 0) - coalesce(b.score, 0) {{test}}
"""
"""The score against the one that stood `over` days before."""
OF_PROFILES = "select {day}id from ({profiles}) p {days} where {test}"
OF_ACTIVATION = f"""
select {{of_day}}k.id from ({KNOWN}) k {{days}} left join ({{met}}) a on a.id = k.id {{same_day}} where {{test}}
"""

EVENTS_SCORED = f"nullif((select count(*) from ({SCORED_EVENTS})), 0)"
NUMBER_TEXTS: dict[NumberField, str] = {
    "score": "coalesce(s.score, 0)",
    "score_change": "coalesce(s.score, 0) - coalesce(s.score_before, 0)",
    "raw_score": "coalesce(s.raw, 0)",
    "adoption": f"coalesce(100.0 * s.adopted / {EVENTS_SCORED}, 0)",
    "adoption_all_time": f"coalesce(100.0 * s.adopted_ever / {EVENTS_SCORED}, 0)",
    "frequency": "coalesce(s.frequency, 0)",
    "active_users": "coalesce(s.active_users, 0)",
    "total_users": "coalesce(s.total_users, 0)",
    "active_users_percent": "coalesce(100.0 * s.active_users / nullif(s.total_users, 0), 0)",
    "first_seen_days": "date_diff('day', s.first_day, {today})",
    "last_active_days": f"date_diff('day', {DAY_OF.format(moment='s.last_us')}, {{today}})",
}
TENURE = f"date_diff('day', {DAY_OF.format(moment='p.created_us')}, {{today}})"


def together(kind: Kind, texts: Sequence[str]) -> str:
    """The tables that texts of `uptake.stores.events.condition_sql.listed_together` read, each made once.

    To plan a query takes longer than to read such a table.
    """
    described = any(DESCRIBED_TOGETHER in each for each in texts)
    return STANDING + (DESCRIBED.format(profiles=everyone_described(kind)) if described else "")


def everyone_described(kind: Kind) -> str:
    """Names and creation of all users or accounts."""
    return (USER_PROFILES if kind == "user" else ACCOUNT_PROFILES).format(**EVERYONE)
