"""What the pages of the destination share: their tabs, addresses of mappings and filters, and picking a call."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException

from uptake.core.calls import Call
from uptake.core.config import ConfigVersion, Filter, Mapping, ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.destination_changes import Change
from uptake.pipeline.product import RunningProduct
from uptake.views.base import Unknown
from uptake.views.destination import SAMPLES, call_in, logged_call
from uptake.web.pages.forms import csrf_token
from uptake.web.pages.render import html
from uptake.web.pages.visit import Visit, in_path

NEW = "new"
TABS = (
    ("/destination", "Mappings"),
    ("/destination/test", "Test"),
    ("/destination/overview", "Delivery"),
    ("/destination/versions", "Versions"),
)


def destination_page(visit: Visit, template: str, *, tab: str = "", status: int = 200, **context: Any) -> Response[str]:
    """Render a page of the destination, or a part of one, with what its forms need."""
    return html(
        template,
        status=status,
        visit=visit,
        now_us=visit.running.clock(),
        csrf=csrf_token(visit.request),
        tabs=TABS,
        tab=tab,
        **context,
    )


def step_of(name: str) -> str:
    """A name as a step of a path; what would be taken for the page of a new one is written as `~base64`.

    >>> step_of("Track Calls"), step_of("new")
    ('Track%20Calls', '~bmV3')
    """
    return "~bmV3" if name == NEW else in_path(name)


def mapping_link(visit: Visit, name: str, *, call: str = "", saved: int | None = None) -> str:
    """The address of a mapping's editor."""
    return visit.link(f"/destination/mappings/{step_of(name)}", call=call, saved=saved)


def filter_link(visit: Visit, name: str) -> str:
    """The address of a filter's form."""
    return visit.link(f"/destination/filters/{step_of(name)}")


def mapping_named(product: RunningProduct, name: str) -> Mapping:
    """The destination's mapping of this name.  Raises Unknown."""
    for mapping in product.config.destination.mappings:
        if mapping.name == name:
            return mapping
    raise Unknown("unknown_mapping", f"the destination has no mapping {name!r}")


def filter_named(product: RunningProduct, name: str) -> Filter:
    """The destination's filter of this name.  Raises NotFoundException."""
    for each in product.config.destination.filters:
        if each.name == name:
            return each
    raise NotFoundException(f"The destination has no filter {name!r}.")


def changed(visit: Visit, change: Change, why: str, *, to_history: bool = False) -> int:
    """Save a change of the destination; return its revision.  Raises ConfigInvalid."""
    return changed_version(visit, lambda version: change(version.config), why, to_history=to_history)


def changed_version(
    visit: Visit, change: Callable[[ConfigVersion], ProductConfig], why: str, *, to_history: bool = False
) -> int:
    """Save what a change makes of the version in force; return its revision.  Raises ConfigInvalid, or as it does."""
    product_id = visit.product.product_id
    return visit.running.change_config(product_id, change, by=visit.by, why=why, to_history=to_history).revision


def told(error: ConfigInvalid) -> list[str]:
    """The faults of a configuration as sentences, without the place where it is the destination's own."""
    return [_told(fault.place, fault.message) for fault in error.faults]


def _told(place: str, message: str) -> str:
    where = place.removeprefix("$.").removeprefix("destination.")
    what = message[:1].upper() + message[1:].rstrip(".") + "."
    return what if where in ("mappings", "filters") else f"{where}: {what}"


def picked(product: RunningProduct, text: str, now_us: int) -> tuple[Call, int]:
    """The call that `log:12` or `sample:track` names, and when it was received.  Raises Unknown or CallRefused."""
    kind, _, which = text.partition(":")
    if kind == "log" and which.isascii() and which.isdigit() and len(which) < 18:
        return logged_call(product, int(which))
    if kind == "sample" and which in SAMPLES:
        return call_in(msgspec.json.encode(SAMPLES[which]), now_us), now_us
    raise Unknown("unknown_call", f"there is no call {text!r}")
