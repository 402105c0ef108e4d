"""One suite over every engine of the event store, held against the oracle in `tests.fakes`.

A new engine adds itself to `ENGINES` and must pass unchanged.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.clickhouse import GIVEN, LOOPBACK, clickhouse
from tests.fakes import MemoryEventStore
from uptake.core.config import Levels
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, ScoringModel, level_bounds
from uptake.core.traits import TRAIT_TYPES
from uptake.stores.events.base import (
    EXPORT_TABLES,
    ActedRow,
    EventStore,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    ListQuery,
    Published,
    StoreRules,
    TraitRow,
)
from uptake.stores.events.changes import DayActs, Move, Movers
from uptake.stores.events.doubts import DOUBTS
from uptake.stores.events.duckdb import DuckEventStore

Open = Callable[[StoreRules], EventStore]
KINDS: tuple[Kind, ...] = ("user", "account")
ALL_DAYS = (date(2026, 1, 1), date(2026, 12, 31))
NOON = strategies.moment_us("2026-06-01T12:00")
DAY_US = strategies.DAY_US
JUNE_1 = date(2026, 6, 1)
AFTERWARDS = NOON + 400 * DAY_US


@contextmanager
def memory(_folder: Path) -> Iterator[Open]:
    yield lambda rules: MemoryEventStore(rules)


@contextmanager
def duckdb(folder: Path) -> Iterator[Open]:
    opened: list[EventStore] = []
    names = count()

    def create(rules: StoreRules) -> EventStore:
        store = DuckEventStore(folder / f"store-{next(names)}.duckdb", rules, generation=1, threads=1)
        opened.append(store)
        return store

    yield create
    for store in opened:
        store.close()


@contextmanager
def chdb(_folder: Path) -> Iterator[Open]:
    with clickhouse() as create:
        yield create


@contextmanager
def distributed(_folder: Path) -> Iterator[Open]:
    with clickhouse(LOOPBACK) as create:
        yield create


ENGINES = {"memory": memory, "duckdb": duckdb, "clickhouse": chdb}
AND_CLUSTER = dict(ENGINES)
"""What is drawn at random is not asked of a cluster, which takes three times as long to plan a question."""
if not GIVEN:  # a server that is given says itself whether it is a cluster
    AND_CLUSTER["clickhouse_cluster"] = distributed


@pytest.fixture(params=AND_CLUSTER)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens empty stores of one engine."""
    with AND_CLUSTER[request.param](tmp_path) as create:
        yield create


@pytest.fixture
def store(engine: Open) -> EventStore:
    """An empty store of each engine, days in UTC."""
    return engine(StoreRules("UTC"))


@pytest.fixture(params=[name for name in ENGINES if name != "memory"], scope="module")
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens empty stores of each engine but the oracle."""
    with ENGINES[request.param](tmp_path_factory.mktemp("stores")) as create:
        yield create


# ---- what the engines are asked


class Asked(msgspec.Struct, frozen=True):
    """What to ask about: models that were scored, lists of them, and a few users and accounts."""

    models: tuple[ScoringModel, ...]
    queries: tuple[ListQuery, ...]
    ids: tuple[str, ...]


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """One or two models, two lists of each, a user, an account, and sometimes nobody."""
    models = [draw(strategies.models(number)) for number in range(1, draw(st.integers(1, 2)) + 1)]
    queries = draw(st.lists(strategies.list_queries(), min_size=2, max_size=2))
    others = st.lists(st.sampled_from(["solo", "nobody", "eve"]), max_size=1)
    ids = [draw(st.sampled_from(strategies.USERS)), draw(st.sampled_from(strategies.ACCOUNTS)), *draw(others)]
    return Asked(tuple(models), tuple(queries), tuple(ids))


def answers(store: EventStore, asked: Asked) -> Iterator[tuple[str, Any]]:
    """Every question with its answer, as plain values."""
    yield "offset", store.offset()
    yield "dirty_days", store.dirty_days()
    yield "published", store.published()
    yield "event_volumes", store.event_volumes()
    yield "event_volumes of these", [store.event_volumes(each) for each in ((), strategies.EVENTS[:2], ("never",))]
    yield "event_volumes of some", [store.event_volumes(of=of) for of in ((), ("user",), ("account",))]
    yield "daily_totals", list(store.daily_totals(ALL_DAYS).items())
    yield "totals", store.totals()
    yield "parent_cycles", store.parent_cycles()
    yield "doubtful", [store.doubtful(doubt, most=most) for doubt in DOUBTS for most in (1, 9)]
    yield "event_rhythms", [store.event_rhythms(ALL_DAYS), store.event_rhythms((date(2026, 3, 29), date(2026, 3, 30)))]
    yield "fates", [store.fates(most=2), store.fates(most=50), store.fates(most=50, fate="invalid")]
    yield "samples", [store.fates(most=2, fate=fate, of_each_reason=True) for fate in ("", "invalid")]
    yield "outcomes", [store.outcomes(since_us=0), store.outcomes(since_us=600_000_000)]
    for kind in KINDS:
        yield f"trait_keys of {kind}", list(store.trait_keys(kind).items())
        yield f"trait_forms of {kind}", store.trait_forms(kind)
        yield f"names of {kind} {asked.ids}", sorted(store.names(kind, asked.ids).items())
        for key in ("name", "createdAt", "role", "mrr"):
            for unfit in (None, *TRAIT_TYPES):
                yield f"trait_values of {kind} {key} {unfit}", store.trait_values(kind, key, unfit=unfit, most=4)
        for each in asked.ids:
            yield f"traits of {kind} {each}", list(store.traits(kind, each).items())
            yield f"latest_events of {kind} {each}", store.latest_events(kind, each, most=5)
        for match in MATCHES:
            yield f"find {kind} {match}", store.find(kind, *match)
    for each in asked.ids:
        yield f"memberships of {each}", store.memberships(each)
    for model in asked.models:
        yield from scores(store, model, asked)
    for table in EXPORT_TABLES:
        yield f"export {table}", [row for batch in store.export(table) for row in batch.to_pylist()]
    yield "digest", store.digest()


MATCHES = (
    ("id", "586547ebb127317fdfa4"),
    ("tracking_id", "ana"),
    ("email", "ANA@acme.com"),
    ("domain", "beta.IO"),
    ("email", ""),
    ("name", "12"),
    ("name", "acme"),
    ("title", "true"),
    ("created_at", "2024-02-29"),
)


def scores(store: EventStore, model: ScoringModel, asked: Asked) -> Iterator[tuple[str, Any]]:
    """Every question about a model's scores with its answer."""
    days = store.scored_days(model.workspace_id)
    yield f"scored_days {model}", days
    for day in days:
        for kind in KINDS:
            yield f"standings {day} {kind} {model}", store.standings(kind, model, day)
            some_standings = store.standings(kind, model, day, only=asked.ids)
            yield f"standings of {asked.ids} {day} {kind} {model}", some_standings
            yield f"p90 {day} {kind} {model}", store.p90(model, day, kind)
            for query in asked.queries:
                yield f"numbers {day} {kind} {query} {model}", store.numbers(kind, model, day, query)
    pairs = [(each, day) for each in asked.ids for day in days]
    yield f"feature_use {pairs} {model}", store.feature_use(model, pairs)
    for kind in KINDS:
        yield f"levels_by_day of {kind} {model}", store.levels_by_day(kind, model, ALL_DAYS)
        some_levels = store.levels_by_day(kind, model, ALL_DAYS, only=asked.ids)
        yield f"levels_by_day of {asked.ids} {kind} {model}", some_levels
        for before, after in pairwise([*days[:1], *days]):
            yield f"moves {before} {after} {kind} {model}", store.moves(kind, model, (before, after), most=2)
            some = store.moves(kind, model, (before, after), most=2, only=asked.ids)
            yield f"moves of {asked.ids} {before} {after} {kind} {model}", some
        for each in asked.ids:
            yield f"acts_by_day of {kind} {each} {model}", store.acts_by_day(kind, each, model, ALL_DAYS)
            yield f"series of {kind} {each} {model}", store.series(kind, each, model, ALL_DAYS)
            yield f"scores of {kind} {each} {model}", [store.score(kind, each, model, day) for day in days]
            yield f"parts of {kind} {each} {model}", ordered_parts(store, kind, each, model)


def ordered_parts(store: EventStore, kind: Kind, each: str, model: ScoringModel) -> list[Any]:
    """Parts of a day in their order; equal raw scores differ in the last bit, so that they are put in order here."""
    parts = store.parts(kind, each, model, date(2026, 3, 30))
    assert all(one.raw >= next_one.raw - 1e-9 for one, next_one in pairwise(parts))
    return sorted(parts, key=lambda part: (-round(part.raw, 6), part.event, part.user))


def assert_same(expected: Any, got: Any, question: str) -> None:
    """Equal in every value: whole numbers and texts exactly, others to 1e-9."""
    if isinstance(expected, float) or isinstance(got, float):
        assert math.isclose(expected, got, rel_tol=1e-9, abs_tol=1e-9), f"{question}: expected {expected}, got {got}"
    elif isinstance(expected, msgspec.Struct):
        assert type(expected) is type(got), question
        assert_same(msgspec.structs.asdict(expected), msgspec.structs.asdict(got), question)
    elif isinstance(expected, dict):
        assert expected.keys() == got.keys(), question
        for key, value in expected.items():
            assert_same(value, got[key], f"{question}: {key}")
    elif isinstance(expected, list | tuple):
        assert len(expected) == len(got), f"{question}\nexpected {expected}\ngot {got}"
        for place, value in enumerate(expected):
            assert_same(value, got[place], f"{question} [{place}]\nexpected {value}\ngot {got[place]}")
    else:
        assert expected == got, f"{question}: expected {expected!r}, got {got!r}"


def assert_agree(oracle: EventStore, store: EventStore, asked: Asked) -> None:
    """Both stores answer every question alike."""
    told = list(answers(store, asked))
    for place, (question, expected) in enumerate(answers(oracle, asked)):
        assert told[place][0] == question
        assert_same(expected, told[place][1], question)


@settings(max_examples=settings().max_examples * 3 // 5)
@given(
    folds=strategies.folds(),
    asked=asked(),
    days=st.lists(st.sampled_from(strategies.DAYS), min_size=1, max_size=2, unique=True),
    zone=st.sampled_from(strategies.ZONES),
    later=st.booleans(),
)
def test_every_engine_agrees(other, folds, asked, days, zone, later):
    """Every engine answers every question as the oracle does, after every fold and every scoring."""
    rules = StoreRules(zone, display_name="title", created_at="created_at")
    oracle, store = MemoryEventStore(rules), other(rules)
    published = Published(7, 3, strategies.CLOCK_CHANGES[0] + (2 * DAY_US if later else 0))

    for batch in folds:
        assert store.seen(batch.messages) == oracle.seen(batch.messages)
        for each in (oracle, store):
            each.commit(batch)
        assert store.dirty_days() == oracle.dirty_days()
        for each in (oracle, store):
            each.publish(published, clear_dirty=batch is not folds[-1])
        if batch is folds[0]:
            for each in (oracle, store):
                each.rescore(asked.models, days, at_us=AFTERWARDS if later else published.as_of_us)
    for each in (oracle, store):
        each.rescore(asked.models, days, at_us=AFTERWARDS + 1)
        each.publish(published, clear_dirty=later)

    assert_agree(oracle, store, asked)
    store.close()


TWO_DAYS = st.lists(st.sampled_from(strategies.DAYS), min_size=2, max_size=2, unique=True)


@settings(max_examples=settings().max_examples // 5)
@given(folds=strategies.folds(most=2), asked=asked(), days=TWO_DAYS)
def test_imagined_numbers_are_those_that_scoring_would_give(other, folds, asked, days):
    """Asked of a store with other models scored, every answer is that of the oracle; the store keeps what it had."""
    oracle, store = MemoryEventStore(StoreRules("UTC")), other(StoreRules("UTC"))
    for batch in folds:
        for each in (oracle, store):
            each.commit(batch)
    for each in (oracle, store):
        each.rescore([model()], days[:1])
    before = store.digest()

    with oracle.imagined(asked.models, days) as expected, store.imagined(asked.models, days) as told:
        for one in asked.models:
            assert_same(list(scores(expected, one, asked)), list(scores(told, one, asked)), "imagined")

    assert store.digest() == before == oracle.digest()
    store.close()


# ---- order


@given(folds=strategies.folds(most=2), random=st.randoms(use_true_random=False), zone=st.sampled_from(strategies.ZONES))
@settings(max_examples=settings().max_examples // 2)
def test_order_does_not_matter(other, folds, random, zone):
    """The same rows in another order, and cut into other folds, give the same state."""
    rows = [row for batch in folds for row in (*batch.known, *batch.acted, *batch.joined, *batch.traits)]
    shuffled = random.sample(rows, len(rows))
    cut = random.randint(0, len(rows))
    one, two = other(StoreRules(zone)), other(StoreRules(zone))

    fold(one, rows)
    fold(two, shuffled[:cut])
    fold(two, shuffled[cut:])

    assert one.digest() == two.digest()
    assert one.dirty_days() == two.dirty_days()
    one.close()
    two.close()


# ---- worked examples


def fold(store: EventStore, rows: Sequence[Any]) -> None:
    """Commit rows of any kind as one batch of one call."""
    first = store.offset()
    by_type = {
        kind: [row for row in rows if isinstance(row, kind)] for kind in (KnownRow, ActedRow, JoinedRow, TraitRow)
    }
    store.commit(FoldBatch(first, first + 1, [], *by_type.values(), fates=[], outcomes=[]))


def acts(user: str, event: str, times: int = 1, *, at_us: int = NOON, account: str | None = None) -> list[ActedRow]:
    """The same event several times, at noon on the first of June unless said otherwise."""
    return [ActedRow(user, account, event, at_us)] * times


def trait(kind: Kind, each: str, key: str, value: Any, *, at_us: int = NOON, message_id: str = "m") -> TraitRow:
    """One trait from its value."""
    text = None if value is None else msgspec.json.encode(value).decode()
    return TraitRow(kind, each, key, text, at_us, message_id)


def model(weights: dict[str, int] | None = None, **changes: Any) -> ScoringModel:
    """A model of seven days; without weights every event weighs 1."""
    named = weights or {}
    plain = ScoringModel(
        workspace_id=1,
        window_days=7,
        weights=named,
        every_event=weights is None,
        scored_events=frozenset(event for event, weight in named.items() if weight > 0),
        features={},
        curve="exponential-1",
        account_score="mean",
        levels=Levels(),
    )
    return msgspec.structs.replace(plain, **changes)


def listed(store: EventStore, kind: Kind, model: ScoringModel, day: date = JUNE_1) -> dict[str, Numbers]:
    """Everyone's numbers on a day that is scored for this, by tracking_id."""
    store.rescore([model], [day])
    return {row.tracking_id: row for row in store.numbers(kind, model, day, ListQuery(limit=100))[0]}


def test_a_raw_score_is_the_sum_of_times_by_weight(store):
    """Weights 9, 7, 5, 3, 1 by 3, 5, 10, 20, 15 times make 187, and the parts say so."""
    weights = {f"event {weight}": weight for weight in (9, 7, 5, 3, 1)}
    times = (3, 5, 10, 20, 15)
    fold(store, [JoinedRow("ana", "acme", NOON, "m")])
    fold(store, [row for event, each in zip(weights, times, strict=True) for row in acts("ana", event, each)])

    for kind, each in (("user", "ana"), ("account", "acme")):
        assert listed(store, kind, model(weights))[each].raw_score == 187
        parts = store.parts(kind, each, model(weights), JUNE_1)
        assert [(part.times, part.weight, part.raw) for part in parts] == [
            (20, 3, 60), (10, 5, 50), (5, 7, 35), (3, 9, 27), (15, 1, 15),
        ]  # fmt: skip


RAWS = (475, 89, 101, 7, 3, 21, 2, 149, 223, 1, 13, 9, 37)


@pytest.mark.parametrize(
    ("curve", "scores"),
    [
        ("exponential-1", (99, 63, 67, 7, 3, 21, 2, 81, 92, 1, 13, 9, 34)),
        ("linear-1", (100, 43, 49, 3, 1, 10, 1, 72, 100, 1, 6, 4, 18)),
    ],
)
def test_p90_and_the_curves(store, curve, scores):
    """The published example: a 90th percentile of 208.2, and the scores that both curves make of it."""
    fold(store, [row for raw in RAWS for row in acts(f"user {raw}", "open", raw)])

    found = listed(store, "user", model(curve=curve))

    assert store.p90(model(), JUNE_1) == pytest.approx(208.2, abs=1e-9)
    assert tuple(found[f"user {raw}"].score for raw in RAWS) == scores


def users_with(store: EventStore, raws: Sequence[int]) -> dict[int, Numbers]:
    """Numbers by raw score of users with these raw scores under the linear curve."""
    fold(store, [row for place, raw in enumerate(raws) for row in acts(f"user {place}", "open", raw)])
    return {int(row.raw_score): row for row in listed(store, "user", model(curve="linear-1")).values()}


def test_levels_begin_at_their_bounds(store):
    """75, 50 and 25 belong to the level above; 0 alone is inactive."""
    fold(store, [KnownRow("user", "bob")])

    found = users_with(store, (1, 2, 24, 25, 49, 50, 74, 75, 99, 100, 100))

    assert store.p90(model(), JUNE_1) == 100
    assert {row.score: row.level for row in found.values()} == {
        0: "inactive", 1: "least_engaged", 2: "least_engaged", 24: "least_engaged", 25: "passive", 49: "passive",
        50: "slightly_engaged", 74: "slightly_engaged", 75: "most_engaged", 99: "most_engaged", 100: "most_engaged",
    }  # fmt: skip


def test_halves_are_rounded_up(store):
    """0.5, 2.5 and 72.5 become 1, 3 and 73."""
    found = users_with(store, (1, 3, 5, 144, 145, 146, 147, 148, 149, 200, 200))

    assert [found[raw].score for raw in (1, 3, 5, 144, 145)] == [1, 2, 3, 72, 73]


def test_an_account_score_is_the_mean_rounded_once(store):
    """72.5 and 73.5 make 73, although each by itself would be rounded up; the inactive do not count."""
    fold(store, [JoinedRow(f"user {place}", "acme", NOON, "m") for place in (4, 6)])
    fold(store, [JoinedRow("bob", "acme", NOON, "m")])
    users_with(store, (1, 3, 5, 144, 145, 146, 147, 148, 149, 200, 200))

    acme = listed(store, "account", model(curve="linear-1"))["acme"]

    assert (acme.score, acme.raw_score, acme.active_users, acme.total_users) == (73, 292, 2, 2)


def test_a_pooled_score_compares_accounts(store):
    """Its benchmark is of accounts' own raw scores; what a child does counts for its parent all the same."""
    fold(store, [trait("account", "beta", "parent", "acme")])
    fold(store, acts("ana", "open", 10, account="acme") + acts("bob", "open", 20, account="beta"))

    found = listed(store, "account", model(curve="linear-1", account_score="pooled"))

    assert store.p90(model(account_score="pooled"), JUNE_1, "account") == 19
    assert {each: (row.raw_score, row.score) for each, row in found.items()} == {"acme": (30, 100), "beta": (20, 100)}


def test_a_change_compares_with_a_window_before(store):
    """Both ends are under the same model; nothing then counts as 0."""
    fold(store, acts("ana", "open", 4, at_us=NOON - 7 * DAY_US) + acts("bob", "open", 4))

    found = listed(store, "user", model(curve="linear-1"))

    assert {each: (row.score, row.score_change) for each, row in found.items()} == {"ana": (0, -100), "bob": (100, 100)}


def test_moves_tell_who_rose_fell_stopped_and_came(store):
    """Between two days each one moved in one way at most, and the flow between levels counts everyone."""
    week = NOON - 7 * DAY_US
    fold(store, [KnownRow("user", "eve"), *acts("ana", "open", 2, at_us=week), *acts("ana", "open", 4)])
    fold(store, [*acts("bob", "open", 4, at_us=week), *acts("cai", "open", 3), *acts("dan", "open", 4, at_us=week)])
    fold(store, acts("dan", "open", 1))
    chosen, week_ago = model(curve="linear-1"), JUNE_1 - timedelta(days=7)
    store.rescore([chosen], [week_ago, JUNE_1])

    moves = store.moves("user", chosen, (week_ago, JUNE_1), most=5)

    ways = {name: [move.tracking_id for move in getattr(moves, name).first] for name in ("rose", "fell", "stopped")}
    assert ways == {"rose": ["ana"], "fell": ["dan"], "stopped": ["bob"]}
    assert moves.came == Movers(1, [Move("cai", 0, moves.came.first[0].after)])
    assert sum(moves.flow.values()) == 5
    assert moves.flow["inactive", "inactive"] == 1
    assert moves.flow["most_engaged", "inactive"] == 1


def test_levels_and_acts_by_day(store):
    """Each scored day has its levels and the mean of active scores; what was done is counted by day, event and user."""
    fold(
        store,
        [JoinedRow("ana", "acme", NOON, "m"), *acts("ana", "open", 3), *acts("ana", "close", at_us=NOON - DAY_US)],
    )
    fold(store, [JoinedRow("bob", "acme", NOON, "m"), *acts("bob", "open")])
    chosen = model({"open": 1})
    store.rescore([chosen], [JUNE_1 - timedelta(days=1), JUNE_1])

    before, now = store.levels_by_day("user", chosen, (JUNE_1 - timedelta(days=1), JUNE_1))

    assert (before.most_engaged, before.average_score) == (0, 0)
    assert now.most_engaged + now.slightly_engaged + now.passive + now.least_engaged == 2
    assert now.average_score == pytest.approx(sum(row.score for row in listed(store, "user", chosen).values()) / 2)
    assert store.acts_by_day("account", "acme", chosen, (date(2026, 5, 31), JUNE_1)) == [
        DayActs(date(2026, 5, 31), "close", 1, 1),
        DayActs(JUNE_1, "open", 4, 2),
    ]


def test_a_cap_cuts_each_day_and_a_half_life_fades(store):
    """A cap of 3 counts 3 of 5; after seven days with a half-life of seven days they are worth half."""
    fold(store, acts("ana", "open", 5, at_us=NOON - 7 * DAY_US) + acts("ana", "open", 2))
    chosen = model(window_days=30, daily_cap=3, half_life_days=7.0)

    assert listed(store, "user", chosen)["ana"].raw_score == pytest.approx(3.5)
    assert [(part.times, part.raw) for part in store.parts("user", "ana", chosen, JUNE_1)] == [(5, pytest.approx(3.5))]


def test_frequency_adoption_and_users_of_an_account(store):
    """Days and events in the window, events ever, and who did anything in ninety days."""
    fold(store, [JoinedRow(user, "acme", NOON, "m") for user in ("ana", "bob", "cai")])
    fold(
        store,
        acts("ana", "open") + acts("ana", "open", at_us=NOON - DAY_US) + acts("ana", "share", at_us=NOON - 20 * DAY_US),
    )
    fold(store, acts("bob", "unscored", at_us=NOON - 89 * DAY_US) + acts("cai", "open", at_us=NOON - 90 * DAY_US))

    acme = listed(store, "account", model({"open": 1, "share": 2, "never": 3}))["acme"]

    assert (acme.frequency, acme.active_users, acme.total_users) == (2, 1, 2)
    assert (acme.adoption, acme.adoption_all_time) == (pytest.approx(100 / 3), pytest.approx(200 / 3))
    assert acme.last_active_us == NOON


def test_a_new_event_widens_adoption_at_once(store):
    """Where every event counts, a first event of its name lowers adoption on days that were scored before."""
    fold(store, acts("ana", "open"))
    listed(store, "user", model())
    fold(store, acts("bob", "share", at_us=NOON + DAY_US))

    rows, _ = store.numbers("user", model(), JUNE_1, ListQuery(search="ana"))

    assert rows[0].adoption == 50


# ---- attribution


def counted_for(store: EventStore, user: str) -> list[str | None]:
    """The accounts that a user's events count for, oldest event first."""
    return [row.account for row in reversed(store.latest_events("user", user, most=50))]


def test_a_late_group_call_repairs_history(store):
    """Activity before the user joined any account counts for the first one; the changed days are marked."""
    fold(store, acts("ana", "open") + acts("bob", "open", at_us=NOON + DAY_US))
    store.publish(Published(1, 1, NOON), clear_dirty=True)

    fold(store, [JoinedRow("ana", "acme", NOON + 5 * DAY_US, "m")])

    assert counted_for(store, "ana") == ["acme"]
    assert store.dirty_days() == [JUNE_1]
    assert listed(store, "account", model())["acme"].raw_score == 1
    assert store.totals().unattributed_users == 1


def test_who_moves_beside_a_newcomer_is_counted_again(store):
    """Of who was known before, earlier calls and events count, also where the batch brings somebody new."""
    fold(store, [JoinedRow("ana", "acme", NOON, "m1"), *acts("ana", "open", at_us=NOON + 2 * DAY_US)])
    fold(store, [JoinedRow(who, "beta", NOON + DAY_US, "m2") for who in ("ana", "bob")])

    assert [each.account for each in store.memberships("ana")] == ["acme", "beta"]
    assert counted_for(store, "ana") == ["beta"]
    assert listed(store, "account", model(), JUNE_1 + timedelta(days=2))["beta"].raw_score == 1


def test_an_event_at_the_moment_of_joining_counts_for_the_new_account(store):
    """A membership holds from its own microsecond on."""
    fold(store, [JoinedRow("ana", "acme", NOON, "m1"), JoinedRow("ana", "beta", NOON + 10, "m2")])
    fold(store, [ActedRow("ana", None, "open", NOON + moment) for moment in (-5, 9, 10, 11)])

    assert counted_for(store, "ana") == ["acme", "acme", "beta", "beta"]


def test_at_one_moment_the_larger_message_wins(store):
    """Two memberships of one moment are decided by their messageIds, not by their order."""
    fold(store, [JoinedRow("ana", "beta", NOON, "m2"), JoinedRow("ana", "acme", NOON, "m1")])
    fold(store, acts("ana", "open"))

    assert counted_for(store, "ana") == ["beta"]


def test_an_account_named_by_the_event_wins(store):
    """Such an event stays where it is when the user moves."""
    fold(store, [JoinedRow("ana", "acme", NOON, "m1")])
    fold(store, acts("ana", "open", account="beta") + acts("ana", "open", at_us=NOON + 1))
    fold(store, [JoinedRow("ana", "corp", NOON, "m2")])

    assert counted_for(store, "ana") == ["beta", "corp"]


def test_a_user_in_two_accounts_counts_in_each_for_what_was_done_there(store):
    """Each account scores its own part; the user has the whole."""
    fold(store, acts("ana", "open", 2, account="acme") + acts("ana", "open", 3, account="beta"))

    assert {each: row.raw_score for each, row in listed(store, "account", model()).items()} == {"acme": 2, "beta": 3}
    assert listed(store, "user", model())["ana"].raw_score == 5


# ---- hierarchy


def test_an_event_counts_once_for_every_account_above(store):
    """Three deep with a cycle at the top: each account once, and the cycle is told."""
    parents = [("team", "acme"), ("acme", "corp"), ("corp", "acme")]
    fold(store, [trait("account", child, "parent", parent) for child, parent in parents])
    fold(store, acts("ana", "open", 4, account="team") + acts("bob", "open", account="corp"))

    found = listed(store, "account", model())

    assert {each: row.raw_score for each, row in found.items()} == {"acme": 5, "corp": 5, "team": 4}
    assert store.parent_cycles() == [("acme", "corp")]
    assert store.daily_totals((JUNE_1, JUNE_1)) == {JUNE_1: 5}


def test_a_hierarchy_ends_after_ten_levels(store):
    """The tenth account above still counts, the eleventh does not."""
    fold(store, [trait("account", f"a{level:02}", "parent_group_id", f"a{level + 1:02}") for level in range(12)])
    fold(store, acts("ana", "open", account="a00"))

    raws = {each: row.raw_score for each, row in listed(store, "account", model()).items()}

    assert (raws["a10"], raws["a11"], raws["a12"]) == (1, 0, 0)


def test_a_new_parent_takes_all_of_history(store):
    """The days of the child's events are marked, and count for the new parent alone; the old one stays known."""
    fold(store, [trait("account", "team", "parent", "acme")])
    fold(store, acts("ana", "open", account="team"))
    store.publish(Published(1, 1, NOON), clear_dirty=True)

    fold(store, [trait("account", "team", "parent_group_id", 12, at_us=NOON + 1)])

    raws = {each: row.raw_score for each, row in listed(store, "account", model()).items()}
    assert (raws, store.dirty_days()) == ({"12": 1, "acme": 0, "team": 1}, [JUNE_1])


# ---- traits and lists


def test_a_cleared_trait_stays_cleared(store):
    """A null keeps its stamp, so that an older value that arrives late does not come back."""
    fold(store, [trait("user", "ana", "role", "admin"), trait("user", "ana", "role", None, at_us=NOON + 2)])
    fold(store, [trait("user", "ana", "role", "owner", at_us=NOON + 1)])
    assert store.traits("user", "ana") == {}

    fold(store, [trait("user", "ana", "role", "guest", at_us=NOON + 2, message_id="n")])
    assert store.traits("user", "ana") == {"role": "guest"}


def test_at_one_moment_the_larger_message_sets_the_trait(store):
    """Whichever comes first, and however the values compare; within one fold and across folds."""
    calls = [trait("user", "ana", "plan", "z", message_id="m1"), trait("user", "ana", "plan", "a", message_id="m2")]
    for each, rows in (("ana", calls), ("bob", calls[::-1])):
        for row in rows:
            fold(store, [msgspec.structs.replace(row, id=each)])
    fold(store, [msgspec.structs.replace(row, id="cai") for row in calls])

    assert [store.traits("user", each) for each in ("ana", "bob", "cai")] == [{"plan": "a"}] * 3


def test_one_call_with_two_values_keeps_the_larger_text(store):
    """The order of equal stamps does not decide, and null is less than any value."""
    for each, values in (("ana", (None, 1, 2)), ("bob", (2, 1, None))):
        for value in values:
            fold(store, [trait("user", each, "seats", value)])
        fold(store, [trait("user", f"{each} at once", "seats", value) for value in values])

    for each in ("ana", "bob", "ana at once", "bob at once"):
        assert store.traits("user", each) == {"seats": 2}


def test_names_and_creation_fall_back(store):
    """An account's name to its id, its creation to that of its users; a user's name to the e-mail, then the id."""
    fold(
        store,
        [
            JoinedRow("ana", "acme", NOON, "m"),
            JoinedRow("ana", "beta", NOON + 1, "m"),
            JoinedRow("bob", "beta", NOON, "m"),
        ],
    )
    fold(
        store,
        [trait("user", "ana", "email", "ana@acme.com"), trait("user", "ana", "createdAt", "2024-01-01T00:00:00Z")],
    )
    fold(store, [trait("user", "bob", "createdAt", 1_600_000_000), trait("account", "beta", "createdAt", "no date")])

    accounts, users = listed(store, "account", model()), listed(store, "user", model())

    assert (accounts["acme"].name, users["ana"].name, users["bob"].name) == ("acme", "ana@acme.com", "bob")
    assert accounts["acme"].created_us == strategies.moment_us("2024-01-01T00:00")
    assert accounts["beta"].created_us == users["bob"].created_us == 1_600_000_000_000_000
    assert users["ana"].account == "beta"


def test_rules_of_names_apply_at_once(store):
    """Another display name or creation trait is in the next answer, without a fold or scoring."""
    fold(store, [trait("account", "acme", "title", "Acme Ltd"), trait("account", "acme", "since", "2020-02-02")])
    assert listed(store, "account", model())["acme"].name == "acme"

    store.rules = StoreRules("UTC", display_name="title", created_at="since")

    acme = store.numbers("account", model(), JUNE_1, ListQuery())[0][0]
    assert (acme.name, acme.created_us) == ("Acme Ltd", strategies.moment_us("2020-02-02T00:00"))
    assert store.find("account", "name", "Acme Ltd") == "acme"


def test_the_excluded_are_gone_before_anything_is_counted(store):
    """No percentile, sum or list holds them, and an excluded account's users keep what they did elsewhere."""
    fold(store, acts("ana", "open", 8, account="acme") + acts("ana", "open", 2, account="beta"))
    fold(store, acts("bob", "open", 100, account="beta"))
    chosen = model(excluded_users=frozenset({"bob"}), excluded_accounts=frozenset({"acme"}))

    assert {each: row.raw_score for each, row in listed(store, "user", chosen).items()} == {"ana": 2}
    assert {each: row.raw_score for each, row in listed(store, "account", chosen).items()} == {"beta": 2}
    assert store.p90(chosen, JUNE_1) == 2
    assert store.parts("user", "bob", chosen, JUNE_1) == store.parts("account", "acme", chosen, JUNE_1) == []
    assert [(part.user, part.times) for part in store.parts("account", "beta", chosen, JUNE_1)] == [("ana", 2)]
    assert [act.times for act in store.acts_by_day("account", "beta", chosen, (JUNE_1, JUNE_1))] == [2]
    assert [day.weekly_active_users for day in store.series("account", "beta", chosen, (JUNE_1, JUNE_1))] == [1]


def test_provisional_ends_with_a_full_day_of_events(store):
    """The day on which scores were published is not over; the day after it tells."""
    fold(store, [*acts("ana", "open"), KnownRow("user", "bob")])
    store.publish(Published(1, 1, NOON), clear_dirty=True)
    assert {each: row.provisional for each, row in listed(store, "user", model()).items()} == {"ana": True, "bob": True}

    store.publish(Published(1, 1, NOON + DAY_US), clear_dirty=True)
    assert {each: row.provisional for each, row in listed(store, "user", model()).items()} == {
        "ana": False,
        "bob": True,
    }


def test_a_list_is_ranked_paged_and_searched(store):
    """By score, then raw score, then tracking_id; the total counts what is asked for, not the page."""
    fold(store, [KnownRow("user", each) for each in ("zoe", "dan")])
    fold(store, acts("cai", "open", 300) + acts("bob", "open", 200) + acts("ana", "open", 200) + acts("eva", "open"))
    listed(store, "user", model(curve="linear-1"))

    def page(**asked: Any) -> tuple[list[str], int]:
        rows, total = store.numbers("user", model(curve="linear-1"), JUNE_1, ListQuery(**asked))
        return [row.tracking_id for row in rows], total

    assert page() == (["cai", "ana", "bob", "eva", "dan", "zoe"], 6)
    assert page(sort="frequency") == (["cai", "ana", "bob", "eva", "dan", "zoe"], 6)
    assert page(limit=2, offset=2) == (["bob", "eva"], 6)
    assert page(limit=2, offset=6) == ([], 6)
    assert page(limit=0, level="inactive") == ([], 2)
    assert page(sort="activation") == (["cai", "ana", "bob", "eva", "dan", "zoe"], 6)
    assert page(sort="tracking_id", descending=False, search="A") == (["ana", "cai", "dan", "eva"], 4)
    assert page(tracking_ids=()) == ([], 0)
    with pytest.raises(ValueError, match="wealth"):
        page(sort="wealth")
    for asked in ({}, {"search": "A"}, {"tracking_ids": ("ana", "zoe")}):
        found = store.levels("user", model(curve="linear-1"), JUNE_1, ListQuery(**asked))
        assert found == {each: page(limit=0, level=each, **asked)[1] for each, _, _ in level_bounds(Levels())}


def test_what_is_kept_is_told_as_soon_as_it_changes(store):
    """Which days are scored, and what was published last, is never an answer of before, however often it was asked."""
    fold(store, acts("ana", "open"))
    assert (store.scored_days(1), store.published()) == ([], None)

    store.rescore([model()], [JUNE_1])
    assert store.scored_days(1) == [JUNE_1]
    with store.imagined([model()], [JUNE_1 - timedelta(days=1)]) as other:
        assert JUNE_1 - timedelta(days=1) in other.scored_days(1)
    assert store.scored_days(1) == [JUNE_1]
    for offset in (1, 2):
        store.publish(Published(offset, 1, NOON), clear_dirty=True)
        assert store.published() == Published(offset, 1, NOON)
    store.forget((JUNE_1, JUNE_1))
    assert store.scored_days(1) == []


def test_feature_use_counts_what_a_window_holds(store):
    """Events of a feature are counted for the account and those above it, whatever they weigh and however often."""
    fold(store, [trait("account", "west", "parent", "acme")])
    fold(store, [*acts("ana", "share", 3, account="acme"), *acts("ana", "export", 2, account="west")])
    fold(store, [*acts("bob", "share", 5, account="beta"), *acts("eve", "share", 7, account="acme")])
    asked_model = model(
        {"share": 1}, daily_cap=1, features={"share": "Sharing", "export": "Reports"}, excluded_users=frozenset(["eve"])
    )
    asked = [("acme", JUNE_1), ("acme", JUNE_1 + timedelta(days=7)), ("west", JUNE_1), ("nobody", JUNE_1)]

    found = store.feature_use(asked_model, asked)

    assert [(use.account, use.day, use.feature, use.times) for use in found] == [
        ("acme", JUNE_1, "Reports", 2),
        ("acme", JUNE_1, "Sharing", 3),
        ("west", JUNE_1, "Reports", 2),
    ]
    assert store.feature_use(asked_model, []) == []


# ---- days, messages, offsets


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-28T22:59:59", date(2026, 3, 28)),
        ("2026-03-28T23:00:00", date(2026, 3, 29)),
        ("2026-03-29T21:59:59", date(2026, 3, 29)),
        ("2026-03-29T22:00:00", date(2026, 3, 30)),
        ("2026-10-24T22:00:00", date(2026, 10, 25)),
        ("2026-10-25T22:59:59", date(2026, 10, 25)),
        ("2026-10-25T23:00:00", date(2026, 10, 26)),
        ("1969-12-31T23:30:00", date(1970, 1, 1)),
        ("2024-02-28T23:00:00", date(2024, 2, 29)),
    ],
)
def test_days_are_those_of_the_zone(engine, moment, day):
    """Berlin's days of 23 and 25 hours begin at midnight there, and windows end with them."""
    store = engine(StoreRules("Europe/Berlin"))
    fold(store, acts("ana", "open", at_us=strategies.moment_us(moment)))

    assert store.dirty_days() == [day]
    for days_later, raw in ((0, 1), (6, 1), (7, 0)):
        assert listed(store, "user", model(), day + timedelta(days=days_later))["ana"].raw_score == raw


def test_a_message_is_seen_for_exactly_its_window(store):
    """One microsecond less than seven days ago is a repeat, seven days ago is not; also after many more days."""
    window, digest, other_digest = store.rules.dedupe_us, b"a" * 16, b"a" * 15 + b"b"
    store.commit(FoldBatch(0, 1, [(digest, NOON)], [], [], [], [], [], []))

    assert store.seen([(digest, NOON + window - 1), (digest, NOON + window), (other_digest, NOON)]) == [
        True,
        False,
        False,
    ]
    assert store.seen([]) == []
    assert [store.counted_us(each, NOON) for each in (digest, other_digest)] == [NOON, None]
    assert store.counted_us(digest, NOON - 1) is None
    for day in range(1, 30):
        store.commit(FoldBatch(day, day + 1, [(other_digest, NOON + day * DAY_US)], [], [], [], [], [], []))
        assert store.counted_us(other_digest, NOON + day * DAY_US) == NOON + day * DAY_US
        assert store.seen([(other_digest, NOON + day * DAY_US + window - 1)]) == [True]


def test_a_fold_must_begin_where_the_last_one_ended(store):
    """A gap or a repetition is refused, and nothing of it is kept."""
    fold(store, acts("ana", "open"))
    before = store.digest()

    for first in (0, 2):
        with pytest.raises(ValueError, match="offset"):
            store.commit(FoldBatch(first, 3, [], [], acts("bob", "open"), [], [], [], []))

    assert (store.offset(), store.digest()) == (1, before)


def test_the_latest_fates_come_first(store):
    """Of every fate at least the latest two thousand are listed."""
    rows = [
        FateRow(at, NOON, NOON, "track", "ana", "", "open", "applied" if at % 1000 else "invalid")
        for at in range(25_000)
    ]
    for first in range(0, 25_000, 5_000):
        store.commit(FoldBatch(first, first + 5_000, [], [], [], [], [], rows[first : first + 5_000], []))

    assert [row.offset for row in store.fates(most=2_000)] == list(range(24_999, 22_999, -1))
    assert [row.offset for row in store.fates(most=50, fate="invalid")] == list(range(24_000, -1, -1_000))
    assert store.fates(most=1, offset=24_321) == [rows[24_321]]
    assert store.fates(most=1, offset=25_000) == []


def test_a_rare_reason_keeps_its_samples(store):
    """However many calls of the same fate came later, some of each reason stay; what has no code is no sample."""
    often, rarely = ("BAD_REQUEST", "M1"), ("BAD_REQUEST", "M2")
    rows = [
        FateRow(at, NOON, NOON, "track", "ana", "", "open", "invalid", reason[0], "", "", reason[1])
        for at, reason in enumerate([rarely] * 12 + [often] * 24_000 + [("", "")] * 3)
    ]
    for first in range(0, len(rows), 5_000):
        store.commit(FoldBatch(first, first + 5_000, [], [], [], [], [], rows[first : first + 5_000], []))

    samples = store.fates(most=10, of_each_reason=True)

    assert [(row.code, row.mapping) for row in samples] == [often] * 10 + [rarely] * 10
    assert [row.offset for row in samples[10:]] == list(range(11, 1, -1))
    assert store.fates(most=10, fate="applied", of_each_reason=True) == []
