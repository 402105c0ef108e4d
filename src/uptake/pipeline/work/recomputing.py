"""Scores computed anew.  A restart goes on with the day it had come to."""

from typing import Any

from uptake.pipeline.jobs import Bench, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Work
from uptake.stores.meta.jobs import Job


def recomputing(_bench: Bench, job: Job, product: RunningProduct, _note: Note) -> Work[dict[str, Any]]:
    """Compute the numbers of every kept day anew."""
    days = yield from product.recompute_steps(job.place)
    return {"days": days}
