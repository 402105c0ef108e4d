"""The last calls with their fate: what was folded, and what was refused at the door, newest first."""

from collections.abc import Sequence

import msgspec

from uptake.stores.events.base import FateRow
from uptake.stores.log.base import Refusal
from uptake.views.base import ProductView

REFUSED = "refused"

LOOKED_AT = 10_000
"""So many refused items are looked through for samples."""


class LiveCall(msgspec.Struct, frozen=True):
    """One call as it is listed.  A refused item has no offset and no event time, and `source` says how it came.

    fate: one of `uptake.core.effects.FATES`, or `refused`.  code, place and message are '' where all is well; mapping
    is the one that the code is about.
    """

    received_us: int
    fate: str
    type: str = ""
    user: str = ""
    account: str = ""
    event: str = ""
    code: str = ""
    place: str = ""
    message: str = ""
    source: str = ""
    mapping: str = ""
    offset: int | None = None
    at_us: int | None = None


def live_calls(product: ProductView, most: int = 50, fate: str = "") -> Sequence[LiveCall]:
    """The latest calls, newest first, at most so many; `fate` keeps only those ('' for all)."""
    found: list[LiveCall] = []
    if fate != REFUSED:
        found += map(_folded, product.store.fates(most=most, fate=fate))
    if fate in ("", REFUSED):
        found += map(_refused, product.log.refusals(product.product_id, most=most))
    return sorted(found, key=lambda call: call.received_us, reverse=True)[:most]


def samples(product: ProductView, most: int, since_us: int) -> dict[tuple[str, str, str], list[LiveCall]]:
    """The latest calls of each reason (fate, code and mapping) since a moment, newest first, at most so many each."""
    found = list(map(_folded, product.store.fates(most=most, of_each_reason=True)))
    found += map(_refused, product.log.refusals(product.product_id, most=LOOKED_AT))
    by_reason: dict[tuple[str, str, str], list[LiveCall]] = {}
    for call in found:
        if call.received_us >= since_us and len(same := by_reason.setdefault(_reason(call), [])) < most:
            same.append(call)
    return by_reason


def _reason(call: LiveCall) -> tuple[str, str, str]:
    return call.fate, call.code, call.mapping


def _folded(row: FateRow) -> LiveCall:
    return LiveCall(
        received_us=row.received_us,
        fate=row.fate,
        type=row.type,
        user=row.user,
        account=row.account,
        event=row.event,
        code=row.code,
        place=row.field,
        message=row.message,
        mapping=row.mapping,
        offset=row.offset,
        at_us=row.at_us,
    )


def _refused(refusal: Refusal) -> LiveCall:
    rejection = refusal.rejection
    return LiveCall(
        received_us=refusal.received_us,
        fate=REFUSED,
        code=rejection.code,
        place=rejection.place,
        message=rejection.message,
        source=refusal.source,
    )
