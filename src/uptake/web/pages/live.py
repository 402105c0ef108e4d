"""The Live page: the last calls with their fate, refreshed by itself."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get

from uptake.core.effects import FATES
from uptake.views.health import Counters, counters
from uptake.views.live import REFUSED, LiveCall, live_calls
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

MOST_CALLS = 50
FATE_NAMES = {
    "": "All",
    "applied": "Counted",
    "duplicate": "Duplicate",
    "filtered": "Filtered",
    "unmatched": "Unmatched",
    "invalid": "Invalid",
    "no_user": "No user",
    "recorded": "Recorded",
    "unreadable": "Unreadable",
    "erased": "Erased",
    REFUSED: "Refused",
}
FATE_KINDS = {"applied": "good", "invalid": "bad", REFUSED: "bad", "unmatched": "notice", "no_user": "notice"}


class LiveRow(msgspec.Struct, frozen=True):
    """A call as it is listed; `key` is its element's id, so that a refresh leaves it in place."""

    key: str
    call: LiveCall

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
    """The last calls, newest first."""
    visit = Visit(request)
    asked = request.query_params.get("fate", "")
    fate = asked if asked in (*FATES, REFUSED) else ""
    context: dict[str, Any] = {
        "rows": _rows(live_calls(visit.product, MOST_CALLS, fate)),
        "counts": _counts(counters(visit.product)),
        "fates": list(FATE_NAMES.items()),
        "fate": fate,
        "here": visit.link("/live", fate=fate),
    }
    return page(visit, "parts/live.html" if visit.partial else "live.html", **context)


def _rows(calls: Sequence[LiveCall]) -> list[LiveRow]:
    seen: dict[str, int] = {}
    rows = []
    for call in calls:
        key = f"call-{call.offset}" if call.offset is not None else f"refused-{_digest(call)}"
        seen[key] = seen.get(key, 0) + 1
        rows.append(LiveRow(key if seen[key] == 1 else f"{key}-{seen[key]}", call))
    return rows


def _digest(call: LiveCall) -> str:
    return hashlib.blake2b(msgspec.json.encode(call), digest_size=6).hexdigest()


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
