"""What became of accounts, as a CSV file tells it: churned or renewed, and on which day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import IO, Literal

import msgspec

from uptake.sources.csv_table import CsvFault, CsvRow, CsvTable, CsvUnfit
from uptake.sources.times import us_of

COLUMNS = ("account", "outcome", "date")
MOST_OUTCOMES = 100_000

OutcomeWord = Literal["churned", "renewed"]
WORDS: dict[str, OutcomeWord] = {"churned": "churned", "renewed": "renewed", "retained": "renewed"}


class Outcome(msgspec.Struct, frozen=True):
    """An account churned or renewed on a day; line: where the file says so, 0 for none."""

    account: str
    outcome: OutcomeWord
    day: date
    line: int = 0


class Outcomes(msgspec.Struct, frozen=True):
    """Outcomes in the file's order, and the rows that were refused."""

    rows: Sequence[Outcome]
    faults: Sequence[CsvFault]


def read_outcomes(stream: IO[bytes]) -> Outcomes:
    """Read a file with the columns account, outcome and date, in any order; others are ignored.

    A row that says the same as an earlier one is left out; one that contradicts it is refused.
    Raises CsvUnfit where the file as a whole cannot be read.
    """
    table = CsvTable(stream)
    places = _places(table.header)
    rows: dict[tuple[str, date], Outcome] = {}
    faults: list[CsvFault] = []
    for row in _at_most(table.rows()):
        found = row if isinstance(row, CsvFault) else _outcome(row, places)
        if isinstance(found, CsvFault):
            faults.append(found)
            continue
        known = rows.setdefault((found.account, found.day), found)
        if known.outcome != found.outcome:
            told = f"line {known.line} says {known.outcome} of the same account and day, this one {found.outcome}"
            faults.append(CsvFault("outcome_contradicts", found.line, places["outcome"] + 1, "outcome", told))
    return Outcomes(list(rows.values()), faults)


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [name.lower() for name in header]
    for column in COLUMNS:
        if column not in names:
            told = f"expected the columns account, outcome and date, got {', '.join(header)[:200]}"
            raise CsvUnfit(CsvFault("csv_column_missing", 1, 0, column, told))
    return {column: names.index(column) for column in COLUMNS}


def _at_most(rows: Iterator[CsvRow | CsvFault]) -> Iterator[CsvRow | CsvFault]:
    for number, row in enumerate(rows):
        if number == MOST_OUTCOMES:
            raise CsvUnfit(CsvFault("csv_too_large", row.line, 0, "", f"expected at most {MOST_OUTCOMES:,} rows"))
        yield row


def _outcome(row: CsvRow, places: dict[str, int]) -> Outcome | CsvFault:
    account, word, day = (row.cells[places[column]].strip() for column in COLUMNS)
    if not account:
        return CsvFault("bad_id", row.line, places["account"] + 1, "account", "expected an account's id, got nothing")
    if word.lower() not in WORDS:
        told = f"expected churned or renewed, got {word[:40]!r}"
        return CsvFault("bad_outcome", row.line, places["outcome"] + 1, "outcome", told)
    on = day_in(day)
    if on is None:
        told = f"expected a day as 2026-01-31, got {day[:40]!r}"
        return CsvFault("bad_timestamp", row.line, places["date"] + 1, "date", told)
    return Outcome(account, WORDS[word.lower()], on, row.line)


def day_in(value: object) -> date | None:
    """The day that a text or number names: a date, or a time as calls have it (the day in UTC); None for no other.

    >>> day_in("2026-01-31"), day_in("2026-01-31T23:00:00Z"), day_in("soon")
    (datetime.date(2026, 1, 31), datetime.date(2026, 1, 31), None)
    """
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
        return datetime.fromtimestamp(us_of(value) / 1e6, UTC).date()
    except (ValueError, OverflowError):
        return None
