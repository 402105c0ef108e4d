"""What every handler of the site can reach, and which product the one who asks may read."""

from typing import Protocol

import msgspec
from litestar import Litestar

from uptake.pipeline.accept import Acceptor
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.running import Running
from uptake.web.access import Access
from uptake.web.ingest import Ingest
from uptake.web.metrics import Metrics
from uptake.web.problems import AnyRequest, FaultCount, Refused

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="uptake"'}


class Tokens(Protocol):
    """Which product a read token reads; see `uptake.pipeline.directory.Directory`."""

    def name_of(self, text: str) -> str:
        """What the audit log calls whoever uses the token."""

    def refresh(self) -> None:
        """Know every change of keys that was committed before."""

    def find_read(self, text: str) -> int | None:
        """The product's id; None for any other text, an ingest key too."""

    def find_manage(self, text: str) -> int | None:
        """The id of the product that a management token changes; None for any other text."""


class Site(msgspec.Struct, frozen=True):
    """What the handlers work with, as `app.state.site`."""

    running: Running
    tokens: Tokens
    acceptor: Acceptor
    ingest: Ingest
    faults: FaultCount
    metrics: Metrics
    version: str
    access: Access
    metrics_token: str = ""


def site_of(request: AnyRequest) -> Site:
    """The site that the request came to."""
    app: Litestar = request.app
    site: Site = app.state.site
    return site


def product_of(request: AnyRequest) -> RunningProduct:
    """The product that the request's read or management token opens.  Raises Refused (`invalid_token`)."""
    site, text = site_of(request), _token(request)
    product_id = site.tokens.find_read(text) if text else None
    if product_id is None and text:
        product_id = site.tokens.find_manage(text)
    if product_id is None:
        told = "the read token is unknown" if text else "expected a read token, as Authorization: Bearer TOKEN"
        raise Refused("invalid_token", told, headers=CHALLENGE)
    return site.running.product(product_id)


def managed_product_of(request: AnyRequest) -> RunningProduct:
    """The product that the request's management token changes.  Raises Refused; `read_only_token` for a read token."""
    site, text = site_of(request), _token(request)
    product_id = site.tokens.find_manage(text) if text else None
    if product_id is None:
        product_of(request)
        raise Refused("read_only_token", "a read token never writes: make one of kind manage")
    return site.running.product(product_id)


def changed_by(request: AnyRequest) -> str:
    """What versions and the audit log call whoever changes something by the API: their token, never its text."""
    return site_of(request).tokens.name_of(_token(request))


def _token(request: AnyRequest) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
