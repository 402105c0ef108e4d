"""The Live page: the last calls with their fate, refreshed by itself, narrowed down by what the address says.

With `?before=OFFSET` it stands still and shows what came before that call, page by page down to the first one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get

from uptake.core.calls import CALL_TYPES
from uptake.core.effects import FATES
from uptake.views.health import Counters, counters
from uptake.views.live import EXCLUDED, IGNORED, REFUSED, LiveCall, LiveQuery, live_calls
from uptake.views.older import older_calls
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

MOST_CALLS = 50
MOST_FILTER = 200
MOST_DIGITS = 18
FATE_NAMES = {
    "": "All",
    "applied": "Counted",
    "duplicate": "Duplicate",
    "filtered": "Filtered",
    IGNORED: "Ignored",
    "unmatched": "Unmatched",
    "invalid": "Invalid",
    "no_user": "No user",
    EXCLUDED: "Excluded",
    "recorded": "Recorded",
    "unreadable": "Unreadable",
    "erased": "Erased",
    REFUSED: "Refused",
}
FATE_KINDS = {"applied": "good", "invalid": "bad", REFUSED: "bad", "unmatched": "notice", "no_user": "notice"}
ALWAYS = ("", "applied", "duplicate", "filtered", IGNORED, "unmatched", "invalid", "no_user", EXCLUDED, REFUSED)
"""The fates that can be chosen before any call met them; the rare others only then."""
TYPES = (("", "Every type"), *((each, each) for each in CALL_TYPES))


class LiveRow(msgspec.Struct, frozen=True):
    """A call as it is listed; `key` is its element's id, so that a refresh leaves it in place, `href` its own page."""

    key: str
    call: LiveCall
    href: str

    @property
    def fate_name(self) -> str:
        """The fate in a word."""
        return FATE_NAMES.get(self.call.fate, self.call.fate)

    @property
    def fate_kind(self) -> str:
        """The colour of the fate's badge."""
        return FATE_KINDS.get(self.call.fate, "")


class LiveCounts(msgspec.Struct, frozen=True):
    """What became of every item ever received; by_fate tells it for each of the filters."""

    received: int
    waiting: int
    applied: int
    duplicate: int
    uncounted: int
    refused: int
    by_fate: Mapping[str, int]


@get("/live", sync_to_thread=True)
def live_page(request: PageRequest) -> Response[str]:
    """The last calls that the address asks for, newest first."""
    visit, query = Visit(request), _query(request)
    counts = _counts(counters(visit.product))
    asked = msgspec.structs.asdict(query)
    before = _offset_in(request.query_params.get("before", ""))
    calls, older = _latest(visit, query) if before is None else _before(visit, query, before)
    context: dict[str, Any] = {
        "rows": _rows(visit, calls),
        "before": before,
        "looked_from": older,
        "older": visit.link("/live", **asked, before=older) if older else "",
        "counts": counts,
        "fates": [
            (key, name, visit.link("/live", **{**asked, "fate": key}))
            for key, name in FATE_NAMES.items()
            if key in ALWAYS or counts.by_fate.get(key) or key == query.fate
        ],
        "types": TYPES,
        "query": query,
        "here": visit.link("/live", **asked),
    }
    return page(visit, "parts/live.html" if visit.partial else "live.html", **context)


def _query(request: PageRequest) -> LiveQuery:
    asked = {name: request.query_params.get(name, "").strip()[:MOST_FILTER] for name in LiveQuery.__struct_fields__}
    fate = asked["fate"] if asked["fate"] in (*FATES, REFUSED, IGNORED, EXCLUDED) else ""
    return LiveQuery(**{**asked, "fate": fate, "type": asked["type"] if asked["type"] in CALL_TYPES else ""})


def _offset_in(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else None


def _latest(visit: Visit, query: LiveQuery) -> tuple[Sequence[LiveCall], int]:
    """The latest calls, and the offset before which older ones lie; 0 for none: refused items have no offsets."""
    calls = live_calls(visit.product, MOST_CALLS, query)
    if query.fate == REFUSED:
        return calls, 0
    folded = [call.offset for call in calls if call.offset is not None]
    return calls, min(folded) if folded else visit.product.store.offset()


def _before(visit: Visit, query: LiveQuery, before: int) -> tuple[Sequence[LiveCall], int]:
    """The calls before an offset, and the offset before which still older ones lie."""
    found = older_calls(visit.product, before, MOST_CALLS, query)
    return found.calls, found.looked_from


def call_link(visit: Visit, call: LiveCall) -> str:
    """The page of a listed call."""
    return visit.link(f"/live/{call.offset}" if call.offset is not None else f"/live/refused/{call.key}")


def _rows(visit: Visit, calls: Sequence[LiveCall]) -> list[LiveRow]:
    seen: dict[str, int] = {}
    rows = []
    for call in calls:
        key = f"call-{call.offset}" if call.offset is not None else f"refused-{call.key}"
        seen[key] = seen.get(key, 0) + 1
        rows.append(LiveRow(key if seen[key] == 1 else f"{key}-{seen[key]}", call, call_link(visit, call)))
    return rows


def _counts(told: Counters) -> LiveCounts:
    uncounted = sum(told.fates.get(fate, 0) for fate in FATES if fate not in ("applied", "duplicate"))
    return LiveCounts(
        received=told.received,
        waiting=told.waiting,
        applied=told.fates.get("applied", 0),
        duplicate=told.fates.get("duplicate", 0),
        uncounted=uncounted,
        refused=told.refused,
        by_fate={**told.fates, REFUSED: told.refused},
    )
