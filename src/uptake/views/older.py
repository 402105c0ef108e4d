"""Calls further back than those that folds list one by one: read from the log, with the fate that each met.

Of a large batch a fold lists only the last calls, and lists are cut in time; what is still listed is told as the fold
recorded it, the others as the rules make them out, which is the same as long as neither rules nor log changed since.
"""

from collections.abc import Sequence

import msgspec

from uptake.core.calls import LoggedCall
from uptake.core.config import destinations_by_offset
from uptake.core.effects import Outcome
from uptake.destination.meaning import Meaning
from uptake.stores.events.base import FateRow
from uptake.stores.events.rows import fate_row
from uptake.views.base import ProductView
from uptake.views.copies import calls_between, repeats_among
from uptake.views.live import EVERYTHING, LOOKED_AT, LiveCall, LiveQuery, asked_for, listed

CHUNK = 250
MOST_LOOKED_AT = 5_000


class OlderCalls(msgspec.Struct, frozen=True):
    """Calls before an offset, newest first.

    looked_from: the offset from which on calls were looked at; 0: there are no older ones.
    """

    calls: Sequence[LiveCall]
    looked_from: int


def older_calls(product: ProductView, before: int, most: int = 50, query: LiveQuery = EVERYTHING) -> OlderCalls:
    """The latest folded calls before an offset that are asked for, at most so many, of MOST_LOOKED_AT at most."""
    teller = _Teller(product)
    before = min(before, product.store.offset())
    end, lowest, found = before, max(0, before - MOST_LOOKED_AT), list[FateRow]()
    while end > lowest and len(found) < most:
        first = max(lowest, end - CHUNK)
        rows = teller.rows([*calls_between(product, first, end)])
        found += reversed(asked_for(product, rows, query))
        end = first
    end = found[most - 1].offset if len(found) >= most else end
    return OlderCalls([listed(row) for row in found[:most]], end)


class _Teller:
    """What became of calls."""

    def __init__(self, product: ProductView) -> None:
        config = product.version.config
        self._product = product
        self._told = {row.offset: row for row in product.store.fates(most=LOOKED_AT)}
        self._meanings = [(first, Meaning(config, each)) for first, each in destinations_by_offset(product.versions)]

    def rows(self, calls: Sequence[LoggedCall]) -> list[FateRow]:
        """A row for each call, in their order."""
        untold = [each for each in calls if each.offset not in self._told]
        repeats = dict(zip((each.offset for each in untold), repeats_among(self._product, untold), strict=True))
        return [self._told.get(each.offset) or self._row(each, repeat=repeats[each.offset]) for each in calls]

    def _row(self, logged: LoggedCall, *, repeat: bool) -> FateRow:
        if repeat:
            return fate_row(logged, Outcome("duplicate"))
        meaning = next(each for first, each in reversed(self._meanings) if first <= logged.offset)
        return fate_row(logged, meaning.outcome(logged.call, logged.received_us))
