"""The whole server as one ASGI application: ingest on bytes first, everything else through Litestar behind the guard.

Ingest stays outside the framework for speed, and answers any origin and any Host.  Nothing here chooses an engine.
"""

import secrets
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.config.compression import CompressionConfig
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from uptake import __version__
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.directory import Directory
from uptake.pipeline.durations import Durations
from uptake.pipeline.running import Running
from uptake.web.access import Access, AccessOptions
from uptake.web.api import API_HANDLERS
from uptake.web.ingest import Ingest, IngestOptions
from uptake.web.metrics import Metrics
from uptake.web.ops import OPS_HANDLERS
from uptake.web.pages import fault_page, page_handlers
from uptake.web.problems import AnyRequest, FaultCount, handlers, refused_by_framework
from uptake.web.security import PRIVATE, Guard
from uptake.web.site import Site
from uptake.web.traces import trace_of

STATIC = Path(__file__).parent / "static"
OPERATIONS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
AN_HOUR = CacheControlHeader(public=True, max_age=3_600)
FOR_EVER = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)
"""For assets whose names hold a hash of their content."""
PACKED = DefineMiddleware(CompressionMiddleware, config=CompressionConfig("gzip", gzip_compress_level=6))
"""For assets alone: how short a page becomes would tell of what secret text stands beside text that others chose."""


class WebOptions(msgspec.Struct, frozen=True):
    """What the settings say of the web.

    allowed_hosts: names that the site may be addressed as beside loopback; `*` allows any.  any_address: also by any
    address of the network.  metrics_token: what opens /metrics from another machine; '' for nothing.  data_dir: a
    folder whose disk the metrics tell of.
    """

    allowed_hosts: tuple[str, ...] = ()
    any_address: bool = False
    metrics_token: str = ""
    form_secret: str = ""
    data_dir: Path | None = None
    ingest: IngestOptions = IngestOptions()
    access: AccessOptions = AccessOptions()


class Server:
    """The ASGI application: ingest's paths to ingest, the rest to the site, which answers HEAD like GET, bodiless."""

    def __init__(self, ingest: Ingest, site: Any, durations: Durations) -> None:
        self.ingest, self.site, self._durations = ingest, site, durations

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and self.ingest.handles(scope["path"], scope["method"]):
            await self.ingest(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "HEAD":
            await self._timed({**scope, "method": "GET"}, receive, _without_body(send))
        elif scope["type"] == "http":
            await self._timed(scope, receive, send)
        else:
            await self.site(scope, receive, send)

    async def _timed(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request of the site, and note how long that took and under which route, never which address."""
        began_s, status = time.perf_counter(), 0

        async def noted(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.site(scope, receive, noted)
        finally:
            part, took_s = part_of(scope["path"]), time.perf_counter() - began_s
            facts = {"part": part, "method": scope["method"], "route": scope.get("path_template", ""), "status": status}
            facts |= trace_of(scope["headers"])
            self._durations.note("request", took_s, (part, f"{status // 100}xx"), facts)


def part_of(path: str) -> str:
    """The part of the site that an address belongs to.

    >>> [part_of(path) for path in ("/v2/accounts", "/static/app.js", "/readyz", "/accounts/acme")]
    ['api', 'static', 'operations', 'page']
    """
    if path.startswith(PRIVATE):
        return "api"
    if path.startswith("/static/"):
        return "static"
    return "operations" if path in OPERATIONS else "page"


def _without_body(send: Any) -> Any:
    async def head(message: Any) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return head


class Lean(Litestar):
    """Litestar without the plugins for libraries that are installed and not used here: pydantic alone takes 12 MB."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(running: Running, directory: Directory, acceptor: Acceptor, options: WebOptions) -> Server:
    """The server's application; whoever calls it starts and stops the acceptor and the worker."""
    faults = FaultCount()
    ingest = Ingest(directory.find_ingest, acceptor, running.clock, options.ingest, durations=running.durations)
    site = Site(
        running=running,
        tokens=directory,
        acceptor=acceptor,
        ingest=ingest,
        faults=faults,
        metrics=Metrics(running, acceptor, ingest, faults, data_dir=options.data_dir),
        version=__version__,
        access=Access(running, options.access),
        metrics_token=options.metrics_token,
    )
    inner = create_site(site, options.form_secret)
    guarded = Guard(inner, options.allowed_hosts, any_address=options.any_address)
    return Server(ingest, guarded, running.durations)


def create_site(site: Site, form_secret: str = "") -> Litestar:
    """API, operations, pages and assets, without the guard.  form_secret: see WebOptions."""
    return Lean(
        route_handlers=[*API_HANDLERS, *OPS_HANDLERS, *page_handlers, *_assets()],
        dependencies={"running": Provide(lambda: site.running, sync_to_thread=False)},
        exception_handlers=_handlers(site.faults),
        csrf_config=csrf_config(form_secret or secrets.token_hex(32), secure=site.access.secure),
        state=State({"site": site, "running": site.running, "directory": site.tokens}),
        openapi_config=None,
        logging_config=None,
    )


def csrf_config(secret: str, *, secure: bool = False) -> CSRFConfig:
    """What a form must prove: that it comes from a page of this very server.  Routes with tokens of their own are free.

    The cookie's name changes with the secret, so that neither a restart nor another server at the same name leaves a
    browser with a cookie that can never fit.
    """
    return CSRFConfig(
        secret,
        cookie_name=f"{'__Host-' if secure else ''}uptake_form_{sha256(secret.encode()).hexdigest()[:8]}",
        cookie_httponly=True,
        cookie_secure=secure,
        exclude=["^/(v1|v2|static)(/|$)", "^/(healthz|readyz|metrics|openapi.json|favicon.ico)$"],
    )


def _handlers(faults: FaultCount) -> ExceptionHandlersMap:
    """JSON for programs; for a browser that asks for a page that is not there, a page."""
    told = handlers(faults)

    def not_there(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith(PRIVATE):
            return fault_page(request, error)
        return refused_by_framework(request, error)

    return {**told, HTTPException: not_there}


@get("/favicon.ico", sync_to_thread=False)
def favicon() -> Redirect:
    """Where browsers look for the icon unasked."""
    return Redirect("/static/favicon.svg", status_code=301)


def _assets() -> Sequence[ControllerRouterHandler]:
    """The built files of the browser: for ever where the name holds a hash, an hour otherwise."""
    if not STATIC.is_dir():
        return []
    hashed = create_static_files_router(
        "/static/assets", [STATIC / "assets"], cache_control=FOR_EVER, name="assets", middleware=[PACKED]
    )
    plain = create_static_files_router("/static", [STATIC], cache_control=AN_HOUR, name="static", middleware=[PACKED])
    return [hashed, plain, favicon]
