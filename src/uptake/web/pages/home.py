"""Home: what changed up to the last full day, each line leading to where it can be looked into."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from litestar import Response, get
from litestar.response import Redirect

from uptake.core.effects import Kind
from uptake.stores.events.changes import DayLevels
from uptake.views.changes import levels_over_time, what_changed
from uptake.views.events import events_by_day
from uptake.views.notices import Notice, notices
from uptake.views.summary import product_totals
from uptake.web.pages.charts import Figure, Series, levels_figure
from uptake.web.pages.flow import FlowFigure
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

OVER_TIME_DAYS = 30
GRAVE = ("silent", "refused", "invalid")
NOUNS: dict[Kind, str] = {"account": "accounts", "user": "users"}


class Concern(msgspec.Struct, frozen=True):
    """A notice in words, with where it leads."""

    text: str
    href: str
    grave: bool


@get("/", sync_to_thread=True)
def home_page(request: PageRequest) -> Response[Any]:
    """What changed; the first-run page while the product has no calls."""
    visit = Visit(request)
    if not visit.status.log_offset:
        return Redirect(visit.link("/start"), status_code=303, headers=HEADERS)
    kind = kind_asked(visit)
    window = visit.workspace.window_days
    days = 1 if request.query_params.get("since") == "day" else window
    owns = kind == "account" and bool(visit.owned)
    only = visit.owned if owns and request.query_params.get("whose") != "all" else None
    changes = what_changed(visit.product, visit.workspace.id, kind, days=days, only=only)
    over_time = levels_over_time(visit.product, visit.workspace.id, kind, OVER_TIME_DAYS, only)
    events = events_by_day(visit.product, OVER_TIME_DAYS + 1)
    events.pop(visit.product.today(), None)
    figures = _figures(over_time, events)
    return page(
        visit,
        "home.html",
        kind=kind,
        noun=NOUNS[kind],
        path=f"/{NOUNS[kind]}",
        changes=changes,
        owns=owns,
        mine=only is not None,
        events_then=events.get(changes.against),
        events_now=events.get(changes.day, 0),
        by_window=days == window,
        flow=FlowFigure(changes.moves.flow),
        figures=figures,
        figure_tabs=[(key, title) for key, title, _ in figures],
        concerns=[_concern(visit, each) for each in notices(visit.product, visit.running.clock())],
        known=sum(changes.moves.flow.values()),
    )


def kind_asked(visit: Visit) -> Kind:
    """Of whom the address asks; accounts, unless the product knows none."""
    asked = visit.request.query_params.get("of", "")
    if asked in NOUNS.values():
        return "user" if asked == "users" else "account"
    return "account" if product_totals(visit.product).accounts else "user"


def _figures(over_time: Sequence[DayLevels], events: Mapping[date, int]) -> list[tuple[str, str, Figure]]:
    days = [each.day for each in over_time]
    average = Series("Average score", [round(each.average_score, 1) for each in over_time])
    volume = Series("Events", list(events.values()), kind="bar")
    return [
        ("over-levels", "Levels", levels_figure(over_time)),
        ("over-score", "Average score", Figure("Average score by day", days, [average], 100.0, 25.0, partial=False)),
        ("over-events", "Events", Figure("Events by day", list(events), [volume], partial=False)),
    ]


def _concern(visit: Visit, notice: Notice) -> Concern:
    many, one = f"{notice.count:,}", notice.count == 1
    calls = f"{many} call{'' if one else 's'} in the last 24 hours"
    text, path, fate = {
        "silent": (f"No call has arrived for {many} day{'' if one else 's'}", "/live", ""),
        "refused": (f"{calls} {'was' if one else 'were'} refused", "/live", "refused"),
        "invalid": (f"{calls} did not fit {'its' if one else 'their'} mapping", "/live", "invalid"),
        "no_user": (f"{calls} named no user", "/live", "no_user"),
        "unmatched": (f"{calls} met no mapping", "/live", "unmatched"),
        "unattributed": (f"{many} user{'' if one else 's'} with events that no account has", "/users", ""),
        "circle": (f"{many} accounts are each other's parents", "/accounts", ""),
    }[notice.concern]
    href = visit.link(path, notice.name or None, fate=fate)
    return Concern(text, href, notice.concern in GRAVE)
