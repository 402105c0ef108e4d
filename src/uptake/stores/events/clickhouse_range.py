"""A fold on ClickHouse as such: what is written down before it, its number and tokens, and what makes it count.

There are no transactions.  The range of the log and a hash of what it means are written down first, all rows carry the
fold's number, and a row of its own makes them count at last.  A fold that was begun and not ended is named among the
broken ones before the next begins, and so is one that follows upon a broken one; those never count, also if a process
that was thought dead goes on with one.  Inserts carry a token of range, content, table and fold, so that one whose
answer was lost may be sent again; on a cluster they carry none, and a fold whose answer was lost is a broken one.
"""

from typing import Any

import msgspec
import pyarrow as pa

from uptake.stores.events.clickhouse_schema import BY_DAYS, DAYS, NOT_BROKEN, TABLES, counted
from uptake.stores.events.clickhouse_session import ClickHouseSession

LAST_ENDED = f"(select coalesce(max(born), 0) from folds_rows where born {NOT_BROKEN})"
LOOK = f"""
select
  (select coalesce(max(born), 0) from begun_rows),
  (select groupArray((born, writer)) from begun_rows where born > {LAST_ENDED} and born {NOT_BROKEN}),
  (select groupArray((born, first_offset, next_offset)) from (
    select distinct born, first_offset, next_offset from folds_rows where born {NOT_BROKEN} order by born desc limit 2
  )),
  (select groupArray((part, base)) from (
    select part, max(born) as base from compacted_rows
    where part <> '{DAYS}' and born <= {LAST_ENDED} and born {NOT_BROKEN} group by part
  ))
"""
UNMARKED = "select day from ({days}) where day not in (select day from dirty_days)"
BROKEN = "select count() > 0 from broken_rows where born = $born"

ADDED = "insert into {table}_rows ({columns}, born) select {columns}, $born from ({source})"
ADDED_ON_BASE = "insert into {table}_rows ({columns}, born, base) select {columns}, $born, $base from ({source})"
ADDED_ON_BASES = f"""
insert into {{table}}_rows ({{columns}}, born, base)
select {{columns}}, $born, coalesce(base, 0) from ({{source}}) left join (
  select r.day as day, max(r.born) as base from compacted_rows r
  where r.part = '{DAYS}' and {counted("compacted_rows")} group by r.day
) using (day)
"""
"""Each day has a base of its own."""


class FoldTaken(Exception):
    """Another process folds into the store, and what this one wrote does not count."""


class Look(msgspec.Struct, frozen=True):
    """What folds have been up to.

    last_begun: the number of the latest, 0 for none.  unfinished: number and writer of each that was begun after the
    last one that ended.  ended: of the two latest that count, the latest first, number and range.  bases: part of
    `compacted_rows` → its base.
    """

    last_begun: int
    unfinished: list[tuple[int, str]]
    ended: list[tuple[int, int, int]]
    bases: dict[str, int]

    @property
    def as_of(self) -> int:
        """The number of the last fold that counts."""
        return self.ended[0][0] if self.ended else 0

    @property
    def next_offset(self) -> int:
        """The next log offset to fold."""
        return self.ended[0][2] if self.ended else 0

    @property
    def void(self) -> list[int]:
        """Folds that must never count: unfinished, or with a gap before them because the one before was broken."""
        torn = len(self.ended) > 1 and self.ended[0][1] != self.ended[1][2]
        return [born for born, _ in self.unfinished] + ([self.ended[0][0]] if torn else [])


def look_at(session: ClickHouseSession) -> Look:
    """What folds have been up to, in one statement."""
    last_begun, unfinished, ended, bases = session.rows(LOOK)[0]
    return Look(last_begun, unfinished, ended, dict(bases))


def settled(session: ClickHouseSession, writer: str) -> Look:
    """See to it that no fold which was begun and not ended ever counts, whoever may still be at it."""
    while (look := look_at(session)).void:
        columns = {"born": pa.array(look.void, pa.uint64()), "writer": [writer] * len(look.void)}
        session.add("broken_rows", pa.table(columns))
    return look


class Fold:
    """A fold that was begun: where its rows go, and under which number and tokens."""

    def __init__(self, session: ClickHouseSession, look: Look, *, after: int, content: str, writer: str) -> None:
        """look: settled.  content: says what is folded up to the offset `after`.  writer: nobody else's name."""
        self.session, self.born, self.writer = session, look.last_begun + 1, writer
        self._look = look
        self._range = {"first_offset": [look.next_offset], "next_offset": [after], "content": [content]}
        self._name = f"log:{look.next_offset}-{after}:{content}"
        self._steps = 0

    def begin(self) -> None:
        """Write down what is to be folded.  Raises FoldTaken if another process is at it, or was since the look."""
        self.add("begun", pa.table({**self._range, "writer": [self.writer]}))
        now = look_at(self.session)
        alone = now.last_begun == self.born and now.unfinished == [(self.born, self.writer)]
        if not alone or now.as_of != self._look.as_of:
            raise FoldTaken
        self.session.see(self.born)

    def end(self) -> None:
        """Make the rows count.  Raises FoldTaken if another process saw to it that they never do."""
        self.add("folds", pa.table(self._range))
        if self.session.rows(BROKEN, born=self.born)[0][0]:
            raise FoldTaken

    def add(self, table: str, rows: pa.Table) -> None:
        """Insert rows that were brought."""
        numbers = {"born": self.born}
        if TABLES[f"{table}_rows"].based:
            numbers["base"] = self._look.bases.get(table, 0)
        for name, number in numbers.items():
            rows = rows.append_column(name, pa.array([number] * rows.num_rows, pa.uint64()))
        self.session.add(f"{table}_rows", rows, token=self._token(table))

    def insert(self, table: str, columns: str, source: str, *, base: int | None = None, **values: Any) -> None:
        """Insert rows that a text yields.  base: other than that of the table, or of each row's day."""
        rows, text = f"{table}_rows", ADDED
        if TABLES[rows].based:
            text = ADDED_ON_BASES if base is None and rows in BY_DAYS else ADDED_ON_BASE
        on = self._look.bases.get(table, 0) if base is None else base
        text = text.format(table=table, columns=columns, source=source)
        self.session.run(text, token=self._token(table), born=self.born, base=on, **values)

    def mark(self, days: str) -> None:
        """Remember the days that a text yields as days with changed counts."""
        unmarked = self.session.rows(UNMARKED.format(days=days))
        if unmarked:
            self.add("dirty_days", pa.table({"day": pa.array([day for (day,) in unmarked], pa.date32())}))

    def _token(self, table: str) -> str:
        self._steps += 1
        return f"{self._name}:{table}:{self.born}:{self.writer}:{self._steps}"
