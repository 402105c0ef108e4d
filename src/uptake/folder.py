"""The data folder: everything that an embedded installation keeps, and who may have it open.

    meta.sqlite            precious: products, configurations, keys
    log/                   precious: the calls, a file a month
    base.sqlite            precious: what calls meant that have left the log
    secret.key             precious: what texts of keys are encrypted under
    files/                 results of long work, for some days; uploads until they are read
    store/p1-g1.duckdb     derived: product 1, generation 1; made again from the log where it is missing
    lock, control.*        of the process that has the folder open

One process folds and scores, so one process at a time holds the lock; the kernel gives it back when the process dies.
"""

import fcntl
import json
import os
import re
import secrets
from pathlib import Path

from uptake.core.errors import UptakeError

_STORE = re.compile(r"p(\d+)-g(\d+)\.duckdb(\.wal)?")


class DataFolder:
    """A data folder that this process has the lock of."""

    def __init__(self, path: Path, role: str) -> None:
        """role: `server` or `command`, for the message that another process then gets.

        Makes the folder if it is not there.  Raises UptakeError (E003, E004).
        """
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "store").mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 200).decode(errors="replace")
            os.close(self._lock)
            raise _taken(self.path, holder) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps({"role": role, "pid": os.getpid()}).encode(), 0)

    def store_path(self, product_id: int, generation: int) -> Path:
        """The event store's file of a product and generation."""
        return self.path / "store" / f"p{product_id}-g{generation}.duckdb"

    def drop_store(self, product_id: int, generation: int) -> None:
        """Delete a generation's files, if there are any."""
        path = self.store_path(product_id, generation)
        for each in (path, path.with_name(path.name + ".wal")):
            each.unlink(missing_ok=True)

    def generations(self) -> list[tuple[int, int]]:
        """Product and generation of every event store in the folder."""
        names = (_STORE.fullmatch(path.name) for path in (self.path / "store").iterdir())
        return sorted({(int(name[1]), int(name[2])) for name in names if name})

    def close(self) -> None:
        """Let others have the folder."""
        os.close(self._lock)


def secret_of(path: Path, setting: str) -> bytes:
    """What texts are encrypted under: the setting, else a random one kept in the folder.  Raises UptakeError (E003)."""
    if setting:
        return setting.encode()
    file = path / "secret.key"
    try:
        if not file.exists():
            fresh = path / ".secret.key"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48) + "\n")
            fresh.rename(file)
        return file.read_text().strip().encode()
    except OSError as error:
        raise _unusable(path, error) from error


def is_installation(path: Path, *, has_meta: bool = True) -> bool:
    """Is there anything that Uptake wrote?  has_meta: the meta store is here and not in a server's database."""
    return (path / ("meta.sqlite" if has_meta else "store")).exists()


def _unusable(path: Path, error: OSError) -> UptakeError:
    told = f"the data folder {path} is not usable by uid {os.getuid()}: {error.strerror}."
    return UptakeError("E003", told, hint="Give it to this user, or set UPTAKE_DATA_DIR.")


def _taken(path: Path, holder: str) -> UptakeError:
    try:
        told = json.loads(holder)
        who = f"{told['role']} with process id {int(told['pid'])}"
    except (ValueError, KeyError, TypeError):
        who = "process"
    return UptakeError(
        "E004",
        f"Another {who} has the data folder {path} open.",
        hint="Stop it, or choose another folder with --data-dir.",
    )
