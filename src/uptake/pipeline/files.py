"""The files that long work takes in and gives out: in a folder of their own, kept for some days and no longer.

A result's name says whose it is and what it holds; it is whole as soon as it has its name.
"""

import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Collection
from pathlib import Path

from uptake.core.days import DAY_US

_RESULT = re.compile(r"p(\d+)-j(\d+)-(\w+)-[\w.-]{1,120}")
BACKUP = "backup"


class Files:
    """A folder with the files of jobs; it is made when the first one comes."""

    def __init__(self, path: Path | None = None, *, keep_days: int = 7, most_bytes: int = 2_000_000_000) -> None:
        """path: None for a folder that goes with the process.

        keep_days: how long a result is kept.  most_bytes: of one result.
        """
        self._path, self.keep_days, self.most_bytes = path, keep_days, most_bytes

    def folder(self) -> Path:
        """The folder, made if it is not there.  Raises OSError."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="uptake-files-"))
            weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)
        self._path.mkdir(mode=0o700, exist_ok=True)
        return self._path

    def take_in(self, content: bytes) -> str:
        """Keep what a job is to read; returns the name under which `input` finds it.  Raises OSError."""
        name = f"in-{secrets.token_hex(8)}"
        fresh = self.folder() / f".{name}"
        fresh.touch(mode=0o600)
        fresh.write_bytes(content)
        fresh.rename(self.folder() / name)
        return name

    def input(self, name: str) -> Path:
        """What a job reads."""
        return self.folder() / Path(name).name

    def drop_input(self, name: str | None) -> None:
        """The job has read it."""
        if name and self._path is not None:
            self.input(name).unlink(missing_ok=True)

    def result(self, product_id: int, job_id: int, what: str, ending: str) -> Path:
        """Where a job's result goes; what: `export`, `backtest` or `backup`."""
        return self.folder() / f"p{product_id}-j{job_id}-{what}-{ending}"

    def found(self, product_id: int, job_id: int) -> Path | None:
        """A job's result, while it is kept."""
        theirs = f"p{product_id}-j{job_id}-"
        return next((path for path in self._results() if path.name.startswith(theirs)), None)

    def drop_results(self, product_id: int) -> int:
        """Delete what tells of a product's users and accounts: its results, and every backup; how many."""
        gone = [
            path for path in self._results() if path.name.startswith(f"p{product_id}-") or f"-{BACKUP}-" in path.name
        ]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def drop_half_made(self, job_id: int) -> None:
        """Delete what an earlier run of a job left behind."""
        for path in self.folder().glob(f".*j{job_id}-*"):
            _remove(path)

    def sweep(self, read: Collection[str], now_us: int) -> None:
        """Delete what is too old, or was left behind; read: inputs that somebody still needs."""
        if self._path is None or not self._path.is_dir():
            return
        results = set(self._results())
        for path in list(self._path.iterdir()):
            days = self.keep_days if path in results else 1
            if path.name not in read and now_us - path.stat().st_mtime_ns // 1000 > days * DAY_US:
                _remove(path)

    def _results(self) -> list[Path]:
        if self._path is None or not self._path.is_dir():
            return []
        return sorted(path for path in self._path.iterdir() if _RESULT.fullmatch(path.name))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
