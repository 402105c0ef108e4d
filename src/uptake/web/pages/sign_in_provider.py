"""Signing in by an OpenID provider: there, and back again.

While the reader is at the provider their browser keeps what was begun in a cookie of its own; it is bound to the
browser by being there, and good once and for ten minutes.
"""

import base64
import binascii
from typing import Any

import msgspec
from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from uptake.core.errors import UptakeError
from uptake.pipeline.provided import Begun
from uptake.web.access import Access
from uptake.web.pages.needs import way_back
from uptake.web.pages.render import HEADERS
from uptake.web.pages.sign_in import sign_in_form
from uptake.web.pages.visit import PageRequest
from uptake.web.site import site_of

PATH, BACK_PATH = "/sign-in/provider", "/sign-in/provider/back"
TEN_MINUTES_S = 600
MOST_BACK = 1_000


@get(PATH, sync_to_thread=True)
def provider_page(request: PageRequest) -> Response[Any]:
    """Go to the sign-in provider."""
    access, back = site_of(request).access, way_back(request.query_params.get("next", "/"))
    if access.provider is None:
        raise NotFoundException
    try:
        address, begun = access.provider.begin(_redirect_uri(access, request), back[:MOST_BACK])
    except UptakeError as error:
        return sign_in_form(request, back, error=error)
    cookie = _cookie(access, _written(begun), TEN_MINUTES_S)
    return Redirect(address, status_code=303, headers=HEADERS, cookies=[cookie])


@get(BACK_PATH, sync_to_thread=True)
def provider_came_back(request: PageRequest) -> Response[Any]:
    """Come back from the sign-in provider, and in."""
    access = site_of(request).access
    if access.provider is None or access.reception is None:
        raise NotFoundException
    kept = _read(request.cookies.get(_name(access), ""))
    back = way_back(kept.back) if kept else "/"
    try:
        if kept is None:
            raise UptakeError("provider_refused", "this sign-in was not begun in this browser, or long ago")
        answer = {name: str(value) for name, value in request.query_params.items()}
        provided = access.provider.finish(kept, answer, _redirect_uri(access, request))
        opened = access.reception.enter(provided, access.origin(request))
    except UptakeError as error:
        return sign_in_form(request, back, error=error, cookies=[_cookie(access, "", 0)])
    cookies = [access.opened(opened.text), _cookie(access, "", 0)]
    return Redirect(back, status_code=303, headers=HEADERS, cookies=cookies)


def _redirect_uri(access: Access, request: PageRequest) -> str:
    return access.base_url(request) + BACK_PATH


def _name(access: Access) -> str:
    return access.cookie.replace("session", "provider")


def _cookie(access: Access, value: str, max_age_s: int) -> Cookie:
    return Cookie(
        _name(access), value=value, path="/", max_age=max_age_s, httponly=True, samesite="lax", secure=access.secure
    )


def _written(kept: Begun) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(kept)).decode().rstrip("=")


def _read(text: str) -> Begun | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Begun)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
