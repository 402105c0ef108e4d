"""Settings, Product and Configuration: the fields of a product that are one value each.

Some reach into what is counted already, and all of history is folded anew: that is asked before it is done.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any
from zoneinfo import available_timezones

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.config import ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.configure import needs_rebuild, sound
from uptake.pipeline.product_changes import change_fields
from uptake.views.configuration import FieldChoice, field_choices
from uptake.web.pages.faults import sentence
from uptake.web.pages.form_fields import FieldReader
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PRODUCT_PATH = "/settings/product"
CONFIGURATION_PATH = "/settings/configuration"
FAULTY, CONFLICT = 422, 409
MOST_NAME = 200
SHOWN_CANDIDATES = 6
OTHER = ""
"""The value of the choice that stands for a trait that is typed in: no key is empty."""
OPTIONAL = ("account_owner_trait",)
"""What may name no trait at all."""
UNITS = (("cents", "Cents"), ("units", "Whole units"))
DAYS = ("dedupe_days", "keep_properties_days", "retention_days")
TEXTS = ("product", "time_zone", "page_event", "page_event_unnamed", "screen_event", "screen_event_unnamed")
NAMES: Mapping[str, str] = {
    "account_display_name": "Display name of accounts",
    "account_created_at": "Creation date of accounts",
    "account_owner_trait": "Owner of accounts",
    "account_id_trait": "Account ID of users",
}
LABELS: Mapping[str, str] = {
    "product": "Name",
    "time_zone": "Time zone of days",
    "page_event": "A page call counts as",
    "page_event_unnamed": "A page call without a name counts as",
    "screen_event": "A screen call counts as",
    "screen_event_unnamed": "A screen call without a name counts as",
    "mrr_unit": "MRR is sent in",
    "currency": "Currency",
    "dedupe_days": "The same message counts once within, in days",
    "keep_properties_days": "Keep all properties for, in days",
    "retention_days": "Keep calls for, in days",
    **NAMES,
}
MEANINGS: Mapping[str, str] = {
    "account_display_name": "What an account is called on every page and in the API.",
    "account_created_at": "From when an account is a customer: tenure, and what is new.",
    "account_owner_trait": "Whose e-mail address the trait holds has the account among theirs: a CSM, for one.",
    "account_id_trait": "A trait of users that names their account, where no group call does.",
}


class Editing(msgspec.Struct, frozen=True):
    """Fields in a form: as typed, what is wrong by field, and whether saving them waits for a word on the rebuild.

    opened: the revision that the form was opened with ('' for the present one).  meanwhile: what others saved since.
    """

    fields: Mapping[str, str]
    faults: dict[str, str] = {}
    asks: bool = False
    opened: str = ""
    meanwhile: Meanwhile | None = None


Reading = Callable[[Form], tuple[Editing, dict[str, Any]]]
Showing = Callable[[Visit, Editing, int], Response[str]]


@get(PRODUCT_PATH, sync_to_thread=True)
def product_page(request: PageRequest) -> Response[str]:
    """The product's name, zone, money, and how calls are named and kept."""
    visit = Visit(request)
    return _product(visit, Editing(_typed(visit.product.config)), 200)


@post(PRODUCT_PATH, status_code=200, sync_to_thread=True)
def product_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Change them."""
    return _posted(Visit(request), Form(bounded(body)), PRODUCT_PATH, _read_product, _product)


@get(CONFIGURATION_PATH, sync_to_thread=True)
def configuration_page(request: PageRequest) -> Response[str]:
    """Which traits name an account, date it, and tell whose account a user is in."""
    visit = Visit(request)
    return _configuration(visit, Editing(_typed(visit.product.config)), 200)


@post(CONFIGURATION_PATH, status_code=200, sync_to_thread=True)
def configuration_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Choose other traits."""
    return _posted(Visit(request), Form(bounded(body)), CONFIGURATION_PATH, _read_configuration, _configuration)


def _posted(visit: Visit, form: Form, path: str, read: Reading, show: Showing) -> Response[Any]:
    editing, fields = read(form)
    opened = form.text("revision")
    editing = msgspec.structs.replace(editing, opened=opened)
    if editing.faults:
        return show(visit, editing, FAULTY)
    change = unless_meanwhile(visit, opened, lambda config: _labelled(config, fields), change_fields(fields))
    try:
        changed = sound(change(visit.product.version))
        if needs_rebuild(visit.product.config, changed) and form.text("do") != "confirm":
            return show(visit, msgspec.structs.replace(editing, asks=True), 200)
        names = ", ".join(name for name in fields if getattr(changed, name) != getattr(visit.product.config, name))
        visit.running.change_config(visit.product.product_id, change, by=visit.by, why=f"configuration: {names}")
    except ChangedMeanwhile as error:
        return show(visit, msgspec.structs.replace(editing, opened="", meanwhile=error.meanwhile), CONFLICT)
    except ConfigInvalid as error:
        faults = {fault.place.removeprefix("$."): sentence(fault.message) for fault in error.faults}
        return show(visit, msgspec.structs.replace(editing, faults=faults), FAULTY)
    return Redirect(visit.link(path, None, told="saved"), status_code=303, headers=HEADERS)


def _labelled(config: ProductConfig, fields: Collection[str]) -> dict[str, str]:
    """Fields as they are typed, by their names in words."""
    return {LABELS[name]: text for name, text in _typed(config).items() if name in fields}


def _typed(config: ProductConfig) -> dict[str, str]:
    """Every field as it is typed."""
    names = (*TEXTS, *NAMES, "mrr_unit", "currency", *DAYS)
    return {name: str(getattr(config, name)) for name in names}


def _read_product(form: Form) -> tuple[Editing, dict[str, Any]]:
    reader = FieldReader()
    typed = {name: form.text(name).strip() for name in (*TEXTS, "mrr_unit", *DAYS)}
    typed["currency"] = form.text("currency").strip().upper()
    fields: dict[str, Any] = {name: reader.text(name, typed[name], MOST_NAME) for name in TEXTS}
    fields["mrr_unit"] = reader.one_of("mrr_unit", typed["mrr_unit"], [value for value, _ in UNITS])
    fields["currency"] = typed["currency"]
    if not (len(typed["currency"]) == 3 and typed["currency"].isascii() and typed["currency"].isalpha()):
        reader.blame("currency", f"Expected a currency's three letters, such as EUR, got {typed['currency'][:20]!r}.")
    fields["dedupe_days"] = reader.whole("dedupe_days", typed["dedupe_days"], 1, 90)
    for name in ("keep_properties_days", "retention_days"):
        fields[name] = reader.whole(name, typed[name], 0, 3650)
    return Editing(typed, reader.faults), fields


def _read_configuration(form: Form) -> tuple[Editing, dict[str, Any]]:
    reader = FieldReader()
    chosen = {name: form.text(name) for name in NAMES}
    typed = {name: form.text(f"{name}.other").strip() if key == OTHER else key for name, key in chosen.items()}
    fields = {
        name: key if not key and name in OPTIONAL else reader.text(name, key, MOST_NAME) for name, key in typed.items()
    }
    return Editing(typed, reader.faults), fields


def _product(visit: Visit, editing: Editing, status: int) -> Response[str]:
    return page(
        visit,
        "settings_product.html",
        status=status,
        editing=editing,
        fields=editing.fields,
        faults=editing.faults,
        zones=sorted(available_timezones()),
        units=UNITS,
        purged=visit.product.purged[-1:],
        retained=visit.product.retained,
        here=visit.link(PRODUCT_PATH),
        told=visit.request.query_params.get("told", ""),
    )


def _configuration(visit: Visit, editing: Editing, status: int) -> Response[str]:
    return page(
        visit,
        "settings_configuration.html",
        status=status,
        editing=editing,
        faults=editing.faults,
        choices=[_choice(each, editing) for each in field_choices(visit.product)],
        other=OTHER,
        here=visit.link(CONFIGURATION_PATH),
        told=visit.request.query_params.get("told", ""),
    )


def _choice(choice: FieldChoice, editing: Editing) -> dict[str, Any]:
    """A field with what may be chosen: the likeliest first, always what is chosen, and whatever else is typed."""
    chosen = editing.fields[choice.field]
    listed = [each for index, each in enumerate(choice.candidates) if index < SHOWN_CANDIDATES or each.key == chosen]
    return {
        "field": choice.field,
        "label": NAMES[choice.field],
        "meaning": MEANINGS[choice.field],
        "optional": choice.field in OPTIONAL,
        "choice": choice,
        "listed": listed,
        "more": len(choice.candidates) - len(listed),
        "chosen": chosen,
        "typed": "" if any(each.key == chosen for each in listed) else chosen,
    }
