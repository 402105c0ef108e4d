"""What a page needs of its reader, checked before its handler runs.

The groups of `uptake.web.pages.PAGES` say it for every handler; nothing is mounted outside them.  Another product than
those of the reader is not there: 404, in the words of one that does not exist.
"""

from typing import Literal
from urllib.parse import urlencode, urlsplit

from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from uptake.pipeline.product import RunningProduct
from uptake.pipeline.standing import Power, Standing
from uptake.web.access import AnyConnection
from uptake.web.site import Site

Need = Literal["public", "person", "viewer", "editor", "admin", "owner"]
"""`public`: nothing; `person`: to be signed in; the others: that role in the product that the page is about."""

SAFE = ("GET", "HEAD", "OPTIONS")
ELSEWHERE = ("cross-site", "same-site")
ROLE_WORDS: dict[Power, str] = {"viewer": "a viewer", "editor": "an editor", "admin": "an admin", "owner": "an owner"}


class SignedOut(NotAuthorizedException):
    """Nobody is signed in."""


class NotPermitted(PermissionDeniedException):
    """The reader may not do this; the detail says what it needs."""


def demand(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Let the reader through who may.  Raises SignedOut, NotPermitted or NotFoundException."""
    site: Site = connection.app.state.site
    # OPTIONS is answered by the framework, which tells the methods of an address and nothing else.
    need: Need = "public" if connection.scope.get("method") == "OPTIONS" else handler.opt["needs"]
    _demand_same_site(connection)
    standing = site.access.standing(connection)
    connection.state.standing = standing
    if need == "public":
        return
    if standing is None:
        raise SignedOut
    if need != "person":
        product = product_for(site, standing, connection.query_params.get("product"))
        if not standing.may(need, product.product_id):
            raise NotPermitted(_told(need, standing.role_in(product.product_id), product.name))


def product_for(site: Site, standing: Standing, text: str | None) -> RunningProduct:
    """The product that an address names, or else the reader's first.  Raises NotFoundException, NotPermitted."""
    seen = [each for each in site.running.products() if standing.role_in(each.product_id)]
    if not seen:
        raise NotPermitted("You have no role in any product. Ask whoever invited you for one.")
    for product in seen:
        if text in (None, str(product.product_id)):
            return product
    raise NotFoundException(f"There is no product {text}.")


def _told(need: Power, has: Power | None, product: str) -> str:
    you = f"you are {ROLE_WORDS[has]} of {product}" if has else "you have none"
    return f"This needs the role of {ROLE_WORDS[need]}; {you}. An admin can change that in Settings, People."


def _demand_same_site(connection: AnyConnection) -> None:
    """Whatever token it carries: no other site posts in the reader's name."""
    if connection.scope.get("method") not in SAFE and connection.headers.get("sec-fetch-site") in ELSEWHERE:
        raise NotPermitted("Another site sent this. Open the page here, and repeat.")


def sign_in_path(connection: AnyConnection) -> str:
    """Where to sign in, with the way back."""
    here = urlsplit(connection.headers.get("hx-current-url", "")) if "hx-request" in connection.headers else None
    path = here.path if here else connection.scope["path"]
    query = here.query if here else connection.scope["query_string"].decode("latin-1")
    back = path + ("?" + query if query else "")
    return "/sign-in" + ("?" + urlencode({"next": back}) if back not in ("", "/", "/sign-out") else "")


def way_back(text: str) -> str:
    """A path of this very app, or its start.

    >>> way_back("/accounts?q=x"), way_back("//evil.example"), way_back("https://evil.example"), way_back("/\\\\evil")
    ('/accounts?q=x', '/', '/', '/')
    """
    parts = urlsplit(text)
    inside = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    plain = text.isprintable() and "\\" not in text
    return text if inside and plain else "/"
