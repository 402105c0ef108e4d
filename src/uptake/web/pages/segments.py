"""The list of segments: suggested ones and those that were saved, each with its size, average score, money and trend.

How a segment went is a query over all days, so that the list asks for each trend by itself once it is shown.
"""

from collections.abc import Callable

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from uptake.core.effects import Kind
from uptake.segments import text
from uptake.views.segments import SegmentInfo, SegmentSize, segment_history, segment_list, segment_named, segment_sizes
from uptake.views.summary import level_counts
from uptake.web.pages.render import page
from uptake.web.pages.segment_words import condition_words
from uptake.web.pages.visit import PageRequest, Visit

SCOPES: dict[str, Kind] = {"accounts": "account", "users": "user"}


SORTS: dict[str, Callable[["SegmentRow"], float | str]] = {
    "name": lambda row: row.info.name.lower(),
    "size": lambda row: row.size.members,
    "active": lambda row: row.size.active,
    "score": lambda row: -1 if row.size.average_score is None else row.size.average_score,
    "mrr": lambda row: row.size.mrr or 0,
}
"""What both lists can be sorted by; names rise first, numbers fall.  Without any they are as they were made."""


class SegmentRow(msgspec.Struct, frozen=True):
    """A segment as it is listed; share: of all accounts or users, in percent."""

    info: SegmentInfo
    size: SegmentSize
    share: float
    words: str
    href: str
    trend: str


@get("/segments", sync_to_thread=True)
def segments_page(request: PageRequest) -> Response[str]:
    """The segments of accounts, or of users."""
    visit = Visit(request)
    kind = SCOPES.get(request.query_params.get("scope", ""), "account")
    every = segment_list(visit.product, visit.workspace.id)
    known = sum(level_counts(visit.product, kind, visit.workspace.id).values())
    listed = [each for each in every if each.kind == kind]
    sizes = segment_sizes(visit.product, listed)
    rows = [segment_row(visit, each, size, known) for each, size in zip(listed, sizes, strict=True)]
    order = Order(visit, kind)
    rows = order.sorted(rows)
    return page(
        visit,
        "segments.html",
        kind=kind,
        order=order,
        tabs=[
            (visit.link("/segments"), "Accounts", "account", sum(each.kind == "account" for each in every)),
            (visit.link("/segments", scope="users"), "Users", "user", sum(each.kind == "user" for each in every)),
        ],
        saved=[row for row in rows if not row.info.suggested],
        suggested=[row for row in rows if row.info.suggested],
        new=visit.link("/segments/new", scope="users" if kind == "user" else ""),
    )


class Order:
    """How the address wants both lists sorted, and the addresses that sort them otherwise."""

    def __init__(self, visit: Visit, kind: Kind) -> None:
        params = visit.request.query_params
        self._visit, self._scope = visit, "users" if kind == "user" else ""
        self.by = params.get("sort", "") if params.get("sort") in SORTS else ""
        self.falls = {"asc": False, "desc": True}.get(params.get("dir", ""), self.by != "name")

    def sorted(self, rows: list[SegmentRow]) -> list[SegmentRow]:
        """The rows in this order."""
        return sorted(rows, key=SORTS[self.by], reverse=self.falls) if self.by else rows

    def link(self, by: str) -> str:
        """Sorted by this; where it is already, the other way round."""
        falls = not self.falls if by == self.by else by != "name"
        return self._visit.link("/segments", scope=self._scope, sort=by, dir="desc" if falls else "asc")


@get("/segments/{segment:str}/trend", sync_to_thread=True)
def segment_trend(request: PageRequest, segment: FromPath[str]) -> Response[str]:
    """How a segment went in the last 30 days, for its row in the list."""
    visit = Visit(request)
    info = segment_named(visit.product, segment, visit.workspace.id)
    days = segment_history(visit.product, info).days
    sizes = [each.members for each in days]
    return page(
        visit, "parts/segment_trend.html", sizes=sizes, change=sizes[-1] - sizes[0] if sizes else 0, days=len(days)
    )


def segment_row(visit: Visit, info: SegmentInfo, size: SegmentSize, known: int) -> SegmentRow:
    """A segment with its size and its addresses."""
    words = "" if text(info.condition) == "everyone" else condition_words(info.condition, info.kind)
    href = segment_link(visit, info)
    return SegmentRow(info, size, 100 * size.members / max(known, 1), words, href, segment_link(visit, info, "/trend"))


def segment_link(visit: Visit, info: SegmentInfo, page_of: str = "", **params: object) -> str:
    """The address of a segment, or of one of its pages."""
    return visit.link(f"/segments/{info.id}{page_of}", None, **params)
