"""The meta store's promise about changed ids: decisions that nothing else can rebuild."""

from collections.abc import Callable, Sequence
from typing import Protocol

from uptake.core.effects import Kind
from uptake.core.merges import Merge
from uptake.stores.meta.audit import Entry

Check = Callable[[Sequence[Merge]], None]


class MergeStore(Protocol):
    """Each change grows the meta store's revision, so that a running product takes it into force."""

    def all(self, product_id: int) -> list[Merge]:
        """A product's merges by id."""

    def add(self, product_id: int, kind: Kind, merged: str, into: str, *, check: Check, entry: Entry) -> Merge:
        """Keep a merge, made by whom and when the entry says; the id is given here.

        check: called with the product's present merges, with nobody in between; what it raises comes out, and nothing
        is kept.
        """

    def drop(self, product_id: int, merge_id: int, entry: Entry) -> Merge:
        """Forget a merge and return it.  Raises KeyError."""
