"""What a reader sees where a page cannot be shown: it says what is wrong and where to go on, and never a trace."""

import logging
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.standing import Standing
from uptake.views.base import Unknown
from uptake.web.pages.forms import csrf_token
from uptake.web.pages.needs import NotPermitted, SignedOut, sign_in_path
from uptake.web.pages.render import HEADERS, alone, html
from uptake.web.pages.visit import PageRequest

log_ = logging.getLogger("uptake.web")
INTERNAL, FORBIDDEN, SIGNED_OUT = 500, 403, 401
OLD_FORM = "This form is older than the server, or the browser keeps no cookie. Open the page again, and repeat."
TITLES = {
    400: "This address cannot be read",
    403: "This was not accepted",
    404: "There is nothing here",
    405: "This address does not take that",
    500: "Something went wrong here",
}
NO_PERMISSION = "You may not do this"
MESSAGES = {
    404: "The page may have moved, or the address has a typing error.",
    500: "The fault is ours, and it is in the server's log. What you sent is safe; try again in a moment.",
}


def fault_page(request: PageRequest, error: Exception) -> Response[Any]:
    """The page of an error; those that are nobody's mistake but ours are logged."""
    if isinstance(error, SignedOut):
        return _signed_out(request)
    status, message = _told(error)
    if status >= INTERNAL:
        request.app.state.site.faults.times += 1
        log_.error("page_failed", extra={"path": _loggable(request)}, exc_info=error)
    title = TITLES.get(status, TITLES[404] if status < INTERNAL else TITLES[INTERNAL])
    title = NO_PERMISSION if _is_refusal(error) else title
    message = message or MESSAGES.get(status, MESSAGES[404])
    if _for_htmx(request) and status == FORBIDDEN:
        return html("parts/refused.html", status=status, title=title, message=message, href="", action="")
    standing: Standing | None = getattr(request.state, "standing", None)
    return alone(
        request,
        "fault.html",
        status=status,
        title=title,
        message=message,
        code=status,
        csrf=csrf_token(request),
        signed_in_as=standing.by if standing and standing.person and _is_refusal(error) else "",
    )


def _told(error: Exception) -> tuple[int, str]:
    """Status and sentence of an error; '' where the status says it all."""
    if isinstance(error, Unknown):
        return 404, sentence(error.message)
    if isinstance(error, UptakeError):
        return CODES[error.code].status or 400, sentence(error.message)
    if not isinstance(error, HTTPException) or error.status_code >= INTERNAL:
        return getattr(error, "status_code", INTERNAL), ""
    if error.status_code == FORBIDDEN and "CSRF" in error.detail:
        return FORBIDDEN, OLD_FORM
    return error.status_code, "" if error.detail == "Not Found" else error.detail


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, NotPermitted) or (isinstance(error, UptakeError) and error.code == "not_permitted")


def _signed_out(request: PageRequest) -> Response[Any]:
    """To the sign-in page and back again; a part of a page takes its whole page there."""
    path = sign_in_path(request)
    if not _for_htmx(request):
        return Redirect(path, status_code=303, headers=HEADERS)
    return html(
        "parts/refused.html",
        status=SIGNED_OUT,
        headers={"HX-Redirect": path},
        title="You are signed out",
        message="Your session has ended. Sign in to go on where you were.",
        href=path,
        action="Sign in",
    )


def _for_htmx(request: PageRequest) -> bool:
    return "hx-request" in request.headers


def _loggable(request: PageRequest) -> str:
    """The path without what opens something."""
    path: str = request.scope["path"]
    return "/welcome/…" if path.startswith("/welcome/") else path


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop.

    >>> sentence("the product knows no account 'acme'")
    "The product knows no account 'acme'."
    """
    return text[:1].upper() + text[1:].rstrip(".") + "."
