"""Refused items of a call log on NATS: the latest ones in a bounded stream a product, read along into memory."""

import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence

import msgspec

from uptake.core.errors import Rejection
from uptake.stores.log.base import Refusal, RefusalCount, Request
from uptake.stores.log.nats_cluster import Cluster
from uptake.stores.log.nats_message import encode, packed

BUCKET_US = 600 * 1_000_000
KEPT_REFUSALS = 10_000
"""Refused items that are listed one by one, per product."""

KEPT_MESSAGES = 10_000
"""Messages with refused items, per product: one a commit that refused any.  Older ones go, and are counted no more once
all nodes have been started anew."""

MESSAGE_BYTES = 500_000
WINDOW = 64


class Instead(msgspec.Struct, frozen=True):
    """A message that stands for one that was erased, because it told what must be forgotten."""

    refused: list[Refusal]


class _Seen:
    """What was read of a product's refusals: up to which message, the latest, and how many by ten minutes and code."""

    def __init__(self, last: int = 0) -> None:
        """last: the message that made all of it be read again."""
        self.seq, self.last = 0, last
        self.latest: deque[Refusal] = deque(maxlen=KEPT_REFUSALS)
        self.times: Counter[tuple[int, str]] = Counter()

    def take(self, refusal: Refusal) -> None:
        """Count a refusal; list it, unless its text is forgotten."""
        self.times[refusal.received_us - refusal.received_us % BUCKET_US, refusal.rejection.code] += 1
        if refusal.rejection.place:
            self.latest.append(refusal)


_decode = msgspec.json.Decoder(list[Refusal] | Instead).decode


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
        """Read along to the stream's end; all of it again where a message was erased since."""
        stream, _ = self._named("refused", product_id)
        seen = self._seen.setdefault(product_id, _Seen())
        for stored in self._cluster.walk(stream, after=seen.seq, window=WINDOW):
            told = _decode(stored.data)
            if isinstance(told, Instead) and stored.seq > seen.last:
                self._seen[product_id] = _Seen(stored.seq)
                return self._read(product_id)
            for refusal in told.refused if isinstance(told, Instead) else told:
                seen.take(refusal)
            seen.seq = stored.seq
        return seen

    def drop(self, product_id: int, until_us: int) -> None:
        """Let what was refused up to a moment go, and every node count anew."""
        stream, subject = self._named("refused", product_id)
        gone = []
        for stored in self._cluster.walk(stream, window=WINDOW):
            told = _decode(stored.data)
            refused = told.refused if isinstance(told, Instead) else told
            if refused and all(each.received_us <= until_us for each in refused):
                gone.append(stored.seq)
        if gone:
            for start in range(0, len(gone), WINDOW):
                self._cluster.erase(stream, gone[start : start + WINDOW])
            self._cluster.keep(subject, encode(Instead([])), repeat_id=uuid.uuid4().hex)

    def scrub(self, product_id: int, names: Collection[str]) -> None:
        """Forget the texts that tell one of the names; their codes stay counted."""
        stream, subject = self._named("refused", product_id)
        for stored in self._cluster.walk(stream, window=WINDOW):
            told = _decode(stored.data)
            before = told.refused if isinstance(told, Instead) else told
            after = [_forgotten(each) if _tells(each, names) else each for each in before]
            if after != before:
                self._cluster.keep(subject, encode(Instead(after)), repeat_id=uuid.uuid4().hex)
                self._cluster.erase(stream, [stored.seq])
        with self._lock:
            self._seen.pop(product_id, None)


def _tells(refusal: Refusal, names: Collection[str]) -> bool:
    told = (refusal.rejection.message, refusal.rejection.place)
    return any(name in text for name in names for text in told)


def _forgotten(refusal: Refusal) -> Refusal:
    return Refusal(refusal.received_us, refusal.source, Rejection(refusal.rejection.code, "", ""))
