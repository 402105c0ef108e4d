"""A sorted, filtered, paged list.  Its whole state is its address: it can be shared, reloaded and gone back to."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from uptake.stores.events.base import ListQuery
from uptake.web.pages.formats import LEVEL_NAMES
from uptake.web.pages.visit import Visit

ROWS = 25
ROWS_CHOICES = (25, 50, 100)
MOST_PAGES = 100_000


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    sort: the field that it sorts by, '' where it does not sort.  rising: does a first click show the smallest first?
    chosen: is it shown until the reader chooses otherwise?  trait: the trait that it shows; such ones do not sort.
    """

    label: str
    sort: str = ""
    classes: str = ""
    help: str = ""
    rising: bool = False
    chosen: bool = True
    trait: str = ""

    @property
    def key(self) -> str:
        """What the address calls the column.

        >>> Column("Users active").key, Column("Last active", "last_active_us").key
        ('users_active', 'last_active_us')
        """
        return f"trait.{self.trait}" if self.trait else self.sort or self.label.lower().replace(" ", "_")


class ListState:
    """What the address says about one list, and the addresses that differ from it in one thing."""

    def __init__(self, visit: Visit, columns: Sequence[Column], *, noun: str, usual: str = "score") -> None:
        """usual: the column that sorts the list where the address names none.

        Values that the list does not know are taken as absent: an old link still opens.
        """
        params = visit.request.query_params
        self.visit, self.columns, self.noun = visit, columns, noun
        self.path = visit.request.url.path
        by = {column.sort: column for column in columns if column.sort}
        self._usual = by[usual]
        self.column = by.get(params.get("sort", ""), self._usual)
        self.sort = self.column.sort
        self.descending = {"asc": False, "desc": True}.get(params.get("dir", ""), not self.column.rising)
        self.search = params.get("q", "").strip()[:200]
        self.level = params.get("level", "") if params.get("level") in LEVEL_NAMES else ""
        self.rows = next((rows for rows in ROWS_CHOICES if str(rows) == params.get("rows")), ROWS)
        self.page = _whole(params.get("page", ""))
        self.total = 0
        self.levels: list[tuple[str, str, int]] = []

    @property
    def query(self) -> ListQuery:
        """The page that the store is asked for."""
        return ListQuery(
            sort=self.sort,
            descending=self.descending,
            search=self.search,
            level=self.level,
            limit=self.rows,
            offset=(self.page - 1) * self.rows,
        )

    def count_levels(self, counts: Mapping[str, int]) -> None:
        """Offer these levels to choose from."""
        chosen = [(key, name, counts.get(key, 0)) for key, name in LEVEL_NAMES.items()]
        self.levels = [("", "All", sum(counts.values())), *chosen]

    # ---- what a list with more filters adds
    @property
    def shown(self) -> Sequence[Column]:
        """The columns of the table."""
        return self.columns

    @property
    def more(self) -> list[tuple[str, str]]:
        """What the address says beside search, level, order and page."""
        return []

    # ---- what is shown
    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.rows))

    @property
    def first(self) -> int:
        """The number of the first row on this page."""
        return (self.page - 1) * self.rows + 1

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.page * self.rows, self.total)

    @property
    def filtered(self) -> bool:
        """Does the address leave anything out?"""
        return bool(self.search or self.level or self.page > 1)

    @property
    def sort_label(self) -> str:
        """The order in words."""
        return f"{self.column.label.lower()}, {'falling' if self.descending else 'rising'}"

    @property
    def sort_key(self) -> str:
        """The order as the select of small screens knows it."""
        return self.sort

    @property
    def sort_options(self) -> list[tuple[str, str]]:
        """The orders to choose from."""
        return [(column.sort, column.label) for column in self.columns if column.sort]

    # ---- addresses
    @property
    def state(self) -> list[tuple[str, str]]:
        """All that the address says but the page."""
        wanted = {
            "q": self.search,
            "sort": "" if self.column is self._usual else self.sort,
            "dir": "" if self.descending != self.column.rising else ("desc" if self.descending else "asc"),
            "level": self.level,
        }
        named = [(name, value) for name, value in wanted.items() if value]
        return [*self.visit.kept, *named, *self._lasting]

    @property
    def _lasting(self) -> list[tuple[str, str]]:
        return [*self.more, *([("rows", str(self.rows))] if self.rows != ROWS else [])]

    def without(self, *names: str) -> list[tuple[str, str]]:
        """The state but these: the hidden fields of a form that has fields for them."""
        return [pair for pair in self.state if pair[0] not in names]

    def address_without(self, *names: str) -> str:
        """The address of the state but these."""
        query = self.without(*names)
        return self.path + ("?" + urlencode(query) if query else "")

    @property
    def rows_options(self) -> list[tuple[int, str]]:
        """How many rows a page may have, each with its address."""
        return [
            (rows, self.address_without("rows") if rows == ROWS else self._with("rows", rows)) for rows in ROWS_CHOICES
        ]

    def _with(self, name: str, value: object) -> str:
        return self.path + "?" + urlencode([*self.without(name), (name, str(value))])

    @property
    def swap(self) -> dict[str, str]:
        """The attributes that make a link change the list in place."""
        return {"hx-boost": "true", "hx-target": "#list", "hx-swap": "innerMorph show:none"}

    @property
    def address(self) -> str:
        """This state's own address, without what goes without saying."""
        return self.link(page=self.page)

    @property
    def cleared(self) -> str:
        """The list without any filter."""
        return self.link(level="", search="")

    def sort_link(self, column: Column) -> str:
        """Sorted by the column; where it is already, the other way round."""
        descending = not self.descending if column.sort == self.sort else not column.rising
        return self.link(sort=column, descending=descending)

    def link(
        self,
        *,
        sort: Column | None = None,
        descending: bool | None = None,
        level: str | None = None,
        search: str | None = None,
        page: int = 1,
    ) -> str:
        """The address of this state with something changed."""
        column = sort or self.column
        falls = self.descending if descending is None else descending
        wanted = {
            "q": self.search if search is None else search,
            "level": self.level if level is None else level,
            "sort": "" if column is self._usual else column.sort,
            "dir": "" if falls != column.rising else ("desc" if falls else "asc"),
            "page": "" if page == 1 else str(page),
        }
        query = [*self.visit.kept, *((name, value) for name, value in wanted.items() if value), *self._lasting]
        return self.path + ("?" + urlencode(query) if query else "")


class ChoosingState(ListState):
    """A list whose columns the reader chooses; the first ones, and what it is sorted by, always stand."""

    FIXED = 2
    """So many first columns always stand."""

    def choose(self) -> None:
        """Take what the address says about columns, once all of them are known."""
        asked = self.visit.request.query_params.getall("col", [])
        names = [column.key for column in self.columns]
        self._chosen = [name for name in names if name in asked] if any(name in names for name in asked) else None

    @property
    def shown(self) -> Sequence[Column]:
        """The chosen columns; the column that the list is sorted by always stands."""
        fixed, rest = self.columns[: self.FIXED], self.columns[self.FIXED :]
        return [*fixed, *(each for each in rest if self._shows(each) or each is self.column)]

    def _shows(self, column: Column) -> bool:
        return column.chosen if self._chosen is None else column.key in self._chosen

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """The columns to choose from: key, label, is it shown?"""
        return [(each.key, each.label, self._shows(each)) for each in self.columns[self.FIXED :] if not each.trait]

    @property
    def trait_choices(self) -> list[tuple[str, str, bool]]:
        """The traits to choose from, as `choices`."""
        return [(each.key, each.label, self._shows(each)) for each in self.columns if each.trait]

    @property
    def chosen_columns(self) -> list[tuple[str, str]]:
        """What the address says about columns."""
        return [("col", name) for name in self._chosen or []]


def _whole(text: str) -> int:
    """A page number, 1 where the text is none."""
    return min(max(int(text), 1), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 9 else 1
