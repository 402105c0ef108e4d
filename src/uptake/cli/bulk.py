"""Many rows at once: files of calls into the log, and a table's batches into a file of Parquet, CSV or JSON Lines."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from uptake.control.exports import batch_of
from uptake.control.requests import Told
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.engines import now_us, open_ledger
from uptake.pipeline import table_file
from uptake.pipeline.import_csv import CsvPreview, CsvReading, import_csv, preview_csv
from uptake.pipeline.import_file import File, Imported, Ledger, file_at, import_file
from uptake.settings import Settings

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


class TableFile(table_file.TableFile):
    """A file in the making, of batches as they came from `send_table`."""

    def take_bytes(self, content: bytes) -> None:
        """Write one batch."""
        self.take(batch_of(content))
