"""Wiring: the server, put together around an installation; how it starts, and how it ends."""

import hmac
import logging
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec
import uvicorn

from uptake.control.server import ControlServer
from uptake.core.errors import UptakeError
from uptake.engines import open_tracing
from uptake.installation import Installation
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.limits import Limits
from uptake.pipeline.provided import Grant, ProviderOptions
from uptake.settings import Settings
from uptake.web.access import AccessOptions
from uptake.web.app import WebOptions, create_app
from uptake.web.connections import protocol_within
from uptake.web.ingest import IngestOptions
from uptake.web.security import is_loopback
from uptake.web.working import Work, create_worker_app
from uptake.worker import Worker

log = logging.getLogger("uptake.app")

BACKLOG = 2048


class Served(msgspec.Struct, frozen=True):
    """What to tell whoever started a server.

    owner_link: where the first owner comes in, once; None where there is one.
    """

    url: str
    data_dir: str
    ingest_key: str | None
    owner_link: str | None = None


class _Stopped(BaseException):
    """Somebody asked the process to end."""


def serve(settings: Settings, announce: Callable[[Served], None]) -> None:
    """Serve an installation until the process is told to stop; then finish what was begun.

    announce: called once connections are taken.  Raises UptakeError (E002 to E006).
    """
    _refuse_open_house(settings)
    _allow_many_connections()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _raise_stopped)
    with ExitStack() as opened:
        try:
            listener = _bind(settings)
            opened.callback(listener.close)
            run = _run_worker if settings.role == "worker" else _run
            installation = Installation(settings, role="server")
            if tracing := open_tracing(settings.otel_endpoint):
                opened.callback(tracing.close)
                installation.running.durations.listener = tracing.note
            run(installation, listener, opened, announce)
        except _Stopped:
            log.info("stopping")
        finally:  # the end is near; a second signal would only interrupt it
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, signal.SIG_IGN)


def _run(
    installation: Installation, listener: socket.socket, opened: ExitStack, announce: Callable[[Served], None]
) -> None:
    """Start every part, serve, and leave behind in `opened` how each part is stopped, the last one first."""
    settings, running = installation.settings, installation.running
    worker = Worker(running, batch=settings.fold_batch)
    on_append = worker.wake if settings.role == "all" else _nobody_here
    acceptor = Acceptor(running.log, max_waiting=settings.max_waiting, on_append=on_append, durations=running.durations)
    app = create_app(running, installation.directory, acceptor, _web_options(settings))
    url = _url(listener)
    installation.office.worker_failures = lambda: worker.failures
    installation.office.refused_keys = app.ingest.refused_keys
    installation.office.base_url = settings.public_url or _for_people(url)
    served = Served(url, str(installation.folder.path), installation.ingest_key(), installation.office.owner_link())
    worker.start()
    opened.callback(_close, installation, worker, settings.stop_s)
    acceptor.start()
    opened.callback(acceptor.stop)
    control = ControlServer(installation.office, url=served.url)
    control.start()
    opened.callback(control.stop)
    log.info("serving", extra={"url": served.url, "data_dir": served.data_dir})
    announce(served)
    _web_server(app, settings).run(sockets=[listener])


def _run_worker(
    installation: Installation, listener: socket.socket, opened: ExitStack, announce: Callable[[Served], None]
) -> None:
    """Fold and score, and answer what machines ask, as `_run`."""
    settings, running = installation.settings, installation.running
    worker = Worker(running, batch=settings.fold_batch)
    app = create_worker_app(
        running,
        Work(lambda: worker.failing),
        metrics_token=settings.metrics_token,
        allowed_hosts=settings.allowed_hosts,
        any_address=not is_loopback(settings.host),
        data_dir=settings.data_dir,
    )
    served = Served(_url(listener), str(installation.folder.path), None)
    worker.start()
    opened.callback(_close, installation, worker, settings.stop_s)
    log.info("working", extra={"url": served.url, "data_dir": served.data_dir})
    announce(served)
    _web_server(app, settings).run(sockets=[listener])


def _nobody_here() -> None:
    """Workers are other processes: they look by themselves."""


def _close(installation: Installation, worker: Worker, timeout_s: int) -> None:
    """End the worker and give the stores back; what it is still busy with after the time is left to the next start."""
    if worker.stop(timeout_s):
        installation.close()
    log.info("stopped")


def _web_server(app: Any, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol_within(settings.receive_s),
        ws="none",
        lifespan="auto",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=settings.stop_s,
    )
    return uvicorn.Server(config)


def _web_options(settings: Settings) -> WebOptions:
    public_name = urlsplit(settings.public_url).hostname
    return WebOptions(
        allowed_hosts=(*settings.allowed_hosts, public_name) if public_name else settings.allowed_hosts,
        any_address=not is_loopback(settings.host),
        metrics_token=settings.metrics_token,
        form_secret=_form_secret(settings),
        data_dir=settings.data_dir,
        ingest=IngestOptions(
            silent_auth=settings.silent_auth,
            public_url=settings.public_url,
            body_timeout_s=settings.receive_s,
            limits=Limits(settings.max_key_requests, settings.max_key_calls, settings.max_key_bytes),
        ),
        access=AccessOptions(
            open_on_loopback=settings.open_on_loopback,
            public_url=settings.public_url,
            trusted_proxies=settings.trusted_proxies,
            provider=_provider_options(settings),
        ),
    )


def _form_secret(settings: Settings) -> str:
    """Web nodes share it, so that a form that one has served may be sent to another."""
    if settings.role != "web":
        return ""
    return hmac.new(settings.secret_key.encode(), b"forms", "sha256").hexdigest()


def _provider_options(settings: Settings) -> ProviderOptions | None:
    """The sign-in provider, where there is one.  Raises UptakeError (E001)."""
    if not settings.oidc_issuer:
        return None
    wanted = {"UPTAKE_OIDC_CLIENT_ID": settings.oidc_client_id}
    if settings.oidc_roles:
        wanted["UPTAKE_OIDC_ROLE_CLAIM"] = settings.oidc_role_claim
    for name, value in wanted.items():
        if not value:
            raise UptakeError("E001", f"{name} is missing.", hint="It goes with UPTAKE_OIDC_ISSUER and _ROLES.")
    return ProviderOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        name=settings.oidc_name,
        scope=settings.oidc_scope,
        role_claim=settings.oidc_role_claim,
        grants=tuple(msgspec.convert(each, Grant) for each in _grants(settings)),
        domains=tuple(domain.lower() for domain in settings.oidc_allowed_domains),
    )


def _grants(settings: Settings) -> list[dict[str, object]]:
    return [{"group": group, "role": role, "product_id": product} for group, role, product in settings.oidc_roles]


def _refuse_open_house(settings: Settings) -> None:
    """Whoever can reach an open house is an owner; so nothing may make it reachable from outside."""
    if not settings.open_on_loopback:
        return
    ways = {
        f"bound to {settings.host}": not is_loopback(settings.host),
        "reached under UPTAKE_PUBLIC_URL": bool(settings.public_url),
        "addressed by UPTAKE_ALLOWED_HOSTS": bool(settings.allowed_hosts),
        "reached through UPTAKE_TRUSTED_PROXIES": bool(settings.trusted_proxies),
    }
    for way, taken in ways.items():
        if taken:
            told = f"With UPTAKE_OPEN_ON_LOOPBACK nobody signs in, so Uptake may not be {way}."
            raise UptakeError("E002", told, hint="Unset UPTAKE_OPEN_ON_LOOPBACK, and sign in.")


def _allow_many_connections() -> None:
    """As many files and connections as the system grants; it begins with fewer on many systems."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft != resource.RLIM_INFINITY else soft, hard))


def _bind(settings: Settings) -> socket.socket:
    """A socket that takes connections from now on; they wait until the server is ready."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        told = f"{settings.host}, port {settings.port}, cannot be bound: {error.strerror}."
        raise UptakeError("E006", told, hint="Choose another with --port; 0 takes a free one.") from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _for_people(url: str) -> str:
    """The address as one types it on this machine.

    >>> _for_people("http://0.0.0.0:8000"), _for_people("http://192.0.2.1:80")
    ('http://localhost:8000', 'http://192.0.2.1:80')
    """
    for name in ("127.0.0.1", "0.0.0.0", "[::]", "[::1]"):
        url = url.replace(f"//{name}:", "//localhost:")
    return url


def _raise_stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped
