"""The form of one destination filter."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.config import Filter
from uptake.core.errors import ConfigInvalid
from uptake.destination.filters import FilterError, read_filter
from uptake.pipeline.destination_changes import put_filters
from uptake.web.pages.destination import KIND_NAMES
from uptake.web.pages.destination_frame import changed, destination_page, filter_link, filter_named, told
from uptake.web.pages.destination_trigger import key_steps, key_text
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit, from_path

NEW_PATH = "/destination/filters/new"
FRESH = Filter("", "drop", "")


@get(NEW_PATH, sync_to_thread=True)
def new_filter_page(request: PageRequest) -> Response[str]:
    """The form of a new filter."""
    return _page(Visit(request), None, shown(FRESH))


@post(NEW_PATH, status_code=200, sync_to_thread=True)
def new_filter_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Add a filter."""
    return _saved(Visit(request), Form(bounded(body)), None)


@get("/destination/filters/{name:str}", sync_to_thread=True)
def filter_page(request: PageRequest, name: FromPath[str]) -> Response[str]:
    """The form of a filter."""
    visit = Visit(request)
    saved = filter_named(visit.product, from_path(name))
    return _page(visit, saved, shown(saved))


@post("/destination/filters/{name:str}", status_code=200, sync_to_thread=True)
def filter_posted(request: PageRequest, name: FromPath[str], body: RawBody) -> Response[Any]:
    """Change a filter."""
    visit = Visit(request)
    return _saved(visit, Form(bounded(body)), filter_named(visit.product, from_path(name)))


def shown(each: Filter) -> dict[str, str]:
    """A filter as the form's controls hold it."""
    lines = (key_text((*key_steps(root), key)) for root, keys in each.fields.items() for key in keys)
    return {
        "name": each.name,
        "kind": each.kind,
        "condition": each.condition,
        "percent": f"{100 * each.percent:g}",
        "path": each.path,
        "fields": "\n".join(lines),
        "enabled": "on" if each.enabled else "",
    }


def filter_of(values: dict[str, str]) -> tuple[Filter | None, dict[str, str]]:
    """The filter that the controls make, or the faults by control."""
    kind, faults = values["kind"], {}
    document: dict[str, Any] = {key: values[key] for key in ("name", "kind", "condition")}
    document["enabled"] = bool(values["enabled"])
    if kind == "sample":
        try:
            document["percent"] = round(float(values["percent"].strip().removesuffix("%")) / 100, 6)
        except ValueError:
            faults["percent"] = f"Expected a number from 0 to 100, got {values['percent']!r}."
        document["path"] = values["path"].strip()
    elif kind != "drop":
        document["fields"] = _fields(values["fields"])
        if not document["fields"]:
            faults["fields"] = "Name at least one property, one a line."
    if not 1 <= len(values["name"]) <= 64:
        faults["name"] = "Give the filter a name of 1 to 64 characters."
    return _read(document, faults), faults


def _read(document: dict[str, Any], faults: dict[str, str]) -> Filter | None:
    if faults:
        return None
    try:
        read_filter(document)
        return msgspec.convert(document, Filter)
    except FilterError as error:
        faults["condition"] = sentence(str(error))
    except msgspec.ValidationError as error:
        faults["percent" if "percent" in str(error) else "condition"] = sentence(str(error))
    return None


def _fields(lines: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for line in lines.splitlines():
        if steps := key_steps(line):
            fields.setdefault(".".join(steps[:-1]), []).append(steps[-1])
    return fields


def _saved(visit: Visit, form: Form, saved: Filter | None) -> Response[Any]:
    values = {name: form.text(name) for name in shown(FRESH)}
    values["name"] = values["name"].strip()
    if values["kind"] not in KIND_NAMES:
        values["kind"] = FRESH.kind
    if form.text("do") != "save":
        return _page(visit, saved, values)
    made, faults = filter_of(values)
    if made is None:
        return _page(visit, saved, values, faults, status=422)
    now = visit.product.config.destination.filters
    filters = tuple(made if each.name == saved.name else each for each in now) if saved else (*now, made)
    try:
        changed(visit, put_filters(filters), f"filter {made.name} {'changed' if saved else 'added'}")
    except ConfigInvalid as error:
        return _page(visit, saved, values, {"all": " ".join(told(error))}, status=422)
    return Redirect(visit.link("/destination", told="filter"), status_code=303, headers=HEADERS)


def _page(
    visit: Visit,
    saved: Filter | None,
    values: dict[str, str],
    faults: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    return destination_page(
        visit,
        "destination_filter.html",
        tab="/destination",
        status=status,
        saved=saved,
        values=values,
        faults=faults or {},
        kinds=list(KIND_NAMES.items()),
        here=filter_link(visit, saved.name) if saved else visit.link(NEW_PATH),
    )
