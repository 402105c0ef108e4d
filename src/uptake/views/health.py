"""Counters that add up: of every item received, how many were refused, and what became of the rest."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from uptake.core.effects import FATES
from uptake.stores.events.base import OutcomeRow
from uptake.stores.log.base import LogDamaged
from uptake.views.base import ProductView

CALLS_A_READ = 20_000


class Counters(msgspec.Struct, frozen=True):
    """Items of one product, ever: received = refused + logged, and logged = waiting + the sum of fates.

    fates: every fate, with 0 where there was none.  refused_by_code, by_code: times a code was told.
    """

    received: int
    refused: int
    logged: int
    waiting: int
    fates: Mapping[str, int]
    refused_by_code: Mapping[str, int]
    by_code: Mapping[str, int]


def counters(product: ProductView) -> Counters:
    """The product's counters since its log began."""
    store = product.store
    outcomes = store.outcomes(since_us=0)
    fates = fate_totals(outcomes)
    refused = Counter[str]()
    for count in product.log.refusal_counts(product.product_id, since_us=0):
        refused[count.code] += count.times
    logged = product.log.end(product.product_id)
    return Counters(
        received=logged + refused.total(),
        refused=refused.total(),
        logged=logged,
        waiting=logged - sum(fates.values()),
        fates=fates,
        refused_by_code=dict(sorted(refused.items())),
        by_code=code_totals(outcomes),
    )


def unreadable(product: ProductView, progress: Callable[[int, int], None]) -> list[str]:
    """Read the product's whole log; the places that cannot be read, a sentence each.  progress: calls, of so many."""
    found: list[str] = []
    retained, end = product.retained, product.log.end(product.product_id)
    at = retained.offset if retained else 0
    while at < end:
        progress(at, end)
        try:
            calls = product.log.read(product.product_id, at, most=CALLS_A_READ)
            after = calls[-1].offset + 1 if calls else end
        except LogDamaged as damage:
            after = damage.after if damage.after > at else end
            found.append(f"{damage} ({after - at} calls)")
        at = after
    progress(end, end)
    return found


def fate_totals(outcomes: Iterable[OutcomeRow]) -> dict[str, int]:
    """How many calls met each fate."""
    totals = dict.fromkeys(map(str, FATES), 0)
    for row in outcomes:
        totals[row.fate] = totals.get(row.fate, 0) + row.times
    return totals


def code_totals(outcomes: Iterable[OutcomeRow]) -> dict[str, int]:
    """How many calls had each code told about them, by code."""
    totals = Counter[str]()
    for row in outcomes:
        if row.code:
            totals[row.code] += row.times
    return dict(sorted(totals.items()))
