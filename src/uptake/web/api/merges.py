"""Handlers of changed ids: which users and accounts are one."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, RawBody

from uptake.core.days import iso_ms
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.core.merges import Merge
from uptake.pipeline.merges import merge_ids, undo_merge
from uptake.pipeline.product import RunningProduct
from uptake.web.api.bodies import read_body
from uptake.web.api.operation import CHANGE, Operation
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import changed_by, managed_product_of, product_of, site_of


class MergeAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls of `merged` shall count as those of `into`; both are tracking ids."""

    kind: Kind
    merged: str
    into: str


class MergeEntry(msgspec.Struct, frozen=True):
    """A merge: calls of `merged` count as those of `into`."""

    id: int
    kind: Kind
    merged: str
    into: str
    by: str
    made_at: str


class MergeAnswer(msgspec.Struct, frozen=True):
    """A merge that was made or taken back.  rebuild: it takes effect when a rebuild, which follows, is done."""

    merge: MergeEntry
    rebuild: bool


class MergesAnswer(msgspec.Struct, frozen=True):
    """All merges by id."""

    data: list[MergeEntry]


@get("/v2/merges", sync_to_thread=True)
def merges(request: AnyRequest) -> MergesAnswer:
    """Users and accounts whose calls count as another's."""
    product = product_of(request)
    return MergesAnswer([_entry(each) for each in site_of(request).running.meta.merges.all(product.product_id)])


@post("/v2/merges", status_code=200, sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> MergeAnswer:
    """Count the calls of one user or account as another's, from the beginning."""
    product = managed_product_of(request)
    asked = read_body(body, MergeAsked)
    try:
        made = merge_ids(
            site_of(request).running, product.product_id, asked.kind, asked.merged, asked.into, by=changed_by(request)
        )
    except UptakeError as error:
        raise Refused(error.code, error.message) from error
    return _answer(product, made)


@delete("/v2/merges/{merge_id:str}", status_code=200, sync_to_thread=True)
def undo(request: AnyRequest, merge_id: FromPath[str]) -> MergeAnswer:
    """Take a merge back: calls count for the id that they came with."""
    product = managed_product_of(request)
    number = int(merge_id) if merge_id.isascii() and merge_id.isdigit() and len(merge_id) < 10 else 0
    try:
        return _answer(
            product, undo_merge(site_of(request).running, product.product_id, number, by=changed_by(request))
        )
    except UptakeError as error:
        raise Refused(error.code, error.message) from error


def _answer(product: RunningProduct, merge: Merge) -> MergeAnswer:
    return MergeAnswer(_entry(merge), product.rebuild_due)


def _entry(merge: Merge) -> MergeEntry:
    return MergeEntry(merge.id, merge.kind, merge.merged, merge.into, merge.by, iso_ms(merge.made_us))


MERGE_OPERATIONS: tuple[Operation, ...] = (
    Operation("/v2/merges", "listMerges", "Users and accounts whose calls count as another's", MergesAnswer),
    Operation(
        "/v2/merges",
        "addMerge",
        "Count the calls of one user or account as another's, from the beginning, by a rebuild",
        MergeAnswer,
        errors=(*CHANGE, "bad_id", "merge_exists", "merge_cycle", "too_many_merges"),
        method="POST",
        body=MergeAsked,
    ),
    Operation(
        "/v2/merges/{merge_id}",
        "undoMerge",
        "Take a merge back: calls count for the id that they came with",
        MergeAnswer,
        errors=("read_only_token", "unknown_merge"),
        method="DELETE",
    ),
)

# Litestar breaks handlers of one path where they are not registered together.
MERGE_HANDLERS = (Router("/", route_handlers=[merges, add, undo]),)
