"""Both rankings of a what-if as a table: its order and page stand in the button that was pressed.

A what-if is asked with the form of a workspace, so that the buttons here post that form too.
"""

import io
from collections.abc import Iterator
from typing import get_args

import msgspec
from litestar.response import Stream

from uptake.core.effects import Kind
from uptake.views.what_if_ranking import Place, PlaceSort, PlacesPage, PlacesQuery, Rankings
from uptake.web.pages.exporting import MARK, csv_line
from uptake.web.pages.render import HEADERS

ROWS = 25
MOST_PAGES = 100_000
HEADS: tuple[tuple[PlaceSort, str], ...] = (
    ("name", ""),
    ("score", "Now"),
    ("score_after", "Then"),
    ("change", "Change"),
)
"""Columns in their order; the first has the name of the kind."""
FIELDS = (
    "place", "place_after", "tracking_id", "name", "score", "score_after", "change", "level", "level_after",
    "raw_score", "raw_score_after",
)  # fmt: skip


class PlacesTable(msgspec.Struct, frozen=True):
    """What is asked for: whose rankings, in which order, which page; and what was found."""

    kind: Kind = "account"
    sort: PlaceSort = "score_after"
    descending: bool = True
    page: int = 1
    found: PlacesPage | None = None

    @property
    def query(self) -> PlacesQuery:
        """The page that the view is asked for."""
        return PlacesQuery(self.kind, self.sort, self.descending, ROWS, (self.page - 1) * ROWS)

    @property
    def told(self) -> str:
        """The words that a button says it with; see `asked_in`."""
        return f"{self.kind}.{self.sort}.{'desc' if self.descending else 'asc'}.{self.page}"

    @property
    def heads(self) -> list[tuple[PlaceSort, str, str]]:
        """Each column's field, its label, and the words that sort by it, the other way round where it is sorted."""
        heads = []
        for sort, label in HEADS:
            falls = not self.descending if sort == self.sort else sort != "name"
            turned = PlacesTable(self.kind, sort, falls)
            heads.append((sort, label or self.kind.capitalize(), turned.told))
        return heads

    @property
    def total(self) -> int:
        """How many rows there are."""
        return self.found.total if self.found else 0

    @property
    def first(self) -> int:
        """The number of the first row on this page."""
        return (self.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.page * ROWS, self.total)

    def of(self, kind: Kind) -> str:
        """The words for the same order of the other kind."""
        return PlacesTable(kind, self.sort, self.descending).told

    def at(self, page: int) -> str:
        """The words for another page; '' where there is none."""
        there = 1 <= page <= max(1, -(-self.total // ROWS))
        return msgspec.structs.replace(self, page=page).told if there else ""


def asked_in(words: str) -> PlacesTable:
    """What a button asks for, as `account.score_after.desc.1`; what it does not say well is taken as usual."""
    kind, sort, order, page = [*words.split("."), "", "", "", ""][:4]
    usual = PlacesTable()
    return PlacesTable(
        kind="user" if kind == "user" else usual.kind,
        sort=next((each for each in get_args(PlaceSort) if each == sort), usual.sort),
        descending=order != "asc",
        page=min(max(int(page), 1), MOST_PAGES) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
    )


def filled(table: PlacesTable, rankings: Rankings) -> PlacesTable:
    """The table with its page of rows; the first page where there is no such one."""
    found = rankings.page(table.query)
    if not found.rows and table.page > 1:
        table = msgspec.structs.replace(table, page=1)
        found = rankings.page(table.query)
    return msgspec.structs.replace(table, found=found)


def download(table: PlacesTable, rankings: Rankings) -> Stream:
    """Every row as a CSV file, in the order of the table."""
    name = f"what-if-{table.kind}s.csv"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_lines(table, rankings), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(table: PlacesTable, rankings: Rankings) -> Iterator[str]:
    yield MARK + csv_line(list(FIELDS))
    for rows in rankings.whole(table.query):
        written = io.StringIO()
        written.writelines(csv_line(_cells(row)) for row in rows)
        yield written.getvalue()


def _cells(row: Place) -> list[str | int | float]:
    values = (getattr(row, name) for name in FIELDS)
    return ["" if value is None else value for value in values]
