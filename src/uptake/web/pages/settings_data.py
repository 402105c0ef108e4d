"""Settings, Data: long work in one place, how far it is and what came of it; exports, backups, rebuilds, erasures."""

from typing import Any, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import RawBody
from litestar.response import Redirect, Stream

from uptake.core.effects import Kind
from uptake.core.erasure import Erasure
from uptake.core.errors import CODES, UptakeError
from uptake.core.merges import MOST_ID_LENGTH
from uptake.pipeline.erase import STEP_WORDS, ask_erasure
from uptake.stores.meta.jobs import JobKind
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.jobs import FORMATS, TABLES, JobRow, job_number, job_row, power_of
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.results import results_of, sent

PATH = "/settings/data"
KINDS = (("user", "A user"), ("account", "An account"))
SAID = {
    "rebuild": "The rebuild begins.",
    "recompute": "Scores are computed anew.",
    "export": "The export begins; its file is offered above once it is whole.",
    "backup": "The backup begins; its file is offered above once it is whole.",
    "erase": "The erasure begins; its receipt stands below.",
    "cancel": "The work ends at its next step.",
}
MOST_RECEIPTS, MOST_JOBS = 50, 50


class Work(msgspec.Struct, frozen=True):
    """What the worker does for a product."""

    jobs: list[JobRow]
    receipts: list[tuple[Erasure, str]]

    @property
    def busy(self) -> bool:
        """Does something go on, so that the page looks again?"""
        return any(not row.job.over for row in self.jobs)


@get(PATH, sync_to_thread=True)
def data_page(request: PageRequest) -> Response[str]:
    """The product's long work."""
    return _page(Visit(request))


@post(PATH, status_code=200, sync_to_thread=True)
def data_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Begin or end long work."""
    visit, form = Visit(request), Form(bounded(body))
    do = form.text("do")
    try:
        _do(visit, form, do)
    except UptakeError as error:
        return _page(visit, form=form, fault=error)
    return Redirect(visit.link(PATH, told=do if do in SAID else ""), status_code=303, headers=HEADERS)


def _do(visit: Visit, form: Form, do: str) -> None:
    jobs, product_id = visit.running.jobs, visit.product.product_id
    if do in ("rebuild", "recompute", "backup"):
        kind = cast(JobKind, do)
        if not visit.may(power_of(visit, kind)):
            raise UptakeError("not_permitted", "a backup holds every product: an owner makes it")
        jobs.ask(product_id, kind, by=visit.by)
    elif do == "export":
        wanted = {"table": form.text("table"), "format": form.text("format")}
        if wanted["table"] not in dict(TABLES) or wanted["format"] not in dict(FORMATS):
            raise ClientException("The form names no table or no format.")
        jobs.ask(product_id, "export", wanted, by=visit.by)
    elif do == "cancel":
        jobs.cancel(product_id, job_number(form.text("job")), by=visit.by)
    elif do == "erase":
        _erase(visit, form)


def _erase(visit: Visit, form: Form) -> None:
    kind, tracking_id = form.text("kind"), form.text("id")
    if kind not in get_args(Kind):
        raise ClientException("The form names no kind.")
    if form.text("confirm") != tracking_id:
        raise UptakeError("not_confirmed", "the two ids differ; nothing was erased")
    ask_erasure(visit.running, visit.product.product_id, kind, tracking_id, by=visit.by)  # type: ignore[arg-type]


@get("/settings/data/result", sync_to_thread=True)
def data_result(request: PageRequest) -> Stream:
    """The file that a job made, while it is kept."""
    visit = Visit(request)
    job = visit.running.meta.jobs.one(visit.product.product_id, job_number(request.query_params.get("job", "")))
    may = job is not None and visit.may(power_of(visit, job.kind))
    file = sent(visit.running, job, by=visit.by, headers=HEADERS) if job and may else None
    if file is None:
        raise NotFoundException("There is no such file, or it is not kept any more.")
    return file


def _page(visit: Visit, *, form: Form | None = None, fault: UptakeError | None = None) -> Response[str]:
    query = visit.request.query_params
    return page(
        visit,
        "parts/data_work.html" if visit.partial else "settings_data.html",
        status=CODES[fault.code].status if fault else 200,
        work=_work(visit, job_number(query.get("log", ""))),
        log=job_number(query.get("log", "")),
        kinds=KINDS,
        tables=TABLES,
        formats=FORMATS,
        kept_days=visit.running.jobs.files.keep_days,
        may_export="export" in visit.running.jobs.kinds,
        may_backup="backup" in visit.running.jobs.kinds and visit.may(power_of(visit, "backup")),
        kind=form.text("kind") if form else "user",
        typed=form.text("id") if form else "",
        most_id=MOST_ID_LENGTH,
        fault=sentence(fault.message) if fault else "",
        said=SAID.get(query.get("told", ""), ""),
    )


def _work(visit: Visit, shown: int) -> Work:
    product_id, meta = visit.product.product_id, visit.running.meta
    jobs = list(meta.jobs.all(product_id))
    listed = jobs[:MOST_JOBS] + [each for each in jobs[MOST_JOBS:] if not each.over]
    kept = meta.erasures.all(product_id)[-MOST_RECEIPTS:]
    receipts = [(each, STEP_WORDS[each.step].lower()) for each in reversed(kept)]
    made = results_of(visit.running, product_id, listed)
    return Work([job_row(visit, each, kept=each.id in made, shown=each.id == shown) for each in listed], receipts)
