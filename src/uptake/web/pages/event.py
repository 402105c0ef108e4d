"""One event, or one feature: how far it is adopted and how that went, who does it most, and who stopped."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.days import DAY_US
from uptake.pipeline.feature_changes import hide_events
from uptake.segments import text
from uptake.stores.events.usage import USERS
from uptake.views.events import event_list, weight_of
from uptake.views.usage import (
    Adoption,
    Thing,
    adoptions,
    stopped,
    thing_of,
    those_who_stopped,
    times_by_day,
    top_doers,
    used_by_day,
)
from uptake.web.pages.events import EventRow, event_rows
from uptake.web.pages.forms import Form, bounded, csrf_token
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.use import Asked, told_of, use_figures
from uptake.web.pages.visit import PageRequest, Visit, from_path

MOST_SHOWN = 10
STOPPED_DAYS = 30
RHYTHM_DAYS = 30
SILENT_DAYS = 3
"""After so many days without an event that came on most days before, the page says so."""


@get("/events/{event:str}", sync_to_thread=True)
def event_page(request: PageRequest, event: FromPath[str]) -> Response[str]:
    """One event."""
    visit = Visit(request)
    thing = thing_of(visit.product, event=from_path(event))
    asked = Asked(visit)
    config = visit.product.config
    (adoption,) = adoptions(visit.product, visit.workspace.id, [thing], days=asked.days)
    summary = next(
        iter(event_list(visit.product, visit.workspace.id, with_hidden=True, only=[thing.name], of=USERS)), None
    )
    return page(
        visit,
        "event.html",
        summary=summary,
        feature=visit.model.features.get(thing.name, ""),
        weight=weight_of(visit.model, thing.name),
        hidden=thing.name in config.hidden_events,
        ignored=thing.name in config.ignored_events,
        silence=_silence(visit, thing, summary.last_us) if summary else None,
        csrf=csrf_token(request),
        here=visit.link("/events", thing.name),
        **_told(visit, asked, thing, adoption),
    )


@post("/events/{event:str}", status_code=200, sync_to_thread=True)
def event_posted(request: PageRequest, event: FromPath[str], body: RawBody) -> Response[Any]:
    """Hide the event in lists, or show it again."""
    visit = Visit(request)
    thing = thing_of(visit.product, event=from_path(event))
    hidden = Form(bounded(body)).text("do") == "hide"
    done = "hidden" if hidden else "shown"
    change = hide_events([thing.name], hidden=hidden)
    visit.running.change_config(
        visit.product.product_id, lambda version: change(version.config), by=visit.by, why=f"event {thing.name} {done}"
    )
    return Redirect(visit.link("/events", thing.name), status_code=303, headers=HEADERS)


@get("/features/{feature:str}", sync_to_thread=True)
def feature_page(request: PageRequest, feature: FromPath[str]) -> Response[str]:
    """One feature."""
    visit = Visit(request)
    thing = thing_of(visit.product, feature=from_path(feature))
    asked = Asked(visit)
    described = next(each for each in visit.product.config.features if each.name == thing.name)
    rows, adoption = _rows_of(visit, asked, thing)
    events: list[tuple[str, EventRow | None]] = [(each, rows.get(each)) for each in thing.events]
    events.sort(key=lambda each: -each[1].told.times if each[1] else 1)
    return page(
        visit,
        "feature.html",
        description=described.description,
        events=events,
        most=max((row.told.times for _, row in events if row), default=0) or 1,
        weight=visit.workspace.features.get(thing.name, 0),
        **_told(visit, asked, thing, adoption),
    )


def _rows_of(visit: Visit, asked: Asked, feature: Thing) -> tuple[dict[str, EventRow], Adoption]:
    """The feature's events that were ever counted, by name, and how far the feature is adopted, in one question."""
    product, workspace_id = visit.product, visit.workspace.id
    summaries = event_list(product, workspace_id, with_hidden=True, only=feature.events, of=())
    things = [Thing(each.event, (each.event,)) for each in summaries]
    adoption, *of_events = adoptions(product, workspace_id, [feature, *things], days=asked.days)
    rows = event_rows(visit, asked, summaries, of_events)
    return {row.summary.event: row for row in rows}, adoption


def _told(visit: Visit, asked: Asked, thing: Thing, adoption: Adoption) -> dict[str, Any]:
    """What the pages of an event and of a feature have in common."""
    product, workspace_id = visit.product, visit.workspace.id
    (days,) = used_by_day(product, workspace_id, [thing], days=asked.days)
    figures = use_figures(days)
    gone = those_who_stopped(product, asked.kind, workspace_id, thing, days=STOPPED_DAYS, most=MOST_SHOWN)
    return {
        "thing": thing,
        "asked": asked,
        "told": told_of(asked, adoption, days),
        "everyone": adoption.everyone.users if asked.kind == "user" else adoption.everyone.accounts,
        "figures": figures,
        "figure_tabs": [(key, title) for key, title, _ in figures],
        "doers": top_doers(product, asked.kind, workspace_id, thing, days=asked.days, most=MOST_SHOWN),
        "gone": gone,
        "stopped_days": STOPPED_DAYS,
        "as_segment": visit.link("/segments/new", **_scope(asked), where=text(thing.did(within_days=asked.days))),
        "gone_segment": visit.link("/segments/new", **_scope(asked), where=text(stopped(thing, days=STOPPED_DAYS))),
    }


def _scope(asked: Asked) -> dict[str, str]:
    return {"scope": "users" if asked.kind == "user" else ""}


def _silence(visit: Visit, thing: Thing, last_us: int) -> tuple[int, int] | None:
    """Days since the event last came, and on how many of the 30 days before it did; None where nothing is amiss."""
    silent = (visit.running.clock() - last_us) // DAY_US
    if silent < SILENT_DAYS:
        return None
    span = min(RHYTHM_DAYS + silent, 90)
    (days,) = times_by_day(visit.product, visit.workspace.id, [thing], days=span)
    before = sum(times > 0 for times in days[: max(span - silent, 0)])
    return (silent, before) if before * 2 > RHYTHM_DAYS - 10 else None
