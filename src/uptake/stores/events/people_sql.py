"""How users and accounts are described: name, e-mail, creation and current account, out of traits and memberships."""

from collections.abc import Collection

from uptake.core.effects import Kind
from uptake.stores.events.base import Membership, StoreRules
from uptake.stores.events.schema import BEGINNING, FOREVER
from uptake.stores.events.session import Session

USER_TRAITS = """
select id, nullif(max(case when key = 'name' then text end), '') as name,
  nullif(max(case when key = 'email' then text end), '') as email,
  max(case when key = 'createdAt' then moment_us end) as created_us
from traits where kind = 'user' and key in ('name', 'email', 'createdAt') {of_page} group by id
"""
USER_NAME = "coalesce(t.name, t.email, k.id)"
USER_PROFILES = f"""
select k.id, {USER_NAME} as name, t.email, t.created_us, m.account_id
from known k
left join ({USER_TRAITS}) t on t.id = k.id
left join (select user_id, account_id from memberships where until_us = {FOREVER}) m on m.user_id = k.id
where k.kind = 'user'
"""

ACCOUNT_TRAITS = """
select id, nullif(max(case when key = $display_name then text end), '') as name,
  max(case when key = $created_at then moment_us end) as created_us
from traits where kind = 'account' and key in ($display_name, $created_at) {of_page} group by id
"""
ACCOUNT_NAME = "coalesce(t.name, k.id)"
ACCOUNT_PROFILES = f"""
select k.id, {ACCOUNT_NAME} as name, cast(null as varchar) as email,
  coalesce(t.created_us, f.created_us) as created_us, cast(null as varchar) as account_id
from known k
left join ({ACCOUNT_TRAITS}) t on t.id = k.id
left join (
  select m.account_id as id, min(u.moment_us) as created_us
  from memberships m join traits u on u.kind = 'user' and u.id = m.user_id and u.key = 'createdAt' {{of_page_accounts}}
  group by m.account_id
) f on f.id = k.id
where k.kind = 'account'
"""

OF_THESE = "and id in (select unnest($ids::varchar[]))"
NAMES = """
select k.id, {name} as name from (select id from known where kind = $kind {of_these}) k
left join ({traits}) t on t.id = k.id
"""

MEMBERSHIPS = "select account_id, from_us, until_us from memberships where user_id = $user_id order by from_us"

EVERYONE = {"of_page": "", "of_page_accounts": ""}
OF_PAGE = {
    "of_page": "and id in (select id from page)",
    "of_page_accounts": "and m.account_id in (select id from page)",
}


def memberships_of(session: Session, user: str) -> list[Membership]:
    """In which accounts a user was when, the earliest first."""
    return [
        Membership(account, None if from_us == BEGINNING else from_us, None if until_us == FOREVER else until_us)
        for account, from_us, until_us in session.rows(MEMBERSHIPS, user_id=user)
    ]


def names_of(session: Session, kind: Kind, tracking_ids: Collection[str], rules: StoreRules) -> dict[str, str]:
    """Tracking id → display name of those that are known; nothing is looked up that only a profile tells."""
    if not tracking_ids:
        return {}
    name, traits = (USER_NAME, USER_TRAITS) if kind == "user" else (ACCOUNT_NAME, ACCOUNT_TRAITS)
    text = NAMES.format(name=name, traits=traits.format(of_page=OF_THESE), of_these=OF_THESE)
    return dict(session.rows(text, kind=kind, ids=list(tracking_ids), **rule_values(rules)))


def rule_values(rules: StoreRules) -> dict[str, str]:
    """The traits that profiles are made of, as parameters; `created_at` is kept as `createdAt`."""
    created_at = "createdAt" if rules.created_at == "created_at" else rules.created_at
    return {"display_name": rules.display_name, "created_at": created_at}
