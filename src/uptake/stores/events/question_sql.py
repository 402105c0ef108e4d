"""Questions about facts and counts: parts of a score, profiles, events, totals, fates."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from uptake.core.days import DAY_US, to_us
from uptake.core.effects import Kind
from uptake.core.scores import Part, ScoringModel
from uptake.stores.events.base import ActedRow, EventVolume, FateRow, OutcomeRow, StoreRules, Totals
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, EVERYONE, USER_PROFILES, rule_values
from uptake.stores.events.profile_sql import PARENTS
from uptake.stores.events.score_sql import NOT_EXCLUDED, SCORED_EVENTS, counted_times, model_values, worth
from uptake.stores.events.session import Session

_decode = msgspec.json.decode

OF_USER = "user_id = $id"
OF_ACCOUNT = "account_id in (select $id union select account_id from lineage where ancestor_id = $id)"
"""An account's own rows and those of every account below it."""

NAMED_EVENTS = """
select event, weight from (
  select unnest($weight_events::varchar[]) as event, unnest($weights::integer[]) as weight
) where weight > 0
"""


def not_excluded(model: ScoringModel) -> str:
    """Rows of those whom the model counts; the text is short where it counts everyone, for to plan it takes longer than
    to run it."""
    return NOT_EXCLUDED if model.excluded_users or model.excluded_accounts else "true"


def scored_events(model: ScoringModel) -> str:
    """The model's scored events with their weights; those that were ever seen are looked through only if it counts them
    all."""
    return SCORED_EVENTS if model.every_event else NAMED_EVENTS


# ---- the addends of a score

PARTS = """
with scored as ({scored}), acts as (
  select c.user_id, c.event, c.times, w.weight, date_diff('day', c.day, $last::date) as age
  from {counts} c join scored w on w.event = c.event
  where c.day between $first and $last and {of} and {not_excluded}
)
select user_id, event, sum(times), max(weight), sum({worth}) as raw from acts
group by user_id, event order by raw desc, event, user_id
"""


def parts_of(session: Session, kind: Kind, tracking_id: str, model: ScoringModel, *, day: date) -> list[Part]:
    """The addends of the raw score of one account or user on a day."""
    if tracking_id in (model.excluded_users if kind == "user" else model.excluded_accounts):
        return []
    text = PARTS.format(
        scored=scored_events(model),
        counts=counted_times(model),
        of=OF_USER if kind == "user" else OF_ACCOUNT,
        not_excluded=not_excluded(model),
        worth=worth(model),
    )
    first = day - timedelta(days=model.window_days - 1)
    rows = session.rows(text, **model_values(model), id=tracking_id, first=first, last=day)
    return [
        Part(user, model.features.get(event, ""), event, int(times), weight, raw)
        for user, event, times, weight, raw in rows
    ]


# ---- profiles

TRAITS = "select key, value from traits where kind = $kind and id = $id and value is not null order by key"
TRAIT_KEYS = "select key, count(*) from traits where kind = $kind and value is not null group by key order by key"

FOUND = {
    "id": "select min(id) from known where kind = $kind and opaque_id = $match",
    "tracking_id": "select min(id) from known where kind = $kind and id = $match",
    "name": "select min(id) from ({profiles}) where name = $match",
    "email": "select min(id) from traits where kind = $kind and key = 'email' and lower(text) = lower($match)",
}
FOUND_BY_DOMAIN = {
    "user": """select min(id) from traits where kind = $kind and key = 'email'
               and ends_with(lower(text), '@' || lower($match))""",
    "account": "select min(id) from traits where kind = $kind and key = 'domain' and lower(text) = lower($match)",
}
FOUND_BY_TRAIT = "select min(id) from traits where kind = $kind and key = $key and text = $match"


def found_by(session: Session, kind: Kind, match: tuple[str, str], rules: StoreRules) -> str | None:
    """The tracking_id of who matches (type, value)."""
    match_type, value = match
    if not value:
        return None
    text = FOUND_BY_DOMAIN[kind] if match_type == "domain" else FOUND.get(match_type, FOUND_BY_TRAIT)
    profiles = USER_PROFILES if kind == "user" else ACCOUNT_PROFILES
    text = text.format(profiles=profiles.format(**EVERYONE))
    key = "createdAt" if match_type == "created_at" else match_type
    found = session.rows(text, kind=kind, match=value, key=key, **rule_values(rules))[0][0]
    return None if found is None else str(found)


def traits_of(session: Session, kind: Kind, tracking_id: str) -> dict[str, Any]:
    """Trait key → value, keys sorted."""
    return {key: _decode(value) for key, value in session.rows(TRAITS, kind=kind, id=tracking_id)}


TRAITS_AMONG = """
select id, key, value from traits
where kind = $kind and value is not null
  and id in (select unnest($ids::varchar[])) and key in (select unnest($keys::varchar[]))
order by id, key
"""


def traits_among(
    session: Session, kind: Kind, tracking_ids: Collection[str], keys: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Tracking id → trait key → value, of these users or accounts and these keys."""
    found: dict[str, dict[str, Any]] = {}
    if tracking_ids and keys:
        for each, key, value in session.rows(TRAITS_AMONG, kind=kind, ids=list(tracking_ids), keys=list(keys)):
            found.setdefault(each, {})[key] = _decode(value)
    return found


def trait_keys_of(session: Session, kind: Kind) -> dict[str, int]:
    """Trait key → how many have it, keys sorted."""
    return dict(session.rows(TRAIT_KEYS, kind=kind))


def cycles_in(session: Session) -> list[tuple[str, ...]]:
    """Cycles of parents, each once, upwards from its least id."""
    parents: dict[str, str] = dict(session.rows(PARENTS))
    found = set()
    settled: set[str] = set()
    for account in parents:
        walk: dict[str, None] = {}
        while account in parents and account not in walk and account not in settled:
            walk[account] = None
            account = parents[account]
        if account in walk:
            around = list(walk)[list(walk).index(account) :]
            least = around.index(min(around))
            found.add((*around[least:], *around[:least]))
        settled |= walk.keys()
    return sorted(found)


# ---- events

# Days are read newest first until they hold enough events: moments before them need not be looked at.
ENOUGH_DAYS = """
select min(day) from (
  select day, sum(sum(times)) over (order by day desc) - sum(times) as times_after
  from active_days where {of} group by day
) where times_after < $most
"""
LATEST_EVENTS = """
select user_id, account_id, event, at_us from (
  select e.user_id, case when e.account_id <> '' then e.account_id else coalesce(m.account_id, '') end as account_id,
    e.event, e.at_us
  from events e
  left join memberships m on m.user_id = e.user_id and m.from_us <= e.at_us and e.at_us < m.until_us
  where e.at_us >= $from_us and e.user_id in (select user_id from events_ever where {of})
) where {of} order by at_us desc, user_id, event limit $most
"""


def events_of(session: Session, kind: Kind, tracking_id: str, most: int) -> list[ActedRow]:
    """The latest events of one account or user, newest first."""
    of = OF_USER if kind == "user" else OF_ACCOUNT
    ((first_day,),) = session.rows(ENOUGH_DAYS.format(of=of), id=tracking_id, most=most)
    if first_day is None:
        return []
    from_us = to_us(datetime.combine(first_day, time())) - DAY_US
    rows = session.rows(LATEST_EVENTS.format(of=of), id=tracking_id, most=most, from_us=from_us)
    return [ActedRow(user, account or None, event, at_us) for user, account, event, at_us in rows]


EVENT_VOLUMES = """
with by_user as (
  select event, user_id, sum(times) as its_times, min(first_us) as its_first_us, max(last_us) as its_last_us
  from events_ever {only} group by event, user_id
), volumes as (
  select event, sum(its_times) as times, min(its_first_us) as first_us, max(its_last_us) as last_us, count(*) as users
  from by_user group by event
), of_accounts as (
  select event, count(*) as accounts from (
    select distinct event, account_id from events_ever {only}
  ) where account_id <> '' group by event
)
select v.event, v.times, v.first_us, v.last_us, v.users, coalesce(a.accounts, 0)
from volumes v left join of_accounts a on a.event = v.event order by v.event
"""
VOLUMES_OF_USERS = """
select event, sum(its_times), min(its_first_us), max(its_last_us), count(*), 0 from (
  select event, user_id, sum(times) as its_times, min(first_us) as its_first_us, max(last_us) as its_last_us
  from events_ever {only} group by event, user_id
) group by event order by event
"""
VOLUMES_OF_NOBODY = """
select event, sum(times), min(first_us), max(last_us), 0, 0 from events_ever {only} group by event order by event
"""
ONLY_THESE = "where event in (select unnest($events::varchar[]))"
DAILY_TOTALS = "select day, sum(times) from active_days where day between $first and $last group by day order by day"
TOTALS = """
select
  (select count(*) from known where kind = 'user'),
  (select count(*) from known where kind = 'account'),
  (select coalesce(sum(times), 0) from active_days),
  (select count(distinct user_id) from events_ever where account_id = ''),
  (select min(day) from active_days),
  (select max(day) from active_days)
"""


def volumes_in(session: Session, events: Collection[str] | None, of: Collection[Kind]) -> list[EventVolume]:
    """Every event by name, or these alone; of: who is counted."""
    chosen = EVENT_VOLUMES if "account" in of else VOLUMES_OF_USERS if "user" in of else VOLUMES_OF_NOBODY
    text = chosen.format(only="" if events is None else ONLY_THESE)
    return [
        EventVolume(event, int(times), first_us, last_us, users if "user" in of else 0, accounts)
        for event, times, first_us, last_us, users, accounts in session.rows(text, events=list(events or ()))
    ]


def totals_by_day(session: Session, days: tuple[date, date]) -> dict[date, int]:
    """Day → events."""
    return {day: int(times) for day, times in session.rows(DAILY_TOTALS, first=days[0], last=days[1])}


def totals_in(session: Session) -> Totals:
    """The product's size."""
    users, accounts, events, unattributed, first_day, last_day = session.rows(TOTALS)[0]
    return Totals(users, accounts, int(events), unattributed, first_day, last_day)


# ---- what became of calls

FATE_COLUMNS = "log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping"
FATES = f"""
select {FATE_COLUMNS} from fates
where $fate = '' or fate = $fate order by log_offset desc limit $most
"""
FATE_AT = f"""
select {FATE_COLUMNS} from fates
where log_offset = $offset and ($fate = '' or fate = $fate) limit $most
"""
SAMPLES = f"""
select {FATE_COLUMNS} from (
  select *, row_number() over (partition by fate, code, mapping order by log_offset desc) as place from fates
  where code <> '' and ($fate = '' or fate = $fate)
) where place <= $most order by log_offset desc
"""
OUTCOMES = """
select bucket_us, type, fate, code, mapping, times from outcomes where $since_us = 0 or bucket_us >= $since_us
order by bucket_us, type, fate, code, mapping
"""


def fates_in(session: Session, most: int, fate: str, *, of_each_reason: bool, offset: int | None) -> list[FateRow]:
    """The latest folded calls, newest first, or the one at an offset."""
    text = SAMPLES if of_each_reason else FATES if offset is None else FATE_AT
    return [FateRow(*row) for row in session.rows(text, most=most, fate=fate, offset=offset)]


def outcomes_in(session: Session, since_us: int) -> list[OutcomeRow]:
    """Counters of fates."""
    return [OutcomeRow(*row) for row in session.rows(OUTCOMES, since_us=since_us)]
