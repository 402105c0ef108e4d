"""My account: name, password, and the browsers that are signed in."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.passwords import FEWEST_CHARACTERS
from uptake.pipeline.people import MOST_NAME
from uptake.pipeline.sign_in import Opened
from uptake.stores.meta.people import Session
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.sign_in import refusal_headers
from uptake.web.pages.visit import PageRequest, Visit

SAID = {
    "name": "Your name is saved.",
    "password": "Your password is changed, and every other session has ended.",
    "session": "The session has ended.",
    "others": "Every other session has ended.",
}


class SessionRow(msgspec.Struct, frozen=True):
    """A session as it is listed; `here` marks that of this browser."""

    session: Session
    here: bool


@get("/me", sync_to_thread=True)
def me_page(request: PageRequest) -> Response[str]:
    """Your name, password and sessions."""
    return _page(Visit(request))


@post("/me", status_code=200, sync_to_thread=True)
def me_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Change your name or password, or end a session."""
    visit, form = Visit(request), Form(bounded(body))
    do = form.text("do")
    try:
        opened = _DOINGS[do](visit, form) if do in _DOINGS else None
    except UptakeError as error:
        return _page(visit, do, error)
    cookies = [visit.site.access.opened(opened.text)] if opened else []
    return Redirect(visit.link("/me", told=do), status_code=303, headers=HEADERS, cookies=cookies)


def _page(visit: Visit, do: str = "", error: UptakeError | None = None) -> Response[str]:
    current = visit.standing.session
    sessions = visit.site.access.door.sessions(visit.standing)
    return page(
        visit,
        "me.html",
        status=CODES[error.code].status if error else 200,
        headers=refusal_headers(error) if error else None,
        sessions=[SessionRow(each, current is not None and each.id == current.id) for each in sessions],
        said=SAID.get(visit.request.query_params.get("told", ""), "") if error is None else "",
        faults={do: sentence(error.message)} if error else {},
        fewest=FEWEST_CHARACTERS,
        most_name=MOST_NAME,
    )


# ---- what the forms can do
def _name(visit: Visit, form: Form) -> None:
    visit.site.access.people.put_name(visit.standing, form.text("name"))


def _password(visit: Visit, form: Form) -> Opened:
    access = visit.site.access
    return access.door.change_password(
        visit.standing, form.text("old"), form.text("password"), access.origin(visit.request)
    )


def _session(visit: Visit, form: Form) -> None:
    number = form.text("id")
    if number.isascii() and number.isdigit():
        visit.site.access.door.end_session(visit.standing, int(number[:18]))


def _others(visit: Visit, form: Form) -> None:
    visit.site.access.door.end_others(visit.standing)


_DOINGS: dict[str, Callable[[Visit, Form], Opened | None]] = {
    "name": _name,
    "password": _password,
    "session": _session,
    "others": _others,
}
