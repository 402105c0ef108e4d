"""Settings, Rebuild and erase: long work that the worker does, how far it is, and the receipts of erasures."""

from typing import Any, get_args

import msgspec
from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.effects import Kind
from uptake.core.erasure import Erasure, Step
from uptake.core.errors import CODES, UptakeError
from uptake.core.merges import MOST_ID_LENGTH
from uptake.pipeline.erase import ask_erasure
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/data"
KINDS = (("user", "A user"), ("account", "An account"))
SAID = {"rebuild": "The rebuild begins.", "erase": "The erasure begins; its receipt stands below."}
STEP_WORDS: dict[Step, str] = {
    "log": "erasing calls",
    "notes": "erasing what was decided",
    "rebuild": "counting anew",
    "bytes": "erasing the last bytes",
    "sweep": "erasing the last bytes",
    "done": "done",
}
MOST_RECEIPTS = 50


class ReceiptRow(msgspec.Struct, frozen=True):
    """An erasure as listed.  percent: of the step at hand; None where that cannot be told."""

    erasure: Erasure
    words: str
    percent: int | None


class Work(msgspec.Struct, frozen=True):
    """What the worker does for a product.  state: of the rebuild, `asked`, `running` or ''."""

    state: str
    percent: int | None
    done: int
    total: int
    receipts: list[ReceiptRow]

    @property
    def busy(self) -> bool:
        """Does something go on, so that the page looks again?"""
        return bool(self.state) or any(row.erasure.step != "done" for row in self.receipts)


@get(PATH, sync_to_thread=True)
def data_page(request: PageRequest) -> Response[str]:
    """The product's long work."""
    return _page(Visit(request))


@post(PATH, status_code=200, sync_to_thread=True)
def data_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Begin a rebuild or an erasure."""
    visit, form = Visit(request), Form(bounded(body))
    do = form.text("do")
    try:
        if do == "rebuild":
            visit.running.ask_rebuild(visit.product.product_id, by=visit.by)
        elif do == "erase":
            _erase(visit, form)
    except UptakeError as error:
        return _page(visit, form=form, fault=error)
    return Redirect(visit.link(PATH, told=do if do in SAID else ""), status_code=303, headers=HEADERS)


def _erase(visit: Visit, form: Form) -> None:
    kind, tracking_id = form.text("kind"), form.text("id")
    if kind not in get_args(Kind):
        raise ClientException("The form names no kind.")
    if form.text("confirm") != tracking_id:
        raise UptakeError("not_confirmed", "the two ids differ; nothing was erased")
    ask_erasure(visit.running, visit.product.product_id, kind, tracking_id, by=visit.by)  # type: ignore[arg-type]


def _page(visit: Visit, *, form: Form | None = None, fault: UptakeError | None = None) -> Response[str]:
    return page(
        visit,
        "parts/data_work.html" if visit.partial else "settings_data.html",
        status=CODES[fault.code].status if fault else 200,
        work=_work(visit),
        kinds=KINDS,
        kind=form.text("kind") if form else "user",
        typed=form.text("id") if form else "",
        most_id=MOST_ID_LENGTH,
        fault=sentence(fault.message) if fault else "",
        said=SAID.get(visit.request.query_params.get("told", ""), ""),
    )


def _work(visit: Visit) -> Work:
    product_id = visit.product.product_id
    done, total = visit.running.rebuild_progress(product_id)
    asked = visit.running.rebuild_asked(product_id) or visit.product.rebuild_due
    state = "running" if visit.product.rebuilding else "asked" if asked else ""
    percent = _percent(done, total)
    kept = visit.running.meta.erasures.all(product_id)[-MOST_RECEIPTS:]
    receipts = [_row(each, percent, visit.status.log_offset) for each in reversed(kept)]
    return Work(state, percent, done, total, receipts)


def _row(erasure: Erasure, rebuilt: int | None, calls: int) -> ReceiptRow:
    percents = {"log": _percent(erasure.offset, calls), "rebuild": rebuilt}
    return ReceiptRow(erasure, STEP_WORDS[erasure.step], percents.get(erasure.step))


def _percent(done: int, total: int) -> int | None:
    return min(100, 100 * done // total) if total else None
