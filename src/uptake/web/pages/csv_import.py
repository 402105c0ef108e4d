"""Traits from a CSV file in the app: choose it, say what its columns are, look at the calls, import."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from litestar import Response, get, post

from uptake.core.effects import Kind
from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.import_csv import CsvPreview, CsvReading, import_csv, preview_csv
from uptake.pipeline.import_file import File, Imported
from uptake.stores.meta.jobs import Job
from uptake.web.api.csv_import import WebLedger
from uptake.web.pages.faults import sentence
from uptake.web.pages.jobs import job_in, job_row
from uptake.web.pages.render import page
from uptake.web.pages.uploads import Posted, Upload
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/import"
KINDS = (("", "What its ids say"), ("user", "Users"), ("account", "Accounts"))
FIXED = (("userId", "User’s id"), ("groupId", "Account’s id"), ("timestamp", "When it was true"), ("", "Ignored"))
MOST_COLUMNS = 500
MOST_BYTES = 64_000_000
LARGE_BYTES = 1_000_000
"""A larger file is imported by the worker, and the page shows how far it is."""


class ColumnChoice(msgspec.Struct, frozen=True):
    """A column with what it can be: its name, what it is taken for, and the choices."""

    name: str
    target: str
    choices: tuple[tuple[str, str], ...]


@get(PATH, sync_to_thread=True)
def import_page(request: PageRequest) -> Response[str]:
    """Choose a file, or see what became of one."""
    visit = Visit(request)
    job = job_in(visit, "import")
    return _page(visit, job=job and job_row(visit, job), done=_became(job) if job else None)


@post(PATH, status_code=200, sync_to_thread=True, request_max_body_size=MOST_BYTES + 1_000_000)
def import_posted(request: PageRequest, data: Posted) -> Response[str]:
    """Show what the file would become, or import it."""
    visit, form = Visit(request), Upload(data)
    file = form.chosen("file", most=MOST_BYTES)
    if file is None:
        return _page(visit, fault="Choose a CSV file first.", status=422)
    reading = CsvReading(_kind(form.text("kind")), dict(_columns(form, file.name)))
    try:
        if form.text("do") == "import" and file.size > LARGE_BYTES and "import" in visit.running.jobs.kinds:
            return _page(visit, job=job_row(visit, _asked(visit, file, reading)))
        if form.text("do") == "import":
            return _page(visit, done=_imported(visit, file, reading))
        return _page(visit, seen=preview_csv(file, reading, now_us=visit.running.clock()), file_name=file.name)
    except UptakeError as error:
        return _page(visit, fault=f"{sentence(error.message)} ({error.code})", status=422)


def _imported(visit: Visit, file: File, reading: CsvReading) -> Imported:
    running = visit.running
    ledger = WebLedger(running.meta, visit.product, running.clock)
    return import_csv(file, ledger, reading, again=False, told=lambda _done, _all: None)


def _asked(visit: Visit, file: File, reading: CsvReading) -> Job:
    """Let the worker import a file."""
    jobs = visit.running.jobs
    wanted = {"name": file.name, "kind": reading.kind, "columns": dict(reading.columns)}
    with file.open() as content:
        taken = jobs.files.take_in(visit.product.product_id, content)
    return jobs.ask(visit.product.product_id, "import", wanted | {"input": taken}, by=visit.by)


def _became(job: Job) -> Imported | None:
    """What became of a file that the worker imported; None before it is done."""
    if job.state != "done":
        return None
    told = {**job.result, "file": job.request["name"], "resumed_at": 0}
    told["refusals"] = [(line, code, CODES[code].help) for line, code in told["refusals"]]
    return msgspec.convert(told, Imported)


def _kind(text: str) -> Kind | None:
    return next((kind for kind in get_args(Kind) if kind == text), None)


def _columns(form: Upload, file_name: str) -> Iterator[tuple[str, str]]:
    """What the columns are, as far as the form says it of this file."""
    if form.text("of") != file_name:
        return
    for index in range(MOST_COLUMNS):
        name = form.text(f"column-{index}")
        if name:
            yield name, form.text(f"target-{index}")


def _choices(seen: CsvPreview) -> list[ColumnChoice]:
    found = []
    for column in seen.columns:
        trait = column.target if column.target.startswith("traits.") else f"traits.{column.name}"
        choices = ((trait, f"Trait {trait.removeprefix('traits.')}"), *FIXED)
        found.append(ColumnChoice(column.name, column.target, choices))
    return found


def _page(visit: Visit, *, status: int = 200, **context: Any) -> Response[str]:
    told: dict[str, Any] = {"seen": None, "done": None, "job": None, "fault": "", "file_name": "", **context}
    seen: CsvPreview | None = told["seen"]
    return page(
        visit,
        "parts/import_outcome.html" if visit.partial else "settings_import.html",
        status=200 if visit.partial else status,
        here=visit.link(PATH),
        most_mb=MOST_BYTES // 1_000_000,
        kinds=KINDS,
        columns=_choices(seen) if seen else [],
        calls=[msgspec.json.encode(call).decode() for call in seen.calls] if seen else [],
        **told,
    )
