"""One segment: its size and how it went, its members, what it holds, and why somebody is in it or not."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from uptake.core.days import iso_ms
from uptake.core.scores import Numbers
from uptake.segments import text
from uptake.stores.events.base import GroupDay, ListQuery
from uptake.views.base import scored_day
from uptake.views.ranking import find, known
from uptake.views.segments import (
    SegmentInfo,
    membership,
    segment_history,
    segment_members,
    segment_named,
    segment_size,
)
from uptake.views.summary import level_counts
from uptake.web.pages.accounts import COLUMNS as ACCOUNT_COLUMNS
from uptake.web.pages.charts import Figure, Series
from uptake.web.pages.forms import csrf_token
from uptake.web.pages.lists import ListState
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.segment_words import condition_words, why_lines
from uptake.web.pages.segments import segment_link
from uptake.web.pages.subject import RANGES, range_asked
from uptake.web.pages.users import COLUMNS as USER_COLUMNS
from uptake.web.pages.users import account_names
from uptake.web.pages.visit import PageRequest, Visit

CSV_ROWS = 10_000
CSV_FIELDS = ("tracking_id", "name", "score", "score_change", "level", "raw_score", "frequency", "adoption")
CSV_LATER_FIELDS = ("adoption_all_time", "activation", "last_active_at", "created_at")
CSV_OWN_FIELDS = {"account": ("active_users", "total_users"), "user": ("email", "account")}


@get("/segments/{segment:str}", sync_to_thread=True)
def segment_page(request: PageRequest, segment: FromPath[str]) -> Response[str]:
    """One segment."""
    visit = Visit(request)
    info = segment_named(visit.product, segment, visit.workspace.id)
    state = ListState(visit, ACCOUNT_COLUMNS if info.kind == "account" else USER_COLUMNS, noun=f"{info.kind}s")
    listed = segment_members(visit.product, info, state.query)
    state.total = listed.total
    names = account_names(visit, listed.rows) if info.kind == "user" else {}
    context: dict[str, Any] = {"state": state, "listed": listed, "names": names}
    rows = f"parts/{info.kind}_list.html"
    if visit.partial:
        return page(visit, rows, headers={"HX-Push-Url": state.address}, **context)
    days = range_asked(request)
    history = segment_history(visit.product, info, first=visit.product.today() - timedelta(days=days - 1))
    return page(
        visit,
        "segment.html",
        info=info,
        size=segment_size(visit.product, info),
        known=sum(level_counts(visit.product, info.kind, visit.workspace.id).values()),
        words=condition_words(info.condition, info.kind),
        where=text(info.condition),
        figures=size_figures(history.days),
        moved=(sum(each.entered for each in history.days), sum(each.left for each in history.days)),
        range=days,
        ranges=RANGES,
        rows=rows,
        saved=request.query_params.get("saved", ""),
        csrf=csrf_token(request),
        link=lambda page_of="", **params: segment_link(visit, info, page_of, **params),
        **context,
    )


@get("/segments/{segment:str}/why", sync_to_thread=True)
def segment_why(request: PageRequest, segment: FromPath[str]) -> Response[str]:
    """Why somebody is in the segment or not."""
    visit = Visit(request)
    info = segment_named(visit.product, segment, visit.workspace.id)
    who = request.query_params.get("who", "").strip()[:500]
    told = membership(visit.product, info, _found(visit, info, who)) if who else None
    return page(
        visit,
        "segment_why.html",
        info=info,
        who=who,
        told=told,
        lines=list(why_lines(info.condition, told.why, info.kind)) if told else [],
        link=lambda page_of="", **params: segment_link(visit, info, page_of, **params),
    )


def _found(visit: Visit, info: SegmentInfo, who: str) -> str:
    """The tracking id of who has this id, name or e-mail.  Raises Unknown."""
    for match_type in ("tracking_id", "email", "name") if info.kind == "user" else ("tracking_id", "name"):
        if found := find(visit.product, info.kind, match_type, who):
            return found
    return known(visit.product, info.kind, who)


@get("/segments/{segment:str}/members.csv", sync_to_thread=True)
def segment_csv(request: PageRequest, segment: FromPath[str]) -> Stream:
    """All members with their numbers, as CSV."""
    visit = Visit(request)
    info = segment_named(visit.product, segment, visit.workspace.id)
    day = scored_day(visit.product, None)
    name = re.sub(r"[^a-z0-9]+", "-", info.name.lower()).strip("-") or "segment"
    disposition = f'attachment; filename="{name}-{day}.csv"'
    return Stream(
        _csv_lines(visit, info),
        media_type="text/csv; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": disposition},
    )


def _csv_lines(visit: Visit, info: SegmentInfo) -> Iterator[str]:
    fields = (*CSV_FIELDS, *CSV_LATER_FIELDS, *CSV_OWN_FIELDS[info.kind])
    yield _csv([fields])
    query = ListQuery(sort="tracking_id", descending=False, limit=CSV_ROWS)
    while rows := segment_members(visit.product, info, query).rows:
        yield _csv([[_cell(row, field) for field in fields] for row in rows])
        query = msgspec.structs.replace(query, offset=query.offset + CSV_ROWS)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _cell(row: Numbers, field: str) -> object:
    """A field as a cell; text that a spreadsheet would take for a formula is quoted."""
    if field in ("last_active_at", "created_at"):
        moment_us = row.last_active_us if field == "last_active_at" else row.created_us
        return "" if moment_us is None else iso_ms(moment_us)
    value = getattr(row, field)
    if isinstance(value, float):
        return round(value, 4)
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def size_figures(days: Sequence[GroupDay]) -> list[tuple[str, Figure]]:
    """The size by day, and below it who entered and who left."""
    dates = [each.day for each in days]
    size = Figure("Members by day", dates, [Series("Members", [each.members for each in days])])
    moves = Figure(
        "Entered and left by day",
        dates,
        [
            Series("Entered", [each.entered for each in days], "bar", "series-1", "moves"),
            Series("Left", [-each.left for each in days], "bar", "series-3", "moves"),
        ],
        least=None,
    )
    return [("Members", size), ("Entered and left", moves)]
