"""The segment builder.  Its whole state is its form: each button posts it, and the answer is the form as it is then.

So it works by keyboard, with a screen reader and without scripts; with htmx the form changes in place, and what is
typed is counted at once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.config import ProductConfig, Segment
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.condition_check import warnings_about
from uptake.pipeline.segment_changes import Change, add_segment, change_segment, drop_segment
from uptake.views.segments import SegmentInfo, SegmentPreview, segment_named, segment_preview
from uptake.views.summary import level_counts
from uptake.web.pages.forms import Form, bounded, csrf_token
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, html
from uptake.web.pages.segment_draft import (
    Checked,
    Draft,
    checked,
    draft_of,
    posted_draft,
    stepped,
    viewed,
    without_untouched,
)
from uptake.web.pages.segment_nodes import GROUPS
from uptake.web.pages.segment_rows import LEVEL_OPTIONS, Builder, fitted, kinds_of, seen_in
from uptake.web.pages.segments import SCOPES, segment_link
from uptake.web.pages.visit import PageRequest, Visit

NEW_PATH = "/segments/new"
FAULTY, CONFLICT = 422, 409
SAMPLE = 8
MOST_NAME, MOST_DESCRIPTION = 200, 1_000


class Editing(msgspec.Struct, frozen=True):
    """A segment in the builder: as it is saved (None for a new one), its draft, and what was wrong with saving it.

    opened: the revision that the form was opened with ('' for the present one).  meanwhile: what others saved since.
    taken: another segment that has its name.
    """

    saved: SegmentInfo | None
    draft: Draft
    faults: tuple[str, ...] = ()
    opened: str = ""
    meanwhile: Meanwhile | None = None
    taken: Segment | None = None


class Counted(msgspec.Struct, frozen=True):
    """What a draft holds today: the preview, how many there are at all, and what it names that was never seen."""

    preview: SegmentPreview
    known: int
    warnings: Sequence[str]


@get(NEW_PATH, sync_to_thread=True)
def new_segment_page(request: PageRequest) -> Response[str]:
    """The builder of a new segment, perhaps begun as a copy."""
    visit = Visit(request)
    copied = request.query_params.get("copy", "")
    if copied:
        original = segment_named(visit.product, copied, visit.workspace.id)
        return _page(visit, Editing(None, draft_of(original, name=f"{original.name} (copy)"[:MOST_NAME])))
    where = request.query_params.get("where", "")
    draft = Draft(kind=SCOPES.get(request.query_params.get("scope", ""), "account"))
    if where:
        draft = viewed(msgspec.structs.replace(draft, view="text", where=where), "build")
    return _page(visit, Editing(None, draft))


@post(NEW_PATH, status_code=200, sync_to_thread=True)
def new_segment_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Change the draft of a new segment, or save it."""
    return _posted(Visit(request), Form(bounded(body)), None)


@get("/segments/{segment:str}/edit", sync_to_thread=True)
def segment_edit_page(request: PageRequest, segment: FromPath[str]) -> Response[str]:
    """The builder of a saved segment."""
    visit = Visit(request)
    saved = _saved_segment(visit, segment)
    return _page(visit, Editing(saved, draft_of(saved)))


@post("/segments/{segment:str}/edit", status_code=200, sync_to_thread=True)
def segment_edit_posted(request: PageRequest, segment: FromPath[str], body: RawBody) -> Response[Any]:
    """Change the draft of a saved segment, or save it."""
    visit = Visit(request)
    return _posted(visit, Form(bounded(body)), _saved_segment(visit, segment))


@post("/segments/{segment:str}/delete", status_code=200, sync_to_thread=True)
def segment_deleted(request: PageRequest, segment: FromPath[str]) -> Response[Any]:
    """Delete a saved segment."""
    visit = Visit(request)
    saved = _saved_segment(visit, segment)
    _changed(visit, drop_segment(int(saved.id)), f"segment {saved.name} deleted")
    address = visit.link("/segments", scope="users" if saved.kind == "user" else "")
    return Redirect(address, status_code=303, headers=HEADERS)


def _saved_segment(visit: Visit, segment_id: str) -> SegmentInfo:
    """A segment that was saved.  Raises Unknown, and NotFoundException for a suggested one."""
    found = segment_named(visit.product, segment_id, visit.workspace.id)
    if found.suggested:
        raise NotFoundException("A suggested segment cannot be changed: make a copy of it.")
    return found


def _posted(visit: Visit, form: Form, saved: SegmentInfo | None) -> Response[Any]:
    draft = posted_draft(form)
    if saved is not None:
        draft = msgspec.structs.replace(draft, kind=saved.kind)
    editing = Editing(saved, draft, opened=form.text("revision"))
    do, _, what = form.text("do", "check").partition(":")
    if do == "save":
        return _saved(visit, editing)
    if do == "check" and visit.partial:
        return _render(visit, "parts/segment_outcome.html", editing, oob=True)
    if do == "redraw":
        draft = fitted(draft, seen_in(visit.product))
    elif do == "view":
        draft = viewed(draft, what)
    elif what.isascii() and what.isdigit() and len(what) < 6:
        draft = stepped(draft, do, int(what))
    return _page(visit, msgspec.structs.replace(editing, draft=draft), added=do in ("add", "group"))


def _saved(visit: Visit, editing: Editing) -> Response[Any]:
    draft, found = editing.draft, checked(editing.draft)
    faults = [] if found.condition is not None else ["It is not saved yet: see what is marked below."]
    if not 0 < len(draft.name) <= MOST_NAME:
        faults.append(f"Give the segment a name of at most {MOST_NAME} characters.")
    if len(draft.description) > MOST_DESCRIPTION:
        faults.append(f"The description may have {MOST_DESCRIPTION:,} characters.")
    taken = _taken(visit.product.config, editing)
    if faults or taken:
        return _page(visit, msgspec.structs.replace(editing, faults=tuple(faults), taken=taken), status=FAULTY)
    try:
        segment_id = _stored(visit, editing, found.where)
    except ConfigInvalid as error:
        told = tuple(dict.fromkeys(fault.message[:1].upper() + fault.message[1:] + "." for fault in error.faults))
        return _page(visit, msgspec.structs.replace(editing, faults=told), status=FAULTY)
    except ChangedMeanwhile as error:
        return _page(visit, msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile), status=CONFLICT)
    return Redirect(visit.link(f"/segments/{segment_id}", saved=1), status_code=303, headers=HEADERS)


def _taken(config: ProductConfig, editing: Editing) -> Segment | None:
    """Another segment of the product that has the draft's name."""
    own = editing.saved.id if editing.saved else ""
    return next((each for each in config.segments if each.name == editing.draft.name and str(each.id) != own), None)


def _stored(visit: Visit, editing: Editing, where: str) -> str:
    """Save the draft; return the segment's id.  Raises ConfigInvalid, ChangedMeanwhile."""
    draft = editing.draft
    if editing.saved is not None:
        fields = {"name": draft.name, "description": draft.description, "where": where}
        number = int(editing.saved.id)
        change = unless_meanwhile(
            visit, editing.opened, lambda config: _told(config, number), change_segment(number, fields)
        )
        visit.running.change_config(visit.product.product_id, change, by=visit.by, why=f"segment {draft.name} changed")
        return editing.saved.id
    fresh = Segment(draft.name, draft.kind, visit.workspace.name, where, description=draft.description)
    return str(max(each.id for each in _changed(visit, add_segment(fresh), f"segment {draft.name} added")))


def _changed(visit: Visit, change: Change, why: str) -> Sequence[Segment]:
    version = visit.running.change_config(
        visit.product.product_id, lambda before: change(before.config), by=visit.by, why=why
    )
    return version.config.segments


def _told(config: ProductConfig, number: int) -> dict[str, str]:
    """A segment as its form tells it, by the field's name in words."""
    return {
        label: text
        for each in config.segments
        if each.id == number
        for label, text in (("Name", each.name), ("Description", each.description), ("Conditions", each.where))
    }


def _page(visit: Visit, editing: Editing, *, status: int = 200, added: bool = False) -> Response[str]:
    template = "parts/segment_editor.html" if visit.partial else "segment_edit.html"
    return _render(visit, template, editing, status=status, added=added)


def _render(
    visit: Visit, template: str, editing: Editing, *, status: int = 200, oob: bool = False, added: bool = False
) -> Response[str]:
    seen, draft = seen_in(visit.product), editing.draft
    found = checked(draft)
    blamed = found.faults if editing.faults else without_untouched(draft, found.faults)
    return html(
        template,
        status=status,
        visit=visit,
        now_us=visit.running.clock(),
        csrf=csrf_token(visit.request),
        editing=editing,
        draft=draft,
        checked=found,
        tree=Builder(visit.product, seen, draft, blamed).tree(),
        blamed=blamed,
        kinds=kinds_of(draft.kind),
        groups=list(GROUPS.items()),
        levels=LEVEL_OPTIONS,
        counted=_counted(visit, draft, found),
        seen=seen,
        here=segment_link(visit, editing.saved, "/edit") if editing.saved else visit.link(NEW_PATH),
        back=segment_link(visit, editing.saved) if editing.saved else visit.link("/segments"),
        oob=oob,
        added=added,
    )


def _counted(visit: Visit, draft: Draft, found: Checked) -> Counted | None:
    if found.condition is None:
        return None
    product, workspace_id = visit.product, visit.workspace.id
    preview = segment_preview(product, draft.kind, workspace_id, found.where, most=SAMPLE)
    known = sum(level_counts(product, draft.kind, workspace_id).values())
    return Counted(preview, known, warnings_about(found.condition, draft.kind, product.config, product.store))
