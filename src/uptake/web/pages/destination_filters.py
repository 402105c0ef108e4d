"""The form of one destination filter."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.config import Filter, ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.destination.filters import FilterError, read_filter
from uptake.pipeline.destination_changes import add_filter, change_filter
from uptake.web.pages.destination import KIND_NAMES
from uptake.web.pages.destination_frame import changed_version, destination_page, filter_link, filter_named, told
from uptake.web.pages.destination_trigger import key_steps, key_text
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, name_since, unless_meanwhile
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
    visit, form = Visit(request), Form(bounded(body))
    was = from_path(name)
    name_now = name_since(visit, form.text("revision"), _filter_names, was)
    return _saved(visit, form, None if name_now is None else filter_named(visit.product, name_now), was=was)


def _filter_names(config: ProductConfig) -> list[str]:
    return [each.name for each in config.destination.filters]


def in_words(config: ProductConfig, name: str) -> dict[str, str]:
    """A filter as its form tells it, by the control's name in words; nothing where there is none of this name."""
    found = next((each for each in config.destination.filters if each.name == name), None)
    if found is None:
        return {}
    values = shown(found)
    told = {"Name": found.name, "What it does": KIND_NAMES[found.kind], "To calls for which": found.condition}
    if found.kind == "sample":
        told |= {"Keep, in percent": values["percent"], "Keep or leave together by": values["path"]}
    return told | {"Properties": values["fields"], "Enabled": "Yes" if found.enabled else "No"}


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


def _saved(visit: Visit, form: Form, saved: Filter | None, *, was: str = "") -> Response[Any]:
    values = {name: form.text(name) for name in shown(FRESH)}
    values["name"] = values["name"].strip()
    if values["kind"] not in KIND_NAMES:
        values["kind"] = FRESH.kind
    if form.text("do") != "save":
        return _page(visit, saved, values, opened=form.text("revision"))
    made, faults = filter_of(values)
    if made is None:
        return _page(visit, saved, values, faults, opened=form.text("revision"), status=422)
    name, change = (saved.name, change_filter(saved.name, made)) if saved else (was, add_filter(made))
    guarded = unless_meanwhile(
        visit, form.text("revision"), lambda config: in_words(config, name) or in_words(config, was), change
    )
    try:
        changed_version(visit, guarded, f"filter {made.name} {'changed' if saved else 'added'}")
    except ChangedMeanwhile as error:
        return _page(visit, saved, values, meanwhile=error.meanwhile, status=409)
    except ConfigInvalid as error:
        faults = {"all": " ".join(told(error))}
        return _page(visit, saved, values, faults, opened=form.text("revision"), status=422)
    return Redirect(visit.link("/destination", told="filter"), status_code=303, headers=HEADERS)


def _page(
    visit: Visit,
    saved: Filter | None,
    values: dict[str, str],
    faults: dict[str, str] | None = None,
    *,
    opened: str = "",
    meanwhile: Meanwhile | None = None,
    status: int = 200,
) -> Response[str]:
    """opened: the revision that the form was opened with; '' for the present one."""
    return destination_page(
        visit,
        "destination_filter.html",
        tab="/destination",
        status=status,
        saved=saved,
        values=values,
        faults=faults or {},
        revision=opened,
        meanwhile=meanwhile,
        kinds=list(KIND_NAMES.items()),
        here=filter_link(visit, saved.name) if saved else visit.link(NEW_PATH),
    )
