"""Many rows at once: files of calls into the log, and a table's batches into a file of Parquet, CSV or JSON Lines."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from uptake.cli.data import Format
from uptake.control.exports import batch_of
from uptake.control.requests import Told
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.engines import now_us, open_ledger
from uptake.pipeline.import_csv import CsvPreview, CsvReading, import_csv, preview_csv
from uptake.pipeline.import_file import File, Imported, Ledger, file_at, import_file
from uptake.settings import Settings

Write = Callable[[pa.RecordBatch], None]


CSV_ENDS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def import_files(
    paths: Sequence[Path], settings: Settings, product: str | None, *, told: Told, again: bool, reading: CsvReading
) -> list[Imported]:
    """Import files one after the other, those that are CSV by their names as `reading` says."""
    with closing(open_ledger(settings, product)) as ledger:
        return [_imported(path, ledger, told, reading, again=again) for path in paths]


def _imported(path: Path, ledger: Ledger, told: Told, reading: CsvReading, *, again: bool) -> Imported:
    shown = _bar(path.name, told)
    if not is_csv(path):
        return import_file(path, ledger, again=again, told=shown)
    return import_csv(_csv_at(path), ledger, reading, again=again, told=shown)


def is_csv(path: Path) -> bool:
    """Does the file's name say that it is CSV?"""
    return path.name.lower().endswith(CSV_ENDS)


def csv_reading(kind: Kind | None, columns: Sequence[str]) -> CsvReading:
    """How CSV files are read, with columns told as `NAME=TARGET`.  Raises UptakeError."""
    told = {}
    for each in columns:
        name, equals, target = each.rpartition("=")
        if not equals:
            raise UptakeError("csv_mapping", f"--column expects NAME=TARGET, got {each!r}.")
        told[name] = target
    return CsvReading(kind, told)


def preview(path: Path, reading: CsvReading) -> CsvPreview:
    """What a CSV file would become.  Raises UptakeError."""
    return preview_csv(_csv_at(path), reading, now_us=now_us())


def _csv_at(path: Path) -> File:
    try:
        return file_at(path)
    except OSError as error:
        raise UptakeError("E007", f"{path} cannot be read: {error.strerror}.") from error


def _bar(name: str, told: Told) -> Callable[[int, int], None]:
    return lambda done, total: told.progress(done, total, name)


class TableFile:
    """A file in the making; it takes its name only when it is whole."""

    def __init__(self, path: Path, kind: Format) -> None:
        """path: `-` for standard output."""
        self._path, self._kind = path, kind
        self._fresh = path.with_name(f".{path.name}.part")
        self._opened = ExitStack()
        self._write: Write | None = None

    def __enter__(self) -> "TableFile":
        """Open the file.  Raises UptakeError (E007)."""
        try:
            to_stdout = str(self._path) == "-"
            self._out: BinaryIO = sys.stdout.buffer if to_stdout else self._opened.enter_context(self._fresh.open("wb"))
        except OSError as error:
            told = f"{self._path} cannot be written: {error.strerror}."
            raise UptakeError("E007", told, hint="Choose another file with --out.") from error
        return self

    def take(self, content: bytes) -> None:
        """Write one batch, as it came from `send_table`."""
        batch = batch_of(content)
        if self._write is None:
            self._write = self._writer(batch.schema)
        self._write(batch)

    def _writer(self, schema: pa.Schema) -> Write:
        if self._kind == "jsonl":
            return self._write_lines
        if self._kind == "csv":
            made = pyarrow.csv.CSVWriter(self._out, schema)
        else:
            made = pyarrow.parquet.ParquetWriter(self._out, schema, compression="zstd")
        writer: Any = self._opened.enter_context(made)
        return lambda batch: _write_filled(writer, batch)

    def _write_lines(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            if "traits" in row:  # JSON inside JSON would only be in the way
                row["traits"] = msgspec.Raw(row["traits"].encode())
            self._out.write(msgspec.json.encode(row) + b"\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file and give it its name, or leave nothing behind where something went wrong."""
        self._opened.close()
        if str(self._path) == "-":
            self._out.flush()
        elif error is None:
            os.replace(self._fresh, self._path)
        else:
            self._fresh.unlink(missing_ok=True)


def _write_filled(writer: Any, batch: pa.RecordBatch) -> None:
    """Write a batch unless it is the empty one that only tells the columns."""
    if batch.num_rows:
        writer.write_batch(batch)
