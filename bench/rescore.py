"""How long scoring a day takes beside the bare aggregate of the same counts, how both grow, and how fast folds commit.

Run: python -m bench.rescore [fold|scores]

The full size is 5,000 accounts, 100,000 users and 90 days with about 30 million daily counts; a tenth of it shows the
growth.  Everything is made by SQL from hashes: accounts of uneven size, users of uneven zeal, a tenth of the accounts
below another.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from uptake.core.config import Levels
from uptake.core.days import DAY_US
from uptake.core.scores import ScoringModel
from uptake.stores.events.base import (
    ActedRow,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    ListQuery,
    OutcomeRow,
    StoreRules,
    TraitRow,
)
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.events.schema import BEGINNING, CREATE_TABLE, FOREVER, START_CURSOR, TABLES

FIRST_DAY, DAYS, EVENTS = date(2026, 1, 1), 90, 25
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
MEMORY = "4GB"
AIM = 3.0
HOUR_AIM = 0.1
FOLD_AIM = 100_000

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


FULL, TENTH = Size(5_000, 100_000), Size(500, 10_000)


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
    """The median time that the work takes."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure_scores(folder: Path, size: Size) -> dict[str, float]:
    """Name → seconds, for one size."""
    path = folder / f"scores-{size.users}.duckdb"
    print(f"making {size.accounts:,} accounts, {size.users:,} users, {DAYS} days", flush=True)
    fill(path, size)
    store = DuckEventStore(path, StoreRules("UTC"), generation=1, memory_limit=MEMORY, threads=2)
    found: dict[str, float] = {}
    for name, text in BARE.items():
        found[f"bare, as they arrived: {name}"] = seconds(lambda text=text: reading(store, text))
    found["adding up parts once"] = seconds(store.compact, times=1)
    (rows,) = reading(store, "select count(*) from daily_counts")
    print(f"{rows:,} daily counts, {store.size_bytes() / 1e6:,.0f} MB on disk", flush=True)
    for name, text in BARE.items():
        found[f"bare: {name}"] = seconds(lambda text=text: reading(store, text))
    for window_days in (7, 30, 90):
        chosen = model(window_days)
        found[f"rescore, {window_days}-day window"] = seconds(lambda chosen=chosen: store.rescore([chosen], [LAST_DAY]))
    chosen = model(7)
    every_day = [LAST_DAY - timedelta(days=back) for back in range(DAYS)]
    found["rescore of 90 days, 7-day window"] = seconds(lambda: store.rescore([chosen], every_day), times=1)
    found["an hour of new events: fold and rescore"] = seconds(lambda: new_hour(store, chosen, rows), times=3)
    found["a changed model on one day, imagined"] = seconds(lambda: imagined(store, chosen), times=3)
    acme, _ = store.numbers("account", chosen, LAST_DAY, ListQuery(limit=1))
    questions: dict[str, Callable[[], object]] = {
        "list of accounts": lambda: store.numbers("account", chosen, LAST_DAY, ListQuery()),
        "list of users": lambda: store.numbers("user", chosen, LAST_DAY, ListQuery()),
        "search of users": lambda: store.numbers("user", chosen, LAST_DAY, ListQuery(search="77")),
        "parts of an account": lambda: store.parts("account", acme[0].tracking_id, chosen, LAST_DAY),
        "event volumes": store.event_volumes,
        "totals": store.totals,
    }
    found |= {name: seconds(question) for name, question in questions.items()}
    store.close()
    path.unlink()
    return found


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


def report_scores() -> None:
    """Print every time at a tenth and at full size, and how rescoring compares with the bare aggregate."""
    with tempfile.TemporaryDirectory() as folder:
        tenth, full = (measure_scores(Path(folder), size) for size in (TENTH, FULL))
    print(f"\n{'':52} {'1/10':>10} {'full':>10} {'growth':>8}")
    for name, taken in full.items():
        print(f"{name:52} {tenth[name]:>8.3f} s {taken:>8.3f} s {taken / tenth[name]:>7.1f}x")
    for name in BARE:
        ratios = ", ".join(f"{full[f'rescore, {days}-day window'] / full[f'bare: {name}']:.2f}" for days in (7, 30, 90))
        print(f"rescore ÷ bare {name}: {ratios} for windows of 7, 30, 90 days (aim ≤ {AIM:g})")
    share = full["an hour of new events: fold and rescore"] / full["rescore of 90 days, 7-day window"]
    print(f"an hour of new events ÷ rescore of 90 days: {share:.3f} (aim ≤ {HOUR_AIM:g})")


# ---- folding

CALLS = 10_000


def fold_batches(batches: int) -> Iterator[FoldBatch]:
    """Batches of 10,000 calls: 85 % track, 10 % identify with five traits, 5 % group; all rows made beforehand."""
    noon_us = 20_454 * DAY_US
    for batch in range(batches):
        first = batch * CALLS
        acted, joined, traits, known = [], [], [], []
        for place in range(CALLS):
            call, at_us = first + place, noon_us + (first + place) * 20_000
            user = f"user-{call * 7919 % 20_000}"
            if place % 20 == 0:
                account = f"account-{call * 7919 % 1_000}"
                joined.append(JoinedRow(user, account, at_us, f"message-{call}"))
                traits.append(TraitRow("account", account, "plan", '"pro"', at_us, f"message-{call}"))
                known.append(KnownRow("account", account))
            elif place % 10 == 1:
                known.append(KnownRow("user", user))
                traits += [TraitRow("user", user, key, f'"{key} {user}"', at_us, f"message-{call}") for key in "abcde"]
            else:
                acted.append(ActedRow(user, None, f"Event {call * 31 % EVENTS}", at_us))
        messages = [((first + place).to_bytes(16, "big"), noon_us + place) for place in range(CALLS)]
        fates = [FateRow(first + place, noon_us, noon_us, "track", "u", "", "e", "applied") for place in range(500)]
        outcomes = [OutcomeRow(noon_us + batch, "track", "applied", "", "", CALLS)]
        yield FoldBatch(first, first + CALLS, messages, known, acted, joined, traits, fates, outcomes)


def report_fold(batches: int = 100) -> None:
    """Print how many calls a second go from effects to commit, the look for repeats included."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckEventStore(Path(folder) / "fold.duckdb", StoreRules("UTC"), generation=1)
        taken = []
        for batch in fold_batches(batches):
            started = time.perf_counter()
            store.seen(batch.messages)
            store.commit(batch)
            taken.append(time.perf_counter() - started)
        size = store.size_bytes()
        store.close()
    parts = [sum(taken[start : start + batches // 5]) for start in range(0, batches, batches // 5)]
    rates = ", ".join(f"{CALLS * (batches // 5) / part:,.0f}" for part in parts)
    print(f"effects to commit: {CALLS * batches / sum(taken):,.0f} calls/s (aim ≥ {FOLD_AIM:,})")
    print(f"  by fifths: {rates}; a batch of {CALLS:,}: median {statistics.median(taken) * 1000:.0f} ms,")
    print(f"  slowest {max(taken) * 1000:.0f} ms; {size / (CALLS * batches):.0f} bytes a call on disk")


def main(chosen: list[str]) -> None:
    """Measure what is chosen, or all."""
    if not chosen or "fold" in chosen:
        report_fold()
    if not chosen or "scores" in chosen:
        report_scores()


if __name__ == "__main__":
    main(sys.argv[1:])
