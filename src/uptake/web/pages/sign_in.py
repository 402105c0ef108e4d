"""Signing in and out."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.sign_in import Opened, TooManyAttempts
from uptake.pipeline.standing import Standing
from uptake.stores.meta.people import somebody_owns
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded, csrf_token
from uptake.web.pages.needs import way_back
from uptake.web.pages.render import HEADERS, alone
from uptake.web.pages.visit import PageRequest
from uptake.web.site import site_of

SAID = {"out": "You are signed out.", "password": "Your password is changed. Every other session ended."}


@get("/sign-in", sync_to_thread=True)
def sign_in_page(request: PageRequest) -> Response[Any]:
    """Sign in with e-mail address and password."""
    back = way_back(request.query_params.get("next", "/"))
    standing: Standing | None = request.state.standing
    if standing and standing.person:
        return Redirect(back, status_code=303, headers=HEADERS)
    return sign_in_form(request, back)


@post("/sign-in", status_code=200, sync_to_thread=True)
def sign_in_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Open a session."""
    form, access = Form(bounded(body)), site_of(request).access
    back = way_back(form.text("next", "/"))
    try:
        opened = access.door.sign_in(form.text("email"), form.text("password"), access.origin(request))
    except UptakeError as error:
        return sign_in_form(request, back, email=form.text("email"), error=error)
    return entered(request, opened, back)


@post("/sign-out", status_code=303, sync_to_thread=True)
def sign_out_posted(request: PageRequest) -> Redirect:
    """End the session."""
    access = site_of(request).access
    access.door.sign_out(request.state.standing)
    return Redirect("/sign-in?told=out", status_code=303, headers=HEADERS, cookies=[access.closed()])


def entered(request: PageRequest, opened: Opened, back: str = "/") -> Redirect:
    """Into the app, with the cookie of the session."""
    cookie = site_of(request).access.opened(opened.text)
    return Redirect(back, status_code=303, headers=HEADERS, cookies=[cookie])


def refusal_headers(error: UptakeError) -> dict[str, str]:
    """What an answer that refuses says beside its page."""
    return {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooManyAttempts) else {}


def sign_in_form(
    request: PageRequest,
    back: str,
    *,
    email: str = "",
    error: UptakeError | None = None,
    cookies: Sequence[Cookie] = (),
) -> Response[str]:
    """The sign-in page, with what was wrong."""
    site = site_of(request)
    people, provider = site.running.meta.people.people(), site.access.options.provider
    answer = alone(
        request,
        "sign_in.html",
        status=CODES[error.code].status if error else 200,
        headers=refusal_headers(error) if error else None,
        csrf=csrf_token(request),
        back=back,
        email=email[:254],
        fault=sentence(error.message) if error else "",
        said=SAID.get(request.query_params.get("told", ""), ""),
        owned=somebody_owns(people),
        anybody=bool(people),
        open_here=request.state.standing is not None,
        provider=(provider.name or urlsplit(provider.issuer).hostname) if provider else "",
        provider_href="/sign-in/provider?" + urlencode({"next": back}),
    )
    answer.cookies = [*answer.cookies, *cookies]
    return answer
