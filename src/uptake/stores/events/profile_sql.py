"""Who is known, with which traits, and above whom: the part of a fold that does not count anything."""

from uptake.stores.events.base import MOST_ANCESTORS, FoldBatch
from uptake.stores.events.rows import known_table, named_in, named_table, names_parent, traits_table
from uptake.stores.events.session import Session

UNKNOWN = """
select n.kind, n.id from new_named n
where not exists (select 1 from known k where k.kind = n.kind and k.id = n.id)
"""
ADD_KNOWN = "insert into known select kind, id, opaque_id from new_known"


def add_known(session: Session, batch: FoldBatch) -> None:
    """Remember who is named for the first time, and lend them as `new_known`."""
    session.lend(new_named=named_table(*named_in(batch)))
    unknown = session.rows(UNKNOWN)
    session.lend(new_known=known_table([(kind, each) for kind, each in unknown]))
    if unknown:
        session.run(ADD_KNOWN)


# ---- traits and the hierarchy

# What the store has in a later version drops out; the rest takes its place.  By the ids alone first, since all three
# columns would be looked up for everybody's traits.
WINNERS = """
create or replace temp table fold_traits as
with held as materialized (
  select kind, id, key, value, at_us, message_id from traits where id in (select distinct id from new_traits)
)
select n.kind, n.id, n.key, n.value, n.text, n.moment_us, n.at_us, n.message_id
from new_traits n left join held t on t.kind = n.kind and t.id = n.id and t.key = n.key
where t.key is null
  or (n.at_us, n.message_id, coalesce(n.value, '')) > (t.at_us, t.message_id, coalesce(t.value, ''))
"""
DROP_OLD = """
delete from traits using fold_traits f where traits.kind = f.kind and traits.id = f.id and traits.key = f.key
"""
ADD_TRAITS = """
insert into traits select kind, id, key, value, text, moment_us, at_us, message_id from fold_traits
"""

# A value for an outer key, null too, replaced the object that was there: inner keys told before are cleared by it.
NESTED = "select exists(select 1 from traits where contains(key, '.'))"
CLEARED = """
create or replace temp table fold_cleared as
select i.kind, i.id, i.key, o.at_us, o.message_id
from traits i join traits o on o.kind = i.kind and o.id = i.id and starts_with(i.key, o.key || '.')
where contains(i.key, '.') and i.id in (select id from fold_traits) and o.id in (select id from fold_traits)
  and (o.at_us, o.message_id) > (i.at_us, i.message_id)
qualify row_number() over (partition by i.kind, i.id, i.key order by o.at_us desc, o.message_id desc) = 1
"""
DROP_CLEARED = """
delete from traits using fold_cleared f where traits.kind = f.kind and traits.id = f.id and traits.key = f.key
"""
KEEP_STAMPS = """
insert into traits
select kind, id, key, cast(null as varchar), '', cast(null as bigint), at_us, message_id from fold_cleared
"""

PARENTS = """
select id as account_id, coalesce(
  max(case when key = 'parent_group_id' then text end), max(case when key = 'parent' then text end)) as parent_id
from traits
where kind = 'account' and key in ('parent_group_id', 'parent') and text <> '' and value not in ('true', 'false')
group by id
"""

# A walk that meets an id again would only repeat what it found, so that the number of steps alone can end it.
LINEAGE = f"""
create or replace temp table fold_lineage as
with recursive parents as ({PARENTS}), walk as (
  select account_id, parent_id as ancestor_id, 1 as steps from parents
  union all
  select w.account_id, p.parent_id, w.steps + 1 from walk w join parents p on p.account_id = w.ancestor_id
  where w.steps < {MOST_ANCESTORS}
)
select distinct account_id, ancestor_id from walk where account_id <> ancestor_id
"""
MARK_RELATED_DAYS = """
insert into dirty_days
with changed as (
  (select account_id, ancestor_id from fold_lineage except select account_id, ancestor_id from lineage)
  union all
  (select account_id, ancestor_id from lineage except select account_id, ancestor_id from fold_lineage)
)
select distinct day from active_days
where account_id in (select account_id from changed) and day not in (select day from dirty_days)
"""
DROP_LINEAGE = "delete from lineage"
ADD_LINEAGE = "insert into lineage select account_id, ancestor_id from fold_lineage"


def add_traits(session: Session, batch: FoldBatch) -> None:
    """Merge traits, the later (moment, messageId) wins, key by key and over inner keys; walk the hierarchy anew where a
    parent came."""
    if not batch.traits:
        return
    session.lend(new_traits=traits_table(batch.traits))
    for text in (WINNERS, DROP_OLD, ADD_TRAITS):
        session.run(text)
    if session.rows(NESTED)[0][0]:
        for text in (CLEARED, DROP_CLEARED, KEEP_STAMPS):
            session.run(text)
    if any(names_parent(trait) for trait in batch.traits):
        for text in (LINEAGE, MARK_RELATED_DAYS, DROP_LINEAGE, ADD_LINEAGE):
            session.run(text)
