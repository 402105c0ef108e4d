"""The last calls with their fate: what was folded, and what was refused at the door, newest first."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from uptake.stores.events.base import FateRow
from uptake.stores.log.base import Refusal
from uptake.views.base import ProductView

REFUSED = "refused"
IGNORED = "ignored"
EXCLUDED = "excluded"
"""What is asked for beside the fates of the fold: events on the product's list of ignored ones, and calls that were
counted for a user or account that a workspace leaves out today."""

LOOKED_AT = 10_000
"""So many calls, and so many refused items, are looked through."""


class LiveQuery(msgspec.Struct, frozen=True):
    """Which of the latest calls to list; '' asks for all.

    fate: of `FATES`, REFUSED, IGNORED or EXCLUDED.  user, account, event: a part of it, in any case.  Refused items are
    kept without what they said, so that only a fate finds them.
    """

    fate: str = ""
    type: str = ""
    user: str = ""
    account: str = ""
    event: str = ""

    @property
    def narrow(self) -> bool:
        """Does it ask for something that calls say?"""
        return any((self.type, self.user, self.account, self.event))

    @property
    def folded_fate(self) -> str:
        """The fate of the fold that it asks for; '' for any."""
        return {IGNORED: "filtered", EXCLUDED: "applied"}.get(self.fate, self.fate)

    def fits(self, row: FateRow) -> bool:
        """Does what the call says fit?"""
        found = ((self.user, row.user), (self.account, row.account), (self.event, row.event))
        return self.type in ("", row.type) and all(wanted.lower() in there.lower() for wanted, there in found)


EVERYTHING = LiveQuery()


class LiveCall(msgspec.Struct, frozen=True):
    """One call as it is listed.

    A refused item has no offset and no event time; `source` says how it came, and `key` finds it (`refusal_named`).
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
    key: str = ""


def live_calls(product: ProductView, most: int = 50, query: LiveQuery = EVERYTHING) -> Sequence[LiveCall]:
    """The latest calls that are asked for, newest first, at most so many."""
    found: list[LiveCall] = []
    if query.fate != REFUSED:
        found += map(listed, _rows(product, most, query))
    if query.fate in ("", REFUSED) and not query.narrow:
        found += map(_refused, product.log.refusals(product.product_id, most=most))
    return sorted(found, key=lambda call: call.received_us, reverse=True)[:most]


def _rows(product: ProductView, most: int, query: LiveQuery) -> Sequence[FateRow]:
    plain = not query.narrow and query.fate not in (IGNORED, EXCLUDED)
    rows = product.store.fates(most=most if plain else LOOKED_AT, fate=query.folded_fate)
    if plain:
        return rows
    return asked_for(product, rows, query)[:most]


def asked_for(product: ProductView, rows: Sequence[FateRow], query: LiveQuery) -> list[FateRow]:
    """Those of the rows that are asked for, in their order."""
    found = [row for row in rows if query.folded_fate in ("", row.fate) and query.fits(row)]
    if query.fate == IGNORED:
        return [row for row in found if row.code == "ignored_event"]
    if query.fate == EXCLUDED:
        return [row for row in found if is_excluded(product, row.user, row.account)]
    return found


def is_excluded(product: ProductView, user: str, account: str) -> bool:
    """Does a workspace leave the user or the account out today?"""
    return any(user in model.excluded_users or account in model.excluded_accounts for model in product.models)


def refusal_named(product: ProductView, key: str) -> Refusal | None:
    """The refused item with this key, of the latest ones; None where it is not kept."""
    refusals = product.log.refusals(product.product_id, most=LOOKED_AT)
    return next((each for each in refusals if refusal_key(each) == key), None)


def refusal_key(refusal: Refusal) -> str:
    """What a refused item is found by: refused items have no offsets.  Equal ones of one moment share it."""
    return blake2b(msgspec.json.encode(refusal), digest_size=8).hexdigest()


def samples(product: ProductView, most: int, since_us: int) -> dict[tuple[str, str, str], list[LiveCall]]:
    """The latest calls of each reason (fate, code and mapping) since a moment, newest first, at most so many each."""
    found = list(map(listed, product.store.fates(most=most, of_each_reason=True)))
    found += map(_refused, product.log.refusals(product.product_id, most=LOOKED_AT))
    by_reason: dict[tuple[str, str, str], list[LiveCall]] = {}
    for call in found:
        if call.received_us >= since_us and len(same := by_reason.setdefault(_reason(call), [])) < most:
            same.append(call)
    return by_reason


def _reason(call: LiveCall) -> tuple[str, str, str]:
    return call.fate, call.code, call.mapping


def listed(row: FateRow) -> LiveCall:
    """A folded call as it is listed."""
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
        key=refusal_key(refusal),
    )
