"""The meta store's promise about long work: what was asked for, how far it is, and what came of it."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from uptake.stores.meta.audit import Entry

JobKind = Literal["rebuild", "recompute", "import", "export", "erase", "backtest", "backup"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
OVER: tuple[JobState, ...] = ("done", "failed", "cancelled")

KEPT_JOBS = 200
"""How many finished jobs of a product are kept."""

MOST_LINES = 200
MOST_LINE = 300
"""Lines of a job's log, the latest ones, and characters of each."""


class Line(msgspec.Struct, frozen=True):
    """A line of a job's log; it names no user, no account and no trait."""

    at_us: int
    words: str


class Job(msgspec.Struct, frozen=True):
    """A piece of long work.

    by: who asked; moments are µs since 1970 UTC.  request: what exactly, by kind.  done, total, words: how far it is,
    and with what; total 0 where that cannot be told.  place: from where it goes on after a restart, by kind.  result:
    numbers, and the `file` that came of it.  code, message: why it failed.  attempts: how often it broke off.  cancel:
    somebody asked to end it.
    """

    id: int
    product_id: int
    kind: JobKind
    by: str
    asked_us: int
    request: dict[str, Any] = {}
    state: JobState = "waiting"
    begun_us: int | None = None
    done_us: int | None = None
    done: int = 0
    total: int = 0
    words: str = ""
    place: dict[str, Any] = {}
    result: dict[str, Any] = {}
    code: str = ""
    message: str = ""
    log: tuple[Line, ...] = ()
    attempts: int = 0
    cancel: bool = False

    @property
    def over(self) -> bool:
        """Is nothing more to be done?"""
        return self.state in OVER

    @property
    def percent(self) -> int | None:
        """How far it is; None where that cannot be told."""
        return min(100, 100 * self.done // self.total) if self.total else None

    def noted(self, at_us: int, words: str) -> "Job":
        """The job with one more line in its log."""
        line = Line(at_us, words if len(words) <= MOST_LINE else words[: MOST_LINE - 1] + "…")
        return msgspec.structs.replace(self, log=(*self.log[1 - MOST_LINES :], line))


class TooManyJobs(Exception):
    """So many are open already that nothing was added."""


class JobStore(Protocol):
    """Safe for several threads and, on one machine, several processes."""

    def all(self, product_id: int) -> Sequence[Job]:
        """A product's jobs, the newest first."""

    def one(self, product_id: int, job_id: int) -> Job | None:
        """The product's job with this id."""

    def unfinished(self) -> Sequence[Job]:
        """Every product's jobs that are not over, by id."""

    def add(self, job: Job, entry: Entry | None, *, most: int) -> Job:
        """Keep a job; the id is given here.  The meta store's revision grows, and old finished jobs go.

        most: unfinished jobs of the product.  Raises TooManyJobs.
        """

    def begin(self, job: Job) -> bool:
        """As `keep`, where nobody has asked that the job end; False where somebody has, and nothing is kept."""

    def keep(self, job: Job) -> None:
        """Put a job in the place of the one with its id; whether its end was asked for stays as it was."""

    def ask_cancel(self, product_id: int, job_id: int, entry: Entry) -> Job:
        """Write down that an unfinished job shall end.  The revision grows.  Raises KeyError."""
