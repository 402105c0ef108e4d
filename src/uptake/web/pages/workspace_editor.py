"""Settings, Workspaces: one workspace's scoring model, what a change would make of the ranking, and its publishing.

The whole state is the form: each button posts it, and the answer is the form as it is then, so that all of it works
without scripts.  With htmx the what-if and the count of the filter appear in place.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect, Stream

from uptake.core.config import ProductConfig, Workspace
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.condition_check import warnings_about
from uptake.pipeline.configure import sound
from uptake.pipeline.running import Publish
from uptake.pipeline.workspace_changes import Change, add_workspace, change_workspace, drop_workspace
from uptake.segments import parse
from uptake.views.base import Unknown
from uptake.views.events import event_list
from uptake.views.versions import model_versions
from uptake.views.what_if import WhatIf, what_if
from uptake.views.what_if_ranking import Rankings
from uptake.views.workspaces import WorkspaceSize, workspace_detail, workspace_list, workspace_reach, workspace_size
from uptake.web.pages.curves import drawn
from uptake.web.pages.formats import model_field
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, html, page
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.pages.what_if_places import PlacesTable, asked_in, download, filled
from uptake.web.pages.workspace_draft import (
    ACCOUNT_SCORES,
    CURVES,
    WorkspaceDraft,
    draft_of,
    faults_told,
    posted_draft,
    read,
)

PATH = "/settings/workspaces"
NEW_PATH = f"{PATH}/new"
FAULTY, CONFLICT = 422, 409
MOVERS = 12
MOST_WHY = 500
MOST_EVENTS = 1_000
PRESETS = (("1", "1 day"), ("7", "7 days"), ("30", "30 days"))
PUBLISH: Sequence[tuple[Publish, str, str]] = (
    ("from_now_on", "From today on", "Scores of earlier days stay as they are."),
    ("recompute", "Recompute history", "All days are scored anew; the scores that stood can still be read by version."),
)


class Editing(msgspec.Struct, frozen=True):
    """A workspace in the editor: as it is saved (None for a new one), its draft, and what is wrong by field.

    opened: the revision of the configuration that the form was opened with ('' for the present one).  meanwhile: what
    others saved since.
    """

    saved: Workspace | None
    draft: WorkspaceDraft
    faults: dict[str, str] = {}
    why: str = ""
    publish: str = "from_now_on"
    opened: str = ""
    meanwhile: Meanwhile | None = None


class Reach(msgspec.Struct, frozen=True):
    """Whom a draft scores: how many users, of how many.  warnings: what its filter names and nobody has seen."""

    users: int
    known: int
    warnings: Sequence[str]


class Row(msgspec.Struct, frozen=True):
    """A workspace in the list."""

    workspace: Workspace
    size: WorkspaceSize
    revision: int
    saved_us: int
    by: str


@get(PATH, sync_to_thread=True)
def workspaces_page(request: PageRequest) -> Response[str]:
    """The workspaces of the product."""
    visit = Visit(request)
    rows = [_row(visit, each) for each in workspace_list(visit.product)]
    return page(visit, "settings_workspaces.html", rows=rows, path=PATH, told=request.query_params.get("told", ""))


@get(f"{PATH}/{{workspace_id:str}}/versions", sync_to_thread=True)
def workspace_versions_page(request: PageRequest, workspace_id: FromPath[str]) -> Response[str]:
    """The versions of a workspace's model, each with what it changed."""
    visit = Visit(request)
    found = _named(visit, workspace_id)
    versions = model_versions(visit.product, found.id)
    return page(visit, "settings_versions.html", workspace=found, versions=versions, path=PATH)


@get(NEW_PATH, sync_to_thread=True)
def new_workspace_page(request: PageRequest) -> Response[str]:
    """A new workspace, begun as a copy of the one that is open."""
    visit = Visit(request)
    return _page(visit, Editing(None, msgspec.structs.replace(draft_of(visit.workspace), name="")))


@post(NEW_PATH, status_code=200, sync_to_thread=True)
def new_workspace_posted(request: PageRequest, body: RawBody) -> Response[Any] | Stream:
    """Change the draft of a new workspace, or add it."""
    return _posted(Visit(request), Form(bounded(body)), None)


@get(f"{PATH}/{{workspace_id:str}}", sync_to_thread=True)
def workspace_page(request: PageRequest, workspace_id: FromPath[str]) -> Response[str]:
    """A workspace with all that makes its scores."""
    visit = Visit(request)
    saved = _named(visit, workspace_id)
    return _page(visit, Editing(saved, draft_of(saved)))


@post(f"{PATH}/{{workspace_id:str}}", status_code=200, sync_to_thread=True)
def workspace_posted(request: PageRequest, workspace_id: FromPath[str], body: RawBody) -> Response[Any] | Stream:
    """Change the draft of a workspace, look at what it would change, publish it, or delete the workspace."""
    visit = Visit(request)
    return _posted(visit, Form(bounded(body)), _named(visit, workspace_id))


def _named(visit: Visit, workspace_id: str) -> Workspace:
    """The workspace with this id.  Raises Unknown."""
    if not (workspace_id.isascii() and workspace_id.isdigit() and len(workspace_id) < 10):
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id!r}")
    return workspace_detail(visit.product, int(workspace_id))


def _row(visit: Visit, workspace: Workspace) -> Row:
    latest = model_versions(visit.product, workspace.id)[0]
    size = workspace_size(visit.product, workspace.id)
    return Row(workspace, size, latest.revision, latest.saved_us, latest.by)


# ---- what the buttons do
def _posted(visit: Visit, form: Form, saved: Workspace | None) -> Response[Any] | Stream:
    do, _, what = form.text("do", "check").partition(":")
    if do == "delete" and saved is not None:
        return _deleted(visit, saved)
    draft = posted_draft(form, [each.name for each in visit.product.config.features])
    editing = Editing(saved, draft, {}, form.text("why").strip()[:MOST_WHY], form.text("publish"), form.text("opened"))
    if do == "save":
        return _saved(visit, editing)
    if do in ("what-if", "ranking", "ranking-csv"):
        return _imagined(visit, editing, do, asked_in(what))
    if do == "check" and visit.partial:
        return html(
            "parts/workspace_reach.html", visit=visit, reach=_reach(visit, editing), editing=_checked(visit, editing)
        )
    if do == "override":
        draft = msgspec.structs.replace(draft, overrides=(*draft.overrides, ("", "")))
    elif do == "window" and what in dict(PRESETS):
        draft = msgspec.structs.replace(draft, window_days=what)
    return _page(visit, _checked(visit, msgspec.structs.replace(editing, draft=draft)))


def _deleted(visit: Visit, saved: Workspace) -> Response[Any]:
    try:
        _change(visit, drop_workspace(saved.id), f"workspace {saved.name} deleted")
    except ConfigInvalid as error:
        told = " ".join(fault.message[:1].upper() + fault.message[1:] + "." for fault in error.faults)
        return _page(visit, Editing(saved, draft_of(saved), {"": told}), status=FAULTY)
    return Redirect(visit.in_product(PATH, told="deleted"), status_code=303, headers=HEADERS)


def _saved(visit: Visit, editing: Editing) -> Response[Any]:
    checked = _checked(visit, editing)
    if checked.faults:
        return _page(visit, checked, status=FAULTY)
    name, publish = editing.draft.name, next((each for each, *_ in PUBLISH if each == editing.publish), None)
    told = f"workspace {name} {'added' if editing.saved is None else 'changed'}"
    try:
        config = _published(visit, editing, editing.why or told, publish)
    except ConfigInvalid as error:
        faults = faults_told(error.faults, visit.product.config, editing.saved.id if editing.saved else 0)
        return _page(visit, msgspec.structs.replace(editing, faults=faults), status=FAULTY)
    except ChangedMeanwhile as error:
        return _page(visit, msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile), status=CONFLICT)
    number = editing.saved.id if editing.saved else max(each.id for each in config.workspaces)
    return Redirect(visit.link(f"{PATH}/{number}", None, told="saved"), status_code=303, headers=HEADERS)


def _published(visit: Visit, editing: Editing, why: str, publish: Publish | None) -> ProductConfig:
    """Save what a draft without faults amounts to.  Raises ConfigInvalid, ChangedMeanwhile."""
    change, saved = _change_of(editing), editing.saved
    if saved is None:
        return _change(visit, change, why)
    guarded = unless_meanwhile(visit, editing.opened, lambda config: _told(config, saved.id), change)
    product_id = visit.product.product_id
    return visit.running.change_config(product_id, guarded, by=visit.by, why=why, publish=publish).config


def _told(config: ProductConfig, workspace_id: int) -> dict[str, str]:
    """A workspace's fields in words, each weight apart."""
    told: dict[str, str] = {}
    for workspace in config.workspaces:
        fields = msgspec.to_builtins(workspace) if workspace.id == workspace_id else {}
        for name, value in fields.items():
            parts = value.items() if isinstance(value, dict) else [("", value)]
            for key, part in parts:
                text = "\n".join(map(str, part)) if isinstance(part, list) else "" if part is None else str(part)
                told[model_field(f"{name}.{key}" if key else name)] = text
    return told


def _change(visit: Visit, change: Change, why: str) -> ProductConfig:
    return visit.running.change_config(
        visit.product.product_id, lambda before: change(before.config), by=visit.by, why=why
    ).config


def _change_of(editing: Editing) -> Change:
    """The change that a draft without faults amounts to."""
    fields = read(editing.draft).fields
    return add_workspace(Workspace(**fields)) if editing.saved is None else change_workspace(editing.saved.id, fields)


def _candidate(visit: Visit, editing: Editing) -> ProductConfig:
    """The configuration that a draft would make.  Raises ConfigInvalid."""
    return sound(_change_of(editing)(visit.product.config))


def _checked(visit: Visit, editing: Editing) -> Editing:
    """The draft with everything that is wrong with it."""
    faults = read(editing.draft).faults
    if faults:
        return msgspec.structs.replace(editing, faults=faults)
    config = _change_of(editing)(visit.product.config)
    number = editing.saved.id if editing.saved else config.workspaces[-1].id
    try:
        sound(config)
    except ConfigInvalid as error:
        return msgspec.structs.replace(editing, faults=faults_told(error.faults, config, number))
    return editing


def _imagined(visit: Visit, editing: Editing, do: str, table: PlacesTable) -> Response[Any] | Stream:
    """What the draft would make of the ranking; nothing is changed.  A new workspace is held against the open one."""
    checked = _checked(visit, editing)
    imagined = None
    if not checked.faults:
        candidate = _candidate(visit, editing)
        number = editing.saved.id if editing.saved else candidate.workspaces[-1].id
        against = editing.saved.id if editing.saved else visit.workspace.id
        rankings = Rankings(visit.product, against, candidate, beside=number)
        if do == "ranking-csv":
            return download(table, rankings)
        table = filled(table, rankings)
        if do == "ranking" and visit.partial:
            return html("parts/what_if_ranking.html", visit=visit, table=table, here=_address(visit, editing))
        imagined = what_if(visit.product, against, candidate, most=MOVERS, beside=number)
    if visit.partial:
        here = _address(visit, editing)
        return html("parts/what_if.html", visit=visit, editing=checked, imagined=imagined, table=table, here=here)
    return _page(visit, checked, status=FAULTY if checked.faults else 200, imagined=imagined, table=table)


def _address(visit: Visit, editing: Editing) -> str:
    return visit.link(f"{PATH}/{editing.saved.id}" if editing.saved else NEW_PATH)


# ---- what is shown
def _reach(visit: Visit, editing: Editing) -> Reach | None:
    """Whom the draft scores; None while there is something wrong with it."""
    if read(editing.draft).faults:
        return None
    try:
        candidate = _candidate(visit, editing)
    except ConfigInvalid:
        return None
    number = editing.saved.id if editing.saved else candidate.workspaces[-1].id
    everyone = change_workspace(number, {"filter": None})(candidate)
    product, where = visit.product, editing.draft.filter
    return Reach(
        users=workspace_reach(product, number, candidate).users,
        known=workspace_reach(product, number, everyone).users,
        warnings=warnings_about(parse(where), "user", product.config, product.store) if where else (),
    )


def _page(
    visit: Visit,
    editing: Editing,
    *,
    status: int = 200,
    imagined: WhatIf | None = None,
    table: PlacesTable | None = None,
) -> Response[str]:
    config, draft = visit.product.config, editing.draft
    seen = [each.event for each in event_list(visit.product, visit.workspace.id, of=())]
    return html(
        "settings_workspace.html",
        status=status,
        visit=visit,
        now_us=visit.running.clock(),
        editing=editing,
        draft=draft,
        faults=editing.faults,
        features=config.features,
        overrides=[*draft.overrides, *([] if draft.overrides else [("", "")])],
        events=seen[:MOST_EVENTS],
        curves=[(value, label, drawn(value)) for value, label in CURVES],
        account_scores=ACCOUNT_SCORES,
        presets=PRESETS,
        publish=PUBLISH,
        opened=editing.opened or str(visit.product.version.revision),
        reach=_reach(visit, editing),
        imagined=imagined,
        table=table,
        last=len(config.workspaces) == 1,
        told=visit.request.query_params.get("told", ""),
        here=_address(visit, editing),
        path=PATH,
    )
