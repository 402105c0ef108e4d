"""Which key opens which product: answered from memory, because every request asks.

A copy of all keys is kept by digest, so that a good key and an unknown one cost the same.  Whoever changes keys calls
`refresh`; a change by another process is seen about a second later.  While the meta store cannot be read, the keys
that were known stay good.
"""

import logging
import threading
from collections.abc import Callable

from uptake.core.days import SECOND_US
from uptake.pipeline.accept import IngestProduct
from uptake.pipeline.outage import Outage
from uptake.pipeline.running import Running, RunningProduct
from uptake.stores.meta.base import Key, KeyKind, MetaUnavailable, key_digest

log_ = logging.getLogger("uptake.directory")

NOTE_EVERY_US = 60 * SECOND_US

STAGING_PREFIX = "stg_"
"""Accoil marks keys of its staging with it; the key proper follows."""


Work = Callable[[], None]


def at_once(work: Work) -> None:
    """Do it here and now."""
    work()


def in_a_thread(work: Work) -> None:
    """Do it beside, so that nobody waits for it."""
    threading.Thread(target=work, name="keys", daemon=True).start()


class Directory:
    """The keys of an installation.  Safe for several threads."""

    def __init__(self, running: Running, look: Callable[[Work], None] = at_once) -> None:
        """running: whose keys and products.  look: how it is looked for changes by other processes.

        Raises MetaUnavailable.
        """
        self._running, self._look = running, look
        self._refreshing = threading.Lock()
        self._keys: dict[bytes, Key] = {}
        self._revision = -1
        self._checked_us = 0
        self._used_us: dict[int, int] = {}
        self._noted_us = running.clock()
        self._outage = Outage(log_, running.clock, away="keys_not_refreshed", back="keys_are_refreshed")
        running.chores.append(self.note_used)
        self.refresh()

    def refresh(self) -> None:
        """Know every change of keys that was committed before.  Raises MetaUnavailable."""
        with self._refreshing:
            self._refresh()

    def _refresh(self) -> None:
        self._checked_us = self._running.clock()
        revision = self._running.meta.revision()
        if revision != self._revision:
            self._keys, self._revision = self._running.meta.keys_by_digest(), revision

    def _refresh_if_possible(self) -> None:
        if not self._refreshing.acquire(blocking=False):
            return  # somebody is at it
        try:
            self._refresh()
            self._outage.over()
        except MetaUnavailable as error:
            self._outage.met(str(error))
        finally:
            self._refreshing.release()

    def find_ingest(self, text: str) -> IngestProduct | None:
        """The product that an ingest key opens; None for any other text, a read token too."""
        product = self._find(text, "ingest")
        return IngestProduct(product.product_id, product.projection) if product else None

    def find_read(self, text: str) -> int | None:
        """The id of the product that a read token reads; None for any other text, an ingest key too."""
        product = self._find(text, "read")
        return product.product_id if product else None

    def find_manage(self, text: str) -> int | None:
        """The id of the product that a management token changes; None for any other text."""
        product = self._find(text, "manage")
        return product.product_id if product else None

    def name_of(self, text: str) -> str:
        """What the audit log calls whoever uses this key: its name, else how it begins."""
        key = self._keys.get(key_digest(text.removeprefix(STAGING_PREFIX)))
        return f"token {key.name or key.hint + '…'}" if key else "an unknown token"

    def note_used(self) -> None:
        """Once a minute, write down which keys were used; a chore of the worker, so that no request waits for it."""
        now_us = self._running.clock()
        if now_us - self._noted_us >= NOTE_EVERY_US and self._used_us:
            self._noted_us, used, self._used_us = now_us, self._used_us, {}
            self._running.meta.note_used(dict(used))  # a late request may still add to it

    def _find(self, text: str, kind: KeyKind) -> RunningProduct | None:
        now_us = self._running.clock()
        if not 0 <= now_us - self._checked_us < SECOND_US:
            self._checked_us = now_us
            self._look(self._refresh_if_possible)
        key = self._keys.get(key_digest(text.removeprefix(STAGING_PREFIX)))
        if key is None or key.kind != kind or not key.good(now_us):
            return None
        self._used_us[key.id] = now_us
        try:
            return self._running.product(key.product_id)
        except KeyError:  # a product made by another process a moment ago
            return None
