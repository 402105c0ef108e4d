"""The ranked lists of accounts and of users: filters by level, segment and condition, the day, and chosen columns.

All of it stands in the address, so that a list can be shared, saved and exported as it is seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from uptake.core.conditions import All, Condition
from uptake.core.effects import Kind
from uptake.core.scores import Numbers
from uptake.segments import parse
from uptake.segments.words import ConditionError
from uptake.stores.events.base import ListQuery
from uptake.views.ranking import NumbersPage, ranked
from uptake.views.segments import SegmentInfo, segment_list
from uptake.views.summary import level_counts
from uptake.views.traits import trait_columns, traits_among
from uptake.web.pages.lists import ChoosingState, Column
from uptake.web.pages.subject import day_asked
from uptake.web.pages.traits import trait_text
from uptake.web.pages.visit import Visit

LONGEST_CONDITION = 2_000
SCORE_HELP = "1 to 100 on the workspace's curve; 90 is what the top tenth reaches"
FREQUENCY_HELP = "Days with a scored event in the window"
ADOPTION_HELP = "Share of the scored events done at least once in the window"
FIRST = (
    Column("Score", "score", "num", SCORE_HELP),
    Column("Change", "score_change", "num", "Against one window earlier"),
    Column("Level", "level", "wide"),
)
LAST = (
    Column("Frequency", "frequency", "num wide", FREQUENCY_HELP),
    Column("Adoption", "adoption", "num wide", ADOPTION_HELP),
    Column("Ever adopted", "adoption_all_time", "num wide", "Share of the scored events ever done", chosen=False),
    Column("Activation", "activation", "num wide", "Share of the conditions of activation that hold", chosen=False),
    Column("Raw score", "raw_score", "num wide", "Times by weights, before the curve", chosen=False),
    Column("Last active", "last_active_us", "num wide"),
    Column("Created", "created_us", "num wide", "Creation date, for tenure", chosen=False),
)
COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "account": (
        Column("Account", "name", rising=True),
        *FIRST,
        Column("Users", "active_users", "num wide", "Active in the window, of all within 90 days"),
        Column("Users active", "", "num wide", "Share of its users who are active", chosen=False),
        *LAST,
    ),
    "user": (
        Column("User", "name", rising=True),
        *FIRST,
        Column("Account", "account", "wide", rising=True),
        Column("E-mail", "email", "wide", rising=True, chosen=False),
        *LAST,
    ),
}
MOST_TRAITS, OFFERED_TRAITS = 8, 40
"""How many columns of traits a list shows, and how many it offers."""


def _trait_columns(visit: Visit, kind: Kind, asked: Sequence[str]) -> list[Column]:
    """A column for each of the commonest traits, and for others that the address names and the product knows."""
    known = trait_columns(visit.product, kind)
    named = [key for key in known if f"trait.{key}" in asked][:MOST_TRAITS]
    offered = {*known[:OFFERED_TRAITS], *named}
    columns = [Column(key, classes="wide break", chosen=False, trait=key) for key in sorted(offered)]
    return [each for each in columns if each.trait in named or each.key not in asked]  # beyond the most: not there


class RankedState(ChoosingState):
    """What the address says about a ranked list."""

    def __init__(self, visit: Visit, kind: Kind, *, within: SegmentInfo | None = None) -> None:
        """within: the segment that the list is always narrowed to; otherwise the address may name one."""
        super().__init__(visit, COLUMNS[kind], noun=f"{kind}s")
        params = visit.request.query_params
        self.kind = kind
        self.today = visit.product.today()
        self.day = day_asked(visit.request, "day", self.today)
        self.day = None if self.day == self.today else self.day
        self.within = within
        self.segments = [] if within else segment_list(visit.product, visit.workspace.id, kind=kind)
        self.segment = within or next((each for each in self.segments if each.id == params.get("segment")), None)
        self.owns = kind == "account" and within is None and bool(visit.owned)
        self.mine = self.owns and params.get("whose") == "mine"
        self.where = params.get("where", "").strip()[:LONGEST_CONDITION]
        self.fault = ""
        self._written = self._read(self.where)
        asked = params.getall("col", [])
        self.columns = (*self.columns, *_trait_columns(visit, kind, asked))
        self.choose()
        self._traits: Mapping[str, Mapping[str, Any]] = {}

    def _read(self, where: str) -> Condition | None:
        try:
            return parse(where) if where else None
        except ConditionError as error:
            self.fault = str(error)
            return None

    @property
    def condition(self) -> Condition | None:
        """Segment and written condition together; None for everyone."""
        within = self.segment.condition if self.segment else None
        parts = tuple(each for each in (within, self._written) if each is not None)
        return All(parts) if len(parts) > 1 else parts[0] if parts else None

    @property
    def query(self) -> ListQuery:
        """The page that the store is asked for."""
        return msgspec.structs.replace(super().query, where=self.condition, tracking_ids=self.only)

    @property
    def only(self) -> tuple[str, ...] | None:
        """The accounts that the list is of; None: all."""
        return self.visit.owned if self.mine else None

    @property
    def filtered(self) -> bool:
        """Does the address leave anything out?"""
        return super().filtered or self.condition is not None or bool(self.fault)

    # ---- columns
    @property
    def traits(self) -> list[str]:
        """The traits whose columns are shown."""
        return [each.trait for each in self.shown if each.trait]

    def with_traits(self, rows: Sequence[Numbers]) -> None:
        """Look up the traits of these rows that are shown."""
        ids = [row.tracking_id for row in rows]
        self._traits = traits_among(self.visit.product, self.kind, ids, self.traits)

    def trait_text(self, row: Numbers, key: str) -> str:
        """A trait of a row as it is shown, '' where there is none."""
        held = self._traits.get(row.tracking_id, {})
        if key not in held:
            return ""
        config = self.visit.product.version.config
        return trait_text(key, held[key], config.trait_types.of(self.kind, key), config)

    # ---- addresses
    @property
    def more(self) -> list[tuple[str, str]]:
        """What the address says beside search, level, order and page."""
        told = {
            "whose": "mine" if self.mine else "",
            "segment": "" if self.within else self.segment_key,
            "where": self.where,
            "day": str(self.day) if self.day else "",
        }
        return [*((name, value) for name, value in told.items() if value), *self.chosen_columns]

    @property
    def segment_options(self) -> list[tuple[str, str]]:
        """The segments to choose from, the product's own first."""
        own = [each for each in self.segments if not each.suggested]
        ready = [each for each in self.segments if each.suggested]
        return [("", f"All {self.noun}"), *((each.id, each.name) for each in (*own, *ready))]

    @property
    def segment_key(self) -> str:
        """The chosen segment's id."""
        return self.segment.id if self.segment else ""

    @property
    def whose_links(self) -> list[tuple[str, str, bool]]:
        """The reader's own accounts or everybody's: label, address, is it chosen?"""
        everybody = self.address_without("whose")
        mine = self.path + "?" + urlencode([*self.without("whose"), ("whose", "mine")])
        return [("Mine", mine, self.mine), ("All", everybody, not self.mine)]

    @property
    def path_alone(self) -> str:
        """The list without any filter, of today."""
        query = self.visit.kept
        return self.path + ("?" + urlencode(query) if query else "")

    @property
    def export(self) -> str:
        """Where the whole list is downloaded."""
        query = self.state
        path = f"{self.path}/members.csv" if self.within else f"/export{self.path}.csv"
        return path + ("?" + urlencode(query) if query else "")


def listed_in(state: RankedState) -> NumbersPage:
    """Ask for the page that the state is about, and how many are on each level; none where its condition is no good."""
    visit = state.visit
    product, workspace_id = visit.product, visit.workspace.id
    limit = 0 if state.fault else state.query.limit
    listed = ranked(product, state.kind, workspace_id, msgspec.structs.replace(state.query, limit=limit), day=state.day)
    state.total = listed.total
    state.with_traits(listed.rows)
    counts = level_counts(
        product, state.kind, workspace_id, state.day, search=state.search, where=state.condition, only=state.only
    )
    state.count_levels(counts)
    return listed
