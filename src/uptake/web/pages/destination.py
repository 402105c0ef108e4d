"""The destination of a product: its switch and keys, its mappings and its filters."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.config import Filter, Mapping
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.configure import MOST_FILTERS, MOST_MAPPINGS
from uptake.pipeline.destination_changes import (
    copy_mapping,
    drop_filter,
    drop_mapping,
    switch_destination,
    switch_filter,
    switch_mapping,
)
from uptake.stores.meta.base import Key
from uptake.web.pages.destination_frame import (
    changed,
    destination_page,
    filter_link,
    mapping_link,
    mapping_named,
    told,
)
from uptake.web.pages.destination_seen import seen_lately
from uptake.web.pages.destination_trigger import trigger_words
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit

HOUR_S = 3_600
GRACES = (
    ("86400", "for 24 hours"),
    ("3600", "for an hour"),
    ("604800", "for 7 days"),
    ("0", "not at all: refuse it at once"),
)
SAID = {
    "history": "Applied to history. The numbers are rebuilt from the log, and take their place when they are complete.",
    "rotated": "A new key is in force.",
    "deleted": "Deleted. What it counted before stays counted.",
    "copied": "Duplicated. The copy is disabled until you enable it.",
    "filter": "The filters are saved. They apply to calls from now on.",
}
KIND_NAMES = {
    "drop": "Drop the call",
    "sample": "Sample",
    "drop_properties": "Drop properties",
    "allow_properties": "Allow only properties",
}


class MappingRow(msgspec.Struct, frozen=True):
    """A mapping as it is listed: its trigger in words, and on how many of the latest calls it holds."""

    mapping: Mapping
    href: str
    words: str
    matched: int


class KeyRow(msgspec.Struct, frozen=True):
    """An ingest key that is good now; until_us: when it stops being good, None for not at all."""

    id: int
    secret: str
    hint: str
    until_us: int | None


@get("/destination", sync_to_thread=True)
def destination_home(request: PageRequest) -> Response[str]:
    """The destination: switch, keys, mappings, filters."""
    return _page(Visit(request))


@post("/destination", status_code=200, sync_to_thread=True)
def destination_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Switch, duplicate or delete something of the destination, or rotate its key."""
    visit, form = Visit(request), Form(bounded(body))
    do = _DOINGS.get(form.text("do"))
    try:
        said = do(visit, form) if do else ""
    except ConfigInvalid as error:
        return _page(visit, told(error), status=422)
    return Redirect(visit.link("/destination", told=said), status_code=303, headers=HEADERS)


def _page(visit: Visit, faults: Sequence[str] = (), *, status: int = 200) -> Response[str]:
    destination = visit.product.config.destination
    seen = seen_lately(visit.product)
    return destination_page(
        visit,
        "destination.html",
        tab="/destination",
        status=status,
        destination=destination,
        rows=[
            MappingRow(each, mapping_link(visit, each.name), trigger_words(each.trigger), seen.matched(each))
            for each in destination.mappings
        ],
        looked_at=len(seen.calls),
        filters=[(each, filter_link(visit, each.name), filter_words(each)) for each in destination.filters],
        most_mappings=MOST_MAPPINGS,
        most_filters=MOST_FILTERS,
        keys=_keys(visit),
        graces=GRACES,
        faults=list(faults),
        said=SAID.get(visit.request.query_params.get("told", ""), ""),
    )


def _keys(visit: Visit) -> list[KeyRow]:
    """The ingest keys that are good now; none for who may not send."""
    held = visit.running.meta.keys(visit.product.product_id)
    return good_keys(held, visit.running.clock()) if visit.may("editor") else []


def filter_words(each: Filter) -> str:
    """What a filter does to the calls that its condition holds for."""
    if each.kind == "sample":
        by = f", together by {each.path}" if each.path else ""
        return f"Keep {100 * each.percent:g}%{by}"
    return KIND_NAMES[each.kind]


def good_keys(keys: Sequence[Key], now_us: int) -> list[KeyRow]:
    """The ingest keys that are good now, those that stay so first."""
    good = [key for key in keys if key.kind == "ingest" and key.good(now_us)]
    rows = [KeyRow(key.id, key.secret or "", key.hint, key.revoked_us) for key in good]
    return sorted(rows, key=lambda row: (row.until_us is not None, -row.id))


# ---- what a form can do
def _switch(visit: Visit, form: Form) -> str:
    on = form.text("to") == "on"
    changed(visit, switch_destination(enabled=on), f"destination {'enabled' if on else 'disabled'}")
    return ""


def _switch_mapping(visit: Visit, form: Form) -> str:
    name, on = form.text("name"), form.text("to") == "on"
    changed(visit, switch_mapping(name, enabled=on), f"mapping {name} {'enabled' if on else 'disabled'}")
    return ""


def _copy(visit: Visit, form: Form) -> str:
    name = form.text("name")
    changed(visit, copy_mapping(name), f"mapping {name} duplicated")
    return "copied"


def _delete(visit: Visit, form: Form) -> str:
    name = mapping_named(visit.product, form.text("name")).name
    changed(visit, drop_mapping(name), f"mapping {name} deleted")
    return "deleted"


def _switch_filter(visit: Visit, form: Form) -> str:
    name, on = form.text("name"), form.text("to") == "on"
    changed(visit, switch_filter(name, enabled=on), f"filter {name} {'enabled' if on else 'disabled'}")
    return ""


def _delete_filter(visit: Visit, form: Form) -> str:
    name = form.text("name")
    changed(visit, drop_filter(name), f"filter {name} deleted")
    return "filter"


def _rotate(visit: Visit, form: Form) -> str:
    """Make a new key first, so that a failure in between leaves the old one good."""
    grace = form.text("grace")
    grace_s = int(grace) if grace in dict(GRACES) else 24 * HOUR_S
    keys, product_id = visit.site.access.keys, visit.product.product_id
    old = [row for row in _keys(visit) if row.until_us is None]
    keys.create(visit.standing, product_id, "ingest", name="rotated")
    for row in old:
        keys.revoke(visit.standing, row.id, after_s=grace_s)
    return "rotated"


_DOINGS: dict[str, Callable[[Visit, Form], str]] = {
    "switch": _switch,
    "mapping": _switch_mapping,
    "copy": _copy,
    "delete": _delete,
    "filter": _switch_filter,
    "filter-delete": _delete_filter,
    "rotate": _rotate,
}
