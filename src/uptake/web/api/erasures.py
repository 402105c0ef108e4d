"""Handlers of erasures: asking for one, and receipts."""

import msgspec
from litestar import Router, get, post
from litestar.params import RawBody

from uptake.core.days import iso_ms
from uptake.core.effects import Kind
from uptake.core.erasure import Erasure
from uptake.core.errors import UptakeError
from uptake.pipeline.erase import ask_erasure
from uptake.web.api.bodies import read_body
from uptake.web.api.operation import CHANGE, Operation
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import changed_by, managed_product_of, site_of


class ErasureAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user or account, by its tracking id, shall be erased; `confirm` is the id once more."""

    kind: Kind
    id: str
    confirm: str


class ErasureEntry(msgspec.Struct, frozen=True):
    """An erasure; its receipt once `step` is `done`.  No id: salted digests stand for those."""

    id: int
    kind: Kind
    by: str
    step: str
    calls: int
    decisions: int
    digests: list[str]
    asked_at: str
    done_at: str | None


class ErasureAnswer(msgspec.Struct, frozen=True):
    """An erasure that was begun."""

    erasure: ErasureEntry


class ErasuresAnswer(msgspec.Struct, frozen=True):
    """All erasures by id."""

    data: list[ErasureEntry]


@get("/v2/erasures", sync_to_thread=True)
def erasures(request: AnyRequest) -> ErasuresAnswer:
    """Receipts, and what is on its way."""
    product = managed_product_of(request)
    return ErasuresAnswer([_entry(each) for each in site_of(request).running.meta.erasures.all(product.product_id)])


@post("/v2/erasures", status_code=200, sync_to_thread=True)
def erase(request: AnyRequest, body: RawBody) -> ErasureAnswer:
    """Begin to erase a user or account."""
    product = managed_product_of(request)
    asked = read_body(body, ErasureAsked)
    if asked.confirm != asked.id:
        raise Refused("not_confirmed", "$.confirm: expected the id once more, got another text")
    try:
        made = ask_erasure(site_of(request).running, product.product_id, asked.kind, asked.id, by=changed_by(request))
    except UptakeError as error:
        raise Refused(error.code, error.message) from error
    return ErasureAnswer(_entry(made))


def _entry(erasure: Erasure) -> ErasureEntry:
    return ErasureEntry(
        id=erasure.id,
        kind=erasure.kind,
        by=erasure.by,
        step=erasure.step,
        calls=erasure.calls,
        decisions=erasure.decisions,
        digests=list(erasure.digests),
        asked_at=iso_ms(erasure.asked_us),
        done_at=None if erasure.done_us is None else iso_ms(erasure.done_us),
    )


ERASURE_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v2/erasures",
        "listErasures",
        "Receipts of erasures, and what is on its way",
        ErasuresAnswer,
        None,
        ("read_only_token",),
        managed=True,
    ),
    Operation(
        "/v2/erasures",
        "eraseSubject",
        "Begin to erase a user or account everywhere; the answer is the receipt in the making",
        ErasureAnswer,
        errors=(*CHANGE, "bad_id", "erasure_exists", "not_confirmed"),
        method="POST",
        body=ErasureAsked,
    ),
)

# Litestar breaks handlers of one path where they are not registered together.
ERASURE_HANDLERS = (Router("/", route_handlers=[erasures, erase]),)
