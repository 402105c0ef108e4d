"""Wiring: an installation put together from its parts, and the server around it."""

import logging
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any, NoReturn

import msgspec
import uvicorn

from uptake.control.operations import Office, perform
from uptake.control.requests import Request, Silence, Told
from uptake.control.server import ControlServer
from uptake.core.config import ProductConfig
from uptake.core.errors import UptakeError
from uptake.engines import now_us, open_log, open_meta, open_store
from uptake.folder import DataFolder
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.directory import Directory
from uptake.pipeline.running import Running
from uptake.settings import Settings
from uptake.stores.events.base import EventStore, StoreRules
from uptake.web.app import WebOptions, create_app
from uptake.web.ingest import IngestOptions
from uptake.web.security import is_loopback
from uptake.worker import Worker

log = logging.getLogger("uptake.app")

BACKLOG = 2048
BY = "setup"
FIRST_KEY = "First key"


# ---- an installation
class Installation:
    """An open data folder with everything in it."""

    def __init__(self, settings: Settings, *, role: str) -> None:
        """role: `server` or `command`.

        An empty folder gets a product, a workspace and an ingest key.  Raises UptakeError.
        """
        self.settings = settings
        with ExitStack() as opened:
            self.folder = DataFolder(settings.data_dir, role)
            opened.callback(self.folder.close)
            meta = open_meta(self.folder.path, settings)
            opened.callback(meta.close)
            self.running = Running(meta, open_log(self.folder.path), self._store, self.folder.drop_store, clock=now_us)
            opened.callback(self.running.close)
            self._set_up()
            self._drop_orphans()
            self.directory = Directory(self.running)
            self._opened = opened.pop_all()
        self.office = Office(self.running, self.directory, self.folder.path, served=role == "server")

    def _store(self, product_id: int, generation: int, rules: StoreRules) -> EventStore:
        return open_store(self.folder.store_path(product_id, generation), self.settings, generation, rules)

    def _set_up(self) -> None:
        if not self.running.products():
            self.running.create_product(ProductConfig(dedupe_days=self.settings.dedupe_days), by=BY)
            log.info("installation_made", extra={"data_dir": str(self.folder.path)})
        for product in self.running.products():
            if not self.running.meta.keys(product.product_id):
                self.running.meta.create_key(product.product_id, "ingest", name=FIRST_KEY, now_us=now_us())

    def _drop_orphans(self) -> None:
        """Delete generations that a kill in the middle of a rebuild left behind."""
        inforce = {(product.product_id, product.store.generation) for product in self.running.products()}
        for product_id, generation in self.folder.generations():
            if (product_id, generation) not in inforce:
                self.folder.drop_store(product_id, generation)

    def ingest_key(self) -> str | None:
        """The text of the first product's first good ingest key."""
        product = self.running.products()[0]
        good = (key for key in self.running.meta.keys(product.product_id) if key.revoked_us is None and key.secret)
        return next((key.secret for key in good), None)

    def close(self) -> None:
        """Give everything back."""
        self._opened.close()


class LocalDesk:
    """An installation that a command has opened itself; see `uptake.cli.desk`."""

    served = False

    def __init__(self, settings: Settings) -> None:
        """Raises UptakeError, E004 where another process has the folder open."""
        self._installation = Installation(settings, role="command")

    def ask(self, request: Request, told: Told | None = None) -> Any:
        """The answer as plain values.  Raises UptakeError."""
        return msgspec.to_builtins(perform(self._installation.office, request, told or Silence()), str_keys=True)

    def close(self) -> None:
        """Give everything back."""
        self._installation.close()


# ---- a server
class Served(msgspec.Struct, frozen=True):
    """What to tell whoever started a server."""

    url: str
    data_dir: str
    ingest_key: str | None


class _Stopped(BaseException):
    """Somebody asked the process to end."""


def serve(settings: Settings, announce: Callable[[Served], None]) -> None:
    """Serve an installation until the process is told to stop; then finish what was begun.

    announce: called once connections are taken.  Raises UptakeError (E002 to E006).
    """
    _refuse_open_binding(settings.host)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _raise_stopped)
    with ExitStack() as opened:
        try:
            listener = _bind(settings)
            opened.callback(listener.close)
            _run(Installation(settings, role="server"), listener, opened, announce)
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
    acceptor = Acceptor(running.log, max_waiting=settings.max_waiting, on_append=worker.wake)
    app = create_app(running, installation.directory, acceptor, _web_options(settings))
    served = Served(_url(listener), str(installation.folder.path), installation.ingest_key())
    installation.office.worker_failures = lambda: worker.failures
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


def _close(installation: Installation, worker: Worker, timeout_s: int) -> None:
    """End the worker and give the stores back; what it is still busy with after the time is left to the next start."""
    if worker.stop(timeout_s):
        installation.close()
    log.info("stopped")


def _web_server(app: Any, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
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
    ingest = IngestOptions(silent_auth=settings.silent_auth, public_url=settings.public_url)
    return WebOptions(allowed_hosts=settings.allowed_hosts, ingest=ingest)


def _refuse_open_binding(host: str) -> None:
    if not is_loopback(host):
        raise UptakeError(
            "E002",
            f"Without login Uptake may only be bound to loopback, got {host}.",
            hint="Use --host 127.0.0.1, and put a proxy that asks for a login before it.",
        )


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


def _raise_stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped
