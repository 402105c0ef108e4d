"""The mapping editor.  Its whole state is its form: each button posts it, and the answer is the form as it is then.

So it works by keyboard, with a screen reader and without scripts; with htmx the form changes in place, and whatever is
typed is tried at once on a call.
"""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.config import Mapping, ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.destination.actions import action_fields
from uptake.destination.presets import ACTIONS
from uptake.pipeline.destination_changes import Change, add_mapping, change_mapping
from uptake.views.base import Unknown
from uptake.views.destination import SAMPLES
from uptake.web.pages.destination_draft import (
    Checked,
    Draft,
    checked,
    draft_of,
    fresh_draft,
    in_words,
    posted_draft,
    rewritten,
    viewed,
    with_condition,
    without_condition,
)
from uptake.web.pages.destination_frame import (
    changed_version,
    destination_page,
    mapping_link,
    mapping_named,
    picked,
    told,
)
from uptake.web.pages.destination_history import history_page
from uptake.web.pages.destination_preview import previewed
from uptake.web.pages.destination_seen import Seen, seen_lately
from uptake.web.pages.destination_sources import CONTROLS, KINDS
from uptake.web.pages.destination_trigger import FIELD_LABELS, Condition, conditions_of
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, name_since, unless_meanwhile
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit, from_path

NEW_PATH = "/destination/mappings/new"
FAULTY, CONFLICT = 422, 409


@get(NEW_PATH, sync_to_thread=True)
def new_mapping_page(request: PageRequest) -> Response[str]:
    """The editor of a new mapping, perhaps begun from a call."""
    visit = Visit(request)
    seen = seen_lately(visit.product)
    call = request.query_params.get("call", "")
    draft = _begun(visit, call)
    return _page(visit, Editing(None, draft, call or _first_call(seen, draft)), seen)


@post(NEW_PATH, status_code=200, sync_to_thread=True)
def new_mapping_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Change the draft of a new mapping, or save it."""
    return _posted(Visit(request), Form(bounded(body)), None)


@get("/destination/mappings/{name:str}", sync_to_thread=True)
def mapping_page(request: PageRequest, name: FromPath[str]) -> Response[str]:
    """The editor of a mapping."""
    visit = Visit(request)
    mapping = mapping_named(visit.product, from_path(name))
    seen, draft = seen_lately(visit.product), draft_of(mapping)
    call = request.query_params.get("call", "") or _first_call(seen, draft)
    return _page(visit, Editing(mapping, draft, call), seen)


@post("/destination/mappings/{name:str}", status_code=200, sync_to_thread=True)
def mapping_posted(request: PageRequest, name: FromPath[str], body: RawBody) -> Response[Any]:
    """Change the draft of a mapping, or save it."""
    visit, form = Visit(request), Form(bounded(body))
    was = from_path(name)
    name_now = name_since(visit, form.text("revision"), _mapping_names, was)
    return _posted(visit, form, None if name_now is None else mapping_named(visit.product, name_now), was=was)


def _mapping_names(config: ProductConfig) -> list[str]:
    return [each.name for each in config.destination.mappings]


class Editing(msgspec.Struct, frozen=True):
    """A mapping in the editor: as it is saved (None for a new one, and for one that is gone), its draft, the call it is
    tried on, and what was wrong with saving it.

    was: what it was called when the form was opened ('' for a new one).  opened: the revision that the form was opened
    with ('' for the present one).  meanwhile: what others saved since.
    """

    saved: Mapping | None
    draft: Draft
    call: str
    was: str = ""
    opened: str = ""
    meanwhile: Meanwhile | None = None
    faults: tuple[str, ...] = ()
    shows_faults: bool = False


def _begun(visit: Visit, call: str) -> Draft:
    """The draft of a new mapping: for the calls that are like the one it begins from."""
    kind = visit.request.query_params.get("action", "")
    if not call:
        return fresh_draft(action=kind if kind in ACTIONS else "track")
    try:
        found, _ = picked(visit.product, call, visit.running.clock())
    except Unknown:
        return fresh_draft()
    action = found.type if found.type in ACTIONS else "track"
    conditions: tuple[Condition, ...] = (Condition(value=found.type),)
    if named := found.event or found.name:
        conditions += (Condition("event" if found.event else "name", value=named),)
    taken = {each.name for each in visit.product.config.destination.mappings}
    name = (named or f"{found.type} calls")[:190]
    return fresh_draft(name if name not in taken else f"{name} 2", action, conditions)


def _first_call(seen: Seen, draft: Draft) -> str:
    """What to try the draft on at first: the latest call that its trigger holds for, or a sample of the action."""
    mapping = checked(msgspec.structs.replace(draft, name="draft")).mapping
    for call, event in zip(seen.calls, seen.events, strict=True):
        alone = Seen((call,), (event,))
        if mapping and alone.matched(mapping):
            return f"log:{call.offset}"
    return f"sample:{draft.action}"


def _posted(visit: Visit, form: Form, saved: Mapping | None, *, was: str = "") -> Response[Any]:
    draft = posted_draft(form, enabled=bool(saved and saved.enabled))
    editing = Editing(saved, draft, form.text("call") or f"sample:{draft.action}", was, form.text("revision"))
    do, _, what = form.text("do", "check").partition(":")
    if do in ("save", "history"):
        return _saved(visit, editing, to_history=do == "history")
    if do == "check" and visit.partial:
        return _outcome(visit, editing)
    return _page(visit, msgspec.structs.replace(editing, draft=_stepped(draft, do, what)), seen_lately(visit.product))


def _stepped(draft: Draft, do: str, what: str) -> Draft:
    if do == "add":
        return with_condition(draft)
    if do == "drop" and what.isascii() and what.isdigit():
        return without_condition(draft, int(what))
    if do == "view":
        return viewed(draft, what)
    if do == "rewrite" and what.isascii() and what.isdigit():
        spellings = checked(draft).spellings[int(what) :]
        return rewritten(draft, spellings[0]) if spellings else draft
    return draft


def _saved(visit: Visit, editing: Editing, *, to_history: bool) -> Response[Any]:
    result = checked(editing.draft)
    if result.mapping is None:
        return _refused(visit, editing, ())
    change, name = _change(editing, result.mapping), editing.saved.name if editing.saved else ""
    guarded = unless_meanwhile(
        visit, editing.opened, lambda config: in_words(config, name) or in_words(config, editing.was), change
    )
    try:
        if to_history and editing.saved is not None:
            guarded(visit.product.version)
            return history_page(visit, change, result.mapping, editing.saved)
        done = "added" if editing.saved is None else "changed"
        revision = changed_version(visit, guarded, f"mapping {result.mapping.name} {done}")
    except ChangedMeanwhile as error:
        again = msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile)
        return _page(visit, again, seen_lately(visit.product), status=CONFLICT)
    except ConfigInvalid as error:
        return _refused(visit, editing, tuple(told(error)))
    address = mapping_link(visit, result.mapping.name, saved=revision, call=editing.call)
    return Redirect(address, status_code=303, headers=HEADERS)


def _change(editing: Editing, mapping: Mapping) -> Change:
    if editing.saved is None:
        return add_mapping(mapping)
    name = editing.saved.name

    def changed_mapping(config: ProductConfig) -> ProductConfig:
        now = next((each for each in config.destination.mappings if each.name == name), None)
        kept = msgspec.structs.replace(mapping, enabled=now.enabled) if now is not None else mapping
        return change_mapping(name, kept)(config)

    return changed_mapping


def _refused(visit: Visit, editing: Editing, faults: tuple[str, ...]) -> Response[str]:
    again = msgspec.structs.replace(editing, faults=faults or ("It is not saved: see what is marked below.",))
    return _page(visit, msgspec.structs.replace(again, shows_faults=True), seen_lately(visit.product), status=FAULTY)


def _outcome(visit: Visit, editing: Editing) -> Response[str]:
    return destination_page(visit, "parts/destination_outcome.html", **_told(visit, editing), oob=True)


def _page(visit: Visit, editing: Editing, seen: Seen, *, status: int = 200) -> Response[str]:
    template = "parts/destination_editor.html" if visit.partial else "destination_mapping.html"
    saved = visit.request.query_params.get("saved", "")
    return destination_page(
        visit,
        template,
        tab="/destination",
        status=status,
        seen=seen,
        revision=saved if saved.isascii() and saved.isdigit() else "",
        action_names=[(action, action.title()) for action in ACTIONS],
        kinds=KINDS,
        controls=CONTROLS,
        trigger_fields=list(FIELD_LABELS.items()),
        call_types=[(kind, kind) for kind in SAMPLES],
        oob=False,
        **_told(visit, editing),
    )


def _told(visit: Visit, editing: Editing) -> dict[str, Any]:
    """What the editor and its outcome say of the draft."""
    draft = editing.draft
    result = checked(draft)
    if not editing.shows_faults and not draft.name:  # not blamed before anyone could have typed it
        result = _without_name(result)
    name = editing.saved.name if editing.saved else ""
    return {
        "editing": editing,
        "draft": draft,
        "checked": result,
        "fields": action_fields(draft.action),
        "shown": previewed(visit.product, draft, editing.call, visit.running.clock()),
        "buildable": draft.trigger.view == "build" or conditions_of(draft.trigger.fql) is not None,
        "here": mapping_link(visit, name) if name else visit.link(NEW_PATH),
    }


def _without_name(result: Checked) -> Checked:
    faults = {place: fault for place, fault in result.faults.items() if place != "name"}
    return msgspec.structs.replace(result, faults=faults)
