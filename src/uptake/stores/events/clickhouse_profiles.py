"""Who is known, with which traits, and above whom, on ClickHouse: the part of a fold that does not count anything."""

import pyarrow as pa

from uptake.stores.events.base import MOST_ANCESTORS, FoldBatch
from uptake.stores.events.clickhouse_range import Fold
from uptake.stores.events.clickhouse_schema import ANCESTORS
from uptake.stores.events.profile_sql import PARENTS
from uptake.stores.events.rows import known_table, named_in, named_table, names_parent, traits_table

UNKNOWN = """
select kind, id from new_named
where (kind, id) not in (select kind, id from known where id in (select id from new_named))
"""


def add_known(fold: Fold, batch: FoldBatch) -> None:
    """Remember who is named for the first time."""
    fold.session.lend(new_named=named_table(*named_in(batch)))
    unknown = fold.session.rows(UNKNOWN)
    if unknown:
        fold.add("known", known_table([(kind, each) for kind, each in unknown]))


# ---- traits and the hierarchy

TRAIT_COLUMNS = "kind, id, key, value, text, moment_us, at_us, message_id"

# What the store has in a later version drops out; the rest takes its place.
WINNERS = """
create or replace temporary table fold_traits as
select n.kind as kind, n.id as id, n.key as key, n.value as value, n.text as text, n.moment_us as moment_us,
  n.at_us as at_us, n.message_id as message_id
from new_traits n left join (
  select kind, id, key, (at_us, message_id, coalesce(value, '')) as stamp, 1 as there from traits
  where id in (select id from new_traits)
) t on t.kind = n.kind and t.id = n.id and t.key = n.key
where t.there is null or (n.at_us, n.message_id, coalesce(n.value, '')) > t.stamp
"""
ANY_WINNERS = "select count() > 0 from fold_traits"
NESTED = """
select count() > 0 from traits where id in (select id from fold_traits) and position(key, '.') > 0
"""

# A value for an outer key, null too, replaced the object that was there: inner keys told before are cleared by it.
CLEARED = """
select kind, id, key, cast(null as Nullable(String)) as value, '' as text, cast(null as Nullable(Int64)) as moment_us,
  stamp.1 as at_us, stamp.2 as message_id
from (
  select i.kind as kind, i.id as id, i.key as key, max((o.at_us, o.message_id)) as stamp
  from (
    select kind, id, key, at_us, message_id from traits
    where id in (select id from fold_traits) and position(key, '.') > 0
  ) i
  join (
    select kind, id, key, at_us, message_id from traits where id in (select id from fold_traits)
  ) o on o.kind = i.kind and o.id = i.id
  where startsWith(i.key, concat(o.key, '.')) and (o.at_us, o.message_id) > (i.at_us, i.message_id)
  group by i.kind, i.id, i.key
)
"""

RELATED_DAYS = "select distinct day from active_days where account_id in (select account_id from changed_lineage)"


def add_traits(fold: Fold, batch: FoldBatch) -> None:
    """Merge traits, the later (moment, messageId) wins, key by key and over inner keys; walk the hierarchy anew where a
    parent came."""
    if not batch.traits:
        return
    fold.session.lend(new_traits=traits_table(batch.traits))
    fold.session.run(WINNERS)
    if fold.session.rows(ANY_WINNERS)[0][0]:
        fold.insert("traits", TRAIT_COLUMNS, f"select {TRAIT_COLUMNS} from fold_traits")
    if fold.session.rows(NESTED)[0][0]:
        fold.insert("traits", TRAIT_COLUMNS, CLEARED)
    if any(names_parent(trait) for trait in batch.traits):
        _walk_hierarchy(fold)


def _walk_hierarchy(fold: Fold) -> None:
    above = ancestors_of(dict(fold.session.rows(PARENTS)))
    known = {account: list(ancestors) for account, ancestors in fold.session.rows(ANCESTORS)}
    changed = {
        account: above.get(account, [])
        for account in sorted(above.keys() | known.keys())
        if above.get(account, []) != known.get(account, [])
    }
    if changed:
        accounts, ancestors = pa.array(changed.keys(), pa.string()), pa.array(changed.values(), pa.list_(pa.string()))
        fold.add("lineage", pa.table({"account_id": accounts, "ancestors": ancestors}))
        fold.session.lend(changed_lineage=pa.table({"account_id": accounts}))
        fold.mark(RELATED_DAYS)


def ancestors_of(parents: dict[str, str]) -> dict[str, list[str]]:
    """Account → whom its parents lead to within ten steps, by name; itself is not above itself.

    >>> ancestors_of({"shop": "west", "west": "acme", "acme": "west"})["west"]
    ['acme']
    """
    return {account: sorted(_walked(account, parents) - {account}) for account in parents}


def _walked(account: str, parents: dict[str, str]) -> set[str]:
    found: set[str] = set()
    above = parents.get(account)
    for _ in range(MOST_ANCESTORS):
        if above is None:
            break
        found.add(above)
        above = parents.get(above)
    return found
