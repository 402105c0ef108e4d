"""Erasures.  A restart goes on with the step that the erasure itself has come to; see `uptake.pipeline.erase`.

One that waits can be taken back; one that has begun goes on, for half of it would be worse than all of it.
"""

from typing import Any

from uptake.pipeline.erase import Eraser
from uptake.pipeline.jobs import Bench, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Work
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.jobs import Job


def erasing(bench: Bench, job: Job, product: RunningProduct, _note: Note) -> Work[dict[str, Any]]:
    """Erase a user or an account; the receipt stands among the erasures."""
    erasure = bench.meta.erasures.one(product.product_id, job.request["erasure"])
    assert erasure is not None  # its job ends where it is withdrawn
    receipt = yield from Eraser(bench, product).work(erasure)
    return {"receipt": receipt.id, "calls": receipt.calls, "decisions": receipt.decisions}


def withdrawn(bench: Bench, job: Job, entry: Entry) -> None:
    """Take an erasure back that waits.  Raises KeyError where it does not."""
    bench.meta.erasures.withdraw(job.product_id, job.request["erasure"], job.id, entry)
