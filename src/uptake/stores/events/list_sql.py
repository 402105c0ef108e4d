"""Ranked lists and series out of kept numbers.

A list is ranked first and described afterwards: names and creation are looked up for the page alone, unless the
ranking itself needs them (a search, or a sort by one of them).
"""

from datetime import date
from typing import Any

from uptake.core.config import Levels
from uptake.core.effects import Kind
from uptake.core.scores import Level, Numbers, Point, ScoringModel
from uptake.stores.events.base import SORTS, ListQuery, StoreRules
from uptake.stores.events.schema import FOREVER
from uptake.stores.events.score_sql import SCORED_EVENTS, model_values
from uptake.stores.events.session import Session

SORT_TEXTS = {
    "score": "coalesce(s.score, 0)",
    "score_change": "coalesce(s.score, 0) - coalesce(s.score_before, 0)",
    "raw_score": "coalesce(s.raw, 0)",
    "level": "coalesce(s.score, 0)",
    "frequency": "coalesce(s.frequency, 0)",
    "adoption": "coalesce(s.adopted, 0)",
    "adoption_all_time": "coalesce(s.adopted_ever, 0)",
    "active_users": "coalesce(s.active_users, 0)",
    "total_users": "coalesce(s.total_users, 0)",
    "last_active_us": "s.last_us",
    "created_us": "p.created_us",
    "provisional": "case when s.first_day <= $full_day then 0 else 1 end",
    "tracking_id": "k.id",
    "name": "lower(p.name)",
    "email": "lower(p.email)",
    "account": "p.account_id",
}
if tuple(SORT_TEXTS) != SORTS:
    raise AssertionError("every sort needs its text")

USER_PROFILES = f"""
select k.id, coalesce(t.name, t.email, k.id) as name, t.email, t.created_us, m.account_id
from known k
left join (
  select id, nullif(max(case when key = 'name' then text end), '') as name,
    nullif(max(case when key = 'email' then text end), '') as email,
    max(case when key = 'createdAt' then moment_us end) as created_us
  from traits where kind = 'user' and key in ('name', 'email', 'createdAt') {{of_page}} group by id
) t on t.id = k.id
left join (select user_id, account_id from memberships where until_us = {FOREVER}) m on m.user_id = k.id
where k.kind = 'user'
"""

ACCOUNT_PROFILES = """
select k.id, coalesce(t.name, k.id) as name, cast(null as varchar) as email,
  coalesce(t.created_us, f.created_us) as created_us, cast(null as varchar) as account_id
from known k
left join (
  select id, nullif(max(case when key = $display_name then text end), '') as name,
    max(case when key = $created_at then moment_us end) as created_us
  from traits where kind = 'account' and key in ($display_name, $created_at) {of_page} group by id
) t on t.id = k.id
left join (
  select m.account_id as id, min(u.moment_us) as created_us
  from memberships m join traits u on u.kind = 'user' and u.id = m.user_id and u.key = 'createdAt' {of_page_accounts}
  group by m.account_id
) f on f.id = k.id
where k.kind = 'account'
"""

EVERYONE = {"of_page": "", "of_page_accounts": ""}
OF_PAGE = {
    "of_page": "and id in (select id from page)",
    "of_page_accounts": "and m.account_id in (select id from page)",
}

RANKED = """
from known k
left join (
  select id, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us, first_day
  from scores where workspace_id = $workspace and kind = $kind and day = $day
) s on s.id = k.id
{profiles}
where k.kind = $kind and k.id not in (select unnest($excluded::varchar[])) {filters}
"""

COUNT = "{context} select count(*) {ranked}"
"""How many there are, where the page is beyond them."""

PAGE = f"""
{{context}} page as (
  select k.id, k.opaque_id, s.score, s.score_before, s.raw, s.frequency, s.adopted, s.adopted_ever, s.active_users,
    s.total_users, s.last_us, case when s.first_day <= $full_day then 0 else 1 end as provisional,
    row_number() over (order by {{sort}} {{direction}} nulls last, coalesce(s.raw, 0) desc, k.id) as place,
    count(*) over () as total
  {{ranked}}
  order by place limit $most offset $skipped
), described as ({{described}}), scored as (
  select count(*) as events from ({SCORED_EVENTS})
)
select p.total, p.opaque_id, p.id, d.name, coalesce(p.score, 0), coalesce(p.score_before, 0), coalesce(p.raw, 0),
  coalesce(p.frequency, 0), coalesce(100.0 * p.adopted / nullif(e.events, 0), 0),
  coalesce(100.0 * p.adopted_ever / nullif(e.events, 0), 0), p.last_us, d.created_us, p.provisional,
  coalesce(p.active_users, 0), coalesce(p.total_users, 0), d.email, d.account_id
from page p join described d on d.id = p.id cross join scored e
order by p.place
"""

SEARCHED = (
    "and (contains(lower(p.name), $search) or contains(lower(k.id), $search) or contains(lower(p.email), $search))"
)
NAMED = "and k.id in (select unnest($tracking_ids::varchar[]))"
AT_LEVEL = "and coalesce(s.score, 0) between $lowest and $highest"
OF_ACCOUNT = f"""
and k.id in (
  with wanted as (select $account as id union select account_id from lineage where ancestor_id = $account)
  select user_id from events_ever where account_id in (select id from wanted)
  union
  select user_id from memberships where until_us = {FOREVER} and account_id in (select id from wanted)
)
"""


def numbers_page(
    session: Session, kind: Kind, model: ScoringModel, day: date, *, query: ListQuery, rules: StoreRules, full_day: date
) -> tuple[list[Numbers], int]:
    """One page of a ranked list and how many there are; full_day: the last day that is over."""
    if query.sort not in SORT_TEXTS:
        raise ValueError(f"a list is sorted by one of {', '.join(SORTS)}; got {query.sort!r}")
    values = _values(kind, model, query, rules) | {"day": day, "full_day": min(day, full_day)}
    sort = SORT_TEXTS[query.sort]
    joined = bool(query.search) or "p." in sort
    profiles = USER_PROFILES if kind == "user" else ACCOUNT_PROFILES
    every = profiles.format(**EVERYONE)
    ranked = RANKED.format(profiles="join profiles p on p.id = k.id" if joined else "", filters=_filters(kind, query))
    context = f"with profiles as ({every})" if joined else ""
    page = PAGE.format(
        context=f"{context}," if joined else "with",
        sort=sort,
        direction="desc" if query.descending else "asc",
        ranked=ranked,
        described=profiles.format(**OF_PAGE),
    )
    rows = session.rows(page, **values) if query.limit else []
    total = rows[0][0] if rows else session.rows(COUNT.format(context=context, ranked=ranked), **values)[0][0]
    return [_numbers(kind, model.levels, row[1:]) for row in rows], total


def rule_values(rules: StoreRules) -> dict[str, str]:
    """The traits that profiles are made of, as parameters; `created_at` is kept as `createdAt`."""
    created_at = "createdAt" if rules.created_at == "created_at" else rules.created_at
    return {"display_name": rules.display_name, "created_at": created_at}


def _values(kind: Kind, model: ScoringModel, query: ListQuery, rules: StoreRules) -> dict[str, Any]:
    lowest, highest = _scores_of(query.level, model.levels) if query.level else (0, 100)
    excluded = model.excluded_users if kind == "user" else model.excluded_accounts
    return {
        **model_values(model),
        "kind": kind,
        "excluded": sorted(excluded),
        **rule_values(rules),
        "search": query.search.lower(),
        "tracking_ids": list(query.tracking_ids or ()),
        "lowest": lowest,
        "highest": highest,
        "account": query.account,
        "most": query.limit,
        "skipped": query.offset,
    }


def _filters(kind: Kind, query: ListQuery) -> str:
    filters = [
        SEARCHED if query.search else "",
        NAMED if query.tracking_ids is not None else "",
        AT_LEVEL if query.level else "",
        OF_ACCOUNT if kind == "user" and query.account is not None else "",
    ]
    return " ".join(filters)


def _bounds(levels: Levels) -> list[tuple[Level, int, int]]:
    """Each level with its lowest and highest score, the highest level first."""
    return [
        ("most_engaged", levels.most, 100),
        ("slightly_engaged", levels.slightly, levels.most - 1),
        ("passive", levels.passive, levels.slightly - 1),
        ("least_engaged", 1, levels.passive - 1),
        ("inactive", 0, 0),
    ]


def _scores_of(level: str, levels: Levels) -> tuple[int, int]:
    return next(((low, high) for name, low, high in _bounds(levels) if name == level), (101, 100))


def _numbers(kind: Kind, levels: Levels, row: tuple[Any, ...]) -> Numbers:
    opaque_id, tracking_id, name, score, score_before, raw, frequency, adoption, adoption_all_time = row[:9]
    last_active_us, created_us, provisional, active_users, total_users, email, account = row[9:]
    return Numbers(
        kind=kind,
        id=opaque_id,
        tracking_id=tracking_id,
        name=name,
        score=score,
        score_change=score - score_before,
        level=next(level for level, low, _ in _bounds(levels) if score >= low),
        raw_score=raw,
        frequency=frequency,
        adoption=adoption,
        adoption_all_time=adoption_all_time,
        activation=None,
        last_active_us=last_active_us,
        created_us=created_us,
        provisional=bool(provisional),
        active_users=active_users,
        total_users=total_users,
        email=email,
        account=account,
    )


# ---- series and benchmarks

SERIES = f"""
with scored as (select count(*) as events from ({SCORED_EVENTS}))
select b.day, coalesce(s.score, 0), coalesce(s.raw, 0), coalesce(s.frequency, 0),
  coalesce(100.0 * s.adopted / nullif(e.events, 0), 0), coalesce(s.active_users, 0)
from benchmarks b
join known k on k.kind = $kind and k.id = $id and k.id not in (select unnest($excluded::varchar[]))
cross join scored e
left join (
  select day, score, raw, frequency, adopted, active_users from scores
  where workspace_id = $workspace and kind = $kind and id = $id and day between $first and $last
) s on s.day = b.day
where b.workspace_id = $workspace and b.day between $first and $last
order by b.day
"""
BENCHMARK = "select users_p90, accounts_p90 from benchmarks where workspace_id = $workspace and day = $day"
SCORED_DAYS = "select day from benchmarks where workspace_id = $workspace order by day"


def series_of(
    session: Session, kind: Kind, tracking_id: str, model: ScoringModel, *, days: tuple[date, date]
) -> list[Point]:
    """The kept numbers of one account or user, day by day."""
    excluded = model.excluded_users if kind == "user" else model.excluded_accounts
    values = {**model_values(model), "kind": kind, "id": tracking_id, "first": days[0], "last": days[1]}
    return [Point(*row) for row in session.rows(SERIES, **values, excluded=sorted(excluded))]


def benchmark_of(session: Session, kind: Kind, model: ScoringModel, day: date) -> float | None:
    """The 90th percentile behind the scores of the kind on a day."""
    found = session.rows(BENCHMARK, workspace=model.workspace_id, day=day)
    pooled = kind == "account" and model.account_score == "pooled"
    return found[0][1 if pooled else 0] if found else None


def days_scored(session: Session, workspace_id: int) -> list[date]:
    """The days with kept numbers, ascending."""
    return [day for (day,) in session.rows(SCORED_DAYS, workspace=workspace_id)]
