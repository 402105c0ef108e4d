"""The base snapshot's promise: the rows that dropped calls were folded into, in pieces, in log order, per product.

It is as precious as the log that it continues backwards: a rebuild begins with it.  Its rows tell who did what and
when, under the ids that calls came with; what mappings did not read is not in them.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from uptake.stores.events.batches import FoldBatch


class Retained(msgspec.Struct, frozen=True):
    """Calls before this offset, received before this moment (µs since 1970 UTC), are in the base snapshot alone."""

    offset: int
    before_us: int


class BaseDamaged(Exception):
    """A piece cannot be read; the message names it.  after: the offset where the next piece begins."""

    def __init__(self, message: str, *, after: int) -> None:
        super().__init__(message)
        self.after = after


class BaseUnavailable(Exception):
    """The base snapshot's server cannot be asked now; what was under way may have been kept or not."""


class Overtaken(Exception):
    """Another configuration was saved since the rows were made; nothing was kept."""


class BaseSnapshot(Protocol):
    """Pieces of a product follow one another without a gap from offset 0 on.

    Where a server keeps it everything raises BaseUnavailable.
    """

    def end(self, product_id: int) -> int:
        """The first offset of the product that is not in it; 0 where there is nothing."""

    def before_us(self, product_id: int) -> int:
        """Everything in it was received before this moment (µs since 1970 UTC); 0 where there is nothing."""

    def seen(self, product_id: int, messages: Sequence[tuple[bytes, int]], *, dedupe_us: int) -> list[bool]:
        """For each (digest, received_us): is it in the snapshot, received less than `dedupe_us` before that?"""

    def append(
        self, product_id: int, batch: FoldBatch, *, before_us: int, dedupe_us: int, under: int | None = None
    ) -> None:
        """Keep a batch's rows as the next piece, without its fates; of traits the latest, of repeats one.

        Durable when it returns.  Messages are kept for 2 × dedupe_us before the latest one.  under: the revision of the
        configuration that made the rows; raises Overtaken where the engine can tell that another one is in force.
        Raises ValueError if batch.first is not the product's end, so that of two writers one is refused.
        """

    def piece(self, product_id: int, first: int) -> FoldBatch | None:
        """The piece that begins at an offset; the last one with all messages.  None where no piece begins there.

        Raises BaseDamaged.
        """

    def rewrite(self, product_id: int, change: Callable[[FoldBatch], FoldBatch]) -> None:
        """Put `change` of it in the place of every piece that can be read.  May be repeated."""

    def scrub(self) -> bool:
        """Leave nothing on disk of what `rewrite` took out; False where a reader keeps that for now."""

    def size_bytes(self) -> int:
        """Bytes on disk."""

    def close(self) -> None:
        """Give files back; it can be opened again."""
