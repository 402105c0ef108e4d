"""Making a backup, beside a running server or without one.

Nothing is asked of the server: SQLite lets a reader hold a moment of each file while others write.  The meta store's
moment is taken before the log's, so that whatever it says about the log (how far an import is, from which offset a
destination applies) is in the log that is kept; and the base snapshot's after it, so that calls which are leaving the
log are in one of them.  The event stores are left out: they are made again from the log.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from uptake import __version__
from uptake.backup.containers import Container, container
from uptake.backup.manifest import BASE, FORMAT, LOG, META, NAME, SECRET, FileEntry, Manifest, ProductEntry, entry_of
from uptake.control.requests import Told
from uptake.core.errors import UptakeError
from uptake.stores.log.sqlite_snapshot import LogSnapshot
from uptake.stores.snapshot import Snapshot

TRIES = 10

_SCHEMA = "select version_num from alembic_version"
_PRODUCTS = "select id, name, revision from products order by id"
_HAS_PIECES = "select exists (select 1 from pieces)"
_PRODUCT_IDS = "select id from products order by id"


def write_backup(data_dir: Path, out: Path, told: Told) -> Manifest:
    """Write a backup of an installation: every call that was acknowledged before this began is in it.

    out: a new file that ends with .tar.zst or .tar.gz, or a new folder.  Raises UptakeError (E007).
    """
    try:
        with (
            _held(data_dir) as (meta, log, base),
            container(out) as made,
            tempfile.TemporaryDirectory(prefix=".uptake-backup-", dir=out.absolute().parent) as staged,
        ):
            return _Writer(made, Path(staged), told).write(data_dir, meta, log, base)
    except (sqlite3.Error, TimeoutError) as error:
        raise UptakeError("E007", f"{data_dir} cannot be copied: {error}.", hint="Nothing was written.") from error


@contextmanager
def _held(data_dir: Path) -> Iterator[tuple[Snapshot, LogSnapshot, Snapshot | None]]:
    """Meta store, log and base snapshot of one moment; no snapshot where nothing is in it."""
    for _ in range(TRIES):
        with ExitStack() as opened:
            meta = opened.enter_context(closing(Snapshot(data_dir / META)))
            log = opened.enter_context(closing(LogSnapshot(data_dir / LOG)))
            with closing(Snapshot(data_dir / META)) as later:
                same = later.rows(_PRODUCT_IDS) == meta.rows(_PRODUCT_IDS)
            if same:  # the log holds no calls of a product that the meta store does not know
                yield meta, log, _base(data_dir, opened)
                return
    raise TimeoutError("products are made all the time")


def _base(data_dir: Path, opened: ExitStack) -> Snapshot | None:
    if not (data_dir / BASE).exists():
        return None
    base = opened.enter_context(closing(Snapshot(data_dir / BASE)))
    return base if base.rows(_HAS_PIECES)[0][0] else None


class _Writer:
    """Copies files one after the other, so that the copies never lie side by side."""

    def __init__(self, made: Container, staged: Path, told: Told) -> None:
        """staged: a folder for the copy in hand."""
        self._made, self._staged, self._told = made, staged, told

    def write(self, data_dir: Path, meta: Snapshot, log: LogSnapshot, base: Snapshot | None) -> Manifest:
        """Write every file, and the manifest as the last."""
        files = [self._copy(f"{LOG}/{file.path.name}", file) for file in log.files]
        if base:
            files.append(self._copy(BASE, base))
        files.append(self._copy(META, meta))
        if (data_dir / SECRET).exists():  # else it is given by a setting
            shutil.copyfile(data_dir / SECRET, self._staged / SECRET)
            files.append(self._add(SECRET, self._staged / SECRET))
        manifest = Manifest(
            format=FORMAT if base else 1,
            uptake=__version__,
            schema=meta.rows(_SCHEMA)[0][0],
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            products=tuple(
                ProductEntry(number, name, revision, log.end(number)) for number, name, revision in meta.rows(_PRODUCTS)
            ),
            files=tuple(files),
        )
        (self._staged / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        self._add(NAME, self._staged / NAME)
        return manifest

    def _copy(self, name: str, file: Snapshot) -> FileEntry:
        path = self._staged / file.path.name
        file.copy(path, lambda done, total: self._told.progress(done, total, f"Copying {name}"))
        return self._add(name, path)

    def _add(self, name: str, path: Path) -> FileEntry:
        entry = entry_of(name, path)
        self._made.add(name, path)
        return entry
