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
from uptake.core.errors import UptakeError
from uptake.engines import open_ledger
from uptake.pipeline.import_file import Imported, import_file
from uptake.settings import Settings

Write = Callable[[pa.RecordBatch], None]


def import_files(
    paths: Sequence[Path], settings: Settings, product: str | None, *, told: Told, again: bool
) -> list[Imported]:
    """Import files one after the other; see `import_file`."""
    with closing(open_ledger(settings, product)) as ledger:
        return [import_file(path, ledger, again=again, told=_bar(path.name, told)) for path in paths]


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
