"""Ranked lists out of kept numbers.

A list is ranked first and described afterwards: names and creation are looked up for the page alone, unless the
ranking itself needs them (a search, or a sort by one of them).
"""

from datetime import date
from typing import Any

import msgspec

from uptake.core.conditions import Condition
from uptake.core.config import Levels
from uptake.core.effects import Kind
from uptake.core.scores import Level, Numbers, ScoringModel, level_bounds
from uptake.stores.events.base import SORTS, ListQuery, StoreRules
from uptake.stores.events.changes import Only
from uptake.stores.events.condition_sql import (
    Compiled,
    condition_values,
    conditions_met,
    listed_ids,
    matching_ids,
)
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, EVERYONE, OF_PAGE, USER_PROFILES
from uptake.stores.events.schema import FOREVER
from uptake.stores.events.score_sql import SCORED_EVENTS
from uptake.stores.events.session import Session

SORT_TEXTS = {
    "score": "coalesce(s.score, 0)",
    "score_change": "coalesce(s.score, 0) - coalesce(s.score_before, 0)",
    "raw_score": "coalesce(s.raw, 0)",
    "level": "coalesce(s.score, 0)",
    "frequency": "coalesce(s.frequency, 0)",
    "adoption": "coalesce(s.adopted, 0)",
    "adoption_all_time": "coalesce(s.adopted_ever, 0)",
    "activation": "coalesce(a.met, 0)",
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

RANKED = """
from known k
left join (
  select id, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us, first_day
  from scores where workspace_id = $workspace and kind = $kind and day = $day {scored}
) s on s.id = k.id
{joins}
where k.kind = $kind and k.id not in (select unnest($excluded::varchar[])) {filters}
"""

COUNT = "{tables} select count(*) {ranked}"
"""How many there are, where the page is beyond them."""

ON_SCORES = """
{tables} select coalesce(s.score, 0) as its_score, count(*) {ranked} group by coalesce(s.score, 0)
"""

PAGE = """
with {first} page as materialized (
  select k.id, k.opaque_id, s.score, s.score_before, s.raw, s.frequency, s.adopted, s.adopted_ever, s.active_users,
    s.total_users, s.last_us, s.first_day, case when s.first_day <= $full_day then 0 else 1 end as provisional,
    row_number() over (order by {sort} {direction} nulls last, coalesce(s.raw, 0) desc, k.id) as place,
    count(*) over () as total
  {ranked}
  order by place limit $most offset $skipped
), described as ({described})
select p.total, p.opaque_id, p.id, d.name, coalesce(p.score, 0), coalesce(p.score_before, 0), coalesce(p.raw, 0),
  coalesce(p.frequency, 0), coalesce(100.0 * p.adopted / nullif({events}, 0), 0),
  coalesce(100.0 * p.adopted_ever / nullif({events}, 0), 0), p.last_us, d.created_us, p.provisional,
  coalesce(p.active_users, 0), coalesce(p.total_users, 0), d.email, d.account_id, p.first_day,
  {activation}
from page p join described d on d.id = p.id {activated}
order by p.place
"""
ACTIVATION = "100.0 * coalesce(a.met, 0) / $activations"
ACTIVATED = "left join activated a on a.id = {of}.id"
NO_ACTIVATION = "cast(null as double)"
"""Where nothing counts as activation, nothing is joined."""

SEARCHED = (
    "and (instr(lower(p.name), $search) > 0 or instr(lower(k.id), $search) > 0 or instr(lower(p.email), $search) > 0)"
)
SCORED = "and id in (select unnest($tracking_ids::varchar[]))"
"""So that of a few the scores of everyone need not be joined."""
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
    session: Session,
    kind: Kind,
    model: ScoringModel,
    day: date,
    *,
    query: ListQuery,
    rules: StoreRules,
    full_day: date,
    only: str = "",
) -> tuple[list[Numbers], int]:
    """One page of a ranked list and how many there are.

    full_day: the last day that is over.  only: a `select id` of those that the list may hold, in place of query.where.
    """
    if query.sort not in SORT_TEXTS:
        raise ValueError(f"a list is sorted by one of {', '.join(SORTS)}; got {query.sort!r}")
    if query.tracking_ids == ():
        return [], 0
    asked = _ranking(kind, model, day, query, rules, only=only)
    values = {**asked.values, "full_day": min(day, full_day)}
    activates = "activated" in asked.tables
    page = PAGE.format(
        first="".join(f"{name} as ({text}), " for name, text in asked.tables.items()),
        sort=_sort(query, activates=activates),
        direction="desc" if query.descending else "asc",
        ranked=asked.ranked,
        described=(USER_PROFILES if kind == "user" else ACCOUNT_PROFILES).format(**OF_PAGE),
        events=events_scored(model),
        activation=ACTIVATION if activates else NO_ACTIVATION,
        activated=ACTIVATED.format(of="p") if activates else "",
    )
    rows = session.rows(page, **values) if query.limit else []
    if not rows and query.limit and not query.offset:
        return [], 0
    total = rows[0][0] if rows else session.rows(asked.told(COUNT), **values)[0][0]
    return [_numbers(kind, model.levels, row[1:]) for row in rows], total


def on_levels(
    session: Session, kind: Kind, model: ScoringModel, day: date, *, query: ListQuery, rules: StoreRules
) -> dict[str, int]:
    """How many of a ranked list are on each level."""
    asked = _ranking(kind, model, day, msgspec.structs.replace(query, level=""), rules)
    found: dict[str, int] = {level: 0 for level, _, _ in level_bounds(model.levels)}
    for score, count in session.rows(asked.told(ON_SCORES), **asked.values):
        found[level_of(score, model.levels)] += count
    return found


class _Ranking(msgspec.Struct, frozen=True):
    """A ranked list: the tables that it joins by their names, its text, and the values of its parameters."""

    tables: dict[str, str]
    ranked: str
    values: dict[str, Any]

    def told(self, text: str) -> str:
        """A text over the list."""
        tables = ", ".join(f"{name} as ({its_text})" for name, its_text in self.tables.items())
        return text.format(tables=f"with {tables}" if tables else "", ranked=self.ranked)


def _ranking(
    kind: Kind, model: ScoringModel, day: date, query: ListQuery, rules: StoreRules, *, only: str = ""
) -> _Ranking:
    where, sort = query.where, SORT_TEXTS[query.sort]
    those = Compiled(only, {}) if where is None else matching_ids(kind, where, model, day, types=rules.trait_types)
    values = {**_values(kind, model, query, rules, day), **those.values}
    tables, joins = {}, []
    if values["activations"]:
        met = conditions_met(kind, model, day, types=rules.trait_types)
        tables["activated"], values = met.text, {**values, **met.values}
        joins += [ACTIVATED.format(of="k")] if "a." in sort else []
    if query.search or "p." in sort:
        profiles = USER_PROFILES if kind == "user" else ACCOUNT_PROFILES
        tables["profiles"] = profiles.format(**EVERYONE)
        joins.append("join profiles p on p.id = k.id")
    ranked = RANKED.format(
        joins=" ".join(joins),
        filters=_filters(kind, query, those.text),
        scored=SCORED if query.tracking_ids is not None else "",
    )
    return _Ranking(tables, ranked, values)


def _sort(query: ListQuery, *, activates: bool) -> str:
    return NO_ACTIVATION if query.sort == "activation" and not activates else SORT_TEXTS[query.sort]


def events_scored(model: ScoringModel) -> str:
    """How many events are scored: a number, unless all that were ever seen are."""
    if model.every_event:
        return f"(select count(*) from ({SCORED_EVENTS}))"
    return str(sum(weight > 0 for weight in model.weights.values()))


def _values(kind: Kind, model: ScoringModel, query: ListQuery, rules: StoreRules, day: date) -> dict[str, Any]:
    lowest, highest = _scores_of(query.level, model.levels) if query.level else (0, 100)
    return {
        **condition_values(kind, model, day, rules),
        "activations": len(model.user_activation if kind == "user" else model.account_activation),
        "search": query.search.lower(),
        "tracking_ids": list(query.tracking_ids or ()),
        "lowest": lowest,
        "highest": highest,
        "account": query.account,
        "most": query.limit,
        "skipped": query.offset,
    }


def _filters(kind: Kind, query: ListQuery, only: str) -> str:
    filters = [
        SEARCHED if query.search else "",
        NAMED if query.tracking_ids is not None else "",
        AT_LEVEL if query.level else "",
        OF_ACCOUNT if kind == "user" and query.account is not None else "",
        f"and k.id in ({only})" if only else "",
    ]
    return " ".join(filters)


def _scores_of(level: str, levels: Levels) -> tuple[int, int]:
    return next(((low, high) for name, low, high in level_bounds(levels) if name == level), (101, 100))


def level_of(score: int, levels: Levels) -> Level:
    """The level of a kept score."""
    return next(level for level, low, _ in level_bounds(levels) if score >= low)


def _numbers(kind: Kind, levels: Levels, row: tuple[Any, ...]) -> Numbers:
    opaque_id, tracking_id, name, score, score_before, raw, frequency, adoption, adoption_all_time = row[:9]
    last_active_us, created_us, provisional, active_users, total_users, email, account, first_seen, activation = row[9:]
    return Numbers(
        kind=kind,
        id=opaque_id,
        tracking_id=tracking_id,
        name=name,
        score=score,
        score_change=score - score_before,
        level=level_of(score, levels),
        raw_score=raw,
        frequency=frequency,
        adoption=adoption,
        adoption_all_time=adoption_all_time,
        activation=activation,
        last_active_us=last_active_us,
        created_us=created_us,
        provisional=bool(provisional),
        active_users=active_users,
        total_users=total_users,
        email=email,
        account=account,
        first_seen=first_seen,
    )


MATCHING = "select id from ({ids}) order by id"


def ids_matching(
    session: Session, kind: Kind, condition: Condition, model: ScoringModel, *, day: date, rules: StoreRules
) -> list[str]:
    """The tracking ids that a condition holds for, ascending."""
    found = listed_ids(kind, condition, model, day, types=rules.trait_types)
    values = {**condition_values(kind, model, day, rules), **found.values}
    return [each for (each,) in session.rows(MATCHING.format(ids=found.text), **values)]


STANDINGS = """
select id, score, raw from scores
where workspace_id = $workspace and kind = $kind and day = $day and score > 0
  and id not in (select unnest($excluded::varchar[])) {only}
order by id
"""


def standings_of(
    session: Session, kind: Kind, model: ScoringModel, day: date, *, only: Only = None
) -> dict[str, tuple[int, float]]:
    """Tracking id → score and raw score of everyone, or of these, with a score on a scored day."""
    values = {
        "workspace": model.workspace_id,
        "kind": kind,
        "day": day,
        "excluded": sorted(model.excluded_users if kind == "user" else model.excluded_accounts),
        "tracking_ids": sorted(only or ()),
    }
    rows = session.rows(STANDINGS.format(only="" if only is None else SCORED), **values)
    return {each: (score, raw) for each, score, raw in rows}
