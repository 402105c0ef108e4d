"""Applying the destination, or a mapping that is being edited, to all of history: first what it would change."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.config import Mapping, ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.configure import sound
from uptake.pipeline.destination_changes import Change, change_mapping
from uptake.pipeline.preview import missing_in, preview
from uptake.web.pages.destination_draft import in_words
from uptake.web.pages.destination_frame import changed_version, destination_page, mapping_link, told
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.live import FATE_NAMES
from uptake.web.pages.meanwhile import ChangedMeanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/destination/history"
MOST_EVENTS = 100


@get(PATH, sync_to_thread=True)
def history_get(request: PageRequest) -> Response[str]:
    """What applying the destination as it is to all of history needs and changes."""
    return history_page(Visit(request), _as_it_is, None, None)


@post(PATH, status_code=200, sync_to_thread=True)
def history_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Count what would change, or apply it."""
    visit, form = Visit(request), Form(bounded(body))
    mapping, original = _draft(form)
    change = change_mapping(original, mapping) if mapping else _as_it_is
    if form.text("do") != "apply":
        return _counted(visit, change, mapping, original, form.text("revision"))
    why = f"mapping {mapping.name} applied to history" if mapping else "destination applied to history"
    try:
        guarded = unless_meanwhile(visit, form.text("revision"), partial(in_words, name=original), change)
        changed_version(visit, guarded, why, to_history=True)
    except ChangedMeanwhile as error:
        return _page(visit, mapping, original, meanwhile=error.meanwhile, status=409)
    except ConfigInvalid as error:
        return _page(visit, mapping, original, faults=told(error), status=422)
    return Redirect(visit.link("/destination", told="history"), status_code=303, headers=HEADERS)


def history_page(visit: Visit, change: Change, mapping: Mapping | None, saved: Mapping | None) -> Response[str]:
    """The page that says what the log no longer holds, and counts the rest by itself.

    mapping: one that is not saved yet; saved: what it takes the place of.
    """
    try:
        config = sound(change(visit.product.config))
    except ConfigInvalid as error:
        return _page(visit, mapping, saved.name if saved else "", faults=told(error), status=422)
    missing = tuple(missing_in(visit.product.versions, config, visit.product.purged))
    return _page(visit, mapping, saved.name if saved else "", missing=missing)


def _counted(visit: Visit, change: Change, mapping: Mapping | None, original: str, revision: str) -> Response[str]:
    product = visit.product
    try:
        config = sound(change(product.config))
    except ConfigInvalid as error:
        return _page(visit, mapping, original, faults=told(error), revision=revision)
    found = preview(product.product_id, product.log, product.versions, config, purged=product.purged)
    fates = sorted({*found.fates_before, *found.fates_after})
    rows = [(FATE_NAMES[fate], found.fates_before.get(fate, 0), found.fates_after.get(fate, 0)) for fate in fates]
    return _page(visit, mapping, original, missing=found.missing, found=found, fates=rows, revision=revision)


def _page(visit: Visit, mapping: Mapping | None, original: str, *, status: int = 200, **context: Any) -> Response[str]:
    nothing: dict[str, Any] = {
        "missing": (),
        "found": None,
        "fates": [],
        "faults": [],
        "meanwhile": None,
        "revision": "",
    }
    return destination_page(
        visit,
        "parts/destination_history.html" if visit.partial else "destination_history.html",
        tab="/destination",
        status=status,
        mapping=mapping,
        original=original,
        document=msgspec.json.encode(mapping).decode() if mapping else "",
        back=mapping_link(visit, original) if original else visit.link("/destination"),
        here=visit.link(PATH),
        retained=visit.product.retained,
        most_events=MOST_EVENTS,
        **nothing | context,
    )


def _draft(form: Form) -> tuple[Mapping | None, str]:
    document, original = form.text("mapping"), form.text("original")
    if not document or not original:
        return None, ""
    try:
        return msgspec.json.decode(document, type=Mapping), original
    except msgspec.DecodeError as error:
        raise ClientException(f"The mapping cannot be read: {error}.") from error


def _as_it_is(config: ProductConfig) -> ProductConfig:
    return config
