"""The call log in memory: the oracle that every engine must agree with."""

import bisect
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import msgspec

from uptake.core.calls import Call, LoggedCall
from uptake.stores.log.base import Refusal, RefusalCount, Request

BUCKET_US = 600 * 1_000_000


class MemoryCallLog:
    """Keeps everything in lists; nothing survives it."""

    def __init__(self) -> None:
        self._calls: dict[int, list[LoggedCall]] = {}
        self._ends: dict[int, list[int]] = {}
        self._refusals: dict[int, list[Refusal]] = {}

    def append(self, requests: Sequence[Request]) -> list[int]:
        """See CallLog."""
        return [self._append(request) for request in requests]

    def probe(self) -> None:
        """See CallLog."""

    def _append(self, request: Request) -> int:
        calls = self._calls.setdefault(request.product_id, [])
        first = len(calls)
        calls += [
            LoggedCall(first + i, request.received_us, call, request.source) for i, call in enumerate(request.calls)
        ]
        if request.calls:
            self._ends.setdefault(request.product_id, []).append(len(calls))
        refusals = self._refusals.setdefault(request.product_id, [])
        refusals += [Refusal(request.received_us, request.source, each) for each in request.refused]
        return first

    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """See CallLog."""
        ends = self._ends.get(product_id, [])
        place = bisect.bisect_left(ends, first + most)
        after = ends[place] if place < len(ends) else None
        return self._calls.get(product_id, [])[first:after]

    def rewrite(self, product_id: int, first: int, *, before_us: int, most: int, change: Callable[[Call], Call]) -> int:
        """See CallLog."""
        calls, after = self._calls.get(product_id, []), first
        for end in self._ends.get(product_id, []):
            if end <= first:
                continue
            if calls[end - 1].received_us >= before_us:
                break
            start = max([0, *(each for each in self._ends[product_id] if each < end)])
            calls[start:end] = [msgspec.structs.replace(each, call=change(each.call)) for each in calls[start:end]]
            after = end
            if after - first >= most:
                break
        return after

    def scrub(self, product_id: int, names: Collection[str]) -> None:
        """See CallLog."""
        kept = self._refusals.get(product_id, [])
        kept[:] = [each for each in kept if not any(name in each.rejection.message for name in names)]

    def end(self, product_id: int) -> int:
        """See CallLog."""
        return len(self._calls.get(product_id, []))

    def continue_from(self, product_id: int, offset: int) -> None:
        """See CallLog; nothing breaks here."""

    def damage(self) -> list[str]:
        """See CallLog."""
        return []

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """See CallLog."""
        return self._refusals.get(product_id, [])[::-1][:most]

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """See CallLog."""
        refusals = self._refusals.get(product_id, [])
        counts = Counter((each.received_us - each.received_us % BUCKET_US, each.rejection.code) for each in refusals)
        return [RefusalCount(*key, times) for key, times in sorted(counts.items()) if key[0] >= since_us]

    def size_bytes(self) -> int:
        """See CallLog."""
        return 0

    def close(self) -> None:
        """See CallLog."""


def track(message_id: str, *, at_us: int = 0, user: str = "ana", event: str = "Report_Created") -> Call:
    """A track call as it lies in the log."""
    return Call(type="track", message_id=message_id, at_us=at_us, user_id=user, event=event)
