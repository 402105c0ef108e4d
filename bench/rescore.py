"""How long scoring a day takes beside the bare aggregate of the same counts, what people ask then, and how all grows.

Run: python -m bench stores [--accounts 10000] [--users 200000] [--days 15]

The full size is 10,000 accounts, 200,000 users and 90 days with about 60 million daily counts; a tenth of it shows the
growth.  Everything is made by SQL from hashes: accounts of uneven size, users of uneven zeal, a tenth of the accounts
below another.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from bench.tables import judged, tell
from bench.views import explaining, opened, previewing
from uptake.core.config import Levels
from uptake.core.days import DAY_US
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import ActedRow, FoldBatch, ListQuery, StoreRules
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.events.schema import BEGINNING, CREATE_TABLE, FOREVER, START_CURSOR, TABLES

FIRST_DAY, DAYS, EVENTS = date(2026, 1, 1), 90, 25
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
MEMORY = "4GB"
AIM, HOUR_AIM, EXPLAIN_AIM_S, PREVIEW_AIM_S = 4.0, 0.1, 0.1, 0.3
LONG_S = 5.0
"""What takes longer is measured once."""

USERS = """
create temp table made_users as
select 'user-' || i as user_id, 40 + hash(i, 2) % 190 as zeal,
  'account-' || cast(floor(pow(hash(i, 1) % 1000000 / 1e6, 2) * $accounts) as int) as account_id
from range($users) t(i)
"""
COUNTS = f"""
insert into daily_counts
select u.user_id, u.account_id, 'Event ' || e.i, $day::date, 1 + hash(u.user_id, e.i, $day, 4) % 5
from made_users u, range({EVENTS}) e(i) where hash(u.user_id, e.i, $day) % 1000 < u.zeal
order by hash(u.user_id, e.i, $day, 3)
"""
NOON_US = f"epoch_us(cast(day as timestamp)) + {DAY_US // 2}"
DERIVED = (
    f"""insert into active_days select user_id, account_id, day, sum(times), max({NOON_US}) from daily_counts
        group by user_id, account_id, day order by day""",
    f"""insert into events_ever
        select user_id, account_id, event, min(day), sum(times), min({NOON_US}), max({NOON_US})
        from daily_counts group by user_id, account_id, event""",
    "insert into event_names select distinct event from events_ever",
    f"insert into memberships select user_id, account_id, {BEGINNING}, {FOREVER} from made_users",
    "insert into known select 'user', user_id, md5(user_id) from made_users",
    "insert into known select distinct 'account', account_id, md5(account_id) from made_users",
    """insert into traits
       select kind, id, k.key, '"' || k.key || ' of ' || id || '"', k.key || ' of ' || id, null, 0, 'm'
       from known, (values ('name'), ('email'), ('plan'), ('role'), ('region')) k(key)""",
    """insert into lineage
       select id, 'account-' || hash(id) % 50 from known where kind = 'account' and hash(id, 5) % 10 = 0""",
)
BARE = {
    "sum by account, user and event": """
        select count(*), sum(times) from (
          select account_id, user_id, event, sum(times) as times from daily_counts group by account_id, user_id, event
        )""",
    "sum by account and user": """
        select count(*), sum(times) from (
          select account_id, user_id, sum(times) as times from daily_counts group by account_id, user_id
        )""",
}


@dataclass(frozen=True)
class Size:
    """How much there is to score."""

    accounts: int
    users: int


def fill(path: Path, size: Size) -> None:
    """Make a store's file of this size, its counts in the order in which they would arrive."""
    connection = duckdb.connect(str(path), config={"memory_limit": MEMORY, "threads": 2})
    for table, columns in TABLES.items():
        connection.execute(CREATE_TABLE.format(table=table, columns=columns))
    connection.execute(START_CURSOR)
    connection.execute(USERS, {"accounts": size.accounts, "users": size.users})
    for day in range(DAYS):
        connection.execute(COUNTS, {"day": FIRST_DAY + timedelta(days=day)})
    for text in DERIVED:
        connection.execute(text)
    connection.close()


def model(window_days: int, **changes: object) -> ScoringModel:
    """Five features of three events each; the other ten events are not scored."""
    weights = {f"Event {number}": 1 + number % 10 for number in range(15)}
    return ScoringModel(
        workspace_id=window_days,
        window_days=window_days,
        weights=weights,
        every_event=False,
        scored_events=frozenset(weights),
        features={event: f"Feature {number // 3}" for number, event in enumerate(weights)},
        curve="exponential-1",
        account_score="mean",
        levels=Levels(),
    )


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """The median time that the work takes; once is enough where it takes long."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) < LONG_S:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measured(folder: Path, size: Size, days: int) -> dict[str, float]:
    """Name → seconds, for one size; days: of how many days all scores are made."""
    folder.mkdir()
    path = folder / "scores.duckdb"
    print(f"making {size.accounts:,} accounts, {size.users:,} users, {DAYS} days", flush=True)
    fill(path, size)
    store = DuckEventStore(path, StoreRules("UTC"), generation=1, memory_limit=MEMORY, threads=2)
    found = {"adding up parts once": seconds(store.compact, times=1)}
    (rows,) = reading(store, "select count(*) from daily_counts")
    print(f"{rows:,} daily counts, {store.size_bytes() / 1e6:,.0f} MB on disk", flush=True)
    for name, text in BARE.items():
        found[f"bare {name}"] = seconds(lambda text=text: reading(store, text))
    for window_days in (7, 30, 90):
        chosen = model(window_days)
        found[f"scores of a day, window of {window_days}"] = seconds(
            lambda chosen=chosen: store.rescore([chosen], [LAST_DAY])
        )
    chosen = model(7)
    every_day = [LAST_DAY - timedelta(days=back) for back in range(days)]
    taken = seconds(lambda: store.rescore([chosen], every_day), times=1)
    found["scores of 90 days, window of 7"] = taken * DAYS / days
    found["an hour of new events, folded and scored"] = seconds(lambda: new_hour(store, chosen, rows))
    found["a changed model on one day, imagined"] = seconds(lambda: imagined(store, chosen))
    found |= asked(store, chosen)
    store.close()
    found |= asked_of_views(folder, path, size)
    path.unlink()
    return found


def asked(store: DuckEventStore, chosen: ScoringModel) -> dict[str, float]:
    """Name → seconds of questions to the store itself."""
    questions: dict[str, Callable[[], object]] = {
        "a page of accounts": lambda: store.numbers("account", chosen, LAST_DAY, ListQuery()),
        "a page of users": lambda: store.numbers("user", chosen, LAST_DAY, ListQuery()),
        "a search of users": lambda: store.numbers("user", chosen, LAST_DAY, ListQuery(search="77")),
        "event volumes": store.event_volumes,
        "totals": store.totals,
    }
    return {name: seconds(question) for name, question in questions.items()}


def asked_of_views(folder: Path, path: Path, size: Size) -> dict[str, float]:
    """Name → seconds of what the views answer: an explanation with its difference, and a preview while editing."""
    store = DuckEventStore(path, StoreRules("UTC"), generation=1, memory_limit=MEMORY, threads=2)
    with opened(folder, store, LAST_DAY) as product:
        return {
            "an account explained, the largest": explaining(product, "account-0"),
            "an account explained, a middle one": explaining(product, f"account-{size.accounts // 2}"),
            "a segment of accounts previewed": previewing(product, "account"),
            "a segment of users previewed": previewing(product, "user"),
        }


def new_hour(store: DuckEventStore, chosen: ScoringModel, counts: int) -> None:
    """As many new events as an hour has on average, by users spread over the product, and the scores that follow."""
    first, many = store.offset(), max(1, 3 * counts // (DAYS * 24))
    noon_us = (LAST_DAY - date(1970, 1, 1)).days * DAY_US + DAY_US // 2
    acted = [ActedRow(f"user-{place * 7919 % many}", None, f"Event {place % EVENTS}", noon_us) for place in range(many)]
    store.commit(FoldBatch(first, first + many, [], [], acted, [], [], [], []))
    store.rescore([chosen], [LAST_DAY])


def imagined(store: DuckEventStore, chosen: ScoringModel) -> None:
    """The ranking of a day under another model, beside nothing that is stored."""
    with store.imagined([chosen], [LAST_DAY]) as other:
        other.standings("user", chosen, LAST_DAY)
        other.standings("account", chosen, LAST_DAY)


def reading(store: DuckEventStore, text: str) -> tuple[int, ...]:
    """One row of a bare query on the store's own connection and settings."""
    with store._reading() as session:
        return session.rows(text)[0]


def report(tenth: dict[str, float], full: dict[str, float]) -> None:
    """Print every time at a tenth and at full size, and each aim beside what was reached."""
    rows = [
        [name, f"{tenth[name]:.3f} s", f"{taken:.3f} s", f"{taken / tenth[name]:.1f}"] for name, taken in full.items()
    ]
    tell("stores", ["", "1/10", "full", "growth"], rows)
    ratios = []
    for window in (7, 30, 90):
        taken = full[f"scores of a day, window of {window}"]
        beside = [taken / full[f"bare {name}"] for name in BARE]
        ratios.append([f"{window} days", *(f"{ratio:.2f}" for ratio in beside), judged(beside[0], AIM)])
    columns = ["scores of a day, window of", *(f"÷ bare {name}" for name in BARE), f"≤ {AIM:g} beside the first"]
    tell("stores ratios", columns, ratios)
    hour = full["an hour of new events, folded and scored"]
    aims = [
        ["an hour of new events ÷ scores of 90 days", hour / full["scores of 90 days, window of 7"], HOUR_AIM, ""],
        *([name, taken, EXPLAIN_AIM_S, " s"] for name, taken in full.items() if "explained" in name),
        *([name, taken, PREVIEW_AIM_S, " s"] for name, taken in full.items() if "previewed" in name),
    ]
    tell(
        "stores aims",
        ["", "measured", "aim", "reached"],
        [[name, f"{got:.3f}{unit}", f"≤ {aim:g}{unit}", judged(got, aim)] for name, got, aim, unit in aims],
    )


def main(words: list[str]) -> None:
    """Measure a tenth and the full size."""
    parser = argparse.ArgumentParser(prog="python -m bench stores", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=15, help="of so many days all scores are made, for the 90")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="uptake-bench-") as folder:
        sizes = Size(chosen.accounts // 10, chosen.users // 10), Size(chosen.accounts, chosen.users)
        report(*(measured(Path(folder) / str(size.users), size, chosen.days) for size in sizes))


if __name__ == "__main__":
    main(sys.argv[1:])
