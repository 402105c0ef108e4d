"""Where links lead that let somebody in: the first owner, an invitation, a new password."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, RawBody

from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.people import MOST_NAME
from uptake.pipeline.standing import Standing
from uptake.stores.meta.people import Link
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded, csrf_token
from uptake.web.pages.needs import ROLE_WORDS
from uptake.web.pages.render import HEADERS, alone
from uptake.web.pages.sign_in import entered, refusal_headers
from uptake.web.pages.visit import PageRequest
from uptake.web.site import site_of


class Welcome(msgspec.Struct, frozen=True):
    """What the page of a link says and asks.

    known: the person is known already and gives the password they have.  as_them: and is signed in, so that a button
    is enough.
    """

    title: str
    text: str
    email: str
    asks_email: bool = False
    asks_name: bool = False
    known: bool = False
    as_them: bool = False


@get("/welcome/{text:str}", sync_to_thread=True)
def welcome_page(request: PageRequest, text: FromPath[str]) -> Response[Any]:
    """What the link is for, and what it asks."""
    try:
        return _form(request, site_of(request).access.people.link(text))
    except UptakeError as error:
        return _over(request, error)


@post("/welcome/{text:str}", status_code=200, sync_to_thread=True)
def welcome_posted(request: PageRequest, text: FromPath[str], body: RawBody) -> Response[Any]:
    """Take what the link gives, once, and come in."""
    access, form = site_of(request).access, Form(bounded(body))
    standing: Standing | None = request.state.standing
    try:
        link = access.people.link(text)
        if form.text("as") == "me" and standing and standing.person:
            access.people.accept_as(text, standing)
            opened = access.door.open(standing.person, access.origin(request), how="with an invitation")
        else:
            given = {name: form.text(name) for name in ("email", "name", "password")}
            opened = access.people.accept(text, access.origin(request), **given)
    except UptakeError as error:
        return _over(request, error) if error.code == "link_not_good" else _form(request, link, form, error)
    place = f"/?product={link.product_id}" if link.product_id else "/"
    return entered(request, opened, place)


def _form(
    request: PageRequest, link: Link, form: Form | None = None, error: UptakeError | None = None
) -> Response[str]:
    return alone(
        request,
        "welcome.html",
        status=CODES[error.code].status if error else 200,
        headers=refusal_headers(error) if error else None,
        csrf=csrf_token(request),
        welcome=_welcome(request, link),
        most_name=MOST_NAME,
        typed={name: form.text(name)[:300] if form else "" for name in ("email", "name")},
        fault=sentence(error.message) if error else "",
    )


def _over(request: PageRequest, error: UptakeError) -> Response[str]:
    return alone(request, "link_over.html", status=CODES[error.code].status, headers=HEADERS)


def _welcome(request: PageRequest, link: Link) -> Welcome:
    site = site_of(request)
    if link.kind == "owner":
        text = "You become the owner of this installation: you see every product and let others in."
        return Welcome("Make Uptake yours", text, "", asks_email=True, asks_name=True)
    if link.kind == "reset":
        return Welcome("Choose a new password", "Every session that is open now ends.", link.email)
    products = {product.product_id: product.name for product in site.running.products()}
    as_what = ROLE_WORDS[link.role or "owner"]
    place = products.get(link.product_id, "a product") if link.product_id else "this installation"
    standing: Standing | None = request.state.standing
    known = site.running.meta.people.person_by_email(link.email) is not None
    return Welcome(
        f"Join {products.get(link.product_id, 'Uptake') if link.product_id else 'Uptake'}",
        f"{link.by} invites you as {as_what} of {place}." if "@" in link.by else f"You are {as_what} of {place}.",
        link.email,
        asks_name=not known,
        known=known,
        as_them=bool(standing and standing.person and standing.person.email == link.email),
    )
