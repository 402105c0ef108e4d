"""An open data folder with everything in it, and the desk of a command that has opened one itself.

Nothing of the web is here, so that a command without a server starts quickly.
"""

import logging
from contextlib import ExitStack
from typing import Any

import msgspec

from uptake.backup.job import backup_kind
from uptake.control.backtest import backtest_kind
from uptake.control.operations import Office, perform
from uptake.control.requests import Request, Silence, Told
from uptake.core.config import ProductConfig
from uptake.core.errors import UptakeError
from uptake.engines import now_us, open_archive, open_files, open_log, open_meta, open_stores, refuse_role
from uptake.folder import DataFolder
from uptake.pipeline.directory import Directory, at_once, in_a_thread
from uptake.pipeline.files import Files
from uptake.pipeline.running import Running
from uptake.settings import Settings
from uptake.stores.events.base import EventStore, StoreDamaged, StoreRules

log = logging.getLogger("uptake.installation")

BY = "setup"
FIRST_KEY = "First key"


class Installation:
    """An open data folder with everything in it."""

    def __init__(self, settings: Settings, *, role: str) -> None:
        """role: `server` or `command`.  Which part of the work it does is a setting.

        An empty installation gets a product, a workspace and an ingest key.  Raises UptakeError.
        """
        self.settings = settings
        refuse_role(settings)
        with ExitStack() as opened:
            self.folder = DataFolder(settings.data_dir, role)
            opened.callback(self.folder.close)
            self._meta = open_meta(self.folder.path, settings)
            opened.callback(self._meta.close)
            if not (self._meta.lead() if settings.role == "all" else self._meta.attend()):
                raise _another_leads()
            self._log = open_log(self.folder.path, settings.log_url, mends=True)
            opened.callback(self._log.close)
            archive = open_archive(self.folder.path, settings, self._log)
            opened.callback(archive.base.close)
            files = self._files()
            opened.callback(files.close)
            files.begin()
            self._stores = open_stores(self.folder, settings)
            self.running = Running(
                self._meta,
                self._log,
                self._store,
                self._stores.drop,
                clock=now_us,
                archive=archive,
                files=files,
                part=settings.role,
            )
            self._add_kinds()
            opened.callback(self.running.close)
            if settings.role != "worker":
                self._set_up()
            if settings.role == "all":
                self._drop_orphans()
            self.directory = Directory(self.running, look=in_a_thread if role == "server" else at_once)
            self._opened = opened.pop_all()
        self.office = Office(self.running, self.directory, self.folder.path, served=role == "server")

    def _store(self, product_id: int, generation: int, rules: StoreRules) -> EventStore:
        """A store; an empty one where that is missing or of no use, for the log has everything.

        What several processes share is only opened: who else uses it cannot be known here.
        """
        stores, logged = self._stores, self._log.end(product_id)
        if self.settings.role != "all":
            return stores.open(product_id, generation, rules)
        why = ""
        if stores.has(product_id, generation):
            try:
                store = stores.open(product_id, generation, rules)
                if store.offset() > logged and self._log.damage():
                    self._log.continue_from(product_id, store.offset())  # it knows what the log has lost
                    return store
                if store.offset() <= logged:
                    return store
                why = f"it was folded to {store.offset()}, but the log ends at {logged}"
                store.close()
            except StoreDamaged as error:
                why = str(error)
        elif logged and generation == int(self._meta.fact(f"product:{product_id}:generation") or 1):
            why = "it is missing"
        if why:
            told = {"product": product_id, "generation": generation, "why": why, "calls": logged}
            log.error("store_made_again", extra=told)
        stores.drop(product_id, generation)
        return stores.open(product_id, generation, rules)

    def _files(self) -> Files:
        scratch, room = open_files(self.folder.path, self.settings)
        most_bytes = self.settings.max_result_mb * 1_000_000
        return Files(scratch, room, keep_days=self.settings.result_days, most_bytes=most_bytes)

    def _add_kinds(self) -> None:
        """Long work that needs more than the pipeline."""
        jobs, settings = self.running.jobs, self.settings
        jobs.kinds["backtest"] = backtest_kind()
        if settings.meta_url or settings.log_url:  # what servers keep they back up themselves
            jobs.instead["backup"] = _backed_up_elsewhere()
        else:
            jobs.kinds["backup"] = backup_kind(self.folder.path)

    def _set_up(self) -> None:
        first = ProductConfig(dedupe_days=self.settings.dedupe_days)
        if not self.running.products() and self.running.create_first_product(first, by=BY):
            log.info("installation_made", extra={"data_dir": str(self.folder.path)})
        self.running.refresh()
        for product in self.running.products():
            if not self.running.meta.keys(product.product_id):
                self.running.meta.create_key(product.product_id, "ingest", name=FIRST_KEY, now_us=now_us())

    def _drop_orphans(self) -> None:
        """Delete generations that a kill in the middle of a rebuild left behind."""
        inforce = {(product.product_id, product.store.generation) for product in self.running.products()}
        for product_id, generation in self._stores.generations():
            if (product_id, generation) not in inforce:
                self._stores.drop(product_id, generation)

    def ingest_key(self) -> str | None:
        """The text of the first product's first good ingest key."""
        keys = [key for product in self._meta.products()[:1] for key in self._meta.keys(product.id)]
        good = (key for key in keys if key.revoked_us is None and key.secret)
        return next((key.secret for key in good), None)

    def close(self) -> None:
        """Give everything back."""
        self._opened.close()


def _another_leads() -> UptakeError:
    hint = "Stop it: role all works alone with a meta store, web nodes and workers beside one another."
    return UptakeError("E004", "Another process works on the database of UPTAKE_META_URL.", hint=hint)


def _backed_up_elsewhere() -> UptakeError:
    told = "Servers keep a part of this installation: back them up with `pg_dump`, then `nats account backup`."
    ways = "docs/howto/backup.md has the commands; `uptake migrate-store` copies everything into a data folder."
    return UptakeError("backup_elsewhere", f"{told} {ways}")


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
