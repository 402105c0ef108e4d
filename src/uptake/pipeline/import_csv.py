"""Traits of users and accounts from CSV files: looked at first, then logged as calls like those of any import."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

import msgspec

from uptake.core.calls import Projection
from uptake.core.effects import Kind
from uptake.core.errors import Rejection, UptakeError
from uptake.pipeline.import_file import CHUNK_LINES, Chunk, File, Imported, Ledger, import_from, plain
from uptake.sources.base import Decoded, Incoming
from uptake.sources.csv_calls import CsvPlan, item_of, plan_of, read_rows
from uptake.sources.csv_table import CsvFault, CsvRow, CsvTable, CsvUnfit
from uptake.stores.log.base import LogUnavailable

SHOWN_CALLS = 10
SHOWN_FAULTS = 50


class Column(msgspec.Struct, frozen=True):
    """A column of a file and what it is taken for: `userId`, `groupId`, `timestamp`, `traits.…`, or '' for nothing."""

    name: str
    target: str


class CsvPreview(msgspec.Struct, frozen=True):
    """What a file would become.

    calls: of the first rows, in Segment's words.  rows: all of them; refused: those that would be, by code in `reasons`
    and the first with line and column in `faults`.
    """

    kind: Kind
    delimiter: str
    columns: Sequence[Column]
    calls: Sequence[dict[str, Any]]
    rows: int
    refused: int
    reasons: dict[str, int]
    faults: Sequence[CsvFault]


class CsvReading(msgspec.Struct, frozen=True):
    """How the rows of a CSV file are read: whose traits they are, and what columns are where names do not say it."""

    kind: Kind | None = None
    columns: Mapping[str, str] = {}

    source = "csv"

    @property
    def told_apart(self) -> str:
        """The same file read otherwise is another import."""
        return "csv" + msgspec.json.encode([self.kind, dict(self.columns)], order="deterministic").decode()

    def lines(self, stream: IO[bytes]) -> Iterator[tuple[CsvPlan, CsvRow | CsvFault]]:
        """Each row with the plan of its file.  Raises CsvUnfit."""
        table = CsvTable(stream)
        plan = self.plan(table)
        return ((plan, row) for row in table.rows())

    def plan(self, table: CsvTable) -> CsvPlan:
        """What the columns of a file are.  Raises CsvUnfit."""
        return plan_of(table.header, kind=self.kind, columns=self.columns)

    def chunk(self, lines: Sequence[tuple[CsvPlan, CsvRow | CsvFault]], after: int, incoming: Incoming) -> Chunk:
        """The calls of rows; `after` is no line here, since a row may have several."""
        rows = [row for _, row in lines]
        found = read_rows(lines[0][0], rows, incoming, [incoming.fresh_id() for _ in rows])
        decoded = Decoded()
        for index, each in enumerate(found):
            if isinstance(each, CsvFault):
                decoded.refused.append(Rejection(each.code, _place(each), each.message, index))
            else:
                decoded.calls.append(each)
        return Chunk(decoded, [row.line for row in rows])


def _place(fault: CsvFault) -> str:
    return fault.place.partition(", ")[2] or "row"


def preview_csv(file: File, reading: CsvReading, *, now_us: int) -> CsvPreview:
    """What a file would become; nothing is logged.  Raises UptakeError."""
    with _told_as_faults(file.name), file.open() as raw:
        table = CsvTable(plain(raw))
        plan = reading.plan(table)
        rows = table.rows()
        calls: list[dict[str, Any]] = []
        reasons: Counter[str] = Counter()
        faults: list[CsvFault] = []
        counted = 0
        while chunk := list(islice(rows, CHUNK_LINES)):
            counted += len(chunk)
            found = read_rows(plan, chunk, _unlogged(now_us), ["preview"] * len(chunk))
            for row, each in zip(chunk, found, strict=True):
                if isinstance(each, CsvFault):
                    reasons[each.code] += 1
                    faults += [each] if len(faults) < SHOWN_FAULTS else []
                elif isinstance(row, CsvRow) and len(calls) < SHOWN_CALLS:
                    calls.append(item_of(plan, row))
    return CsvPreview(
        kind=plan.kind,
        delimiter=table.delimiter,
        columns=[Column(*pair) for pair in zip(plan.header, plan.targets, strict=True)],
        calls=calls,
        rows=counted,
        refused=sum(reasons.values()),
        reasons=dict(sorted(reasons.items())),
        faults=faults,
    )


def _unlogged(now_us: int) -> Incoming:
    return Incoming(received_us=now_us, projection=Projection(), fresh_id=lambda: "preview")


def import_csv(
    file: File, ledger: Ledger, reading: CsvReading, *, again: bool, told: Callable[[int, int], None]
) -> Imported:
    """Append the calls of a file, plain or gzip, that no earlier run has appended; see `import_file`.

    Raises UptakeError: a code of the CSV, E007, log_unavailable.
    """
    with _told_as_faults(file.name):
        return import_from(file, ledger, reading, again=again, told=told)


@contextmanager
def _told_as_faults(name: str) -> Iterator[None]:
    try:
        yield
    except CsvUnfit as unfit:
        raise UptakeError(unfit.fault.code, f"{name}, {unfit}.", details=unfit.fault) from unfit
    except (OSError, EOFError, zlib.error) as error:
        raise UptakeError("E007", f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except LogUnavailable as error:
        hint = "Run the import again: it goes on where it stopped."
        raise UptakeError("log_unavailable", f"{error}.", hint=hint) from error
