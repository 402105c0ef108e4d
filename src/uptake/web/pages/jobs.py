"""Long work as the pages show it: a row each, with its state in words, what came of it, and its log."""

from typing import Any

import msgspec

from uptake.pipeline.jobs import JOB_WORDS
from uptake.stores.meta.jobs import Job, JobKind
from uptake.web.pages.visit import Visit

TABLES = (
    ("users", "Users"),
    ("accounts", "Accounts"),
    ("daily_counts", "Events by day"),
    ("scores", "Scores"),
    ("memberships", "Memberships"),
    ("calls", "Calls"),
)
FORMATS = (("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet"))
BADGES = {"done": "good", "failed": "bad", "cancelled": ""}


class JobRow(msgspec.Struct, frozen=True):
    """A job as listed.  came: what came of it, in short; '' while nothing did.  file: the address of its result.

    page: the address where its result is read.
    """

    job: Job
    title: str
    came: str
    file: str
    page: str
    may_end: bool
    shown: bool


def job_row(visit: Visit, job: Job, *, kept: bool = False, shown: bool = False) -> JobRow:
    """A job as this reader sees it; kept: its file is still there.  shown: with its log."""
    mine = visit.may(power_of(visit, job.kind))
    backtested = job.kind == "backtest" and kept
    return JobRow(
        job=job,
        title=_title(job),
        came=_came(job) + ("; its file is not kept any more" if "bytes" in job.result and not kept else ""),
        file=visit.link("/settings/data/result", job=job.id) if kept and mine and not backtested else "",
        page=visit.link("/settings/backtest", job=job.id) if backtested and mine else "",
        may_end=mine and visit.running.jobs.may_end(job),
        shown=shown,
    )


def job_in(visit: Visit, kind: JobKind) -> Job | None:
    """The job of this kind that the address names, where the reader may see it."""
    number = job_number(visit.request.query_params.get("job", ""))
    job = visit.running.meta.jobs.one(visit.product.product_id, number)
    return job if job and job.kind == kind and visit.may(power_of(visit, kind)) else None


def job_number(text: str) -> int:
    """The number that an address or form names; 0 for none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def power_of(visit: Visit, kind: JobKind) -> Any:
    """Who may ask for work of a kind and have its result."""
    found = visit.running.jobs.kinds.get(kind)
    return found.power if found else "owner"


def _title(job: Job) -> str:
    request = job.request
    if job.kind == "export":
        return f"Export {dict(TABLES)[request['table']].lower()} as {dict(FORMATS)[request['format']]}"
    if job.kind == "erase":
        return "Erase a user" if request.get("kind") == "user" else "Erase an account"
    if job.kind == "import":
        return f"Import {request.get('name', 'a file')}"
    if job.kind == "rebuild" and request.get("due"):
        return "Rebuild for a changed configuration"
    return JOB_WORDS[job.kind]


def _came(job: Job) -> str:
    told = job.result
    if job.state != "done":
        return job.message
    match job.kind:
        case "rebuild":
            return f"generation {told['generation']} from {_many(told['calls'], 'call')}"
        case "recompute":
            return f"{_many(told['days'], 'day')} scored"
        case "export":
            return f"{_many(told['rows'], 'row')}, {size(told['bytes'])}"
        case "erase":
            return f"receipt {told['receipt']}: {_many(told['calls'], 'call')}, {_many(told['decisions'], 'decision')}"
        case "import" if told["skipped"]:
            return "imported before; nothing was added"
        case "import":
            refused = f", {told['refused']:,} refused" if told["refused"] else ""
            return f"{told['logged']:,} of {_many(told['lines'], 'row')} imported{refused}"
        case "backtest":
            return f"{_many(told['outcomes'], 'outcome')}, {told['churned']:,} churned"
        case "backup":
            return size(told["bytes"])


def _many(times: int, word: str) -> str:
    return f"{times:,} {word}{'' if times == 1 else 's'}"


def size(bytes_: int) -> str:
    """Bytes for people.

    >>> size(999), size(1_234_000), size(5_000_000_000)
    ('999 bytes', '1.2 MB', '5.0 GB')
    """
    for unit, worth in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if bytes_ >= worth:
            return f"{bytes_ / worth:.1f} {unit}"
    return f"{bytes_} bytes"
