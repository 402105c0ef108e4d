"""What leaves a store as a whole: tables for `uptake export`, and digests that tell whether two stores agree.

Moments are timestamps in UTC; ids are the senders'.  An export is sorted by its first columns, so that two exports of
the same state are equal; a digest needs no order, because it is a sum.
"""

import msgspec
import pyarrow as pa

from uptake.stores.events.base import ExportTable
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, EVERYONE, USER_PROFILES
from uptake.stores.events.profile_sql import PARENTS
from uptake.stores.events.schema import BEGINNING, FOREVER
from uptake.stores.events.session import Session

_MOMENT = pa.timestamp("us", tz="UTC")

EXPORTS: dict[ExportTable, pa.Schema] = {
    "users": pa.schema(
        [
            ("tracking_id", pa.string()),
            ("id", pa.string()),
            ("name", pa.string()),
            ("email", pa.string()),
            ("account", pa.string()),
            ("created_at", _MOMENT),
            ("traits", pa.string()),
        ]
    ),
    "accounts": pa.schema(
        [
            ("tracking_id", pa.string()),
            ("id", pa.string()),
            ("name", pa.string()),
            ("parent", pa.string()),
            ("created_at", _MOMENT),
            ("traits", pa.string()),
        ]
    ),
    "memberships": pa.schema([("user", pa.string()), ("account", pa.string()), ("from", _MOMENT), ("until", _MOMENT)]),
    "daily_counts": pa.schema(
        [
            ("day", pa.date32()),
            ("user", pa.string()),
            ("account", pa.string()),
            ("event", pa.string()),
            ("times", pa.int64()),
        ]
    ),
    "scores": pa.schema(
        [
            ("workspace_id", pa.int32()),
            ("day", pa.date32()),
            ("kind", pa.string()),
            ("tracking_id", pa.string()),
            ("score", pa.int32()),
            ("score_change", pa.int32()),
            ("raw_score", pa.float64()),
            ("frequency", pa.int32()),
            ("events_adopted", pa.int32()),
            ("events_adopted_all_time", pa.int32()),
            ("active_users", pa.int32()),
            ("total_users", pa.int32()),
            ("last_active_at", _MOMENT),
        ]
    ),
}
"""Table → its columns.  account and until are null for none and still; from is null for the beginning of time; traits
is a JSON object with sorted keys; scores hold everyone who did anything up to the day."""

SORTED_BY_KEY = "list({} order by key)"
TRAIT_LISTS = f"""
select id, {SORTED_BY_KEY.format("key")} as keys, {SORTED_BY_KEY.format("value")} as trait_values
from traits where kind = '{{kind}}' and value is not null group by id
"""

EXPORT_TEXTS: dict[ExportTable, str] = {
    "users": f"""
        select p.id as tracking_id, k.opaque_id, p.name, p.email, p.account_id, p.created_us,
          t.keys, t.trait_values
        from ({USER_PROFILES.format(**EVERYONE)}) p
        join known k on k.kind = 'user' and k.id = p.id
        left join ({TRAIT_LISTS.format(kind="user")}) t on t.id = p.id
        order by p.id""",
    "accounts": f"""
        select p.id as tracking_id, k.opaque_id, p.name, a.parent_id, p.created_us,
          t.keys, t.trait_values
        from ({ACCOUNT_PROFILES.format(**EVERYONE)}) p
        join known k on k.kind = 'account' and k.id = p.id
        left join ({PARENTS}) a on a.account_id = p.id
        left join ({TRAIT_LISTS.format(kind="account")}) t on t.id = p.id
        order by p.id""",
    "memberships": f"""
        select user_id, account_id, nullif(from_us, {BEGINNING}) as joined_us,
          nullif(until_us, {FOREVER}) as left_us
        from memberships order by user_id, from_us""",
    "daily_counts": """
        select day, user_id, nullif(account_id, '') as account, event, cast(sum(times) as bigint)
        from daily_counts group by day, user_id, account_id, event order by day, user_id, account_id, event""",
    "scores": """
        select workspace_id, day, kind, id, score, score - score_before, raw, frequency, adopted, adopted_ever,
          active_users, total_users, last_us
        from scores order by workspace_id, day, kind, id""",
}


def export_batch(table: ExportTable, batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of an export's text with its documented columns."""
    schema = EXPORTS[table]
    columns = list(batch.columns)
    if schema.names[-1] == "traits":
        lists = zip(columns[-2].to_pylist(), columns[-1].to_pylist(), strict=True)
        columns[-2:] = [pa.array([_object(keys, values) for keys, values in lists], pa.string())]
    typed = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(typed, schema=schema)


def _object(keys: list[str] | None, values: list[str] | None) -> str:
    """A JSON object from names and JSON texts."""
    pairs = zip(keys or (), values or (), strict=True)
    return "{" + ",".join(f"{msgspec.json.encode(key).decode()}:{value}" for key, value in pairs) + "}"


# ---- digests

DIGESTED: dict[str, tuple[tuple[str, ...], str]] = {
    "known": (("kind", "id"), "known"),
    "traits": (("kind", "id", "key", "coalesce(value, '')", "at_us", "message_id"), "traits"),
    "memberships": (("user_id", "account_id", "from_us", "until_us"), "memberships"),
    "lineage": (("account_id", "ancestor_id"), "lineage"),
    "events": (("user_id", "account_id", "event", "at_us"), "events"),
    "daily_counts": (
        ("user_id", "account_id", "event", "day", "sum(times)"),
        "daily_counts group by user_id, account_id, event, day",
    ),
    "active_days": (
        ("user_id", "account_id", "day", "sum(times)", "max(last_us)"),
        "active_days group by user_id, account_id, day",
    ),
    "events_ever": (
        ("user_id", "account_id", "event", "min(first_day)", "sum(times)", "min(first_us)", "max(last_us)"),
        "events_ever group by user_id, account_id, event",
    ),
    "scores": (
        (
            *("workspace_id", "kind", "id", "day", "score", "score_before", "cast(floor(raw * 1e6 + 0.5) as bigint)"),
            *("frequency", "adopted", "adopted_ever", "active_users", "total_users", "last_us", "first_day"),
        ),
        "scores",
    ),
}
"""Table → the columns that its digest is made of, and where they come from."""

DIGEST = """
select count(*), coalesce(sum(md5_number_lower(line)), 0)
from (select concat_ws(chr(31), {columns}) as line from {source})
"""


def digest_of(session: Session, table: str) -> str:
    """How many rows, and the sum modulo 2^64 of each row's last half of MD5, over its columns joined by U+001F."""
    columns, source = DIGESTED[table]
    texts = ", ".join(f"cast({column} as varchar)" for column in columns)
    count, total = session.rows(DIGEST.format(columns=texts, source=source))[0]
    return f"{count}:{int(total) % 2**64:016x}"
