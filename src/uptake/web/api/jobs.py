"""Handlers of long work: what there is, asking for it, ending it, and the files that come of it.

All of them need a management token.  A backup holds every product, so that no token of one makes or has it.
"""

from typing import Literal

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Stream

from uptake.core.days import iso_ms
from uptake.core.errors import UptakeError
from uptake.pipeline.exports import Table
from uptake.pipeline.product import RunningProduct
from uptake.stores.files.base import KeptFile
from uptake.stores.meta.jobs import Job
from uptake.web.api.bodies import read_body
from uptake.web.api.operation import CHANGE, Operation
from uptake.web.problems import AnyRequest, Refused
from uptake.web.results import result_of, results_of, sent
from uptake.web.site import changed_by, managed_product_of, site_of

MOST_LISTED = 100


class JobAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Long work that is asked for; table and format are an export's.  calls: as the log keeps them."""

    kind: Literal["rebuild", "recompute", "export"]
    table: Table = "users"
    format: Literal["csv", "jsonl", "parquet"] = "csv"


class JobLine(msgspec.Struct, frozen=True):
    """A line of a job's log."""

    at: str
    words: str


class JobEntry(msgspec.Struct, frozen=True):
    """A piece of long work.

    done, total, words: how far it is, and with what; total 0 where that cannot be told.  numbers: what came of it.
    file: the address of what it made, while that is kept.  code, message: why it failed.  ending: somebody asked that
    it ends.
    """

    id: int
    kind: str
    by: str
    state: str
    done: int
    total: int
    words: str
    ending: bool
    numbers: dict[str, int]
    file: str | None
    code: str
    message: str
    asked_at: str
    begun_at: str | None
    done_at: str | None
    log: list[JobLine] | msgspec.UnsetType = msgspec.UNSET


class JobAnswer(msgspec.Struct, frozen=True):
    """One job, with its log where it was asked for by its number."""

    job: JobEntry


class JobsAnswer(msgspec.Struct, frozen=True):
    """The latest jobs, newest first."""

    data: list[JobEntry]


@get("/v2/jobs", sync_to_thread=True)
def jobs(request: AnyRequest) -> JobsAnswer:
    """The product's long work, the newest first."""
    product = managed_product_of(request)
    running = site_of(request).running
    found = list(running.meta.jobs.all(product.product_id)[:MOST_LISTED])
    kept = results_of(running, product.product_id, found)
    return JobsAnswer([_entry(each, kept.get(each.id)) for each in found])


@post("/v2/jobs", status_code=200, sync_to_thread=True)
def ask(request: AnyRequest, body: RawBody) -> JobAnswer:
    """Ask for long work."""
    product = managed_product_of(request)
    asked = read_body(body, JobAsked)
    wanted = {"table": asked.table, "format": asked.format} if asked.kind == "export" else {}
    try:
        job = site_of(request).running.jobs.ask(product.product_id, asked.kind, wanted, by=changed_by(request))
    except UptakeError as error:
        raise Refused(error.code, error.message) from error
    return JobAnswer(_entry(job))


@get("/v2/jobs/{job_id:str}", sync_to_thread=True)
def job(request: AnyRequest, job_id: FromPath[str]) -> JobAnswer:
    """One job with its log."""
    _, found = _found(request, job_id)
    lines = [JobLine(iso_ms(line.at_us), line.words) for line in found.log]
    kept = result_of(site_of(request).running, found)
    return JobAnswer(msgspec.structs.replace(_entry(found, kept), log=lines))


@post("/v2/jobs/{job_id:str}/cancel", status_code=200, sync_to_thread=True)
def cancel(request: AnyRequest, job_id: FromPath[str]) -> JobAnswer:
    """Ask that a job ends at its next step."""
    product, found = _found(request, job_id)
    try:
        ended = site_of(request).running.jobs.cancel(product.product_id, found.id, by=changed_by(request))
    except UptakeError as error:
        raise Refused(error.code, error.message) from error
    return JobAnswer(_entry(ended))


@get("/v2/jobs/{job_id:str}/file", sync_to_thread=True)
def job_file(request: AnyRequest, job_id: FromPath[str]) -> Stream:
    """The file that a job made, while it is kept."""
    _, found = _found(request, job_id)
    running, headers = site_of(request).running, {"Cache-Control": "no-store"}
    file = sent(running, found, by=changed_by(request), headers=headers) if found.kind != "backup" else None
    if file is None:
        raise Refused("no_result", "the job made no file that a token of the product may have, or it is gone")
    return file


def _found(request: AnyRequest, job_id: str) -> tuple[RunningProduct, Job]:
    product = managed_product_of(request)
    number = int(job_id) if job_id.isascii() and job_id.isdigit() and len(job_id) < 10 else 0
    found = site_of(request).running.meta.jobs.one(product.product_id, number)
    if found is None:
        raise Refused("unknown_job", f"the product has no job {job_id!r}")
    return product, found


def _entry(job: Job, kept: KeptFile | None = None) -> JobEntry:
    """kept: what it made, where that is kept."""
    return JobEntry(
        id=job.id,
        kind=job.kind,
        by=job.by,
        state=job.state,
        done=job.done,
        total=job.total,
        words=job.words,
        ending=job.cancel and not job.over,
        numbers={name: value for name, value in job.result.items() if type(value) is int},
        file=f"/v2/jobs/{job.id}/file" if kept and job.kind != "backup" else None,
        code=job.code,
        message=job.message,
        asked_at=iso_ms(job.asked_us),
        begun_at=None if job.begun_us is None else iso_ms(job.begun_us),
        done_at=None if job.done_us is None else iso_ms(job.done_us),
    )


JOB_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v2/jobs",
        "listJobs",
        "Long work: what goes on, and what came of it",
        JobsAnswer,
        None,
        ("read_only_token",),
        managed=True,
    ),
    Operation(
        "/v2/jobs",
        "askJob",
        "Ask for long work; the answer does not wait for it",
        JobAnswer,
        errors=(*CHANGE, "too_many_jobs", "job_impossible"),
        method="POST",
        body=JobAsked,
    ),
    Operation(
        "/v2/jobs/{job_id}",
        "getJob",
        "One piece of long work with its log",
        JobAnswer,
        None,
        ("read_only_token", "unknown_job"),
        managed=True,
    ),
    Operation(
        "/v2/jobs/{job_id}/cancel",
        "cancelJob",
        "Ask that long work ends at its next step; it leaves nothing behind",
        JobAnswer,
        errors=("read_only_token", "unknown_job", "job_over", "job_goes_on"),
        method="POST",
    ),
    Operation(
        "/v2/jobs/{job_id}/file",
        "getJobFile",
        "The file that long work made, while it is kept",
        None,
        None,
        ("read_only_token", "unknown_job", "no_result"),
        managed=True,
    ),
)

# Litestar breaks handlers of one path where they are not registered together.
JOB_HANDLERS = (Router("/", route_handlers=[jobs, ask, job, cancel, job_file]),)
