"""Questions about many users and accounts at once: how large a group is, and who belongs to whom."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import msgspec

from uptake.core.conditions import Condition
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import GroupDay, GroupSize, StoreRules
from uptake.stores.events.condition_sql import (
    CURRENT,
    condition_values,
    listed_by_day,
    listed_ids,
    listed_together,
)
from uptake.stores.events.number_sql import together
from uptake.stores.events.schema import FOREVER
from uptake.stores.events.session import Session
from uptake.stores.events.value_sql import AS_NUMBER

# Groups are asked about together: to plan a query takes longer than to go through a few thousand rows.
GROUP_SIZES = f"""
with {{tables}} members as ({{members}}), sizes as (
  select m.number, count(*) as members, count(case when s.score > 0 then 1 end) as active,
    avg(case when s.score > 0 then s.score end) as average_score
  from members m left join (
    select id, score from scores where workspace_id = $workspace and kind = $kind and day = $day
  ) s on s.id = m.id group by m.number
), accounts as ({{accounts}}), money as (
  select a.number, sum(t.amount) as mrr from accounts a join (
    select id, {AS_NUMBER} as amount from traits where kind = 'account' and key = 'mrr' and value is not null
  ) t on t.id = a.id group by a.number
)
select s.number, s.members, s.active, s.average_score, coalesce(y.mrr, 0)
from sizes s left join money y on y.number = s.number
"""
MEMBERS = "select {number} as number, id from ({ids})"
THEMSELVES = "select number, id from members"
THEIR_ACCOUNTS = f"select distinct m.number, c.account_id as id from members m join ({CURRENT}) c on c.user_id = m.id"


def group_sizes(
    session: Session, kind: Kind, conditions: Sequence[Condition], model: ScoringModel, *, day: date, rules: StoreRules
) -> list[GroupSize]:
    """How many each condition holds for on a scored day, and what they are worth."""
    if not conditions:
        return []
    found = listed_together(kind, conditions, model, day, types=rules.trait_types)
    values = condition_values(kind, model, day, rules)
    for each in found:
        values |= each.values
    texts = [each.text for each in found]
    return _sizes(session, kind, texts, values, tables=f"{together(kind, texts)},")


def _sizes(
    session: Session, kind: Kind, members: Sequence[str], values: dict[str, Any], *, tables: str = ""
) -> list[GroupSize]:
    """How large each `select id` is; tables: what these read, with their names."""
    each = (MEMBERS.format(number=number, ids=ids) for number, ids in enumerate(members))
    text = GROUP_SIZES.replace("{members}", " union all ".join(each))
    text = text.replace("{tables}", tables).replace("{accounts}", THEMSELVES if kind == "account" else THEIR_ACCOUNTS)
    sizes = {number: GroupSize(*size) for number, *size in session.rows(text, **values)}
    return [sizes.get(number, NOBODY) for number in range(len(members))]


NOBODY = GroupSize(0, 0, None, 0)
KEEP_MEMBERS = "create or replace temp table group_members as select id from ({ids})"
KEPT_MEMBERS = "select id from group_members"


def kept_group(
    session: Session, kind: Kind, condition: Condition, model: ScoringModel, *, day: date, rules: StoreRules
) -> GroupSize:
    """How many a condition holds for, who stay in a table of the session for what else is asked (`KEPT_MEMBERS`)."""
    found = listed_ids(kind, condition, model, day, types=rules.trait_types)
    values = {**condition_values(kind, model, day, rules), **found.values}
    session.run(KEEP_MEMBERS.format(ids=found.text), **values)
    return _sizes(session, kind, [KEPT_MEMBERS], values)[0]


GROUP_HISTORY = """
with days as (
  select day, lag(day) over (order by day) as day_before from benchmarks
  where workspace_id = $workspace and day between $first and $last
), members as ({ids}), stays as (
  select day, id, lag(day) over (partition by id order by day) as member_before from members
)
select d.day, count(m.id), count(case when s.score > 0 then 1 end), avg(case when s.score > 0 then s.score end),
  count(case when m.member_before = d.day_before then 1 end)
from days d left join stays m on m.day = d.day left join (
  select day, id, score from scores where workspace_id = $workspace and kind = $kind and day between $first and $last
) s on s.day = m.day and s.id = m.id
group by d.day order by d.day
"""


def group_history(
    session: Session,
    kind: Kind,
    condition: Condition,
    model: ScoringModel,
    *,
    days: tuple[date, date],
    rules: StoreRules,
) -> list[GroupDay]:
    """How large the group was on each scored day from the first to the last, and who came and went."""
    found = listed_by_day(kind, condition, model, days, types=rules.trait_types)
    values = {**condition_values(kind, model, days[1], rules), **found.values}
    history: list[GroupDay] = []
    for day, members, active, average_score, stayed in session.rows(
        GROUP_HISTORY.replace("{ids}", found.text), **values
    ):
        came, went = (members - stayed, history[-1].members - stayed) if history else (0, 0)
        history.append(GroupDay(day, members, active, average_score, came, went))
    return history


MEMBERS_OF = f"""
select user_id from memberships
where until_us = {FOREVER} and account_id in (select unnest($accounts::varchar[])) order by user_id
"""
ACCOUNTS_OF = f"""
with own as (
  select account_id from events_ever where account_id <> '' and user_id in (select unnest($users::varchar[]))
  union
  select account_id from memberships where until_us = {FOREVER} and user_id in (select unnest($users::varchar[]))
)
select account_id from (
  select account_id from own
  union
  select l.ancestor_id as account_id from own o join lineage l on l.account_id = o.account_id
) order by account_id
"""
FIRST_DAY_OF = """
select min(first_day) from events_ever
where user_id in (select unnest($users::varchar[])) or account_id in (select unnest($accounts::varchar[]))
  or account_id in (select account_id from lineage where ancestor_id in (select unnest($accounts::varchar[])))
"""


MEMBER_TRAITS = f"""
select id, value from traits
where kind = 'user' and key = $key and value is not null
  and id in (select user_id from memberships where until_us = {FOREVER} and account_id = $account)
order by id
"""


def member_traits(session: Session, account: str, key: str) -> dict[str, Any]:
    """User → value of a trait, of those who are in the account now and have it."""
    rows = session.rows(MEMBER_TRAITS, account=account, key="createdAt" if key == "created_at" else key)
    return {user: msgspec.json.decode(value) for user, value in rows}


def members_of(session: Session, accounts: Collection[str]) -> list[str]:
    """Users who are in one of the accounts now, ascending."""
    return [each for (each,) in session.rows(MEMBERS_OF, accounts=list(accounts))]


def accounts_of(session: Session, users: Collection[str]) -> list[str]:
    """Accounts that the users' events ever counted for or that they are in now, and those above, ascending."""
    return [each for (each,) in session.rows(ACCOUNTS_OF, users=list(users))]


def first_day_of(session: Session, users: Collection[str], accounts: Collection[str]) -> date | None:
    """The first day with an event of one of the users, or one that counts for one of the accounts."""
    found: date | None = session.rows(FIRST_DAY_OF, users=list(users), accounts=list(accounts))[0][0]
    return found
