"""Messages that came more than once: which calls repeat one that was counted, and where that one lies.

The event store knows when a message was counted, not where it lies in the log: the place is found by the moments of
receipt, which rise through the log but for calls that came side by side.
"""

from collections.abc import Iterator, Sequence

from uptake.core.calls import LoggedCall, message_digest
from uptake.core.days import DAY_US
from uptake.stores.log.base import read_past_damage
from uptake.views.base import ProductView

NEAR = 5_000
"""So many calls before and after the place of the moment are looked through."""


def repeats_among(product: ProductView, calls: Sequence[LoggedCall]) -> list[bool]:
    """For each call: is it a copy of one that was counted at an earlier moment, as far as that is still known?"""
    window_us = _window_us(product)
    digests = [message_digest(each.call.message_id) for each in calls]
    asked = [(digest, each.received_us) for digest, each in zip(digests, calls, strict=True)]
    later = [(digest, received_us + window_us - 1) for digest, received_us in asked]
    seen = product.store.seen([*asked, *later])
    return [known and not since for known, since in zip(seen[: len(calls)], seen[len(calls) :], strict=True)]


def first_copy(product: ProductView, logged: LoggedCall) -> int | None:
    """The offset of the call that was counted in this one's place; None where there is none, or it is not known."""
    counted_us = _counted_us(product, logged)
    return None if counted_us is None else _offset_of(product, logged, counted_us)


def _window_us(product: ProductView) -> int:
    return product.version.config.dedupe_days * DAY_US


def _counted_us(product: ProductView, logged: LoggedCall) -> int | None:
    """When the message was counted last; None where that was not in the window up to the call."""
    counted_us = product.store.counted_us(message_digest(logged.call.message_id), logged.received_us)
    known = counted_us is not None and counted_us > logged.received_us - _window_us(product)
    return counted_us if known else None


def _offset_of(product: ProductView, logged: LoggedCall, received_us: int) -> int | None:
    """The first call before this one with its messageId and that moment of receipt."""
    first, last = 0, logged.offset
    while first < last:
        middle = (first + last) // 2
        found = read_past_damage(product.log, product.product_id, middle, most=1)[0]
        if found and found[0].received_us < received_us:
            first = max(middle, min(found[0].offset, last - 1)) + 1
        else:
            last = middle
    near = calls_between(product, max(0, first - NEAR), min(first + NEAR, logged.offset))
    copies = (each for each in near if each.received_us == received_us)
    return next((each.offset for each in copies if each.call.message_id == logged.call.message_id), None)


def calls_between(product: ProductView, first: int, last: int) -> Iterator[LoggedCall]:
    """The product's calls from one offset up to another, without the latter and without what cannot be read."""
    offset = first
    while offset < last:
        found, offset = read_past_damage(product.log, product.product_id, offset, most=last - offset)
        if not found:
            return
        yield from (each for each in found if each.offset < last)
