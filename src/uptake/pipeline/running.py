"""The installation while it runs: every product, the log and the meta store.  Web, worker and commands work with it."""

import logging
import threading
from collections.abc import Callable
from datetime import date
from typing import Literal, TypeVar

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.days import SECOND_US
from uptake.core.erasure import Erasure
from uptake.core.errors import ConfigInvalid, Fault
from uptake.pipeline.audit import config_entry
from uptake.pipeline.configure import sound
from uptake.pipeline.durations import Durations
from uptake.pipeline.erase import ask_waiting
from uptake.pipeline.files import Files
from uptake.pipeline.following import FollowedProduct, Part, fold_from_now, folded_too_early, score_asked
from uptake.pipeline.generation import FOLDING
from uptake.pipeline.jobs import Bench, Jobs
from uptake.pipeline.outage import Outage
from uptake.pipeline.product import Clock, DropStore, OpenStore, Progress, RunningProduct, Status
from uptake.pipeline.retention import Archive
from uptake.pipeline.work import KINDS
from uptake.scoring.versions import BEGINNING
from uptake.stores.events.base import StoreDamaged
from uptake.stores.log.base import CallLog
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore, MetaUnavailable, Product
from uptake.stores.meta.jobs import Job

__all__ = ["Publish", "Running", "RunningProduct", "Status"]

log_ = logging.getLogger("uptake.running")

Done = TypeVar("Done")

Publish = Literal["from_now_on", "recompute"]
"""How the scoring models of a new version take force: for today and later, or all of them for all of history."""

ERASE_AGAIN_US = 3_600 * SECOND_US
"""So long after erasures were looked for last they are again: the work of one may have failed, of a full disk say."""


class AnotherLeads(Exception):
    """Another process has taken over folding; this one must not."""


class Running:
    """The installation: every product, the log and the meta store."""

    def __init__(
        self,
        meta: MetaStore,
        log: CallLog,
        open_store: OpenStore,
        drop_store: DropStore,
        *,
        clock: Clock,
        archive: Archive | None = None,
        files: Files | None = None,
        part: Part = "all",
    ) -> None:
        """open_store: product id, generation, rules → the store, made if new.  drop_store: deletes a generation's
        files.  archive: where calls go whose days in the log are over; None where there is no such place.  files: what
        long work takes in and gives out.  part: what of the work this process does.  To `chores` may be added what is
        small and has to be done now and then, at every step.
        """
        self.meta, self.log, self.clock, self.part = meta, log, clock, part
        self._held: frozenset[int] = frozenset()
        self._open_store, self._drop_store, self.archive = open_store, drop_store, archive
        self._products: dict[int, RunningProduct] = {}
        self._lock = threading.RLock()
        self._revision = -1
        self._erasures_asked_us = 0
        self.jobs = Jobs(Bench(meta, log, files or Files(), clock, drop_store, archive), KINDS)
        self.chores: list[Callable[[], None]] = []
        self.durations = Durations()
        self.failed_steps = self.failed_meta_reads = 0
        self._outage = Outage(log_, clock)
        self.refresh()

    def products(self) -> list[RunningProduct]:
        """All products by id."""
        return [self._products[key] for key in sorted(self._products)]

    def product(self, product_id: int) -> RunningProduct:
        """The product with this id.  Raises KeyError."""
        return self._products[product_id]

    def named(self, name: str) -> RunningProduct | None:
        """The product with this name."""
        return next((product for product in self.products() if product.name == name), None)

    def refresh(self) -> bool:
        """Take what another process or thread changed in the meta store into force; True if there was something."""
        revision = self.meta.revision()
        if revision == self._revision:
            return False
        with self._lock:
            for product in self.meta.products():
                if product.id in self._products:
                    self._products[product.id].reload()
                    self._look_back(self._products[product.id])
                elif self.part != "worker":
                    self._products[product.id] = self._opened(product)
            self.jobs.look_again()
            self._revision = revision
        if self.part != "web":
            self._ask_erasures()
        return True

    def _ask_erasures(self) -> None:
        self._erasures_asked_us = self.clock()
        ask_waiting(self.meta, self.jobs, set(self._products))

    def _ask_erasures_again(self) -> None:
        """Whoever was to be erased is owed it also where the work has failed."""
        if abs(self.clock() - self._erasures_asked_us) >= ERASE_AGAIN_US:
            self._ask_erasures()

    def _opened(self, product: Product) -> RunningProduct:
        kind = FollowedProduct if self.part == "web" else RunningProduct
        return kind(product, self.meta, self.log, self._open_store, self.clock, archive=self.archive)

    def _share(self) -> None:
        """Open the products that this worker has a lease of, and let go of all others.  Raises MetaUnavailable."""
        with self._lock:
            products, self._held = {}, frozenset()
            try:  # without the meta store nobody can tell whose they are
                products = {each.id: each for each in self.meta.products()}
                self._held = self.meta.leases(list(products))
            finally:
                for product_id in self._products.keys() - self._held:
                    self.jobs.let_go(product_id)
                    self._products.pop(product_id).let_go()
                    log_.info("product_let_go", extra={"product": product_id})
            for product_id in self._held - self._products.keys():
                product = self._products[product_id] = self._opened(products[product_id])
                if product.store.generation > 1:
                    self._drop_store(product_id, product.store.generation - 1)  # its last worker may have died before
                self._look_back(product)
                self.jobs.look_again()
                log_.info("product_taken", extra={"product": product_id})

    def _look_back(self, product: RunningProduct) -> None:
        if self.part == "worker":
            if folded_too_early(self.meta, product):
                self.ask_rebuild(product.product_id, by=product.version.by)
            fold_from_now(self.meta, product)

    def may_write(self, product_id: int) -> bool:
        """Is it this process, at this moment, that may write to the product's event store?  Asks the meta store."""
        if self.part == "worker":
            return product_id in self._held and self.meta.holds(product_id)
        return self.part == "all" and self.meta.lead()

    def create_product(self, config: ProductConfig, *, by: str) -> RunningProduct:
        """A new product.  Raises ConfigInvalid."""
        return self._made(self.meta.create_product(sound(config), now_us=self.clock(), by=by), by=by)

    def create_first_product(self, config: ProductConfig, *, by: str) -> RunningProduct | None:
        """A new product where there is none, however many processes ask; None where there is one."""
        product = self.meta.create_first_product(sound(config), now_us=self.clock(), by=by)
        return self._made(product, by=by) if product else None

    def _made(self, product: Product, *, by: str) -> RunningProduct:
        self.meta.audit.add(Entry(self.clock(), by, "product_created", product.id, product.name))
        self.refresh()
        return self.product(product.id)

    def change_config(
        self,
        product_id: int,
        change: Callable[[ConfigVersion], ProductConfig],
        *,
        by: str,
        why: str = "",
        to_history: bool = False,
        publish: Publish | None = None,
    ) -> ConfigVersion:
        """Check, save and take into force what `change` makes of the version in force.

        A changed destination applies to calls from now on; with to_history to all of them, by a rebuild that the worker
        does next.  A changed scoring model scores all of history, or as `publish` says: `from_now_on` today and later,
        `recompute` all of history, also where it was not changed.  Raises ConfigInvalid with every fault.
        """

        product = self.product(product_id)
        before = product.version

        def checked(version: ConfigVersion) -> ProductConfig:
            nonlocal before
            before, config = version, sound(change(version))
            self._refuse_taken_name(product_id, config.product)
            return config

        with product.lock:
            from_offset = 0 if to_history else self.log.end(product_id)
            version = self.meta.save_config(
                product_id,
                checked,
                from_offset=from_offset,
                now_us=self.clock(),
                by=by,
                why=why,
                scores_from=_scores_from(publish, product),
                even_if_equal=to_history or publish == "recompute",
            )
            if version.revision != before.revision:
                self.meta.audit.add(config_entry(before.config, version))
            product.reload()
        return version

    def _refuse_taken_name(self, product_id: int, name: str) -> None:
        if any(each.name == name and each.product_id != product_id for each in self.products()):
            raise ConfigInvalid([Fault("$.product", f"there is another product {name!r} already")])

    def step(self, *, most: int = 10_000) -> bool:
        """One step of work for every product: fold, rescore where due, rebuild where due; True if there may be more."""
        failed = self.failed_meta_reads
        more = self._stepped(most)
        if self.failed_meta_reads == failed:
            self._outage.over()
        return more

    def _stepped(self, most: int) -> bool:
        first: dict[Part, Callable[[], object]] = {
            "all": self._demand_lead,
            "worker": self._share,
            "web": self.meta.attend,
        }
        sweep = () if self.part == "web" else (self.jobs.sweep, self._ask_erasures_again)
        self._if_possible(lambda: [work() for work in (first[self.part], self.refresh, *sweep, *self.chores)])
        if self.part == "web":
            self._if_possible(self._follow)
            return False
        more = False
        for product in self.products():
            try:
                more |= self._step(product, most)
            except StoreDamaged as error:
                log_.error("store_made_again", extra={"product": product.product_id, "why": str(error)})
                self.rebuild(product.product_id)
                more = True
            product.drop_retired(self._drop_store)
        return more

    def _follow(self) -> None:
        for product in self.products():
            if isinstance(product, FollowedProduct):
                product.follow()

    def _if_possible(self, work: Callable[[], Done]) -> Done | None:
        """Do what needs the meta store; without it what is in force stays so, and calls are folded all the same."""
        try:
            return work()
        except MetaUnavailable as error:
            self.failed_meta_reads += 1
            self._outage.met(str(error))
            return None

    def _demand_lead(self) -> None:
        if not self.meta.lead():
            raise AnotherLeads("another process folds for this meta store now; this one waits until that is over")

    def _step(self, product: RunningProduct, most: int) -> bool:
        if self.part == "worker":
            if not self.may_write(product.product_id):
                return False
            score_asked(self.meta, product)
        folded = self._fold(product, most)
        behind = folded >= most // 2
        scored = product.rescore_if_due(backlog=folded > 0)
        if scored:
            took_s = product.rescore_took_us / SECOND_US
            self.durations.note("rescore", took_s, facts={"product": product.product_id})
        quiet = not behind and not self.jobs.open(product.product_id, "rebuild", "erase")
        purged = quiet and product.purge_if_due()
        retained = quiet and product.retain_if_due()
        worked = self._if_possible(lambda: self._work(product, behind=behind))
        return scored or purged or retained or bool(worked) or behind

    def _work(self, product: RunningProduct, *, behind: bool) -> bool:
        """Do one step of what was asked for; a rebuild that the configuration needs is asked for here."""
        if product.rebuild_due and not self.jobs.open(product.product_id, "rebuild", "erase"):
            self.jobs.ask(product.product_id, "rebuild", {"due": True}, by=product.version.by, always=True)
        return self.jobs.step(product, behind=behind)

    def _fold(self, product: RunningProduct, most: int) -> int:
        began_us = self.clock()
        folded = product.fold(most=most)
        if folded:
            facts = {"product": product.product_id, "calls": folded}
            self.durations.note("fold", (self.clock() - began_us) / SECOND_US, facts=facts)
        return folded

    @property
    def waiting_erasures(self) -> list[Erasure]:
        """Erasures that were asked for and are not done, also where their work has failed."""
        found = self._if_possible(self.meta.erasures.all) or []
        return [each for each in found if each.step != "done"]

    def rebuild(self, product_id: int, progress: Progress | None = None) -> None:
        """Make a new generation of the product from the log and swap it in, at once."""
        self.jobs.let_go(product_id)
        self.product(product_id).rebuild(self._drop_store, progress)

    def ask_rebuild(self, product_id: int, *, by: str) -> Job:
        """Let the worker rebuild the product, also after a restart; once, however often it is asked meanwhile."""
        return self.jobs.ask(product_id, "rebuild", by=by)

    def rebuilt_calls(self, product_id: int) -> int:
        """Calls folded by the rebuild at hand; 0 where none folds."""
        job = self.jobs.at_hand(product_id)
        return job.done if job and job.words == FOLDING else 0

    def settle(self, product_id: int) -> Status:
        """Work until the product is settled; for commands and tests that have no worker beside them."""
        self.step()  # first: a damaged store cannot tell whether it is settled
        while not self.product(product_id).status().settled:
            self.step()
        return self.product(product_id).status()

    def close(self) -> None:
        """Give every store back."""
        self.jobs.close()
        for product in self.products():
            product.close(self._drop_store)
        if self.archive:
            self.archive.base.close()
        self.jobs.files.close()
        self.log.close()
        self.meta.close()


def _scores_from(publish: Publish | None, product: RunningProduct) -> date | None:
    if publish is None:
        return None
    return BEGINNING if publish == "recompute" else product.today()
