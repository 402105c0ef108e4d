"""Settings, People: who may do what in the product, who is invited, and who is kept out."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec
from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.people import MOST_EMAIL
from uptake.stores.meta.people import Link, Person, Role
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/people"
OWNER = "owner"
ROLE_CHOICES = (
    ("viewer", "Viewer: reads everything"),
    ("editor", "Editor: also changes the configuration"),
    ("admin", "Admin: also people, keys and audit"),
)
OWNER_CHOICE = (OWNER, "Owner: everything, in every product")
SAID = {
    "role": "The role is changed, and their sessions have ended.",
    "removed": "They have no role in this product any more.",
    "owner": "Saved. Their sessions have ended.",
    "disabled": "They are kept out, and their sessions have ended.",
    "enabled": "They may sign in again.",
    "withdrawn": "The invitation is taken back.",
}


class Member(msgspec.Struct, frozen=True):
    """A person as listed.  role: '' for none in this product.  managed: the reader may keep them out."""

    person: Person
    role: str
    seen_us: int | None
    managed: bool
    me: bool


class Made(msgspec.Struct, frozen=True):
    """A link that was just made, told this once."""

    email: str
    url: str
    days: int
    password: bool = False


@get(PATH, sync_to_thread=True)
def people_page(request: PageRequest) -> Response[str]:
    """Who may do what in the product, and who is invited."""
    return _page(Visit(request))


@post(PATH, status_code=200, sync_to_thread=True)
def people_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Invite somebody, change a role, keep somebody out, or make a link for a new password."""
    visit, form = Visit(request), Form(bounded(body))
    try:
        done = _DOINGS[form.text("do")](visit, form) if form.text("do") in _DOINGS else ""
    except UptakeError as error:
        return _page(visit, fault=error, typed=form.text("email"))
    if isinstance(done, Made):
        return _page(visit, made=done)
    return Redirect(visit.link(PATH, told=done), status_code=303, headers=HEADERS)


def _page(
    visit: Visit, *, made: Made | None = None, fault: UptakeError | None = None, typed: str = ""
) -> Response[str]:
    people, product_id = visit.running.meta.people.people(), visit.product.product_id
    members = [_member(visit, each) for each in people if each.owner or product_id in each.roles]
    others = [_member(visit, each) for each in people if not each.owner and product_id not in each.roles]
    owner = visit.standing.owner
    return page(
        visit,
        "settings_people.html",
        status=CODES[fault.code].status if fault else 200,
        members=members,
        others=others if owner else [],
        invitations=_invitations(visit),
        choices=(*ROLE_CHOICES, OWNER_CHOICE) if owner else ROLE_CHOICES,
        role_choices=ROLE_CHOICES,
        made=made,
        fault=sentence(fault.message) if fault else "",
        typed=typed[:MOST_EMAIL],
        said=SAID.get(visit.request.query_params.get("told", ""), ""),
    )


def _member(visit: Visit, person: Person) -> Member:
    sessions = visit.running.meta.people.sessions(person.id)
    return Member(
        person,
        OWNER if person.owner else person.roles.get(visit.product.product_id, ""),
        sessions[0].seen_us if sessions else None,
        visit.standing.manages(person),
        visit.standing.person is not None and visit.standing.person.id == person.id,
    )


def _invitations(visit: Visit) -> list[Link]:
    people = visit.site.access.people
    owners = people.open_links(None) if visit.standing.owner else []
    return [*people.open_links(visit.product.product_id), *owners]


# ---- what the forms can do
def _invite(visit: Visit, form: Form) -> Made:
    people, email, role = visit.site.access.people, form.text("email"), form.text("role")
    if role == OWNER:
        text = people.invite_owner(visit.standing, email)
    else:
        text = people.invite(visit.standing, email, _role(role), visit.product.product_id)
    return Made(email.strip().lower(), _url(visit, text), 7)


def _reset(visit: Visit, form: Form) -> Made:
    person_id = _number(form)
    text = visit.site.access.people.reset_link(visit.standing, person_id)
    person = visit.running.meta.people.person(person_id)
    return Made(person.email if person else "", _url(visit, text), 1, password=True)


def _url(visit: Visit, text: str) -> str:
    return f"{visit.site.access.base_url(visit.request)}/welcome/{text}"


def _change_role(visit: Visit, form: Form) -> str:
    people, product_id = visit.site.access.people, visit.product.product_id
    people.put_role(visit.standing, _number(form), product_id, _role(form.text("role")))
    return "role"


def _remove(visit: Visit, form: Form) -> str:
    visit.site.access.people.put_role(visit.standing, _number(form), visit.product.product_id, None)
    return "removed"


def _make_owner(visit: Visit, form: Form) -> str:
    visit.site.access.people.put_owner(visit.standing, _number(form), owner=True)
    return "owner"


def _end_ownership(visit: Visit, form: Form) -> str:
    visit.site.access.people.put_owner(visit.standing, _number(form), owner=False)
    return "owner"


def _disable(visit: Visit, form: Form) -> str:
    visit.site.access.people.put_disabled(visit.standing, _number(form), disabled=True)
    return "disabled"


def _enable(visit: Visit, form: Form) -> str:
    visit.site.access.people.put_disabled(visit.standing, _number(form), disabled=False)
    return "enabled"


def _withdraw(visit: Visit, form: Form) -> str:
    visit.site.access.people.withdraw(visit.standing, _number(form))
    return "withdrawn"


_DOINGS: dict[str, Callable[[Visit, Form], Made | str]] = {
    "invite": _invite,
    "reset": _reset,
    "role": _change_role,
    "remove": _remove,
    "owner": _make_owner,
    "owner-end": _end_ownership,
    "disable": _disable,
    "enable": _enable,
    "withdraw": _withdraw,
}


def _number(form: Form) -> int:
    """The number that the form names.  Raises ClientException."""
    text = form.text("id")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise ClientException("The form names nobody.")
    return int(text)


def _role(text: str) -> Role:
    """The role that the form names.  Raises ClientException."""
    for role in get_args(Role):
        if role == text:
            return role  # type: ignore[no-any-return]
    raise ClientException(f"There is no role {text[:40]!r}.")
