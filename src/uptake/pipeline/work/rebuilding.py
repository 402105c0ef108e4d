"""Rebuilds.  A restart begins again: the generation in the making is nobody's until it is swapped in."""

from typing import Any

from uptake.pipeline.jobs import Bench, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Work
from uptake.stores.meta.jobs import Job


def rebuilding(bench: Bench, _job: Job, product: RunningProduct, _note: Note) -> Work[dict[str, Any]]:
    """Make a new generation from the log, beside the live one, and swap it in."""
    yield from product.rebuild_steps(bench.drop_store)
    return {"generation": product.store.generation, "calls": product.store.offset()}
