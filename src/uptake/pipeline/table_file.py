"""A table in the making as a file of Parquet, CSV or JSON Lines: batch by batch, whole as soon as it has its name.

What of Arrow writes a format is imported by its name when a file of it is begun: all of it takes fourteen megabytes.
"""

import importlib
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import msgspec
import pyarrow as pa

from uptake.core.errors import UptakeError

Format = Literal["parquet", "csv", "jsonl"]
FORMULA = r"^[=+\-@\t\r]"
"""A text that begins so would be taken for a formula by a spreadsheet."""

OBJECTS = ("traits", "properties", "context", "integrations", "extra")
"""Columns that are JSON objects."""

_Write = Callable[[pa.RecordBatch], None]


class TableFile:
    """A file in the making; it takes its name only when it is whole."""

    def __init__(self, path: Path, kind: Format, *, for_spreadsheets: bool = False) -> None:
        """path: `-` for standard output.  for_spreadsheets: texts that look like a formula get an apostrophe before
        them in CSV."""
        self._path, self._kind, self._safe = path, kind, for_spreadsheets and kind == "csv"
        self._fresh = path.with_name(f".{path.name}.part")
        self._opened = ExitStack()
        self._write: _Write | None = None

    def __enter__(self) -> "TableFile":
        """Open the file.  Raises UptakeError (E007)."""
        try:
            to_stdout = str(self._path) == "-"
            self._out: BinaryIO = sys.stdout.buffer if to_stdout else self._opened.enter_context(self._fresh.open("wb"))
        except OSError as error:
            told = f"{self._path} cannot be written: {error.strerror}."
            raise UptakeError("E007", told, hint="Choose another file with --out.") from error
        return self

    def take(self, batch: pa.RecordBatch) -> None:
        """Write one batch; an empty one tells the columns."""
        if self._write is None:
            self._write = self._writer(batch.schema)
        self._write(_safe(batch) if self._safe else batch)

    @property
    def size_bytes(self) -> int:
        """How much is written."""
        return self._out.tell()

    def _writer(self, schema: pa.Schema) -> _Write:
        if self._kind == "jsonl":
            return self._write_lines
        if self._kind == "csv":
            made = importlib.import_module("pyarrow.csv").CSVWriter(self._out, schema)
        else:
            parquet = importlib.import_module("pyarrow.parquet")
            made = parquet.ParquetWriter(self._out, schema, compression="zstd")
        writer: Any = self._opened.enter_context(made)
        return lambda batch: _write_filled(writer, batch)

    def _write_lines(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            for name in row.keys() & OBJECTS:  # JSON inside JSON would only be in the way
                row[name] = None if row[name] is None else msgspec.Raw(row[name].encode())
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


def _safe(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [_safe_texts(column) if pa.types.is_string(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _safe_texts(texts: pa.Array) -> pa.Array:
    compute = importlib.import_module("pyarrow.compute")
    dangerous = compute.match_substring_regex(texts, FORMULA)
    quoted = compute.binary_join_element_wise(pa.scalar("'"), texts, "")
    found: pa.Array = compute.if_else(compute.fill_null(dangerous, False), quoted, texts)
    return found
