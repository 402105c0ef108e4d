"""The embedded event store: one DuckDB file for a product and generation, owned by one process.

Writes come from one thread at a time, each in one transaction of the writing connection.  A read has a connection of
its own and one transaction, so that its answers come from one commit and no write waits for it, nor it for a write.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from uptake.core.conditions import Condition
from uptake.core.config import TraitType
from uptake.core.days import day_of
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, Point, ScoringModel
from uptake.core.traits import TraitForms, TraitValue
from uptake.stores.events.base import (
    ActedRow,
    EventStore,
    EventVolume,
    ExportTable,
    FateRow,
    FeatureUse,
    FoldBatch,
    GroupDay,
    GroupSize,
    ListQuery,
    OutcomeRow,
    Published,
    StoreRules,
    Totals,
)
from uptake.stores.events.change_sql import acts_by_day, levels_by_day, moves_between
from uptake.stores.events.changes import DayActs, DayLevels, Moves
from uptake.stores.events.compaction import LEAST_ROWS, compact_day, compact_ever_if_grown, grown_days
from uptake.stores.events.doubt_sql import doubtful_in, rhythms_in
from uptake.stores.events.doubts import Doubt, Doubtful, EventRhythm
from uptake.stores.events.duckdb_file import DuckFile, DuckSession
from uptake.stores.events.exports import DIGESTED, EXPORT_TEXTS, digest_of, export_batch
from uptake.stores.events.fold_sql import fold_batch, next_offset
from uptake.stores.events.group_sql import (
    accounts_of,
    first_day_of,
    group_history,
    group_size,
    member_traits,
    members_of,
)
from uptake.stores.events.list_sql import (
    FORGET,
    benchmark_of,
    days_scored,
    ids_matching,
    numbers_page,
    series_of,
    standings_of,
)
from uptake.stores.events.message_sql import seen_in
from uptake.stores.events.people_sql import rule_values
from uptake.stores.events.question_sql import (
    cycles_in,
    events_of,
    fates_in,
    found_by,
    outcomes_in,
    parts_of,
    totals_by_day,
    totals_in,
    trait_keys_of,
    traits_of,
    volumes_in,
)
from uptake.stores.events.schema import ADD_COLUMNS, COUNT_CURSORS, CREATE_TABLE, START_CURSOR, TABLES
from uptake.stores.events.score_sql import days_a_pass, rescore_days
from uptake.stores.events.trait_sql import forms_of, values_of
from uptake.stores.events.use_sql import use_of_features

DIRTY_DAYS = "select day from dirty_days order by day"
CLEAR_DIRTY = "delete from dirty_days"
PUBLISHED = "select next_offset, revision, as_of_us from published"
UNPUBLISH = "delete from published"
PUBLISH = "insert into published values ($offset, $revision, $as_of_us)"

SHADOWS = tuple(f"create temp table {table} ({TABLES[table]})" for table in ("scores", "benchmarks"))
"""Tables of these names that a connection finds before the stored ones."""

COMPACT_EVERY, COMPACT_DAYS = 50_000, 2
"""After so many events it is looked whether counts are worth adding up, and so many days are, for a fold must not wait
long."""


def _refused() -> AbstractContextManager[DuckSession]:
    raise RuntimeError("a store with imagined numbers is only read")


class DuckEventStore:
    """`EventStore` in a DuckDB file."""

    def __init__(
        self, path: Path, rules: StoreRules, *, generation: int, memory_limit: str = "1GB", threads: int = 2
    ) -> None:
        """Open the file, made if it is not there; its rows must have been folded under the same zone."""
        self.rules, self.generation = rules, generation
        self._file = DuckFile(path, memory_limit=memory_limit, threads=threads)
        self._reading: Callable[[], AbstractContextManager[DuckSession]] = self._file.reading
        self._writing: Callable[[], AbstractContextManager[DuckSession]] = self._file.writing
        self._uncompacted = COMPACT_EVERY
        with self._writing() as session:
            for table, columns in TABLES.items():
                session.run(CREATE_TABLE.format(table=table, columns=columns))
            for text in ADD_COLUMNS:
                session.run(text)
            if not session.rows(COUNT_CURSORS)[0][0]:
                session.run(START_CURSOR)

    # ---- folding
    def offset(self) -> int:
        """The next log offset to fold."""
        self._file.refuse_damaged()
        with self._reading() as session:
            return next_offset(session)

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """Which messages were counted in the dedupe window before."""
        with self._reading() as session:
            return seen_in(session, messages, dedupe_us=self.rules.dedupe_us)

    def commit(self, batch: FoldBatch) -> None:
        """Add the batch's rows and set the offset, all or nothing; then add up counts if they have grown."""
        with self._writing() as session:
            fold_batch(session, batch, zone=self.rules.time_zone, dedupe_us=self.rules.dedupe_us)
        self._uncompacted += len(batch.acted)
        if self._uncompacted >= COMPACT_EVERY:
            self.compact(most_days=COMPACT_DAYS)

    def compact(self, *, most_days: int | None = None) -> None:
        """Add up the parts of counts that have grown, those that grew most first; no answer changes by it."""
        with self._reading() as session:
            days = grown_days(session, least=LEAST_ROWS)
        for day in days[:most_days]:
            with self._writing() as session:
                compact_day(session, day)
        with self._writing() as session:
            compact_ever_if_grown(session, least=LEAST_ROWS)
        self._uncompacted = 0

    # ---- scoring
    def dirty_days(self) -> list[date]:
        """Days with changed counts, ascending."""
        with self._reading() as session:
            return [day for (day,) in session.rows(DIRTY_DAYS)]

    def rescore(self, models: Sequence[ScoringModel], days: Sequence[date], *, at_us: int = 0) -> None:
        """Compute and keep every number of the days."""
        once = list(dict.fromkeys(days))
        with self._reading() as session:
            step = days_a_pass(session)
        for at in range(0, len(once), step):
            with self._writing() as session:
                rescore_days(session, models, once[at : at + step], zone=self.rules.time_zone, at_us=at_us)

    def publish(self, published: Published, *, clear_dirty: bool) -> None:
        """Say which state the kept scores tell."""
        with self._writing() as session:
            session.run(UNPUBLISH)
            session.run(PUBLISH, **msgspec.structs.asdict(published))
            if clear_dirty:
                session.run(CLEAR_DIRTY)

    def published(self) -> Published | None:
        """What `publish` was told last."""
        with self._reading() as session:
            found = session.rows(PUBLISHED)
        return Published(*found[0]) if found else None

    def scored_days(self, workspace_id: int) -> list[date]:
        """The days that have kept numbers, ascending."""
        with self._reading() as session:
            return days_scored(session, workspace_id)

    def forget(self, days: tuple[date, date]) -> None:
        """Drop the numbers of some days."""
        with self._writing() as session:
            for text in FORGET:
                session.run(text, first=days[0], last=days[1])

    @contextmanager
    def imagined(self, models: Sequence[ScoringModel], days: Sequence[date]) -> Iterator[EventStore]:
        """The store with other models scored on some days, in tables that only this connection sees."""
        once = list(dict.fromkeys(days))
        with self._reading() as session:
            for text in SHADOWS:
                session.run(text)
            step = days_a_pass(session)
            for at in range(0, len(once), step):
                rescore_days(session, models, once[at : at + step], zone=self.rules.time_zone)
            other = copy(self)
            other._reading = lambda: nullcontext(session)
            other._writing = _refused
            yield other

    # ---- questions
    def numbers(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> tuple[list[Numbers], int]:
        """One page of the ranked list, and how many there are."""
        rules = self.rules
        with self._reading() as session:
            found = session.rows(PUBLISHED)
            newest = day_of(found[0][2], ZoneInfo(rules.time_zone)) if found else date.min + timedelta(days=1)
            full_day = newest - timedelta(days=1)
            return numbers_page(session, kind, model, day, query=query, rules=rules, full_day=full_day)

    def matching(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> list[str]:
        """The tracking ids that the condition holds for on a day, ascending."""
        with self._reading() as session:
            return ids_matching(session, kind, condition, model, day=day, rules=self.rules)

    def group_size(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> GroupSize:
        """How large the group is that the condition holds for."""
        with self._reading() as session:
            return group_size(session, kind, condition, model, day=day, rules=self.rules)

    def group_history(
        self, kind: Kind, condition: Condition, model: ScoringModel, days: tuple[date, date]
    ) -> list[GroupDay]:
        """The group day by day, scored days only."""
        with self._reading() as session:
            return group_history(session, kind, condition, model, days=days, rules=self.rules)

    def members_of(self, accounts: Collection[str]) -> list[str]:
        """Users who are in one of the accounts now, ascending."""
        with self._reading() as session:
            return members_of(session, accounts)

    def member_traits(self, account: str, key: str) -> dict[str, Any]:
        """User → value of a trait, of an account's members."""
        with self._reading() as session:
            return member_traits(session, account, key)

    def accounts_of(self, users: Collection[str]) -> list[str]:
        """Accounts that users have to do with, and those above, ascending."""
        with self._reading() as session:
            return accounts_of(session, users)

    def first_day_of(self, users: Collection[str], accounts: Collection[str]) -> date | None:
        """The first day with an event of one of them."""
        with self._reading() as session:
            return first_day_of(session, users, accounts)

    def standings(self, kind: Kind, model: ScoringModel, day: date) -> dict[str, tuple[int, float]]:
        """Tracking id → score and raw score of everyone with a score."""
        with self._reading() as session:
            return standings_of(session, kind, model, day)

    def p90(self, model: ScoringModel, day: date, kind: Kind = "user") -> float | None:
        """The 90th percentile behind the scores of a scored day."""
        with self._reading() as session:
            return benchmark_of(session, kind, model, day)

    def series(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[Point]:
        """Day by day, scored days only."""
        with self._reading() as session:
            return series_of(session, kind, tracking_id, model, days=days, rules=self.rules)

    def parts(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> list[Part]:
        """The addends of the raw score on a day."""
        with self._reading() as session:
            return parts_of(session, kind, tracking_id, model, day=day)

    def moves(self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, most: int) -> Moves:
        """What happened between two scored days."""
        with self._reading() as session:
            return moves_between(session, kind, model, days, most=most)

    def levels_by_day(self, kind: Kind, model: ScoringModel, days: tuple[date, date]) -> list[DayLevels]:
        """How levels stood by day."""
        with self._reading() as session:
            return levels_by_day(session, kind, model, days)

    def acts_by_day(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[DayActs]:
        """What one account or user did by day."""
        with self._reading() as session:
            return acts_by_day(session, kind, tracking_id, model, days=days)

    def feature_use(self, model: ScoringModel, asked: Collection[tuple[str, date]]) -> list[FeatureUse]:
        """How often each feature was used up to a day, by account, day and feature."""
        with self._reading() as session:
            return use_of_features(session, model, asked)

    def find(self, kind: Kind, match_type: str, match_value: str) -> str | None:
        """The tracking_id of who matches."""
        with self._reading() as session:
            return found_by(session, kind, (match_type, match_value), self.rules)

    def traits(self, kind: Kind, tracking_id: str) -> dict[str, Any]:
        """Trait key → value."""
        with self._reading() as session:
            return traits_of(session, kind, tracking_id)

    def trait_keys(self, kind: Kind) -> dict[str, int]:
        """Trait key → how many have it."""
        with self._reading() as session:
            return trait_keys_of(session, kind)

    def trait_forms(self, kind: Kind) -> list[TraitForms]:
        """How the values of every trait look."""
        with self._reading() as session:
            return forms_of(session, kind)

    def trait_values(self, kind: Kind, key: str, *, unfit: TraitType | None = None, most: int) -> list[TraitValue]:
        """The commonest values of a trait."""
        with self._reading() as session:
            return values_of(session, kind, key, unfit, most=most)

    def latest_events(self, kind: Kind, tracking_id: str, *, most: int) -> list[ActedRow]:
        """The latest events, newest first."""
        with self._reading() as session:
            return events_of(session, kind, tracking_id, most)

    def event_volumes(self) -> list[EventVolume]:
        """Every event ever counted, by name."""
        with self._reading() as session:
            return volumes_in(session)

    def daily_totals(self, days: tuple[date, date]) -> dict[date, int]:
        """Events per day of the whole product."""
        with self._reading() as session:
            return totals_by_day(session, days)

    def totals(self) -> Totals:
        """The product's size."""
        with self._reading() as session:
            return totals_in(session)

    def doubtful(self, doubt: Doubt, *, most: int) -> Doubtful:
        """Who is in doubt."""
        with self._reading() as session:
            return doubtful_in(session, doubt, most=most)

    def event_rhythms(self, days: tuple[date, date]) -> list[EventRhythm]:
        """On how many days each event was done."""
        with self._reading() as session:
            return rhythms_in(session, days)

    def parent_cycles(self) -> list[tuple[str, ...]]:
        """Cycles of parents, each once."""
        with self._reading() as session:
            return cycles_in(session)

    def fates(self, *, most: int, fate: str = "", of_each_reason: bool = False) -> list[FateRow]:
        """The latest folded calls, newest first."""
        with self._reading() as session:
            return fates_in(session, most, fate, of_each_reason=of_each_reason)

    def outcomes(self, *, since_us: int) -> list[OutcomeRow]:
        """Counters of fates by ten minutes."""
        with self._reading() as session:
            return outcomes_in(session, since_us)

    def export(self, table: ExportTable) -> Iterator[pa.RecordBatch]:
        """All rows of a table in a stable order, in batches."""
        with self._reading() as session:
            for batch in session.batches(EXPORT_TEXTS[table], **rule_values(self.rules)):
                yield export_batch(table, batch)

    def digest(self) -> dict[str, str]:
        """Table → a digest of its rows."""
        with self._reading() as session:
            return {table: digest_of(session, table) for table in DIGESTED}

    # ---- life
    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        return self._file.size_bytes()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
