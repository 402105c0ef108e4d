"""What commands can ask of erasures."""

from typing import Any

from uptake.control import requests as ask
from uptake.control.jobs import Office, await_job
from uptake.core.erasure import Erasure
from uptake.core.errors import UptakeError
from uptake.pipeline.erase import ask_erasure, ask_waiting, cancel_erasure, work_of
from uptake.pipeline.running import Running, RunningProduct


def erase(running: Running, product: RunningProduct, request: ask.Erase, *, by: str) -> dict[str, Any]:
    """Begin an erasure.  Raises UptakeError."""
    return listed(ask_erasure(running, product.product_id, request.kind, request.id, by=by))


def cancel(office: Office, request: ask.CancelErasure, *, by: str) -> None:
    """Take an erasure back that waits.  Raises UptakeError (unknown_erasure, job_goes_on)."""
    cancel_erasure(office.running, office.product(request.product).product_id, request.id, by=by)


def erasures(running: Running, product: RunningProduct) -> list[dict[str, Any]]:
    """All of a product's, by id."""
    return [listed(each) for each in running.meta.erasures.all(product.product_id)]


def await_erasure(
    running: Running, product: RunningProduct, request: ask.AwaitErasure, told: ask.Told, *, work: bool
) -> dict[str, Any]:
    """Wait until an erasure is done, and its work is over; work: nobody else does it.

    Raises UptakeError (unknown_erasure, job_cancelled, and whatever its work failed with).
    """
    unfinished = _found(running, product, request.id).step != "done"
    job = work_of(running.meta, product.product_id, request.id)
    if job is None and unfinished:  # whoever asked for the erasure was killed before it asked for the work
        ask_waiting(running.meta, running.jobs, {product.product_id})
        job = work_of(running.meta, product.product_id, request.id)
    try:
        if job is not None:
            await_job(running, product, job, told, work=work)
    except UptakeError as error:
        if error.code != "job_cancelled":
            raise
        raise UptakeError(error.code, f"Erasure {request.id} was cancelled before it began.") from error
    return listed(_found(running, product, request.id))


def _found(running: Running, product: RunningProduct, number: int) -> Erasure:
    found = running.meta.erasures.one(product.product_id, number)
    if found is None:
        raise UptakeError("unknown_erasure", f"There is no erasure {number}.", hint="`uptake erase list` lists them.")
    return found


def listed(erasure: Erasure) -> dict[str, Any]:
    """An erasure as plain values; the ids are not told."""
    names = ("id", "product_id", "kind", "asked_us", "by", "salt", "digests", "step", "calls", "decisions", "done_us")
    return {name: getattr(erasure, name) for name in names}
