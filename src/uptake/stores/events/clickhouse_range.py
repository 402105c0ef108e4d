"""A fold on ClickHouse as such: what is written down before it, its number and tokens, and what makes it count.

There are no transactions.  The range of the log and a hash of what it means are written down first, all rows carry the
fold's number, and a row of its own makes them count at last.  A fold that was begun and not ended is named among the
broken ones before the next begins; those never count, also if a process that was thought dead goes on with one.
Inserts carry a token of range, content, table and fold, so that one whose answer was lost may be sent again.
"""

from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from uptake.stores.events.base import FoldBatch
from uptake.stores.events.clickhouse_schema import NOT_BROKEN
from uptake.stores.events.clickhouse_session import ClickHouseSession

UNFINISHED = f"""
select born from begun_rows
where born > (select coalesce(max(born), 0) from folds_rows where born {NOT_BROKEN}) and born {NOT_BROKEN} order by born
"""
LAST_BEGUN = "select coalesce(max(born), 0) from begun_rows"
OTHERS = "select count() > 0 from begun_rows where born >= $born and writer <> $writer"
UNMARKED = "select day from ({days}) where day not in (select day from dirty_days)"
BROKEN = "select count() > 0 from broken_rows where born = $born"


class FoldTaken(Exception):
    """Another process folds into the store, and what this one wrote does not count."""


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

    def mark(self, days: str) -> None:
        """Remember the days that a text yields as days with changed counts."""
        unmarked = self.session.rows(UNMARKED.format(days=days))
        if unmarked:
            self.add("dirty_days", pa.table({"day": pa.array([day for (day,) in unmarked], pa.date32())}))

    def _token(self, table: str) -> str:
        self._steps += 1
        return f"{self._name}:{table}:{self.born}:{self.writer}:{self._steps}"


def break_unfinished(session: ClickHouseSession, writer: str) -> None:
    """See to it that no fold which was begun and not ended ever counts, whoever may still be at it."""
    unfinished = [born for (born,) in session.rows(UNFINISHED)]
    if unfinished:
        columns = {"born": pa.array(unfinished, pa.uint64()), "writer": [writer] * len(unfinished)}
        session.add("broken_rows", pa.table(columns))
    session.see(None)
