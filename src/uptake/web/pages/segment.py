"""One segment: its size and how it went, its members, what it holds, and why somebody is in it or not."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from uptake.segments import text
from uptake.stores.events.base import GroupDay
from uptake.views.ranking import find, known
from uptake.views.segments import (
    SegmentInfo,
    membership,
    segment_history,
    segment_named,
    segment_size,
)
from uptake.views.summary import level_counts
from uptake.web.pages.charts import Figure, Series
from uptake.web.pages.exporting import download
from uptake.web.pages.forms import csrf_token
from uptake.web.pages.ranked import RankedState, listed_in
from uptake.web.pages.render import page
from uptake.web.pages.segment_words import condition_words, why_lines
from uptake.web.pages.segments import segment_link
from uptake.web.pages.subject import RANGES, range_asked
from uptake.web.pages.users import account_names
from uptake.web.pages.visit import PageRequest, Visit


@get("/segments/{segment:str}", sync_to_thread=True)
def segment_page(request: PageRequest, segment: FromPath[str]) -> Response[str]:
    """One segment."""
    visit = Visit(request)
    info = segment_named(visit.product, segment, visit.workspace.id)
    state = RankedState(visit, info.kind, within=info)
    listed = listed_in(state)
    names = account_names(visit, listed.rows) if info.kind == "user" else {}
    context: dict[str, Any] = {"state": state, "listed": listed, "names": names}
    if visit.partial:
        return page(visit, "parts/ranked.html", headers={"HX-Push-Url": state.address}, **context)
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
    name = re.sub(r"[^a-z0-9]+", "-", info.name.lower()).strip("-") or "segment"
    return download(RankedState(visit, info.kind, within=info), name)


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
