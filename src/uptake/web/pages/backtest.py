"""The backtest in the app: outcomes from a file or a trait, and how well scores told them beforehand."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from uptake.sources.csv_table import CsvUnfit
from uptake.sources.outcomes import Outcome, read_outcomes
from uptake.stores.meta.jobs import Job
from uptake.views.backtest import HORIZONS, Backtest, Horizon, backtest, backtest_of_file, outcomes_by_trait
from uptake.views.base import Unknown
from uptake.web.pages.faults import sentence
from uptake.web.pages.jobs import job_in, job_row
from uptake.web.pages.render import page
from uptake.web.pages.uploads import Posted, Upload
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.results import content_of

PATH = "/settings/backtest"
INSTANT_DAYS = 120
"""More days than these are looked at by the worker, and the page shows how far it is."""
REASONS = {
    "unknown_account": "not known",
    "excluded_account": "left out of the workspace",
    "no_score": "no event yet on that day",
    "day_not_over": "that day is not over",
}


@get(PATH, sync_to_thread=True)
def backtest_page(request: PageRequest) -> Response[str]:
    """Choose outcomes, or see what was found."""
    visit = Visit(request)
    job = job_in(visit, "backtest")
    content = content_of(visit.running, job)
    found = None if content is None else msgspec.json.decode(content, type=Backtest)
    return _page(visit, job=job and job_row(visit, job, kept=found is not None), found=found)


@post(PATH, status_code=200, sync_to_thread=True)
def backtest_posted(request: PageRequest, data: Posted) -> Response[str]:
    """Compare scores with outcomes; nothing is changed."""
    visit, form = Visit(request), Upload(data)
    name, content = form.file("file")
    trait = form.text("trait")
    if not name and not trait:
        return _page(visit, fault="Choose a CSV file, or the trait that holds the day of churn.", status=422)
    try:
        read = read_outcomes(io.BytesIO(content)).rows if name else ()
        rows = read if name else outcomes_by_trait(visit.product, visit.workspace.id, trait)
        if _is_long(visit, rows):
            return _page(visit, job=job_row(visit, _asked(visit, content, "" if name else trait)))
        if name:
            found = backtest_of_file(visit.product, visit.workspace.id, io.BytesIO(content))
        else:
            found = backtest(visit.product, visit.workspace.id, rows)
    except CsvUnfit as unfit:
        return _page(visit, fault=f"{name}, {unfit} ({unfit.fault.code}).", trait=trait, status=422)
    except Unknown as error:
        return _page(visit, fault=sentence(error.message), trait=trait, status=422)
    return _page(visit, found=found, trait="" if name else trait)


def _is_long(visit: Visit, rows: Sequence[Outcome]) -> bool:
    """Are so many days to be looked at that the reader should not wait for the page?"""
    days = {each.day - timedelta(days=back) for each in rows for back in HORIZONS}
    return "backtest" in visit.running.jobs.kinds and len(days) > INSTANT_DAYS


def _asked(visit: Visit, content: bytes, trait: str) -> Job:
    """Let the worker compare."""
    jobs = visit.running.jobs
    given = {"trait": trait} if trait else {"input": jobs.files.take_in(visit.product.product_id, io.BytesIO(content))}
    wanted = {"workspace_id": visit.workspace.id, **given}
    return jobs.ask(visit.product.product_id, "backtest", wanted, by=visit.by)


def _page(visit: Visit, *, status: int = 200, **context: Any) -> Response[str]:
    told: dict[str, Any] = {"found": None, "fault": "", "trait": "", "job": None, **context}
    found: Backtest | None = told["found"]
    return page(
        visit,
        "parts/backtest_outcome.html" if visit.partial else "settings_backtest.html",
        status=200 if visit.partial else status,
        here=visit.link(PATH),
        traits=sorted(visit.product.store.trait_keys("account")),
        reasons=REASONS,
        panels=[(f"before-{each.days}", f"{each.days} days") for each in found.horizons] if found else [],
        verdicts={each.days: verdict(each) for each in found.horizons} if found else {},
        highest_lift=max((row.lift for each in found.horizons for row in each.deciles), default=1.0) if found else 1.0,
        **told,
    )


def verdict(horizon: Horizon) -> str:
    """What the AUC and its interval say, in a few words."""
    if horizon.auc is None:
        return "too few outcomes"
    if horizon.auc_low is None or horizon.auc_low <= 0.5:
        return "not told from chance" if horizon.auc >= 0.5 else "no better than chance"
    if horizon.auc >= 0.8:
        return "tells churn well"
    return "tells churn" if horizon.auc >= 0.7 else "tells churn a little"
