"""The only place where engines are chosen: from settings to an open meta store, call log and event store.

An engine's module is imported by its name when it is chosen, so that those not in use cost neither memory nor time.
"""

import importlib
import time
from pathlib import Path
from typing import Any, Protocol, cast

from uptake.core.calls import Projection
from uptake.core.days import DAY_US, SECOND_US
from uptake.core.errors import UptakeError
from uptake.folder import DataFolder, secret_of
from uptake.pipeline.configure import projection_of
from uptake.pipeline.durations import Facts, What
from uptake.pipeline.retention import Archive
from uptake.settings import Settings
from uptake.stores.events.base import EventStore, StoreRules, StoreUnavailable
from uptake.stores.events.clickhouse_address import parse
from uptake.stores.files.base import FileRoom, FilesUnavailable
from uptake.stores.log import nats_address
from uptake.stores.log.base import CallLog, LogDamaged, LogUnavailable, PeriodLog
from uptake.stores.meta.base import MetaStore, chosen
from uptake.stores.retained.base import BaseUnavailable


def now_us() -> int:
    """The clock of everything: µs since 1970 UTC."""
    return time.time_ns() // 1000


def refuse_role(settings: Settings) -> None:
    """See to it that a process which does a part of the work shares its stores with the others.  Raises UptakeError
    (E017)."""
    if settings.role == "all":
        return
    each = ("meta_url", "log_url", "store_url", "secret_key")
    missing = [f"UPTAKE_{name.upper()}" for name in each if not getattr(settings, name, "")]
    if missing:
        raise UptakeError(
            "E017",
            f"Role {settings.role} shares its stores with other processes, but {', '.join(missing)} is not set.",
            hint="Set what is missing, the same for every process, or take role all.",
        )


def _engine(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"uptake.stores.{module}"), name)


def open_meta(data_dir: Path, settings: Settings) -> MetaStore:
    """The meta store; several processes may have it open.  Raises UptakeError (E003, E005, E015)."""
    url = settings.meta_url or f"sqlite:///{data_dir.absolute() / 'meta.sqlite'}"
    try:
        return cast(MetaStore, _engine("meta.sql", "SqlMetaStore")(url, secret_of(data_dir, settings.secret_key)))
    except ModuleNotFoundError as error:
        raise _missing(error) from error


def open_log(data_dir: Path, url: str = "", *, mends: bool = False) -> CallLog:
    """The call log in the folder, or at a URL; several processes may have it open.

    mends: make broken files anew; for the process that has the folder's lock.  Raises UptakeError (E014) without, and
    E015 where a server cannot be reached.
    """
    if url:
        return _log_at(url)
    try:
        return cast(CallLog, _engine("log.sqlite", "SqliteCallLog")(data_dir.absolute() / "log", mends=mends))
    except LogDamaged as error:
        hint = "Start the server: it keeps what can be read, and the old file under another name."
        raise UptakeError("E014", f"the call log is damaged: {error}.", hint=hint) from error


def open_archive(data_dir: Path, settings: Settings, log: CallLog) -> Archive:
    """Where calls go whose days in the log are over: beside a log in the folder, else where configurations are.

    Raises UptakeError (E015).
    """
    if not (settings.log_url and settings.meta_url):
        base = _engine("retained.sqlite", "SqliteBaseSnapshot")(data_dir.absolute() / "base.sqlite")
        return Archive(cast(PeriodLog, log), base)
    try:
        return Archive(cast(PeriodLog, log), _engine("retained.postgres", "PostgresBaseSnapshot")(settings.meta_url))
    except BaseUnavailable as error:
        hint = "See whether the server runs and the user may make tables."
        raise UptakeError("E015", f"the server of UPTAKE_META_URL cannot be used: {error}.", hint=hint) from error


def _log_at(url: str) -> CallLog:
    try:
        return cast(CallLog, _engine("log.nats", "NatsCallLog")(nats_address.parse(url)))
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except LogUnavailable as error:
        hint = "See whether the servers run and the user may connect."
        raise UptakeError("E015", f"the servers of UPTAKE_LOG_URL cannot be used: {error}.", hint=hint) from error


def _missing(error: ModuleNotFoundError, *, extra: str = "scale") -> UptakeError:
    return UptakeError("E015", f"the package {error.name} is not installed.", hint=f"pip install 'uptake[{extra}]'")


def open_files(data_dir: Path, settings: Settings) -> tuple[Path, FileRoom]:
    """Where this process makes files of long work, and where they are kept: in the same folder, or where every node
    reaches them.  Raises UptakeError (E015)."""
    scratch, most_bytes = data_dir.absolute() / "files", settings.max_files_mb * 1_000_000
    if settings.role == "all":
        return scratch, cast(FileRoom, _engine("files.folder", "FolderFiles")(scratch, most_bytes=most_bytes))
    address, most_s = nats_address.parse(settings.log_url), (settings.result_days + 2) * DAY_US / SECOND_US
    try:
        room = _engine("files.nats", "NatsFiles")(address, clock=now_us, most_bytes=most_bytes, most_s=most_s)
    except FilesUnavailable as error:
        raise UptakeError("E015", f"the servers of UPTAKE_LOG_URL cannot be used: {error}.") from error
    return scratch, cast(FileRoom, room)


class Stores(Protocol):
    """Where the event stores of an installation are kept: one for each product and generation."""

    def has(self, product_id: int, generation: int) -> bool:
        """Is there such a store?"""

    def open(self, product_id: int, generation: int, rules: StoreRules) -> EventStore:
        """A store, made if it is not there.  Raises UptakeError (E011, E015), StoreDamaged."""

    def drop(self, product_id: int, generation: int) -> None:
        """Delete a store, if it is there."""

    def generations(self) -> list[tuple[int, int]]:
        """Product and generation of every store, ascending."""


class FolderStores:
    """DuckDB files in the data folder; one process has them open."""

    def __init__(self, folder: DataFolder, settings: Settings) -> None:
        self._folder, self._settings = folder, settings
        self.drop, self.generations = folder.drop_store, folder.generations

    def has(self, product_id: int, generation: int) -> bool:
        """Is there such a store?"""
        return self._folder.store_path(product_id, generation).exists()

    def open(self, product_id: int, generation: int, rules: StoreRules) -> EventStore:
        """A store, made if it is not there.  Raises UptakeError (E011), StoreDamaged."""
        return open_store(self._folder.store_path(product_id, generation), self._settings, generation, rules)


def open_store(path: Path, settings: Settings, generation: int, rules: StoreRules) -> EventStore:
    """The event store in a file, made if it is not there; one process may have it open.  Raises UptakeError (E011),
    StoreDamaged."""
    engine, fault = _engine("events.duckdb", "DuckEventStore"), importlib.import_module("duckdb").Error
    limits = {"memory_limit": settings.memory_limit, "threads": settings.threads}
    try:
        return cast(EventStore, engine(path, rules, generation=generation, **limits))
    except fault as error:
        hint = "See what the message says; where nothing helps move the file away, and it is made again from the log."
        raise UptakeError("E011", f"the event store {path} cannot be opened: {error}.", hint=hint) from error


def open_stores(folder: DataFolder, settings: Settings) -> Stores:
    """Where event stores are: files in the folder, or databases of a server.  Raises UptakeError (E015)."""
    if not settings.store_url:
        return FolderStores(folder, settings)
    try:
        return cast(Stores, _engine("events.clickhouse_server", "ClickHouseServer")(parse(settings.store_url)))
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except StoreUnavailable as error:
        hint = "See whether the server runs and the user may make databases."
        raise UptakeError("E015", f"the server of UPTAKE_STORE_URL cannot be used: {error}.", hint=hint) from error


class Tracing(Protocol):
    """Where spans go; see `uptake.tracing`."""

    def note(self, what: What, took_s: float, facts: Facts) -> None:
        """Tell of what ends now."""

    def close(self) -> None:
        """Send what is left, and end."""


def open_tracing(endpoint: str) -> Tracing | None:
    """Traces to an address; None without one.  Raises UptakeError (E015)."""
    if not endpoint:
        return None
    try:
        return cast(Tracing, importlib.import_module("uptake.tracing").Tracing(endpoint))
    except ModuleNotFoundError as error:
        raise _missing(error, extra="otel") from error


class ProductLedger:
    """Where calls of one product go that come in beside a server: the call log and the meta store, nothing else."""

    def __init__(self, meta: MetaStore, log: CallLog, product: str | None) -> None:
        """product: its name; None for the only one.  Raises UptakeError (E008)."""
        self.meta, self.log = meta, log
        self.product_id = chosen(meta.products(), product).id
        self.projection: Projection = projection_of(meta.config(self.product_id).config)

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""
        return now_us()

    def close(self) -> None:
        """Give files back."""
        self.log.close()
        self.meta.close()


def open_ledger(settings: Settings, product: str | None) -> ProductLedger:
    """The ledger of a product of an installation that is there.  Raises UptakeError (E003, E005, E008, E015)."""
    log = open_log(settings.data_dir, settings.log_url)
    return ProductLedger(open_meta(settings.data_dir, settings), log, product)
