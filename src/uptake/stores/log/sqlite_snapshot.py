"""The call log of one moment: all of its files together, so that offsets continue from file to file."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

from uptake.stores.snapshot import Snapshot

FILE_NAME = re.compile(r"calls-\d{4}-\d{2}\.sqlite")

TRIES = 50
WAIT_S = 0.1

_IS_CLOSED = "select exists (select 1 from sqlite_schema where type = 'trigger' and name = 'closed')"
_HAS_CALLS = "select exists (select 1 from requests)"
_NEXT = """
select max(
  coalesce((select first + calls from requests where product_id = ?1 order by first desc limit 1), 0),
  coalesce((select base from bases where product_id = ?1), 0))
"""


class LogSnapshot:
    """Every file of the log, held."""

    def __init__(self, folder: Path) -> None:
        """folder: of the log; may hold nothing.  Raises sqlite3.Error, TimeoutError."""
        for _ in range(TRIES):
            with ExitStack() as opened:
                self.files = _held(folder, opened)
                if _continues(self.files):
                    self._opened = opened.pop_all()
                    return
            time.sleep(WAIT_S)  # a month has just begun, and its file takes over
        raise TimeoutError(f"the files of the call log in {folder} do not follow one another")

    def end(self, product_id: int) -> int:
        """The product's next offset."""
        return max((int(file.rows(_NEXT, (product_id,))[0][0]) for file in self.files), default=0)

    def close(self) -> None:
        """Let the files go."""
        self._opened.close()


def _held(folder: Path, opened: ExitStack) -> list[Snapshot]:
    names = sorted(path.name for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)) if folder.is_dir() else []
    files: list[Snapshot] = []
    for name in names:
        files.append(Snapshot(folder / name))
        opened.callback(files[-1].close)
    return files


def _continues(files: list[Snapshot]) -> bool:
    """Was no file closed into the next one between the moments of the two?

    The newest must be open, for else a newer one exists; and calls stand only behind files that were closed.
    """
    closed = [bool(file.rows(_IS_CLOSED)[0][0]) for file in files]
    if closed and closed[-1]:
        return False
    return all(
        was_closed or not newer.rows(_HAS_CALLS)[0][0] for was_closed, newer in zip(closed, files[1:], strict=False)
    )
