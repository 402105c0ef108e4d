"""The meta store's promise about erasures: their receipts, and taking an id out of everything that is decided."""

from collections.abc import Collection
from typing import Protocol

from uptake.core.effects import Kind
from uptake.core.erasure import Erasure
from uptake.stores.meta.audit import Entry


class ErasureStore(Protocol):
    """Safe for several threads and, on one machine, several processes."""

    def all(self, product_id: int | None = None) -> list[Erasure]:
        """Erasures of a product, or of all, by id."""

    def one(self, product_id: int, erasure_id: int) -> Erasure | None:
        """The product's erasure with this id."""

    def add(self, erasure: Erasure, entry: Entry | None) -> Erasure:
        """Keep an erasure; the id is given here.  The meta store's revision grows."""

    def keep(self, erasure: Erasure) -> None:
        """Put an erasure in the place of the one with its id."""

    def withdraw(self, product_id: int, erasure_id: int, job_id: int, entry: Entry) -> None:
        """Delete an erasure whose job still waits, and write down that the job shall end, both or neither.

        The revision grows.  Raises KeyError where the job does not wait any more.
        """

    def forget(self, product_id: int, kind: Kind, ids: Collection[str]) -> int:
        """Take these ids out of merges, notes, owners, saved views, excluded ids of every configuration version and
        what the audit log tells of those; how many of all but the last there were.  The revision grows.
        """

    def scrub(self) -> None:
        """Leave nothing on disk of what was deleted or overwritten.  Raises MetaUnavailable.  PostgreSQL does that by
        itself (vacuum), and its write-ahead log is its operator's.
        """
