"""The files that long work takes in and gives out: whose they are, and how long they are kept.

Where they lie is a `FileRoom`: the folder, or servers that every node of a cluster reaches.  What is being made or read
lies in a folder of this process, under a hidden name; a result is offered once it is whole.
"""

import logging
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from uptake.core.days import DAY_US
from uptake.core.errors import UptakeError
from uptake.pipeline.steps import Step, Work
from uptake.stores.files.base import FileRoom, FilesUnavailable, KeptFile
from uptake.stores.files.folder import FolderFiles

log_ = logging.getLogger("uptake.files")

_RESULT = re.compile(r"p(\d+)-j(\d+)-(\w+)-([\w.-]{1,120})")
BACKUP = "backup"
PIECE_BYTES = 512 * 1024


class Files:
    """The files of jobs, in a room, and the folder where they are made."""

    def __init__(
        self,
        scratch: Path | None = None,
        room: FileRoom | None = None,
        *,
        keep_days: int = 7,
        most_bytes: int = 2_000_000_000,
    ) -> None:
        """scratch: where files are made and read, by this process alone; made when it is needed, None for a folder that
        goes with the process.  room: None for the same folder, as much as fits.

        keep_days: how long a result is kept.  most_bytes: of one result.
        """
        if scratch is None:
            scratch = Path(tempfile.mkdtemp(prefix="uptake-files-"))
            weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        self._scratch, self.keep_days, self.most_bytes = scratch, keep_days, most_bytes
        self.room = room or FolderFiles(scratch)

    def _fresh(self, name: str) -> Path:
        self._scratch.mkdir(mode=0o700, exist_ok=True)
        return self._scratch / f".{name}"

    # ---- what jobs read
    def take_in(self, product_id: int, content: IO[bytes]) -> str:
        """Keep what a job is to read; returns the name under which `input` finds it.  Raises OSError, UptakeError
        (files_full), FilesUnavailable."""
        name = f"in-p{product_id}-{secrets.token_hex(8)}"
        path = self._fresh(name)
        try:
            path.touch(mode=0o600)
            with path.open("wb") as out:
                shutil.copyfileobj(content, out, PIECE_BYTES)
            for _ in self.room.keep(name, path):
                pass
        finally:
            path.unlink(missing_ok=True)
        return name

    @contextmanager
    def input(self, name: str) -> Iterator[Path]:
        """What a job reads, at a path of this machine for as long as the block lasts.  Raises UptakeError (E007),
        FilesUnavailable."""
        path = self._fresh(f"{secrets.token_hex(8)}-{Path(name).name}")
        try:
            pieces = self.room.read(name)
        except KeyError as error:
            raise UptakeError("E007", "the uploaded file is not kept any more.") from error
        try:
            path.touch(mode=0o600)
            with path.open("wb") as out:
                for piece in pieces:
                    out.write(piece)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def drop_input(self, name: str | None) -> None:
        """The job has read it; where it cannot be deleted now, it goes with what is too old."""
        if name:
            try:
                self.room.drop(name)
            except FilesUnavailable as error:
                log_.warning("file_stays", extra={"why": str(error)})

    # ---- what jobs make
    def making(self, product_id: int, job_id: int, what: str, ending: str) -> Path:
        """Where a job's result is made before it is offered; what an earlier run left behind goes.

        what: `export`, `backtest` or `backup`.
        """
        for path in self._scratch.glob(f".*j{job_id}-*"):
            _remove(path)
        return self._fresh(f"p{product_id}-j{job_id}-{what}-{ending}")

    def offer(self, path: Path) -> Work[KeptFile]:
        """Offer a result that was made at a path, a piece a step.  Raises UptakeError (files_full),
        FilesUnavailable."""
        name, size = path.name[1:], path.stat().st_size
        for taken in self.room.keep(name, path):
            yield Step(taken, size, "Keeping the file")
        return KeptFile(name, size, 0)

    def results(self, product_id: int) -> dict[int, KeptFile]:
        """The product's results by job, as long as they are kept.  Raises FilesUnavailable."""
        found = ((each, _RESULT.fullmatch(each.name)) for each in self.room.all())
        return {int(name[2]): each for each, name in found if name and int(name[1]) == product_id}

    def found(self, product_id: int, job_id: int) -> KeptFile | None:
        """A job's result, while it is kept.  Raises FilesUnavailable."""
        return self.results(product_id).get(job_id)

    def read(self, file: KeptFile) -> Iterator[bytes]:
        """The content in pieces.  Raises KeyError at once where it is gone, FilesUnavailable."""
        return self.room.read(file.name)

    # ---- taking away
    def drop_results(self, product_id: int, read: Collection[str] = ()) -> int:
        """Delete what tells of a product's users and accounts: its results, what nobody reads any more, and every
        backup; how many.  read: inputs of jobs that are yet to be done."""
        theirs = (f"p{product_id}-", f"in-p{product_id}-")
        gone = [
            each.name
            for each in self.room.all()
            if each.name not in read and (each.name.startswith(theirs) or f"-{BACKUP}-" in each.name)
        ]
        for name in gone:
            self.room.drop(name)
        return len(gone)

    def sweep(self, read: Collection[str], now_us: int) -> None:
        """Delete what is too old, or was left behind; read: inputs that somebody still needs.  Raises
        FilesUnavailable."""
        for each in self.room.all():
            days = self.keep_days if _RESULT.fullmatch(each.name) else 1
            if each.name not in read and now_us - each.kept_us > days * DAY_US:
                self.room.drop(each.name)
        self.room.clear(now_us - DAY_US)
        self._clear_scratch(now_us - DAY_US)

    def begin(self) -> None:
        """Nothing is being made yet: delete what a process that was killed left in the folder."""
        self._clear_scratch(None)

    def _clear_scratch(self, before_us: int | None) -> None:
        for path in list(self._scratch.glob(".*")):
            if before_us is None or path.stat().st_mtime_ns // 1000 < before_us:
                _remove(path)

    def close(self) -> None:
        """Give connections back."""
        self.room.close()


def shown_name(file: KeptFile) -> str:
    """What a result is called where it is downloaded.

    >>> shown_name(KeptFile("p1-j7-export-users-2026-11-23.csv", 5, 0))
    'users-2026-11-23.csv'
    """
    found = _RESULT.fullmatch(file.name)
    return found[4] if found else file.name


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
