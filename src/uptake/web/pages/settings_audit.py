"""Settings, Audit: who did what and when, page by page, and all of it as a file."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Response, get
from litestar.response import Stream

from uptake.core.days import iso_ms
from uptake.pipeline.audit import DEEDS
from uptake.stores.meta.audit import AuditQuery, Recorded
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/audit"
A_PAGE, A_PIECE = 50, 1_000
MOST_WHO = 320
FIELDS = ("id", "at", "by", "what", "product", "about", "before", "after", "address")


class AuditRow(msgspec.Struct, frozen=True):
    """An entry as listed: what was done in words, and in which product."""

    recorded: Recorded
    words: str
    product: str


@get(PATH, sync_to_thread=True)
def audit_page(request: PageRequest) -> Response[str]:
    """Who did what, newest first."""
    visit = Visit(request)
    query = _query(visit)
    found = visit.running.meta.audit.entries(msgspec.structs.replace(query, limit=A_PAGE + 1))
    shown = found[:A_PAGE]
    asked = {"by": query.by, "what": query.what, "of": _of(visit)}
    return page(
        visit,
        "settings_audit.html",
        rows=[_row(visit, each) for each in shown],
        older=visit.link(PATH, before=shown[-1].id, **asked) if len(found) > A_PAGE else "",
        newest=visit.link(PATH, **asked) if query.before_id else "",
        deeds=(("", "Everything"), *((word, _capital(words)) for word, words in DEEDS.items())),
        asked=asked,
        filtered=bool(query.by or query.what),
        everything=_of(visit) == "all",
        exports=[(name, visit.link(f"{PATH}.{ending}", **asked)) for name, ending in EXPORTS],
    )


EXPORTS = (("CSV", "csv"), ("JSON Lines", "jsonl"))


@get(f"{PATH}.csv", sync_to_thread=True)
def audit_csv(request: PageRequest) -> Stream:
    """The audit log as CSV, newest first."""
    visit = Visit(request)
    return _file(_csv_lines(visit), "text/csv; charset=utf-8", "audit.csv")


@get(f"{PATH}.jsonl", sync_to_thread=True)
def audit_jsonl(request: PageRequest) -> Stream:
    """The audit log as JSON Lines, newest first."""
    visit = Visit(request)
    lines = (msgspec.json.encode(_told(visit, each)) + b"\n" for each in _every(visit))
    return _file(lines, "application/x-ndjson", "audit.jsonl")


def _file(lines: Iterator[bytes], media_type: str, name: str) -> Stream:
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(lines, media_type=media_type, headers=headers)


def _csv_lines(visit: Visit) -> Iterator[bytes]:
    written = io.StringIO()
    writer = csv.DictWriter(written, FIELDS)
    writer.writeheader()
    for each in _every(visit):
        writer.writerow({name: _cell(value) for name, value in _told(visit, each).items()})
        yield written.getvalue().encode()
        written.seek(0)
        written.truncate()
    yield written.getvalue().encode()


def _cell(value: object) -> object:
    """A cell; text that a spreadsheet would take for a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _every(visit: Visit) -> Iterator[Recorded]:
    """All entries that the address asks for, a piece at a time."""
    query = msgspec.structs.replace(_query(visit), before_id=None, limit=A_PIECE)
    while found := visit.running.meta.audit.entries(query):
        yield from found
        query = msgspec.structs.replace(query, before_id=found[-1].id)


def _query(visit: Visit) -> AuditQuery:
    """What the address asks for.  Only an owner sees what concerns other products and the installation."""
    params = visit.request.query_params
    before, what = params.get("before", ""), params.get("what", "")
    return AuditQuery(
        product_ids=None if _of(visit) == "all" else (visit.product.product_id,),
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
        by=params.get("by", "").strip()[:MOST_WHO],
        what=what if what in DEEDS else "",
    )


def _of(visit: Visit) -> str:
    wanted = visit.request.query_params.get("of", "all" if visit.standing.owner else "")
    return "all" if visit.standing.owner and wanted == "all" else "product"


def _row(visit: Visit, recorded: Recorded) -> AuditRow:
    return AuditRow(recorded, DEEDS.get(recorded.entry.what, recorded.entry.what), _product(visit, recorded))


def _product(visit: Visit, recorded: Recorded) -> str:
    known = {product.product_id: product.name for product in visit.products}
    product_id = recorded.entry.product_id
    return "" if product_id is None else known.get(product_id, f"product {product_id}")


def _told(visit: Visit, recorded: Recorded) -> dict[str, Any]:
    entry = recorded.entry
    return {
        "id": recorded.id,
        "at": iso_ms(entry.at_us),
        "by": entry.by,
        "what": entry.what,
        "product": _product(visit, recorded),
        "about": entry.about,
        "before": entry.before,
        "after": entry.after,
        "address": entry.address,
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
