"""The event store on ClickHouse: a database for a product and generation, on one server or a cluster.

Writes come from one thread of one process at a time; readers may be in any number of processes.  A read tells one
commit and one scoring.
"""

from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from uptake.stores.events.base import FoldBatch, StoreRules
from uptake.stores.events.clickhouse_compaction import compact
from uptake.stores.events.clickhouse_fold import fold_batch, next_offset
from uptake.stores.events.clickhouse_messages import forget_messages, seen_in
from uptake.stores.events.clickhouse_questions import READ_SECONDS, ClickHouseQuestions
from uptake.stores.events.clickhouse_session import ClickHouseDatabase, Connect
from uptake.stores.events.clickhouse_upkeep import drop_broken, drop_replaced, forget_broken, forget_folds
from uptake.stores.events.compaction import LEAST_ROWS

SIZE = "select coalesce(sum(bytes_on_disk), 0) from {parts} where database = $database and active"

COMPACT_EVERY, COMPACT_DAYS = 50_000, 2
"""After so many rows it is looked whether some are worth adding up, and so many days are, for a fold must not wait
long."""

ROWS_A_FOLD = 100
"""A fold counts as so many rows, for it leaves rows that tell of it, however small it is."""


class ClickHouseEventStore(ClickHouseQuestions):
    """`EventStore` on ClickHouse."""

    def __init__(
        self,
        connect: Connect,
        rules: StoreRules,
        *,
        database: str,
        generation: int,
        cluster: str = "",
        durable: bool = True,
    ) -> None:
        """Open the database, made if it is not there; its rows must have been folded under the same zone.

        cluster: a cluster of `system.clusters` on which tables are, '' for none.  durable: an insert is on disk when it
        returns.
        """
        self.rules, self.generation = rules, generation
        self._database = ClickHouseDatabase(connect, database, cluster=cluster, durable=durable)
        self._database.make()
        self._reading = self._database.session
        self._writing = self._database.session
        self._folding = partial(self._database.session, as_of=0)  # a fold says itself what it sees
        self._uncompacted = COMPACT_EVERY // 2  # a store that is opened often is looked at too
        self._writer = uuid4().hex

    # ---- folding
    def offset(self) -> int:
        """The next log offset to fold."""
        with self._reading() as session:
            return next_offset(session)

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """Which messages were counted in the dedupe window before."""
        with self._reading() as session:
            return seen_in(session, messages, dedupe_us=self.rules.dedupe_us)

    def commit(self, batch: FoldBatch) -> None:
        """Add the batch's rows and set the offset, all or nothing; then add up what has grown."""
        with self._folding() as session:
            fold_batch(session, batch, zone=self.rules.time_zone, writer=self._writer)
        self._uncompacted += ROWS_A_FOLD + len(batch.acted) + len(batch.traits) + len(batch.outcomes) + len(batch.fates)
        if self._uncompacted >= COMPACT_EVERY:
            self.compact(most_days=COMPACT_DAYS)

    def compact(self, *, most_days: int | None = None, least: int = LEAST_ROWS, seconds: int = READ_SECONDS) -> None:
        """Add up counts that have grown, those that grew most first, and drop what no answer needs any more.

        seconds: nobody reads for so long.  Raises FoldTaken if another process folds, too.
        """
        cluster = self._database.cluster
        with self._folding() as session:
            compact(session, self._writer, least=least, most_days=most_days)
        with self._writing() as session:
            horizon = forget_folds(session, seconds=seconds, cluster=cluster)
            drop_replaced(session, horizon, cluster=cluster)
            drop_broken(session, cluster=cluster)
            forget_broken(session, horizon, cluster=cluster)
            forget_messages(session, dedupe_us=self.rules.dedupe_us, cluster=cluster)
        self._uncompacted = 0

    # ---- life
    def size_bytes(self) -> int:
        """Bytes on disk, of all replicas."""
        with self._reading() as session:
            cluster = self._database.cluster
            parts = f"clusterAllReplicas({cluster}, system.parts)" if cluster else "system.parts"
            return int(session.rows(SIZE.format(parts=parts), database=self._database.name)[0][0])

    def close(self) -> None:
        """Give connections back."""
        self._database.close()
