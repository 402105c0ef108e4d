"""The Events page: every event by name with its volume, who does it and how that changes, and all events by day."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from uptake.core.config import ProductConfig
from uptake.core.days import DAY_US
from uptake.views.events import EventSummary, event_list, events_by_day
from uptake.views.usage import Adoption, Thing, adoptions, times_by_day
from uptake.web.pages.charts import volume_figure
from uptake.web.pages.lists import ChoosingState, Column
from uptake.web.pages.render import page
from uptake.web.pages.use import Asked, Told, told_of
from uptake.web.pages.visit import PageRequest, Visit

COLUMNS = (
    Column("Event", "name", rising=True),
    Column("Feature", "feature", "wide", rising=True),
    Column("Weight", "weight", "num wide", "What one time is worth in this workspace"),
    Column("Times", "times", "num"),
    Column("Trend", "", "wide"),
    Column("Users", "users", "num wide"),
    Column("Accounts", "accounts", "num wide"),
    Column("Adoption", "share", "num", "Of all who did anything in these days"),
    Column("Change", "change", "num wide", "In points, against as many days before"),
    Column("First seen", "first_us", "num wide", chosen=False),
    Column("Last seen", "last_us", "num wide"),
)
USUAL = "times"
SILENT_DAYS = 7
FILTERS = {
    "": "All",
    "scored": "Scored",
    "unscored": "Not scored",
    "unassigned": "In no feature",
    "silent": f"Silent for {SILENT_DAYS} days",
    "hidden": "Hidden",
}


class EventRow(msgspec.Struct, frozen=True):
    """An event as it is listed; silent: not seen for a week."""

    summary: EventSummary
    told: Told
    hidden: bool
    ignored: bool
    silent: bool

    def value(self, column: str) -> Any:
        """What a column sorts by."""
        if column == "name":
            return self.summary.event.lower()
        return getattr(self.summary if column in ("feature", "weight", "first_us", "last_us") else self.told, column)


class EventsState(ChoosingState):
    """The list of events: which of them it shows, over which days, and of whom adoption is."""

    FIXED = 1

    def __init__(self, visit: Visit, asked: Asked, show: str) -> None:
        """show: one of FILTERS."""
        super().__init__(visit, COLUMNS, noun="events", usual=USUAL)
        self._asked, self._show = asked, show
        self.choose()

    @property
    def more(self) -> list[tuple[str, str]]:
        """What the address says beside search, order and page."""
        return [*self._asked.kept, *([("show", self._show)] if self._show else []), *self.chosen_columns]

    def show_link(self, key: str) -> str:
        """The address of this state under another of FILTERS."""
        query = [*self.without("show"), *([("show", key)] if key else [])]
        return self.path + ("?" + urlencode(query) if query else "")


@get("/events", sync_to_thread=True)
def events_page(request: PageRequest) -> Response[str]:
    """Every event by name."""
    visit = Visit(request)
    listed = listed_events(visit)
    state, asked, chosen, every = listed.state, listed.asked, listed.chosen, listed.every
    first = state.query.offset
    rows = _with_trends(visit, asked, listed.rows[first : first + state.rows])
    context: dict[str, Any] = {
        "state": state,
        "rows": rows,
        "most": max((row.told.times for row in every), default=0) or 1,
        "asked": asked,
        "filters": [(key, label, len(chosen[key])) for key, label in FILTERS.items()],
        "show": listed.show,
        "export": "/export/events.csv" + state.address_without().removeprefix(state.path),
    }
    if visit.partial:
        return page(visit, "parts/event_list.html", headers={"HX-Push-Url": state.address}, **context)
    scored = chosen["scored"]
    return page(
        visit,
        "events.html",
        figure=volume_figure(events_by_day(visit.product, asked.days)),
        known=len(every),
        times=(sum(row.told.times for row in every), sum(row.told.times_before for row in every)),
        average=_mean([row.told.share for row in scored]),
        average_change=_mean([row.told.change for row in scored]),
        silent=len(chosen["silent"]),
        **context,
    )


class Listed(msgspec.Struct, frozen=True):
    """The list that an address names: all its rows in order, beside all there are and those of each filter."""

    state: EventsState
    asked: Asked
    show: str
    every: list[EventRow]
    chosen: Mapping[str, list[EventRow]]
    rows: list[EventRow]


def listed_events(visit: Visit) -> Listed:
    """The events that the reader's address asks for, without their trends."""
    asked, show = Asked(visit), visit.request.query_params.get("show", "")
    show = show if show in FILTERS else ""
    state, every = EventsState(visit, asked, show), _every_row(visit, asked)
    chosen, search = _filtered(every), state.search.lower()
    found = [row for row in chosen[show] if search in f"{row.summary.event}\n{row.summary.feature}".lower()]
    found.sort(key=lambda row: (row.value(state.sort), row.summary.event), reverse=state.descending)
    state.total = len(found)
    return Listed(state, asked, show, every, chosen, found)


def _every_row(visit: Visit, asked: Asked) -> list[EventRow]:
    """Every event ever counted, without its trend."""
    summaries = event_list(visit.product, visit.workspace.id, with_hidden=True, of=())
    things = [Thing(each.event, (each.event,)) for each in summaries]
    found = adoptions(visit.product, visit.workspace.id, things, days=asked.days)
    return event_rows(visit, asked, summaries, found)


def event_rows(
    visit: Visit, asked: Asked, summaries: Sequence[EventSummary], adopted: Sequence[Adoption]
) -> list[EventRow]:
    """Events with how far each is adopted, without their trends."""
    config, silent_from = visit.product.config, visit.running.clock() - SILENT_DAYS * DAY_US
    return [
        EventRow(each, told_of(asked, adoption, ()), *_aside(each, config), each.last_us < silent_from)
        for each, adoption in zip(summaries, adopted, strict=True)
    ]


def _aside(summary: EventSummary, config: ProductConfig) -> tuple[bool, bool]:
    """Is the event hidden, and is it ignored?"""
    return summary.event in config.hidden_events, summary.event in config.ignored_events


def _filtered(every: Sequence[EventRow]) -> Mapping[str, list[EventRow]]:
    """The rows by filter; hidden events are under theirs alone."""
    tests: dict[str, Callable[[EventRow], bool]] = {
        "": lambda _row: True,
        "scored": lambda row: row.summary.weight > 0,
        "unscored": lambda row: row.summary.weight == 0,
        "unassigned": lambda row: not row.summary.feature,
        "silent": lambda row: row.silent,
    }
    listed = [row for row in every if not row.hidden]
    return {key: list(filter(test, listed)) for key, test in tests.items()} | {
        "hidden": [row for row in every if row.hidden]
    }


def _with_trends(visit: Visit, asked: Asked, rows: Sequence[EventRow]) -> list[EventRow]:
    """The rows of a page with how they went, for which the store is asked about these alone."""
    things = [Thing(row.summary.event, (row.summary.event,)) for row in rows]
    trends = times_by_day(visit.product, visit.workspace.id, things, days=asked.days)
    return [
        msgspec.structs.replace(row, told=msgspec.structs.replace(row.told, trend=trend))
        for row, trend in zip(rows, trends, strict=True)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
