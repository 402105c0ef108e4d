"""The tables of an event store.

Ids and names are kept as they are, '' where there is none; moments are microseconds since 1970 UTC; days are of the
product's zone.  `daily_counts`, `active_days` and `events_ever` are sums in parts: a fold appends what it adds and
every reader adds up, so that folding never searches what is there (see `uptake.stores.events.compaction`).
"""

BEGINNING = -(2**62)
"""Before every moment: where a user's first membership begins."""

FOREVER = 2**62
"""After every moment: where a user's last membership ends."""

TABLES: dict[str, str] = {
    # how far the log is folded (one row), and what the kept scores tell (none or one)
    "fold_cursor": "next_offset bigint",
    "published": "next_offset bigint, revision bigint, as_of_us bigint",
    # counted messages inside the dedupe window: halves of a digest
    "messages": "low bigint, high bigint, received_us bigint",
    # facts
    "known": "kind varchar, id varchar, opaque_id varchar",
    "traits": (
        "kind varchar, id varchar, key varchar, value varchar, text varchar, moment_us bigint,"
        " at_us bigint, message_id varchar"
    ),
    "joins": "user_id varchar, account_id varchar, at_us bigint, message_id varchar",
    "events": "user_id varchar, account_id varchar, event varchar, at_us bigint",
    # what follows from facts; account_id is the attributed one
    "memberships": "user_id varchar, account_id varchar, from_us bigint, until_us bigint",
    "lineage": "account_id varchar, ancestor_id varchar",
    "event_names": "event varchar",
    "daily_counts": "user_id varchar, account_id varchar, event varchar, day date, times bigint",
    "active_days": "user_id varchar, account_id varchar, day date, times bigint, last_us bigint",
    "events_ever": (
        "user_id varchar, account_id varchar, event varchar, first_day date, times bigint,"
        " first_us bigint, last_us bigint"
    ),
    "dirty_days": "day date",
    # how many rows compaction left behind: of a day's counts, and of events_ever under the day null
    "compacted": "day date, size bigint",
    # what became of calls
    "fates": (
        "log_offset bigint, received_us bigint, at_us bigint, type varchar, user_id varchar, account_id varchar,"
        " event varchar, fate varchar, code varchar, field varchar, message varchar, mapping varchar"
    ),
    "outcomes": "bucket_us bigint, type varchar, fate varchar, code varchar, mapping varchar, times bigint",
    # numbers of scored days
    "scores": (
        "workspace_id integer, kind varchar, id varchar, day date, score integer, score_before integer, raw double,"
        " frequency integer, adopted integer, adopted_ever integer, active_users integer, total_users integer,"
        " last_us bigint, first_day date, revised_us bigint"
    ),
    "benchmarks": "workspace_id integer, day date, users_p90 double, accounts_p90 double, scored_us bigint",
}
"""Table → its columns."""

ADD_COLUMNS = (
    "alter table scores add column if not exists revised_us bigint",
    "alter table benchmarks add column if not exists scored_us bigint",
)
"""What files of an earlier release lack."""

CREATE_TABLE = "create table if not exists {table} ({columns})"
COUNT_CURSORS = "select count(*) from fold_cursor"
START_CURSOR = "insert into fold_cursor values (0)"
