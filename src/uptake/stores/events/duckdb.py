"""The embedded event store: one DuckDB file for a product and generation, owned by one process.

Writes come from one thread at a time, each in one transaction of the writing connection.  A read has a connection of
its own and one transaction, so that its answers come from one commit and no write waits for it, nor it for a write.
Which days are scored, and what was published last, every page asks many times: that is remembered until it changes.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from uptake.core.scores import ScoringModel
from uptake.stores.events.adoption_sql import add_up_adoptions, drop_stages
from uptake.stores.events.base import (
    FoldBatch,
    Published,
    StoreRules,
)
from uptake.stores.events.compaction import LEAST_ROWS, compact_day, compact_ever_if_grown, grown_days
from uptake.stores.events.duckdb_file import DuckFile
from uptake.stores.events.fold_sql import fold_batch, next_offset
from uptake.stores.events.message_sql import seen_in
from uptake.stores.events.questions import StoreQuestions
from uptake.stores.events.remembered import Remembered
from uptake.stores.events.schema import ADD_COLUMNS, COUNT_CURSORS, CREATE_TABLE, START_CURSOR, TABLES
from uptake.stores.events.score_sql import days_a_pass, rescore_days
from uptake.stores.events.series_sql import FORGET

CLEAR_DIRTY = "delete from dirty_days"
UNPUBLISH = "delete from published"
PUBLISH = "insert into published values ($offset, $revision, $as_of_us)"

SHADOWS = tuple(f"create temp table {table} ({TABLES[table]})" for table in ("scores", "benchmarks"))

COMPACT_EVERY, COMPACT_DAYS = 50_000, 2
"""After so many events it is looked whether counts are worth adding up, and so many days are, for a fold must not wait
long."""


class DuckEventStore(StoreQuestions):
    """`EventStore` in a DuckDB file."""

    shadows = SHADOWS

    def __init__(
        self, path: Path, rules: StoreRules, *, generation: int, memory_limit: str = "1GB", threads: int = 2
    ) -> None:
        """Open the file, made if it is not there; its rows must have been folded under the same zone."""
        self.rules, self.generation = rules, generation
        remembered = Remembered()
        self._remembered, self._changing = remembered, remembered.changing
        self._file = DuckFile(path, memory_limit=memory_limit, threads=threads)
        self._reading = self._file.reading
        self._writing = self._file.writing
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
        self._file.trim()

    # ---- scoring
    def rescore(self, models: Sequence[ScoringModel], days: Sequence[date], *, at_us: int = 0) -> None:
        """Compute and keep every number of the days."""
        once = list(dict.fromkeys(days))
        with self._reading() as session:
            step = days_a_pass(session)
        with self._writing() as session:
            add_up_adoptions(session, models)
        for at in range(0, len(once), step):
            with self._changing(), self._writing() as session:
                rescore_days(session, models, once[at : at + step], zone=self.rules.time_zone, at_us=at_us)
        with self._writing() as session:
            drop_stages(session, models)
        self._file.trim()

    def publish(self, published: Published, *, clear_dirty: bool) -> None:
        """Say which state the kept scores tell."""
        with self._changing(), self._writing() as session:
            session.run(UNPUBLISH)
            session.run(PUBLISH, **msgspec.structs.asdict(published))
            if clear_dirty:
                session.run(CLEAR_DIRTY)

    def forget(self, days: tuple[date, date]) -> None:
        """Drop the numbers of some days."""
        with self._changing(), self._writing() as session:
            for text in FORGET:
                session.run(text, first=days[0], last=days[1])

    # ---- life
    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        return self._file.size_bytes()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
