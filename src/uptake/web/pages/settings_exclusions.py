"""Settings, Exclusions: who is left out before anything is counted, and whom a change would leave out or bring back."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.config import Exclusions, ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.exclusion_preview import ExclusionPreview, preview_exclusions
from uptake.pipeline.product_changes import change_exclusions
from uptake.web.pages.faults import sentence
from uptake.web.pages.form_fields import FieldReader, lines, lines_of
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, html
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/exclusions"
FAULTY, CONFLICT = 422, 409
LISTS = ("users", "accounts", "email_domains")
CONDITIONS = ("users_where", "accounts_where")
LABELS = {
    "email_domains": "E-mail domains of users",
    "users": "User ids",
    "accounts": "Account ids",
    "users_where": "Users for whom",
    "accounts_where": "Accounts for which",
}
MOST_ENTRIES, MOST_LENGTH = 20_000, 500


class Editing(msgspec.Struct, frozen=True):
    """The exclusions as typed, what is wrong by field, and what they would do; None where something is wrong.

    opened: the revision that the form was opened with ('' for the present one).  meanwhile: what others saved since.
    """

    fields: dict[str, str]
    faults: dict[str, str] = {}
    preview: ExclusionPreview | None = None
    asked: bool = False
    opened: str = ""
    meanwhile: Meanwhile | None = None


@get(PATH, sync_to_thread=True)
def exclusions_page(request: PageRequest) -> Response[str]:
    """Whom the product leaves out."""
    visit = Visit(request)
    rules = visit.product.config.exclusions
    return _page(visit, Editing(_typed(rules), preview=preview_exclusions(visit.product, rules)))


@post(PATH, status_code=200, sync_to_thread=True)
def exclusions_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Look at what other exclusions would do, or put them in force."""
    visit, form = Visit(request), Form(bounded(body))
    editing, rules = _read(form)
    editing = msgspec.structs.replace(editing, opened=form.text("revision"))
    if not editing.faults:
        try:
            preview = preview_exclusions(visit.product, rules)
            editing = msgspec.structs.replace(editing, preview=preview, asked=True)
        except ConfigInvalid as error:
            faults = {each.place.removeprefix("$.exclusions."): sentence(each.message) for each in error.faults}
            editing = msgspec.structs.replace(editing, faults=faults)
    if form.text("do") != "save" or editing.faults:
        status = FAULTY if editing.faults and not visit.partial else 200
        return _page(visit, editing, status=status)
    change = unless_meanwhile(visit, editing.opened, _labelled, change_exclusions(msgspec.structs.asdict(rules)))
    try:
        visit.running.change_config(visit.product.product_id, change, by=visit.by, why="exclusions")
    except ChangedMeanwhile as error:
        return _page(visit, msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile), status=CONFLICT)
    return Redirect(visit.link(PATH, None, told="saved"), status_code=303, headers=HEADERS)


def _labelled(config: ProductConfig) -> dict[str, str]:
    """The exclusions as they are typed, by their names in words."""
    typed = _typed(config.exclusions)
    return {label: typed[name] for name, label in LABELS.items()}


def _typed(rules: Exclusions) -> dict[str, str]:
    return {
        **{name: lines(getattr(rules, name)) for name in LISTS},
        **{name: getattr(rules, name) for name in CONDITIONS},
    }


def _read(form: Form) -> tuple[Editing, Exclusions]:
    reader = FieldReader()
    typed = {name: form.text(name).strip() for name in (*LISTS, *CONDITIONS)}
    entries = {name: lines_of(typed[name]) for name in LISTS}
    entries["email_domains"] = list(dict.fromkeys(each.lower().removeprefix("@") for each in entries["email_domains"]))
    for name, found in entries.items():
        if len(found) > MOST_ENTRIES:
            reader.blame(name, f"At most {MOST_ENTRIES:,} lines, got {len(found):,}.")
        if any(len(each) > MOST_LENGTH for each in found):
            reader.blame(name, f"A line has at most {MOST_LENGTH} characters.")
    rules = Exclusions(
        users=tuple(entries["users"]),
        accounts=tuple(entries["accounts"]),
        email_domains=tuple(entries["email_domains"]),
        users_where=typed["users_where"],
        accounts_where=typed["accounts_where"],
    )
    return Editing(typed, reader.faults), rules


def _page(visit: Visit, editing: Editing, *, status: int = 200) -> Response[str]:
    return html(
        "parts/exclusion_preview.html" if visit.partial else "settings_exclusions.html",
        status=status,
        visit=visit,
        now_us=visit.running.clock(),
        editing=editing,
        fields=editing.fields,
        faults=editing.faults,
        here=visit.link(PATH),
        told=visit.request.query_params.get("told", ""),
    )
