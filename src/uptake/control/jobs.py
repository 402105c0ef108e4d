"""What commands can ask of long work: what there is, waiting for it, and its log."""

import time
from typing import Any, Protocol

from uptake.control import requests as ask
from uptake.control.requests import Told
from uptake.core.errors import UptakeError
from uptake.pipeline.running import Running, RunningProduct
from uptake.stores.meta.jobs import Job

LOOK_EVERY_S = 0.1


def await_job(running: Running, product: RunningProduct, job: Job, told: Told, *, work: bool) -> Job:
    """Wait until a job is over; work: nobody else does it.  Raises UptakeError: what it failed with."""
    while not (job := running.jobs.found(product.product_id, job.id)).over:
        if job.words:
            told.progress(job.done, job.total, job.words)
        if not (work and running.step()):
            time.sleep(LOOK_EVERY_S)
    if job.state == "failed":
        raise UptakeError(job.code, job.message, hint=f"`uptake jobs show {job.id}` has its log.")
    if job.state == "cancelled":
        raise UptakeError("job_cancelled", f"Job {job.id} was ended before it was done.")
    told.progress(job.total, job.total, job.words)
    return job


class Office(Protocol):
    """What these operations need of an open installation."""

    running: Running

    def product(self, name: str | None) -> RunningProduct:
        """The product with this name; without one the only product.  Raises UptakeError (E008)."""


def list_jobs(office: Office, request: ask.ListJobs) -> list[dict[str, Any]]:
    """A product's jobs, the newest first."""
    return [listed(each) for each in office.running.meta.jobs.all(office.product(request.product).product_id)]


def show_job(office: Office, request: ask.ShowJob) -> dict[str, Any]:
    """One job with its log.  Raises UptakeError (unknown_job)."""
    job = office.running.jobs.found(office.product(request.product).product_id, request.id)
    return {**listed(job), "log": [{"at_us": line.at_us, "words": line.words} for line in job.log]}


def start_job(office: Office, request: ask.StartJob, *, by: str) -> dict[str, Any]:
    """Ask for work.  Raises UptakeError."""
    wanted = {"table": request.table, "format": request.format} if request.kind == "export" else {}
    return listed(office.running.jobs.ask(office.product(request.product).product_id, request.kind, wanted, by=by))


def cancel_job(office: Office, request: ask.CancelJob, *, by: str) -> dict[str, Any]:
    """Ask that a job ends at its next step.  Raises UptakeError (unknown_job, job_over, job_goes_on)."""
    return listed(office.running.jobs.cancel(office.product(request.product).product_id, request.id, by=by))


def listed(job: Job) -> dict[str, Any]:
    """A job as plain values, without its log."""
    names = ("id", "kind", "by", "state", "asked_us", "begun_us", "done_us", "done", "total", "words", "result", "code")
    return {name: getattr(job, name) for name in names} | {"message": job.message, "cancel": job.cancel}
