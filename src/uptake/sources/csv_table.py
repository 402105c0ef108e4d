"""A CSV file as rows of texts, each with its line; what is wrong is a fault with line and column.

The file is UTF-8, with or without a byte order mark, and read as a stream; its delimiter is found out from its first
lines.  Quoting is RFC 4180's: a quoted cell may hold the delimiter, line ends, and doubled quotes.  What rows mean is
decided elsewhere (`uptake.sources.csv_calls`, `uptake.sources.outcomes`).
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec

DELIMITERS = (",", ";", "\t", "|")
MOST_COLUMNS = 500
LONGEST_LINE = 256 * 1024
"""Characters of one line; with more of them the file is hardly CSV."""

_SAMPLE_LINES = 50
_UNDECODED = re.compile("[\ud800-\udfff]")


class CsvFault(msgspec.Struct, frozen=True):
    """Why a row, or the file, is refused: code, line (1 is the file's first) and column (1 is the first; 0: no one).

    field: the column's name, '' for none.
    """

    code: str
    line: int
    column: int
    field: str
    message: str

    @property
    def place(self) -> str:
        """Where it is, in words."""
        column = f", column {self.column}" + (f" ({self.field})" if self.field else "") if self.column else ""
        return f"line {self.line}{column}"


class CsvUnfit(Exception):
    """The file as a whole cannot be read; becomes a value at the edge."""

    def __init__(self, fault: CsvFault) -> None:
        super().__init__(f"{fault.place}: {fault.message}")
        self.fault = fault


class CsvRow(msgspec.Struct, frozen=True):
    """A row: the line that it begins on, and as many cells as the header has columns."""

    line: int
    cells: Sequence[str]


class _Lent(io.RawIOBase):
    """A stream that stays open when its reader ends: it is the caller's to close."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; 0 at the end."""
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class CsvTable:
    """A file with its header read; `rows` reads on, once."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Raises CsvUnfit: no header, two columns of one name, not UTF-8, too many columns."""
        lent = io.BufferedReader(_Lent(stream))
        self._text = io.TextIOWrapper(lent, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._ahead = [line for _, line in zip(range(_SAMPLE_LINES), _lines_of(self._text), strict=False)]
        self.delimiter = delimiter_of(self._ahead)
        self._reader = csv.reader(self._lines(), delimiter=self.delimiter, strict=True)
        self.header: tuple[str, ...] = self._read_header()

    def _lines(self) -> Iterator[str]:
        yield from self._ahead
        self._ahead = []
        yield from _lines_of(self._text)

    def _read_header(self) -> tuple[str, ...]:
        found = next(self._records(), None)
        if isinstance(found, CsvFault):
            raise CsvUnfit(found)
        if found is None:
            raise CsvUnfit(CsvFault("csv_no_header", 1, 0, "", "expected a line with the columns' names, got nothing"))
        header = tuple(cell.strip() for cell in found.cells)
        if len(header) > MOST_COLUMNS:
            told = f"expected at most {MOST_COLUMNS} columns, got {len(header)}"
            raise CsvUnfit(CsvFault("csv_too_large", found.line, MOST_COLUMNS + 1, "", told))
        for index, name in enumerate(header):
            if name and name in header[:index]:
                told = f"expected each column's name once, got {name!r} again"
                raise CsvUnfit(CsvFault("csv_column_repeated", found.line, index + 1, name, told))
        return header

    def rows(self) -> Iterator[CsvRow | CsvFault]:
        """The rows below the header, empty lines left out; a row that cannot be read is a fault in its place."""
        columns = len(self.header)
        for record in self._records():
            if isinstance(record, CsvFault):
                yield record
                continue
            cells = list(record.cells)
            while len(cells) > columns and not cells[-1]:  # spreadsheets fill up with empty cells
                cells.pop()
            if len(cells) != columns:
                told = f"expected {columns} cells, as the header has, got {len(cells)}"
                yield CsvFault("csv_cells", record.line, min(columns, len(cells)) + 1, "", told)
            else:
                yield CsvRow(record.line, cells)

    def _records(self) -> Iterator[CsvRow | CsvFault]:
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield CsvFault("csv_quoting", line, 0, "", f"it cannot be read as CSV: {error}")
                continue
            if cells:
                yield _undecoded(line, cells) or CsvRow(line, cells)


def _undecoded(line: int, cells: Sequence[str]) -> CsvFault | None:
    for index, cell in enumerate(cells):
        if _UNDECODED.search(cell):
            told = "expected UTF-8, got other bytes: save the file as “CSV UTF-8”"
            return CsvFault("csv_not_utf8", line, index + 1, "", told)
    return None


def _lines_of(text: io.TextIOBase) -> Iterator[str]:
    """Lines with their ends; one that is far too long comes in pieces, which no reader takes for rows."""
    while line := text.readline(LONGEST_LINE):
        yield line.replace("\x00", "\ufffd")  # which the reader would refuse without saying where


def delimiter_of(lines: Sequence[str]) -> str:
    """The delimiter under which most of the lines have as many cells as the first one, and that is more than one.

    >>> delimiter_of(["id;plan", "acme;a, b", "beta;c"]), delimiter_of(["id", "acme"])
    (';', ',')
    """

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            counts = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        except csv.Error:
            return 0.0, 0
        columns = counts[0] if counts else 0
        return (counts.count(columns) / len(counts), columns) if columns > 1 else (0.0, 0)

    return max(DELIMITERS, key=fit)
