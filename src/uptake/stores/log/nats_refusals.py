"""Refused items of a call log on NATS: the latest ones in a bounded stream a product, read along into memory."""

import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec

from uptake.stores.log.base import Refusal, RefusalCount, Request
from uptake.stores.log.nats_cluster import Cluster
from uptake.stores.log.nats_message import decode_refusals, encode, packed

BUCKET_US = 600 * 1_000_000
KEPT_REFUSALS = 10_000
"""Refused items that are listed one by one, per product."""

KEPT_MESSAGES = 10_000
"""Messages with refused items, per product: one a commit that refused any.  Older ones go, and are counted no more once
all nodes have been started anew."""

MESSAGE_BYTES = 500_000
WINDOW = 64


class _Seen:
    """What was read of a product's refusals: up to which message, the latest, and how many by ten minutes and code."""

    def __init__(self) -> None:
        self.seq = 0
        self.latest: deque[Refusal] = deque(maxlen=KEPT_REFUSALS)
        self.times: Counter[tuple[int, str]] = Counter()


class Refusals:
    """Keeps and lists refused items; for any thread.  Every method may raise LogUnavailable."""

    def __init__(self, cluster: Cluster, named: Callable[[str, int], tuple[str, str]]) -> None:
        """named: stream and subject of a kind and product."""
        self._cluster, self._named = cluster, named
        self._lock = threading.Lock()
        self._made: set[str] = set()
        self._seen: dict[int, _Seen] = {}

    def keep(self, product_id: int, requests: Sequence[Request]) -> None:
        """Keep what the requests refused."""
        refused = [Refusal(each.received_us, each.source, item) for each in requests for item in each.refused]
        if not refused:
            return
        stream, subject = self._named("refused", product_id)
        if stream not in self._made:
            self._cluster.make(stream, subject, max_msgs=KEPT_MESSAGES)
            self._made.add(stream)
        bodies = (msgspec.Raw(encode(each)) for each in refused)
        for group in packed(((len(body), body) for body in bodies), min(MESSAGE_BYTES, self._cluster.message_bytes)):
            self._cluster.keep(subject, encode(group), repeat_id=uuid.uuid4().hex)

    def latest(self, product_id: int, *, most: int) -> list[Refusal]:
        """The latest refused items, newest first."""
        with self._lock:
            return list(self._read(product_id).latest)[::-1][:most]

    def counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """How many items were refused, by ten minutes and code."""
        with self._lock:
            times = sorted(self._read(product_id).times.items())
        return [RefusalCount(*key, count) for key, count in times if key[0] >= since_us]

    def _read(self, product_id: int) -> _Seen:
        """Read along to the stream's end."""
        stream, _ = self._named("refused", product_id)
        seen = self._seen.setdefault(product_id, _Seen())
        state = self._cluster.state(stream)
        while state is not None and seen.seq < state.last:
            start = max(seen.seq + 1, state.first)
            seqs = range(start, min(start + WINDOW, state.last + 1))
            for stored in self._cluster.get(stream, seqs):
                for refusal in decode_refusals(stored.data) if stored else ():
                    seen.latest.append(refusal)
                    seen.times[refusal.received_us - refusal.received_us % BUCKET_US, refusal.rejection.code] += 1
            seen.seq = seqs.stop - 1
        return seen
