"""What a reader sees where a page cannot be shown: it says what is wrong and where to go on, and never a trace."""

import logging

from litestar import Response
from litestar.exceptions import HTTPException

from uptake.views.base import Unknown
from uptake.web.pages.render import html
from uptake.web.pages.visit import THEMES, PageRequest

log_ = logging.getLogger("uptake.web")
INTERNAL, FORBIDDEN = 500, 403
OLD_FORM = "This form is older than the server, or the browser keeps no cookie. Open the page again, and repeat."
TITLES = {
    400: "This address cannot be read",
    403: "This was not accepted",
    404: "There is nothing here",
    405: "This address does not take that",
    500: "Something went wrong here",
}
MESSAGES = {
    404: "The page may have moved, or the address has a typing error.",
    500: "The fault is ours, and it is in the server's log. What you sent is safe; try again in a moment.",
}


def fault_page(request: PageRequest, error: Exception) -> Response[str]:
    """The page of an error; those that are nobody's mistake but ours are logged."""
    status, message = 404 if isinstance(error, Unknown) else INTERNAL, ""
    if isinstance(error, Unknown):
        message = sentence(error.message)
    elif isinstance(error, HTTPException):
        status, message = error.status_code, error.detail if error.detail != "Not Found" else ""
        message = OLD_FORM if status == FORBIDDEN and "CSRF" in message else message
    if status >= INTERNAL:
        log_.error("page_failed", extra={"path": request.url.path}, exc_info=error)
        message = ""
    theme = request.cookies.get("theme", "")
    return html(
        "fault.html",
        status=status,
        title=TITLES.get(status, TITLES[404] if status < INTERNAL else TITLES[INTERNAL]),
        message=message or MESSAGES.get(status, MESSAGES[404]),
        theme=theme if theme in THEMES else "",
        code=status,
    )


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop.

    >>> sentence("the product knows no account 'acme'")
    "The product knows no account 'acme'."
    """
    return text[:1].upper() + text[1:].rstrip(".") + "."
