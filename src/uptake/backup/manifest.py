"""What a backup says of itself: the last thing written into it, so that one without it is known to be cut short."""

import hashlib
import re
from pathlib import Path

import msgspec

from uptake.core.errors import UptakeError

NAME = "manifest.json"
FORMAT = 2
"""1 has no base snapshot, and is read too; 2 is written only where there is one, which older releases do not know."""

META, SECRET, LOG, BASE = "meta.sqlite", "secret.key", "log", "base.sqlite"
_FILE_NAME = re.compile(r"meta\.sqlite|base\.sqlite|secret\.key|log/calls-\d{4}-\d{2}\.sqlite")


class FileEntry(msgspec.Struct, frozen=True):
    """One file: its path in the data folder, its size and its digest."""

    name: str
    bytes: int
    sha256: str


class ProductEntry(msgspec.Struct, frozen=True):
    """One product: the revision of its configuration, and how many calls of it the backup holds."""

    id: int
    name: str
    revision: int
    log_offset: int


class Manifest(msgspec.Struct, frozen=True):
    """A backup's content.

    format: of the backup.  uptake: the version that made it.  schema: of the meta store.  made_at: ISO 8601.
    """

    format: int
    uptake: str
    schema: str
    made_at: str
    products: tuple[ProductEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def has_secret(self) -> bool:
        """Is the key in it that texts of ingest keys are encrypted under?"""
        return any(file.name == SECRET for file in self.files)

    @property
    def has_base(self) -> bool:
        """Is there a base snapshot in it?"""
        return any(file.name == BASE for file in self.files)


def entry_of(name: str, path: Path) -> FileEntry:
    """What to write down about a file."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return FileEntry(name, path.stat().st_size, digest)


def is_expected(name: str) -> bool:
    """May a backup hold a file of this name?

    >>> [is_expected(each) for each in ("log/calls-2026-01.sqlite", "manifest.json", "../meta.sqlite", "log/notes")]
    [True, True, False, False]
    """
    return name == NAME or _FILE_NAME.fullmatch(name) is not None


def manifest_of(path: Path) -> Manifest:
    """The manifest in a file.  Raises UptakeError (E012)."""
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise damaged("its manifest is missing, so that it was cut short or is none") from error
    except msgspec.DecodeError as error:
        raise damaged(f"its manifest cannot be read: {error}") from error
    if manifest.format > FORMAT:
        told = f"the backup is of format {manifest.format} and this Uptake knows {FORMAT}."
        raise UptakeError("E005", told, hint=f"Install Uptake {manifest.uptake} or newer.")
    return manifest


def damaged(what: str) -> UptakeError:
    """The error for a backup that cannot be trusted."""
    return UptakeError("E012", f"The backup is damaged: {what}.", hint="Nothing was restored; take another one.")
