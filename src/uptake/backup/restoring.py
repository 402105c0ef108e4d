"""Making a data folder from a backup: unpacked beside, checked whole, and only then put in place.

The event stores are not in a backup; the first start folds the log into new ones, and every number is as it was.
Sessions and links are not restored: one that was ended since must not let anybody in again.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from uptake.backup.containers import sync, unpack
from uptake.backup.erasing import erase_again, let_nobody_in
from uptake.backup.manifest import BASE, LOG, META, NAME, SECRET, Manifest, damaged, entry_of, manifest_of
from uptake.control.requests import Told
from uptake.core.erasure import Erasure
from uptake.core.errors import UptakeError
from uptake.engines import open_log
from uptake.stores.log.base import LogDamaged
from uptake.stores.meta.schema import HEAD

STAGED = ".restore"
MAY_LIE_THERE = {"lost+found"}


def restore_backup(backup: Path, data_dir: Path, told: Told, receipts: Sequence[Erasure] = ()) -> Manifest:
    """Make a data folder from a backup.  Raises UptakeError (E003, E005, E007, E012, E013); then nothing is left there.

    data_dir: an empty folder, or none.  receipts: of erasures, which are repeated on what the backup holds.
    """
    with _staging(data_dir.absolute()) as staged:
        told.progress(0, 2, "Unpacking")
        unpack(backup, staged)
        told.progress(1, 2, "Checking")
        manifest = manifest_of(staged / NAME)
        _check(staged, manifest)
        if receipts:
            erase_again(staged, receipts, told)
        let_nobody_in(staged)
        _put(staged, data_dir.absolute())
        told.progress(2, 2, "Restored")
    return manifest


@contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    """A folder inside the data folder, where one move puts a file in place; it is gone at the end."""
    staged = data_dir / STAGED
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted(path.name for path in data_dir.iterdir() if path.name not in MAY_LIE_THERE)
        if found:
            told = f"{data_dir} is not empty: {found[0]!r} lies there."
            raise UptakeError("E013", told, hint="Name a new folder with --data-dir; nothing was changed.")
        staged.mkdir(mode=0o700)
    except OSError as error:
        raise UptakeError("E003", f"{data_dir} cannot be written: {error.strerror or error}.") from error
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        with suppress(OSError):  # it holds what was restored
            data_dir.rmdir()


def _check(staged: Path, manifest: Manifest) -> None:
    """Is everything there, unchanged, and what the manifest says?"""
    names = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()} - {NAME}
    wanted = {file.name for file in manifest.files}
    if names != wanted or META not in names:
        raise damaged(f"{', '.join(sorted(names ^ wanted)) or META} is missing or not in the manifest")
    for file in manifest.files:
        if entry_of(file.name, staged / file.name) != file:
            raise damaged(f"{file.name} is not what was written")
    if manifest.schema > HEAD:
        told = f"the backup is of version {manifest.schema} and this Uptake knows {HEAD}."
        raise UptakeError("E005", told, hint=f"Install Uptake {manifest.uptake} or newer.")
    _check_offsets(staged, manifest)


def _check_offsets(staged: Path, manifest: Manifest) -> None:
    try:
        with closing(open_log(staged)) as log:
            for product in manifest.products:
                if (end := log.end(product.id)) != product.log_offset:
                    raise damaged(f"the log of {product.name!r} ends at {end} instead of {product.log_offset}")
    except LogDamaged as error:
        raise damaged(str(error)) from error


def _put(staged: Path, data_dir: Path) -> None:
    """Put everything in place; the meta store last, for it is what makes a folder an installation."""
    (staged / NAME).unlink()
    (staged / LOG).mkdir(mode=0o700, exist_ok=True)
    for path in [*staged.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        sync(path)
    for name in (LOG, BASE, SECRET, META):
        if (staged / name).exists():
            (staged / name).rename(data_dir / name)
    sync(data_dir)
