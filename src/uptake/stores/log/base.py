"""The call log's promise: accepted calls, append-only, in order, per product.

The log is one of the two precious things on disk.  Nothing here reads what a call means.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from uptake.core.calls import Call, LoggedCall
from uptake.core.errors import Rejection


class Request(msgspec.Struct, frozen=True):
    """What one HTTP request (or one chunk of an import) adds to the log.

    product_id: whose log.  received_us: when it arrived, µs since 1970 UTC.  source: the route's family, e.g.
    `segment`.
    calls: accepted ones in the order of the body; may be empty.  refused: the others, each with its index in the body.
    received: how many items the body held (len(calls) + len(refused)).
    """

    product_id: int
    received_us: int
    source: str
    calls: tuple[Call, ...] | list[Call]
    refused: tuple[Rejection, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """A refused item as it is listed: when, through which source, and why."""

    received_us: int
    source: str
    rejection: Rejection


class RefusalCount(msgspec.Struct, frozen=True):
    """How many items were refused with a code within ten minutes from bucket_us."""

    bucket_us: int
    code: str
    times: int


class LogUnavailable(Exception):
    """The log cannot take calls now; repeat after `retry_after_s` seconds.

    Nothing of the request was kept, unless the engine says otherwise; the fold counts a repeated messageId once.
    """

    def __init__(self, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LogDamaged(Exception):
    """A part of the log cannot be read; the message names the file and the offset.  The rest is untouched.

    after: the product's next offset that can be read, or its end; -1 where that cannot be told.
    """

    def __init__(self, message: str, *, after: int = -1) -> None:
        super().__init__(message)
        self.after = after


class CallLog(Protocol):
    """Offsets are per product, start at 0 and have no gap: a call's offset is its request's first offset + its
    index."""

    def append(self, requests: Sequence[Request]) -> list[int]:
        """Make the requests durable in one commit; return each one's first offset.

        Returns only after the bytes are on disk.  Raises LogUnavailable; then none of the requests was kept.
        """

    def probe(self) -> None:
        """Try whether `append` would go well now, without keeping anything.  Raises LogUnavailable."""

    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """The product's calls from offset `first` on, in order and without a gap, at least `most` if there are so
        many (whole requests).

        Fewer where a part cannot be read; raises LogDamaged where that is `first` itself.
        """

    def rewrite(self, product_id: int, first: int, *, before_us: int, most: int, change: Callable[[Call], Call]) -> int:
        """Put `change` of it in the place of each of the product's next calls, about `most` (whole requests), as long
        as they were received before a moment; return the offset after the last one looked at (`first` if none was).

        Offsets and moments of receipt stay.  Durable when it returns; a request is changed whole or not at all, and a
        damaged one is left as it is.  May be repeated.  Raises LogUnavailable.
        """

    def scrub(self, product_id: int, names: Collection[str]) -> None:
        """Leave nothing on disk of what `rewrite` took out, nor of refused items of the product that tell one of these
        names, nor copies that were kept of damaged files.  May be repeated.  Raises LogUnavailable.
        """

    def end(self, product_id: int) -> int:
        """The product's next offset: the number of calls ever logged for it."""

    def continue_from(self, product_id: int, offset: int) -> None:
        """Give the product's next calls no smaller offsets, after damage has taken the last ones."""

    def damage(self) -> list[str]:
        """What of the log was found broken and mended, and what is missing since; a sentence each."""

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """The latest refused items, newest first."""

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """Refused items by ten minutes and code; all of them where since_us is 0."""

    def size_bytes(self) -> int:
        """Bytes on disk."""

    def close(self) -> None:
        """Give files back; the log can be opened again."""


class PeriodLog(CallLog, Protocol):
    """A log that gives back what it no longer has to hold, by periods of receipt."""

    def start(self, product_id: int) -> int:
        """The product's first offset that is still held; its end where none is."""

    def drop(self, product_id: int, before: int) -> None:
        """Let those of the product's calls go that lie before an offset, a period that is over at a time (or a message,
        as the engine keeps them), and with them what is told of items refused then.  Offsets stay; a read of what went
        raises LogDamaged with the first offset that is there.  May be repeated.  Raises LogUnavailable.
        """


def read_past_damage(log: CallLog, product_id: int, first: int, *, most: int) -> tuple[list[LoggedCall], int]:
    """As `CallLog.read`, but from the next offset on that can be read; with the offset to go on at.

    No calls: there are no more, or it cannot be told where they go on.
    """
    while True:
        try:
            calls = log.read(product_id, first, most=most)
            return calls, calls[-1].offset + 1 if calls else first
        except LogDamaged as damage:
            if damage.after <= first:
                return [], first
            first = damage.after


def calls_in(requests: Iterable[Request]) -> int:
    """How many calls the requests carry."""
    return sum(len(request.calls) for request in requests)
