"""One batch into a store on ClickHouse: the range first, then rows, and at last the row that makes them count.

The steps are those of `fold_sql`, in its order.  All that a fold reads is as of itself, so that it sees what it wrote
and nothing of a fold that was broken off: before the next begins, such a one is named among the broken ones, which
never count, also if a process that was thought dead goes on with it.  Inserts carry a token of range, content, table
and fold, so that one whose answer was lost may be sent again.
"""

from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from uptake.stores.events.base import MOST_ANCESTORS, FoldBatch
from uptake.stores.events.clickhouse_schema import NOT_BROKEN
from uptake.stores.events.clickhouse_session import ClickHouseSession
from uptake.stores.events.profile_sql import PARENTS
from uptake.stores.events.rows import (
    acted_table,
    fates_table,
    joined_table,
    known_table,
    messages_table,
    named_in,
    named_table,
    names_parent,
    outcomes_table,
    traits_table,
)
from uptake.stores.events.schema import BEGINNING, FOREVER

NEXT_OFFSET = "select next_offset from fold_cursor"
UNFINISHED = f"""
select born from begun_rows
where born > (select coalesce(max(born), 0) from folds_rows where born {NOT_BROKEN}) and born {NOT_BROKEN} order by born
"""
LAST_BEGUN = "select coalesce(max(born), 0) from begun_rows"
OTHERS = "select count() > 0 from begun_rows where born >= $born and writer <> $writer"
BROKEN = "select count() > 0 from broken_rows where born = $born"


class FoldTaken(Exception):
    """Another process folds into the store, and what this one wrote does not count."""


FIRST_DAY_US, LAST_DAY_US = -2_208_902_400_000_000, 10_413_619_200_000_000
"""Moments outside of 1900-01-02 to 2299-12-30 count on the nearest of these days: the engine knows no others."""

DAY = f"toDate32(toTimeZone(fromUnixTimestamp64Micro(least(greatest(at_us, {FIRST_DAY_US}), {LAST_DAY_US})), $zone))"


class Fold:
    """A fold that was begun: where its rows go, and under which number and tokens."""

    def __init__(self, session: ClickHouseSession, batch: FoldBatch, *, born: int, writer: str) -> None:
        """writer: nobody else's name."""
        content = blake2b(msgspec.msgpack.encode(batch), digest_size=16).hexdigest()
        self.session, self.born, self.writer = session, born, writer
        self._range = {"first_offset": [batch.first], "next_offset": [batch.after], "content": [content]}
        self._name = f"log:{batch.first}-{batch.after}:{content}"
        self._steps = 0

    def begin(self) -> None:
        """Write down what is to be folded.  Raises FoldTaken if another process began under this number or later."""
        self.add("begun", pa.table({**self._range, "writer": [self.writer]}))
        if self.session.rows(OTHERS, born=self.born, writer=self.writer)[0][0]:
            raise FoldTaken
        self.session.see(self.born)

    def end(self) -> None:
        """Make the rows count.  Raises FoldTaken if another process saw to it that they never do."""
        self.add("folds", pa.table(self._range))
        if self.session.rows(BROKEN, born=self.born)[0][0]:
            raise FoldTaken

    def add(self, table: str, rows: pa.Table) -> None:
        """Insert rows that were brought."""
        born = pa.array([self.born] * rows.num_rows, pa.uint64())
        self.session.add(f"{table}_rows", rows.append_column("born", born), token=self._token(table))

    def insert(self, table: str, columns: str, source: str, **values: Any) -> None:
        """Insert rows that a text yields."""
        text = f"insert into {table}_rows ({columns}, born) select {columns}, $born from ({source})"
        self.session.run(text, token=self._token(table), born=self.born, **values)

    def _token(self, table: str) -> str:
        self._steps += 1
        return f"{self._name}:{table}:{self.born}:{self.writer}:{self._steps}"


def next_offset(session: ClickHouseSession) -> int:
    """The next log offset to fold."""
    return int(session.rows(NEXT_OFFSET)[0][0])


def fold_batch(session: ClickHouseSession, batch: FoldBatch, *, zone: str, writer: str) -> None:
    """Add everything that the batch brings and set the offset.

    Raises ValueError if it does not begin there, FoldTaken if another process folds, too.
    """
    break_unfinished(session, writer)
    expected = next_offset(session)
    if batch.first != expected:
        raise ValueError(f"a fold from offset {batch.first} does not follow the store's offset {expected}")
    fold = Fold(session, batch, born=int(session.rows(LAST_BEGUN)[0][0]) + 1, writer=writer)
    fold.begin()
    add_known(fold, batch)
    moved = add_joins(fold, batch)
    add_events(fold, batch, zone=zone, moved=moved)
    add_traits(fold, batch)
    if batch.fates:
        fold.add("fates", fates_table(batch.fates))
    if batch.outcomes:
        fold.add("outcomes", outcomes_table(batch.outcomes))
    if batch.messages:
        fold.add("messages", messages_table(batch.messages))
    fold.end()


def break_unfinished(session: ClickHouseSession, writer: str) -> None:
    """See to it that no fold which was begun and not ended ever counts, whoever may still be at it."""
    unfinished = [born for (born,) in session.rows(UNFINISHED)]
    if unfinished:
        columns = {"born": pa.array(unfinished, pa.uint64()), "writer": [writer] * len(unfinished)}
        session.add("broken_rows", pa.table(columns))
    session.see(None)


# ---- who is known

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


# ---- memberships

# A call that names the account which its moment has already changes no interval: that is most calls.
UNSETTLED = """
create or replace temporary table fold_unsettled as
select distinct user_id from new_joins
where (user_id, account_id, at_us) not in (
  select j.user_id, j.account_id, j.at_us from new_joins j
  join (
    select user_id, account_id, from_us, until_us from memberships where user_id in (select user_id from new_joins)
  ) m on m.user_id = j.user_id and m.account_id = j.account_id
  where m.from_us <= j.at_us and j.at_us < m.until_us
)
"""
ANY_UNSETTLED = "select count() > 0 from fold_unsettled"

# Of each user, in order of time: of calls at one moment the last by message, then those that change the account.
MOVED = f"""
create or replace temporary table fold_moved as
with calls as (
  select user_id, at_us, argMax(account_id, (message_id, account_id)) as account_id
  from joins where user_id in (select user_id from fold_unsettled) group by user_id, at_us
), ordered as (
  select user_id, arraySort(groupArray((at_us, account_id))) as calls from calls group by user_id
), changes as (
  select user_id, arrayFilter((call, place) -> place = 1 or calls[place - 1].2 <> call.2, calls, arrayEnumerate(calls))
    as starts
  from ordered
), intervals as (
  select user_id, arrayMap((start, place) -> (
    start.2,
    if(place = 1, toInt64({BEGINNING}), start.1),
    if(place = length(starts), toInt64({FOREVER}), starts[place + 1].1)
  ), starts, arrayEnumerate(starts)) as turns
  from changes
)
select user_id, cast(turns as Array(Tuple(String, Int64, Int64))) as turns from intervals
where (user_id, turns) not in (
  select user_id, argMax(turns, born) from memberships_rows
  where born <= $born and born {NOT_BROKEN} and user_id in (select user_id from fold_unsettled) group by user_id
)
"""


def add_joins(fold: Fold, batch: FoldBatch) -> bool:
    """Keep membership calls and bring intervals up to date; True if users moved, whom `fold_moved` then names."""
    if not batch.joined:
        return False
    joined = joined_table(batch.joined)
    fold.add("joins", joined)
    fold.session.lend(new_joins=joined)
    fold.session.run(UNSETTLED)
    if not fold.session.rows(ANY_UNSETTLED)[0][0]:
        return False
    fold.session.run(MOVED, born=fold.born)
    fold.insert("memberships", "user_id, turns", "select user_id, turns from fold_moved")
    return True


# ---- events and their counts

NEW_NAMES = "select distinct event from new_events where event not in (select event from event_names)"

# Only users who moved and have counts already must be counted again.
RECOUNTED = """
create or replace temporary table fold_recounted as
select distinct user_id from active_days where user_id in (select user_id from fold_moved)
"""
ANY_RECOUNTED = "select count() > 0 from fold_recounted"
OLD_COUNTS = """
create or replace temporary table fold_old_counts as
select user_id, account_id, event, day, sum(times) as times from daily_counts
where user_id in (select user_id from fold_recounted) group by user_id, account_id, event, day
"""
TAKEN_BACK = "select {columns}, -times as times from {table} where user_id in (select user_id from fold_recounted)"

ATTRIBUTED = f"""
create or replace temporary table fold_acts as
select e.user_id as user_id, if(
    e.account_id <> '', e.account_id, arrayFirst(turn -> turn.2 <= e.at_us and e.at_us < turn.3, m.turns).1
  ) as account_id, e.event as event, {DAY} as day, e.at_us as at_us
from ({{acts}}) e
left join (
  select user_id, argMax(turns, born) as turns from memberships_rows
  where born <= $born and born {NOT_BROKEN} and user_id in (select user_id from ({{acts}})) group by user_id
) m on m.user_id = e.user_id
"""
NEW_ACTS = "select user_id, account_id, event, at_us from new_events"
NEW_ACTS_OF_OTHERS = f"{NEW_ACTS} where user_id not in (select user_id from fold_recounted)"
OLD_ACTS = """
select user_id, account_id, event, at_us from events where user_id in (select user_id from fold_recounted)
"""

COUNTS: dict[str, tuple[str, str]] = {
    "daily_counts": (
        "user_id, account_id, event, day",
        "select user_id, account_id, event, day, count() as times from fold_acts group by all",
    ),
    "active_days": (
        "user_id, account_id, day, last_us",
        "select user_id, account_id, day, max(at_us) as last_us, count() as times from fold_acts group by all",
    ),
    "events_ever": (
        "user_id, account_id, event, first_day, first_us, last_us",
        "select user_id, account_id, event, min(day) as first_day, min(at_us) as first_us, max(at_us) as last_us,"
        " count() as times from fold_acts group by all",
    ),
}
"""Table → its columns but the sum, and what the events of `fold_acts` add to it."""

UNMARKED = "select day from ({days}) where day not in (select day from dirty_days)"
NEW_DAYS = "select distinct day from fold_acts"
CHANGED_DAYS = """
with counts as (
  select user_id, account_id, event, day, toInt64(count()) as times from fold_acts group by all
)
select distinct day from (
  select user_id, account_id, event, day, sum(times) as changed from (
    select user_id, account_id, event, day, times from counts
    union all
    select user_id, account_id, event, day, -times from fold_old_counts
  ) group by user_id, account_id, event, day having changed <> 0
)
"""


def add_events(fold: Fold, batch: FoldBatch, *, zone: str, moved: bool) -> None:
    """Keep the events, count them by day, and count users again whose memberships changed."""
    if batch.acted:
        acted = acted_table(batch.acted)
        fold.add("events", acted)
        fold.session.lend(new_events=acted)
        names = fold.session.rows(NEW_NAMES)
        if names:
            fold.add("event_names", pa.table({"event": [name for (name,) in names]}))
    again = moved and _any_to_recount(fold.session)
    if batch.acted:
        _count(fold, NEW_ACTS_OF_OTHERS if again else NEW_ACTS, NEW_DAYS, zone=zone)
    if again:
        fold.session.run(OLD_COUNTS)
        for table, (columns, _) in COUNTS.items():
            fold.insert(table, f"{columns}, times", TAKEN_BACK.format(table=table, columns=columns))
        _count(fold, OLD_ACTS, CHANGED_DAYS, zone=zone)


def _any_to_recount(session: ClickHouseSession) -> bool:
    session.run(RECOUNTED)
    return bool(session.rows(ANY_RECOUNTED)[0][0])


def _count(fold: Fold, acts: str, days: str, *, zone: str) -> None:
    fold.session.run(ATTRIBUTED.format(acts=acts), zone=zone, born=fold.born)
    _mark(fold, days)
    for table, (columns, source) in COUNTS.items():
        fold.insert(table, f"{columns}, times", source)


def _mark(fold: Fold, days: str) -> None:
    unmarked = fold.session.rows(UNMARKED.format(days=days))
    if unmarked:
        fold.add("dirty_days", pa.table({"day": pa.array([day for (day,) in unmarked], pa.date32())}))


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

LINEAGE = f"""
select account_id, argMax(ancestors, born) from lineage_rows where born <= $born and born {NOT_BROKEN}
group by account_id
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
    known = {account: list(ancestors) for account, ancestors in fold.session.rows(LINEAGE, born=fold.born)}
    changed = {
        account: above.get(account, [])
        for account in sorted(above.keys() | known.keys())
        if above.get(account, []) != known.get(account, [])
    }
    if changed:
        accounts, ancestors = pa.array(changed.keys(), pa.string()), pa.array(changed.values(), pa.list_(pa.string()))
        fold.add("lineage", pa.table({"account_id": accounts, "ancestors": ancestors}))
        fold.session.lend(changed_lineage=pa.table({"account_id": accounts}))
        _mark(fold, RELATED_DAYS)


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
