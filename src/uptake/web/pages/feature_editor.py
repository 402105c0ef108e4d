"""Settings, Features: their names, order and events, edited together and saved as one version.

The whole state is the form: every button posts it, and the answer is the form as it is then.  So features are put in
order by buttons as well as by dragging, with a keyboard, with a screen reader and without scripts.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.errors import ConfigInvalid
from uptake.core.event_names import FeatureSuggestion, suggest_features
from uptake.pipeline.feature_changes import Change, hide_events, ignore_events
from uptake.views.features import MOST_SUGGESTED, FeatureEvent, events_with_features
from uptake.web.pages.feature_draft import (
    Drafts,
    FeatureDraft,
    accepted,
    added,
    assigned,
    drafts_of,
    dropped,
    faults_of,
    in_words,
    moved,
    posted_drafts,
    saving,
    told,
)
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, html
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/features"
FAULTY, CONFLICT = 422, 409
MOST_LISTED = 200
MOST_PICKED = 1_000


class Editing(msgspec.Struct, frozen=True):
    """The features in the editor: their drafts, what to look for among events without a feature, and what was wrong
    with saving them.

    opened: the revision that the form was opened with ('' for the present one).  meanwhile: what others saved since.
    """

    drafts: Drafts
    opened: str = ""
    search: str = ""
    meanwhile: Meanwhile | None = None
    faults: tuple[str, ...] = ()
    blamed: dict[int, str] = {}
    fresh: bool = False


@get(PATH, sync_to_thread=True)
def feature_editor_page(request: PageRequest) -> Response[str]:
    """The features with their events, and the events that are in none."""
    visit = Visit(request)
    return _page(visit, Editing(drafts_of(visit.product.config)))


@post(PATH, status_code=200, sync_to_thread=True)
def feature_editor_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Change the draft of the features, or save it."""
    visit, form = Visit(request), Form(bounded(body))
    editing = Editing(posted_drafts(form), form.text("revision"), form.text("find").strip()[:200])
    do, _, what = form.text("do", "redraw").partition(":")
    if do == "save":
        return _saved(visit, editing)
    picked = list(dict.fromkeys(form.every("pick")))[:MOST_PICKED]
    if aside := _aside(do, picked):
        _change(visit, aside, f"events {'shown' if do == 'restore' else do}: {', '.join(picked)}"[:300])
        return _page(visit, editing)
    into = form.text("into")
    drafts = _stepped(visit, editing.drafts, do, what, picked=picked, into=int(into) if into.isdigit() else -1)
    return _page(visit, msgspec.structs.replace(editing, drafts=drafts, fresh=do == "add"))


def _aside(do: str, picked: Sequence[str]) -> Change | None:
    """What hides or ignores events, or undoes both: at once, for it is no matter of features."""
    if do == "hide":
        return hide_events(picked, hidden=True)
    if do == "ignore":
        return ignore_events(picked, ignored=True)
    if do == "restore":
        return lambda config: ignore_events(picked, ignored=False)(hide_events(picked, hidden=False)(config))
    return None


def _stepped(visit: Visit, drafts: Drafts, do: str, what: str, *, picked: Sequence[str], into: int) -> Drafts:
    index, _, event = what.partition(":")
    place = int(index) if index.isascii() and index.isdigit() and len(index) < 6 else -1
    match do:
        case "up" | "down":
            return moved(drafts, place, -1 if do == "up" else 1)
        case "drop":
            return dropped(drafts, place)
        case "add":
            return added(drafts, FeatureDraft())
        case "take":
            return assigned(drafts, [event], -1)
        case "assign":
            return assigned(drafts, picked, into) if into >= 0 else added(drafts, FeatureDraft(events=tuple(picked)))
        case "accept":
            suggestions = _suggestions(drafts, _unassigned(visit, drafts))
            return accepted(drafts, suggestions[place]) if 0 <= place < len(suggestions) else drafts
    return drafts


def _saved(visit: Visit, editing: Editing) -> Response[Any]:
    blamed = faults_of(editing.drafts)
    faults: tuple[str, ...] = ("It is not saved yet: see what is marked below.",) if blamed else ()
    if not faults:
        try:
            change = unless_meanwhile(visit, editing.opened, in_words, saving(editing.drafts))
            why = told(visit.product.config, editing.drafts)
            visit.running.change_config(visit.product.product_id, change, by=visit.by, why=why)
        except ChangedMeanwhile as error:
            return _page(visit, msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile), status=CONFLICT)
        except ConfigInvalid as error:
            faults = tuple(dict.fromkeys(each.message[:1].upper() + each.message[1:] + "." for each in error.faults))
    if faults:
        return _page(visit, msgspec.structs.replace(editing, faults=faults, blamed=blamed), status=FAULTY)
    return Redirect(visit.link(PATH, None, saved="1"), status_code=303, headers=HEADERS)


def _change(visit: Visit, change: Change, why: str) -> None:
    visit.running.change_config(visit.product.product_id, lambda version: change(version.config), by=visit.by, why=why)


def _unassigned(visit: Visit, drafts: Drafts) -> list[FeatureEvent]:
    """The events that were seen and are in no feature of the draft, neither hidden nor ignored."""
    taken = {event for draft in drafts for event in draft.events}
    every = events_with_features(visit.product)
    return [each for each in every if each.event not in taken and each.times and not (each.hidden or each.ignored)]


def _suggestions(drafts: Drafts, unassigned: Sequence[FeatureEvent]) -> list[FeatureSuggestion]:
    names = [each.event for each in unassigned[:MOST_SUGGESTED]]
    return list(suggest_features(names, {draft.name: draft.events for draft in drafts if draft.name}))


def _page(visit: Visit, editing: Editing, *, status: int = 200) -> Response[str]:
    unassigned = _unassigned(visit, editing.drafts)
    words = editing.search.lower()
    found = [each for each in unassigned if words in each.event.lower()]
    every = {each.event: each for each in events_with_features(visit.product)}
    return html(
        "parts/feature_editor.html" if visit.partial else "settings_features.html",
        status=status,
        visit=visit,
        now_us=visit.running.clock(),
        editing=editing,
        every=every,
        unassigned=found[:MOST_LISTED],
        without=len(unassigned),
        found=len(found),
        aside=[each for each in every.values() if each.hidden or each.ignored],
        suggestions=_suggestions(editing.drafts, unassigned),
        weights=visit.workspace.features,
        saved=visit.request.query_params.get("saved", ""),
        here=visit.link(PATH),
    )
