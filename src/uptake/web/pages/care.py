"""Notes, an account's owner, and saved views: what the pages post, and what they show of it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, post
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from uptake.core.effects import Kind
from uptake.pipeline.care import (
    delete_note,
    delete_view,
    notes_on,
    owners_by_account,
    save_view,
    set_owner,
    write_note,
)
from uptake.stores.meta.care import Note
from uptake.stores.meta.people import Person
from uptake.views.accounts import account_named, account_traits
from uptake.views.mine import Owner, owner_of
from uptake.views.users import user_named
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.needs import way_back
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit, from_path


class Care(msgspec.Struct, frozen=True):
    """What is noted down of an account or a user; owner and people: of an account alone."""

    notes: Sequence[Note]
    action: str
    owner: Owner | None = None
    people: Sequence[tuple[str, str]] = ()

    @property
    def chosen(self) -> str:
        """The owner as the form's select knows it; '' where nobody or a trait says who."""
        return "" if self.owner is None or self.owner.by_trait else str(self.owner.person_id)


def care_of(visit: Visit, kind: Kind, tracking_id: str) -> Care:
    """What the page shows."""
    meta, product = visit.running.meta, visit.product
    notes = notes_on(meta, product.product_id, kind, tracking_id)
    if kind == "user":
        return Care(notes, visit.link("/users", tracking_id))
    people = meta.people.people()
    owners = owners_by_account(meta, product.product_id)
    owner = owner_of(product, owners, people, tracking_id, account_traits(product, tracking_id))
    return Care(notes, visit.link("/accounts", tracking_id), owner, _choices(people, product.product_id))


def _choices(people: Sequence[Person], product_id: int) -> list[tuple[str, str]]:
    """Everybody who may see the product."""
    seen = [each for each in people if (each.owner or product_id in each.roles) and each.disabled_us is None]
    return [(str(each.id), each.name or each.email) for each in seen]


@post("/accounts/{account:str}", sync_to_thread=True)
def account_posted(request: PageRequest, account: FromPath[str], body: RawBody) -> Response[Any]:
    """Write or delete a note on an account, or give it an owner."""
    visit = Visit(request)
    return _cared(visit, "account", account_named(visit.product, from_path(account)), Form(bounded(body)))


@post("/users/{user:str}", sync_to_thread=True)
def user_posted(request: PageRequest, user: FromPath[str], body: RawBody) -> Response[Any]:
    """Write or delete a note on a user."""
    visit = Visit(request)
    return _cared(visit, "user", user_named(visit.product, from_path(user)), Form(bounded(body)))


def _cared(visit: Visit, kind: Kind, tracking_id: str, form: Form) -> Response[Any]:
    product_id, number = visit.product.product_id, form.text("id")
    known = int(number[:18]) if number.isascii() and number.isdigit() else None
    match form.text("do"):
        case "note":
            write_note(visit.running, visit.standing, product_id, (kind, tracking_id), form.text("text"))
        case "delete" if known is not None:
            delete_note(visit.running, visit.standing, product_id, (kind, tracking_id), known)
        case "owner" if kind == "account":
            set_owner(visit.running, visit.standing, product_id, tracking_id, known)
    back = visit.link("/accounts" if kind == "account" else "/users", tracking_id)
    return Redirect(back + "#notes", status_code=303, headers=HEADERS)


@post("/views", sync_to_thread=True)
def views_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Save a list under a name, or delete one of your views."""
    visit, form = Visit(request), Form(bounded(body))
    product_id, number = visit.product.product_id, form.text("id")
    if form.text("do") == "save":
        view = save_view(visit.running, visit.standing, product_id, form.text("name"), form.text("address"))
        return Redirect(view.address, status_code=303, headers=HEADERS)
    if number.isascii() and number.isdigit():
        delete_view(visit.running, visit.standing, product_id, int(number[:18]))
    return Redirect(way_back(form.text("next", "/")), status_code=303, headers=HEADERS)
