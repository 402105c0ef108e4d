"""The tables of an event store on ClickHouse: a database for a product and generation.

ClickHouse has no transactions, so nothing is changed in place.  A table `x_rows` is only added to, each row with
`born`, the number of the fold that wrote it; a view `x`, with the columns that `schema.TABLES` names, shows what counts
as of a fold.  The last row that a fold writes, into `folds_rows`, makes all of its rows count at once.  Which fold is
looked at is the query's setting `log_comment`, so that all queries of a reader tell one commit; without it a view shows
all rows.  Scores are written by runs in the same way, which `benchmarks_rows` end: the setting tells `fold:run`.

Counts are parts: what was counted of a user again is not taken from them, but listed in `gone_rows`.  What a user's
memberships are, or what is above an account, is one row, of which the latest counts.  Compaction is a fold of no calls
that writes a partition anew on a base of its own number; `compacted_rows` says which bases no longer count since.
Engines, replicas and shards are chosen here and nowhere else.
"""

from collections.abc import Iterator

import msgspec

DEDUPED_INSERTS = 10_000
"""A table knows again the tokens of so many latest inserts."""

DURABLE = ", fsync_after_insert = 1, fsync_part_directory = 1"

AS_OF, RUN = (
    f"toUInt64OrDefault(splitByChar(':', getSetting('log_comment'))[{place}], toUInt64(18446744073709551615))"
    for place in (1, 2)
)
"""The fold up to which rows count, and the run up to which scores do."""

NOT_BROKEN = "not in (select born from broken_rows)"
"""What the number of a fold that counts is."""


class Table(msgspec.Struct, frozen=True):
    """A table's columns (`born` is added), order of rows, partition, and what decides a row's shard.

    Partitions by `base` are written anew now and then: it is the number of the compaction that wrote them, 0 for none.
    """

    columns: str
    order_by: str
    partition_by: str = "tuple()"
    shard_by: str = "0"

    @property
    def based(self) -> bool:
        """Are its partitions written anew?"""
        return "base" in self.partition_by


US_A_DAY = 86_400_000_000
"""Days as partitions are those of UTC where the product's own are not known."""
_BY_USER = "cityHash64(user_id)"
_BY_ID = "cityHash64(id)"

TABLES: dict[str, Table] = {
    # folds that were begun, those that were ended (the last of these is the store's offset), and those that never count
    "begun_rows": Table("first_offset Int64, next_offset Int64, content String, writer String", "born"),
    "folds_rows": Table("first_offset Int64, next_offset Int64, content String, ended DateTime default now()", "born"),
    "broken_rows": Table("writer String", "born"),
    "published_rows": Table("next_offset Int64, revision Int64, as_of_us Int64, cleared UInt64", "born"),
    "messages_rows": Table(
        "low Int64, high Int64, received_us Int64", "low, high", f"intDiv(received_us, {US_A_DAY})", "cityHash64(low)"
    ),
    # facts
    "known_rows": Table("kind String, id String, opaque_id String", "kind, id", shard_by=_BY_ID),
    "traits_rows": Table(
        "kind String, id String, key String, value Nullable(String), text String, moment_us Nullable(Int64),"
        " at_us Int64, message_id String",
        "kind, id, key",
        "base",
        _BY_ID,
    ),
    "joins_rows": Table(
        "user_id String, account_id String, at_us Int64, message_id String", "user_id, at_us", shard_by=_BY_USER
    ),
    "events_rows": Table(
        "user_id String, account_id String, event String, at_us Int64",
        "user_id, at_us",
        f"intDiv(at_us, {US_A_DAY})",
        _BY_USER,
    ),
    # what follows from facts
    "memberships_rows": Table("user_id String, turns Array(Tuple(String, Int64, Int64))", "user_id", "base", _BY_USER),
    "lineage_rows": Table("account_id String, ancestors Array(String)", "account_id", "base"),
    "event_names_rows": Table("event String", "event"),
    "daily_counts_rows": Table(
        "user_id String, account_id String, event String, day Date32, times Int64",
        "user_id, account_id, event",
        "(day, base)",
        _BY_USER,
    ),
    "active_days_rows": Table(
        "user_id String, account_id String, day Date32, times Int64, last_us Int64",
        "user_id, account_id",
        "(day, base)",
        _BY_USER,
    ),
    "events_ever_rows": Table(
        "user_id String, account_id String, event String, first_day Date32, times Int64, first_us Int64, last_us Int64",
        "user_id, account_id, event",
        "base",
        _BY_USER,
    ),
    # parts of a user's counts that count no more: those that these folds wrote
    "gone_rows": Table("user_id String, counted UInt64", "user_id", "base", _BY_USER),
    "dirty_days_rows": Table("day Date32", "day"),
    # what was written anew as of `born`, with which number of rows, and the base that no longer counts since
    "compacted_rows": Table("part String, day Date32, old UInt64, size Int64", "part, day"),
    # what became of calls
    "fates_rows": Table(
        "log_offset Int64, received_us Int64, at_us Int64, type String, user_id String, account_id String,"
        " event String, fate String, code String, field String, message String, mapping String",
        "log_offset",
        "base",
    ),
    "outcomes_rows": Table(
        "bucket_us Int64, type String, fate String, code String, mapping String, times Int64",
        "bucket_us, type, fate, code, mapping",
        "base",
    ),
    # numbers of scored days: those that count have the born of the latest row of `benchmarks_rows` for their day
    "scores_rows": Table(
        "workspace_id Int32, kind String, id String, day Date32, score Int32, score_before Int32, raw Float64,"
        " frequency Int32, adopted Int32, adopted_ever Int32, active_users Int32, total_users Int32,"
        " last_us Int64, first_day Date32, revised_us Nullable(Int64)",
        "kind, id",
        "(workspace_id, day, born)",
        _BY_ID,
    ),
    "benchmarks_rows": Table(
        "workspace_id Int32, day Date32, users_p90 Nullable(Float64), accounts_p90 Nullable(Float64),"
        " scored_us Nullable(Int64), forgotten UInt8, ended DateTime default now()",
        "workspace_id, day, born",
    ),
}
"""Table → how it is made."""

FOLDED = tuple(
    TABLES.keys()
    - {"begun_rows", "folds_rows", "broken_rows", "published_rows", "compacted_rows", "scores_rows", "benchmarks_rows"}
)
"""Tables that folds add to."""


DAYS, BY_DAYS = "days", ("daily_counts_rows", "active_days_rows")
"""Tables with a partition a day; a day of theirs is written anew together, as this part."""


def counted(table: str) -> str:
    """The condition under which a row `r` of a table counts."""
    told = f"r.born <= {AS_OF} and r.born {NOT_BROKEN}"
    if not TABLES[table].based:
        return told
    days = table in BY_DAYS
    column, part = ("c.day, c.old", DAYS) if days else ("c.old", table.removesuffix("_rows"))
    return (
        f"{told} and {'(r.day, r.base)' if days else 'r.base'} not in (select {column} from compacted_rows c"
        f" where c.part = '{part}' and c.born <= {AS_OF} and c.born {NOT_BROKEN})"
    )


def _columns(columns: str) -> str:
    return ", ".join(f"r.{column} as {column}" for column in columns.split(", "))


def _plain(name: str, columns: str) -> str:
    return f"select {_columns(columns)} from {name}_rows r where {counted(f'{name}_rows')}"


PARTS = ("active_days", "daily_counts", "events_ever")
"""Views of counts that are parts, each with rows of its own."""


def _parts(name: str, columns: str) -> str:
    """Parts of counts that are not gone."""
    gone = f"select g.user_id, g.counted from ({GONE}) g"
    return f"{_plain(name, columns)} and (r.user_id, r.born) not in ({gone})"


GONE = f"select r.user_id as user_id, r.counted as counted from gone_rows r where {counted('gone_rows')}"
TURNS = f"""
select r.user_id as user_id, argMax(r.turns, r.born) as turns from memberships_rows r
where {counted("memberships_rows")} group by r.user_id
"""
"""Each user's memberships, a list."""
ANCESTORS = f"""
select r.account_id as account_id, argMax(r.ancestors, r.born) as ancestors from lineage_rows r
where {counted("lineage_rows")} group by r.account_id
"""
"""Whom each account is below, a list."""
_STAMP = "(r.at_us, r.message_id, coalesce(r.value, ''))"
_SCORED = f"""
select r.workspace_id, r.day, max(r.born) from benchmarks_rows r where r.born <= {RUN} group by r.workspace_id, r.day
"""

VIEWS: dict[str, str] = {
    "fold_cursor": f"""
        select coalesce(max(r.next_offset), 0) as next_offset from folds_rows r where {counted("folds_rows")}""",
    "published": """
        select r.next_offset as next_offset, r.revision as revision, r.as_of_us as as_of_us
        from published_rows r order by r.born desc limit 1""",
    "messages": _plain("messages", "low, high, received_us"),
    "known": _plain("known", "kind, id, opaque_id"),
    "traits": f"""
        select r.kind as kind, r.id as id, r.key as key,
          argMax(tuple(r.value), {_STAMP}).1 as value, argMax(r.text, {_STAMP}) as text,
          argMax(tuple(r.moment_us), {_STAMP}).1 as moment_us, max({_STAMP}).1 as at_us, max({_STAMP}).2 as message_id
        from traits_rows r where {counted("traits_rows")} group by r.kind, r.id, r.key""",
    "joins": _plain("joins", "user_id, account_id, at_us, message_id"),
    "events": _plain("events", "user_id, account_id, event, at_us"),
    "memberships": f"""
        select l.user_id as user_id, turn.1 as account_id, turn.2 as from_us, turn.3 as until_us
        from ({TURNS}) l array join l.turns as turn""",
    "lineage": f"""
        select l.account_id as account_id, ancestor as ancestor_id
        from ({ANCESTORS}) l array join l.ancestors as ancestor""",
    "event_names": _plain("event_names", "event"),
    "daily_counts": _parts("daily_counts", "user_id, account_id, event, day, times"),
    "active_days": _parts("active_days", "user_id, account_id, day, times, last_us"),
    "events_ever": _parts("events_ever", "user_id, account_id, event, first_day, times, first_us, last_us"),
    "dirty_days": f"""
        select distinct r.day as day from dirty_days_rows r
        where {counted("dirty_days_rows")} and r.born > (select coalesce(max(p.cleared), 0) from published_rows p)""",
    "fates": _plain(
        "fates",
        "log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping",
    ),
    "outcomes": f"""
        select r.bucket_us as bucket_us, r.type as type, r.fate as fate, r.code as code, r.mapping as mapping,
          sum(r.times) as times
        from outcomes_rows r where {counted("outcomes_rows")}
        group by r.bucket_us, r.type, r.fate, r.code, r.mapping""",
    "scores": f"""
        select r.workspace_id as workspace_id, r.kind as kind, r.id as id, r.day as day, r.score as score,
          r.score_before as score_before, r.raw as raw, r.frequency as frequency, r.adopted as adopted,
          r.adopted_ever as adopted_ever, r.active_users as active_users, r.total_users as total_users,
          r.last_us as last_us, r.first_day as first_day, r.revised_us as revised_us
        from scores_rows r where (r.workspace_id, r.day, r.born) in ({_SCORED})""",
    "benchmarks": f"""
        select r.workspace_id as workspace_id, r.day as day, r.users_p90 as users_p90,
          r.accounts_p90 as accounts_p90, r.scored_us as scored_us
        from benchmarks_rows r where r.forgotten = 0 and (r.workspace_id, r.day, r.born) in ({_SCORED})""",
}
"""View → its text."""


def creations(database: str, cluster: str = "", *, durable: bool = True) -> Iterator[str]:
    """The texts that make what is missing of a store, in their order; to be run in its database.

    cluster: a cluster of `system.clusters`, on whose replicas and shards each table then is.  durable: an insert is on
    disk when it returns, so that no loss of power leaves the offset and takes rows before it.
    """
    settings = DURABLE if durable else ""
    for name, table in TABLES.items():
        yield from _tables(database, name, table, cluster, settings)
    for name, text in VIEWS.items():
        yield f"create view if not exists {name}{on(cluster)} as {text}"


def _tables(database: str, name: str, table: Table, cluster: str, settings: str) -> Iterator[str]:
    engine = "ReplicatedMergeTree" if cluster else "MergeTree"
    window = "replicated_deduplication_window" if cluster else "non_replicated_deduplication_window"
    columns = f"{table.columns}, born UInt64{', base UInt64' if table.based else ''}"
    yield (
        f"create table if not exists {local(name, cluster)}{on(cluster)} ({columns})"
        f" engine = {engine} partition by {table.partition_by} order by ({table.order_by})"
        f" settings {window} = {DEDUPED_INSERTS}{settings}"
    )
    if cluster:
        yield (
            f"create table if not exists {name}{on(cluster)} as {local(name, cluster)}"
            f" engine = Distributed({cluster}, {database}, {local(name, cluster)}, {table.shard_by})"
        )


def local(name: str, cluster: str) -> str:
    """The table that a server itself holds: with a cluster, `name` stands for those of all its servers."""
    return f"{name}_local" if cluster else name


def on(cluster: str) -> str:
    """What makes a statement about tables run on every server."""
    return f" on cluster {cluster}" if cluster else ""
