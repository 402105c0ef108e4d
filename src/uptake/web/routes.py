"""Every route of the server in one table: for the reference page, and for the test that nothing is served beside it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.handlers import HTTPRouteHandler

from uptake.web import ops
from uptake.web.api.operations import OPERATIONS
from uptake.web.ingest_routes import ROUTES as INGEST_ROUTES
from uptake.web.pages import PAGES
from uptake.web.pages.needs import Need

Part = Literal["ingest", "read API", "operations", "app"]
Permission = Literal["ingest key", "read token", "manage token", "metrics token"] | Need
"""`metrics token`: or to ask from the machine itself.  `person`: to be signed in; a role: to have it in the product."""


class Route(msgspec.Struct, frozen=True):
    """One route: `{name}` in a path stands for one step of it."""

    method: str
    path: str
    summary: str
    part: Part
    permission: Permission


def routes_of(handlers: Iterable[Any], part: Part, permission: Permission) -> Iterator[Route]:
    """The routes of handlers, told by the first line of their docstrings."""
    for route in Router(path="/", route_handlers=list(handlers)).routes:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        served = [each for each in getattr(route, "route_handlers", ()) if isinstance(each, HTTPRouteHandler)]
        for handler in sorted(served, key=lambda each: sorted(each.http_methods)):
            told = (handler.fn.__doc__ or "").strip().partition("\n")[0].rstrip(".")
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield Route(method, path, told, part, permission)


def _all() -> Iterator[Route]:
    for each in INGEST_ROUTES:
        yield Route(each.method, each.path, each.summary, "ingest", "ingest key")
    for operation in OPERATIONS:
        permission: Permission = "manage token" if operation.manages else "read token"
        yield Route(operation.method, operation.path, operation.summary, "read API", permission)
    yield from routes_of(ops.PUBLIC_OPS, "operations", "public")
    yield from routes_of(ops.LOCAL_OPS, "operations", "metrics token")
    for need, handlers in PAGES.items():
        yield from routes_of(handlers, "app", need)
    yield Route("GET", "/static/{path}", "The built files of the browser", "app", "public")
    yield Route("GET", "/favicon.ico", "The icon", "app", "public")


ROUTES: tuple[Route, ...] = tuple(_all())
"""Part by part: ingest, read API, operations, app."""
