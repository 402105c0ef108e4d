"""The Events page: every event by name with its volume, and the product's events by day."""

from typing import Any

import msgspec
from litestar import Response, get

from uptake.views.events import EventSummary, event_list, events_by_day
from uptake.web.pages.charts import volume_figure
from uptake.web.pages.lists import ROWS, Column, ListState
from uptake.web.pages.render import page
from uptake.web.pages.subject import RANGES, range_asked
from uptake.web.pages.visit import PageRequest, Visit

COLUMNS = (
    Column("Event", "event", rising=True),
    Column("Feature", "feature", "wide", rising=True),
    Column("Weight", "weight", "num wide", "What one time is worth in this workspace"),
    Column("Times", "times", "num", "Ever counted"),
    Column("Users", "users", "num wide", "Who ever did it"),
    Column("Accounts", "accounts", "num wide", "Whose users ever did it"),
    Column("First seen", "first_us", "num wide"),
    Column("Last seen", "last_us", "num wide"),
)
USUAL = "times"


class EventRow(msgspec.Struct, frozen=True):
    """An event with its share of the most frequent one, in percent."""

    told: EventSummary
    share: float


@get("/events", sync_to_thread=True)
def events_page(request: PageRequest) -> Response[str]:
    """Every event by name."""
    visit = Visit(request)
    state = ListState(visit, COLUMNS, noun="events", usual=USUAL)
    every = event_list(visit.product, visit.workspace.id)
    most = max((each.times for each in every), default=1)
    found = [each for each in every if state.search.lower() in f"{each.event}\n{each.feature}".lower()]
    found.sort(key=lambda each: (getattr(each, state.sort), each.event), reverse=state.descending)
    state.total = len(found)
    shown = found[state.query.offset : state.query.offset + ROWS]
    context: dict[str, Any] = {"state": state, "rows": [EventRow(each, 100 * each.times / most) for each in shown]}
    if visit.partial:
        return page(visit, "parts/event_list.html", headers={"HX-Push-Url": state.address}, **context)
    days = range_asked(request)
    figure = volume_figure(events_by_day(visit.product, days))
    return page(visit, "events.html", figure=figure, range=days, ranges=RANGES, known=len(every), **context)
