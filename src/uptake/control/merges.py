"""What commands can ask of changed ids."""

from typing import Any

import msgspec

from uptake.control import requests as ask
from uptake.core.merges import Merge
from uptake.pipeline.merges import merge_ids, undo_merge
from uptake.pipeline.running import Running, RunningProduct


def merge(running: Running, product: RunningProduct, request: ask.MergeIds, *, by: str) -> dict[str, Any]:
    """Merge two ids.  Raises UptakeError."""
    made = merge_ids(running, product.product_id, request.kind, request.merged, request.into, by=by)
    return {**listed(made), "rebuild": product.rebuild_due}


def merges(running: Running, product: RunningProduct) -> list[dict[str, Any]]:
    """All merges by id."""
    return [listed(each) for each in running.meta.merges.all(product.product_id)]


def undo(running: Running, product: RunningProduct, request: ask.UndoMerge, *, by: str) -> dict[str, Any]:
    """Take a merge back.  Raises UptakeError."""
    undone = undo_merge(running, product.product_id, request.id, by=by)
    return {**listed(undone), "rebuild": product.rebuild_due}


def listed(merge: Merge) -> dict[str, Any]:
    """A merge as plain values."""
    told: dict[str, Any] = msgspec.to_builtins(merge)
    return told
