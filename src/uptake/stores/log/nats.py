"""The call log on NATS JetStream: a stream a product, a message the calls of one commit, on disk by a majority.

`NAME_CALLS_<product>` holds the calls.  A message is only taken behind the very message that its publisher knows as the
last one, so that whoever appends, offsets have no gap and no repeat.  Messages cannot be changed in place: a changed
one stands in `NAME_AMENDED_<product>` under its sequence number, and the first is erased.  `NAME_REFUSED_<product>` has
the latest refused items.  What is known of streams' ends and places is only remembered, never trusted.
"""

import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from uptake.core.calls import Call, LoggedCall
from uptake.stores.log.base import LogDamaged, LogUnavailable, Refusal, RefusalCount, Request
from uptake.stores.log.nats_address import NatsAddress
from uptake.stores.log.nats_cluster import Cluster, Outpaced, State, Stored
from uptake.stores.log.nats_drop import Floor, Floors
from uptake.stores.log.nats_message import (
    Message,
    Part,
    calls_of,
    decode,
    encode,
    logged,
    packed,
    parts_of,
    with_calls,
)
from uptake.stores.log.nats_refusals import Refusals

PATIENCE_S = 5.0
"""A leader's election takes 4 to 8 s: senders then get 503 and repeat, rather than wait until they give up."""

MESSAGE_BYTES = 900_000
WINDOW = 32
"""Messages asked for at once."""

MOST_REPEATS = 1_000
"""Of a message that may be on its way already: so many questions take longer than that does."""

FULL_BYTES = 1024 * 1024
"""A stream with less room than this is full: about what a few large batches need."""


class Tail(msgspec.Struct, frozen=True):
    """Where a product's stream ends: its last sequence number (0: it is empty), and the next offset."""

    seq: int = 0
    end: int = 0


class NatsCallLog:
    """See `uptake.stores.log.base.PeriodLog`.

    Calls of several products in one `append` are several messages, and so are calls of one product beyond 900 KB.  If
    one fails after another was kept, or no answer comes in time, LogUnavailable is raised although something may be in
    the log; the sender repeats, and the fold counts each messageId once.  Every other method may raise it too.
    """

    def __init__(self, address: NatsAddress, *, patience_s: float | None = None) -> None:
        """patience_s: how long a question to the servers is repeated.  Raises LogUnavailable."""
        self._address = address
        self._cluster = Cluster(address, patience_s=PATIENCE_S if patience_s is None else patience_s)
        self._prefix = address.name.upper()
        self._lock = threading.Lock()
        self._made: set[str] = set()
        self._products: set[int] = set()
        self._tails: dict[int, Tail] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._refusals = Refusals(self._cluster, self._named)
        self._floors = Floors(self._cluster, self._named, self._refusals)

    def _named(self, kind: str, product_id: int) -> tuple[str, str]:
        """The stream of a product's calls (or other kind), and its subject."""
        return f"{self._prefix}_{kind.upper()}_{product_id}", f"{self._address.name}.{kind}.{product_id}"

    # ---- writing
    def append(self, requests: Sequence[Request]) -> list[int]:
        """See CallLog, and above."""
        firsts: dict[int, int] = {}
        by_product: dict[int, list[tuple[int, Request]]] = {}
        for index, request in enumerate(requests):
            by_product.setdefault(request.product_id, []).append((index, request))
        with self._lock:
            self._products.update(by_product)
            for product_id, own in by_product.items():
                firsts |= self._append(product_id, own)
            for product_id, own in by_product.items():
                self._refusals.keep(product_id, [request for _, request in own if request.refused])
        return [firsts[index] for index in range(len(requests))]

    def _append(self, product_id: int, requests: list[tuple[int, Request]]) -> dict[int, int]:
        """Keep the calls; each request's first offset by its index."""
        most = min(MESSAGE_BYTES, self._cluster.message_bytes)
        parts = [(index, part) for index, request in requests for part in parts_of(request, most)]
        reached = self._tail(product_id, make=bool(parts)).end
        firsts: dict[int, int] = {}
        for group in packed(((len(each[1].calls), each) for each in parts), most):
            message = self._keep(product_id, [part for _, part in group])
            for (index, _), (first, _part) in zip(group, message.places(), strict=True):
                firsts.setdefault(index, first)
        for index, request in requests:
            reached = firsts.setdefault(index, reached) + len(request.calls)
        return firsts

    def _keep(self, product_id: int, parts: list[Part], *, first: int = 0) -> Message:
        """Publish the parts as one message at the product's end (no earlier than at `first`)."""
        stream, subject = self._named("calls", product_id)
        while True:
            tail = self._tails.get(product_id) or self._tail(product_id, make=True)
            message, repeat_id = Message(max(first, tail.end), parts), uuid.uuid4().hex
            self._tails.pop(product_id, None)  # known again once the servers have answered
            seq = self._kept((stream, subject), encode(message), repeat_id, after=tail.seq)
            if seq is not None:
                self._tails[product_id] = Tail(seq, message.end)
                return message

    def _kept(self, named: tuple[str, str], body: bytes, repeat_id: str, *, after: int) -> int | None:
        """Publish a message behind another; its sequence number, None where somebody else was faster."""
        stream, subject = named
        for _ in range(MOST_REPEATS):
            try:
                return self._cluster.keep(subject, body, repeat_id=repeat_id, after=after)
            except Outpaced:
                # An earlier try of this very message may have been kept, its answer lost, and its id forgotten.
                (stored,) = self._cluster.get(stream, [after + 1])
                if stored is not None:
                    return stored.seq if repeat_id.encode() in stored.hdrs else None
                # Or that try is still on its way to the disks: with another id it would be kept twice.
                state = self._cluster.state(stream)
                if state is None or state.last != after:
                    return None
        raise LogUnavailable(f"stream {stream} does not tell what follows message {after}")

    def _made_stream(self, kind: str, product_id: int, *, max_bytes: int = -1) -> None:
        stream, subject = self._named(kind, product_id)
        if stream not in self._made:
            self._cluster.make(stream, subject + (".*" if kind == "amended" else ""), max_bytes=max_bytes)
            self._made.add(stream)

    def probe(self) -> None:
        """See CallLog: a message is kept in a stream of its own, and the streams of calls have leaders and room."""
        stream, subject = f"{self._prefix}_PROBE", f"{self._address.name}.probe"
        self._cluster.make(stream, subject, max_msgs=1)
        self._cluster.keep(subject, b"", repeat_id=uuid.uuid4().hex)
        for product_id in list(self._products):
            state = self._cluster.state(self._named("calls", product_id)[0])
            if state and state.max_bytes >= 0 and state.size_bytes + FULL_BYTES > state.max_bytes:
                raise LogUnavailable(f"the call log of product {product_id} is full", retry_after_s=15)

    def continue_from(self, product_id: int, offset: int) -> None:
        """See CallLog."""
        with self._lock:
            if self._tail(product_id, make=True).end < offset:
                self._keep(product_id, [], first=offset)

    # ---- where streams end
    def end(self, product_id: int) -> int:
        """See CallLog."""
        return self._tail(product_id).end

    def _tail(self, product_id: int, *, make: bool = False) -> Tail:
        """Where the product's stream ends now, by its leader; make: the stream, if there is none."""
        state = self._state(product_id)
        if state is None and make:
            self._made.discard(self._named("calls", product_id)[0])
            self._made_stream("calls", product_id, max_bytes=self._address.max_bytes)
            state = self._state(product_id)
        if state is None or state.last == 0:
            return Tail()
        known = self._tails.get(product_id)
        if known is not None and known.seq == state.last:
            return known
        (last,) = self._messages(product_id, [state.last])
        if last is None:
            raise LogUnavailable(f"{self._told(product_id, state.last)} is missing, the last one")
        tail = self._tails[product_id] = Tail(state.last, last.end)
        return tail

    def _state(self, product_id: int) -> State | None:
        return self._cluster.state(self._named("calls", product_id)[0])

    # ---- reading
    def read(self, product_id: int, first: int, *, most: int) -> list[LoggedCall]:
        """See CallLog."""
        tail = self._tail(product_id)
        calls: list[LoggedCall] = []
        if first >= tail.end:
            return calls
        for seq, message in self._from(product_id, first, tail.seq):
            try:
                if message is None:
                    self._refuse_behind(product_id, seq)
                    raise LogDamaged(f"{self._told(product_id, seq)} is missing")
                if message.first > first + len(calls):
                    raise LogDamaged(f"the calls before {message.first} are missing")
                for start, part in message.places():
                    if len(calls) < most and start + part.count > first:
                        calls += logged(start, part)[max(0, first - start) :]
            except (LogDamaged, ValueError) as error:
                if not calls:
                    after = self._readable_after(product_id, first, seq, tail)
                    raise LogDamaged(f"product {product_id}, offset {first}: {error}", after=after) from error
                break
            if len(calls) >= most:
                self._places[product_id] = (calls[-1].offset + 1, seq)
                break
            self._places[product_id] = (first + len(calls), seq + 1)
        return calls

    def _refuse_behind(self, product_id: int, seq: int) -> None:
        """A message that was there a moment ago may stand with other servers than those that answer now.

        Raises LogUnavailable then: nothing is lost.
        """
        state = self._state(product_id)
        if state is None or state.last < seq:
            raise LogUnavailable(f"the servers that answer do not have {self._told(product_id, seq)}")

    def _from(self, product_id: int, first: int, last: int) -> Iterator[tuple[int, Message | None]]:
        """The messages from the one on that holds an offset, up to a sequence number; more at once as it goes on."""
        seq, window = self._place(product_id, first, last), 1
        while seq <= last:
            seqs = range(seq, min(seq + window, last + 1))
            yield from zip(seqs, self._messages(product_id, seqs), strict=True)
            seq, window = seqs.stop, min(4 * window, WINDOW)

    def _place(self, product_id: int, first: int, last: int) -> int:
        """The sequence number of the message that holds an offset: where the last read ended, else by halving."""
        offset, seq = self._places.get(product_id, (-1, 0))
        if offset == first:
            return seq
        low, high = self._floors.of(product_id).seq, last
        while low < high:
            middle = (low + high + 1) // 2
            seq, message = next(self._readable(product_id, middle, high), (middle, None))
            if message is not None and message.first <= first:
                low = seq
            else:
                high = middle - 1
        return low

    def _readable(self, product_id: int, seq: int, last: int) -> Iterator[tuple[int, Message]]:
        """The messages from a sequence number on that are there."""
        for each in range(seq, last + 1):
            (message,) = self._messages(product_id, [each])
            if message is not None:
                yield each, message

    def _readable_after(self, product_id: int, first: int, seq: int, tail: Tail) -> int:
        """The next offset after a damaged place, or after what was dropped, or the end."""
        if first < (start := self.start(product_id)):
            return start
        for _, message in self._readable(product_id, seq, tail.seq):
            if message.first > first:
                return message.first
        return tail.end

    def _messages(self, product_id: int, seqs: Sequence[int]) -> list[Message | None]:
        """The messages as they are now, amended ones too; None for what is not there or no message."""
        stored = self._cluster.get(self._named("calls", product_id)[0], seqs)
        erased = [seq for seq, each in zip(seqs, stored, strict=True) if each is None]
        amended = dict(zip(erased, self._amended(product_id, erased), strict=True))
        return [_decoded(each or amended[seq]) for seq, each in zip(seqs, stored, strict=True)]

    def _amended(self, product_id: int, seqs: Sequence[int]) -> Sequence[Stored | None]:
        stream, subject = self._named("amended", product_id)
        return self._cluster.last(stream, [f"{subject}.{seq}" for seq in seqs]) if seqs else []

    def _told(self, product_id: int, seq: int) -> str:
        return f"message {seq} of stream {self._named('calls', product_id)[0]}"

    # ---- changing
    def rewrite(self, product_id: int, first: int, *, before_us: int, most: int, change: Callable[[Call], Call]) -> int:
        """See CallLog.  A message is amended whole: its new form is durable before the old one is erased."""
        tail, after = self._tail(product_id), first
        if first >= tail.end:
            return after
        for seq, message in self._from(product_id, first, tail.seq):
            if message is None:
                continue
            parts = []
            for start, part in message.places():
                end, due = start + part.count, part.received_us < before_us and after - first < most
                if end > first and not due:
                    break
                parts.append(_changed(part, change) if end > first else part)
                after = max(after, end)
            done = len(parts) < len(message.parts)
            parts += message.parts[len(parts) :]
            if parts != message.parts:
                self._amend(product_id, seq, Message(message.first, parts))
            if done or after - first >= most:
                break
        return after

    def _amend(self, product_id: int, seq: int, message: Message) -> None:
        self._made_stream("amended", product_id)
        stream, subject = self._named("amended", product_id)
        (before,) = self._amended(product_id, [seq])
        self._cluster.keep(f"{subject}.{seq}", encode(message), repeat_id=uuid.uuid4().hex)
        self._cluster.erase(self._named("calls", product_id)[0], [seq])
        if before is not None:
            self._cluster.erase(stream, [before.seq])

    def scrub(self, product_id: int, names: Collection[str]) -> None:
        """See CallLog; servers of a cluster keep what they told one another a while longer, until they compact it."""
        stream, _ = self._named("amended", product_id)
        newest: dict[str, int] = {}
        for stored in self._cluster.walk(stream, window=WINDOW):
            if stored.subject in newest:  # a change that was cut short
                self._cluster.erase(stream, [newest[stored.subject]])
            newest[stored.subject] = stored.seq
        self._refusals.scrub(product_id, names)

    # ---- giving back
    def start(self, product_id: int) -> int:
        """See PeriodLog."""
        return self._floors.of(product_id).offset

    def drop(self, product_id: int, before: int) -> None:
        """See PeriodLog; whole messages go.  The last message tells where offsets go on, so that one without calls is
        kept behind it where all of them go."""
        floor, tail = self._floors.of(product_id), self._tail(product_id)
        if min(before, tail.end) > floor.offset:
            if before >= tail.end:
                with self._lock:
                    self._keep(product_id, [])
                tail = self._tail(product_id)
            above = self._floor(product_id, self._place(product_id, before, tail.seq), floor)
            if above != floor:
                self._made_stream("amended", product_id)
                self._floors.lift(product_id, above)
                floor = above
        if floor.offset:
            self._floors.empty(product_id, floor)

    def _floor(self, product_id: int, seq: int, before: Floor) -> Floor:
        """The floor that a message would be; the one before where it cannot be read."""
        if seq <= before.seq:
            return before
        last, message = self._messages(product_id, [seq - 1, seq])
        if message is None:
            return before
        received_us = max((part.received_us for part in last.parts), default=0) if last else 0
        return Floor(seq, message.first, max(before.received_us, received_us))

    # ---- the rest
    def damage(self) -> list[str]:
        """See CallLog; the servers mend their own copies from one another."""
        return []

    def refusals(self, product_id: int, *, most: int) -> list[Refusal]:
        """See CallLog."""
        return self._refusals.latest(product_id, most=most)

    def refusal_counts(self, product_id: int, *, since_us: int) -> list[RefusalCount]:
        """See CallLog; of as many refused items as the servers still have."""
        return self._refusals.counts(product_id, since_us=since_us)

    def size_bytes(self) -> int:
        """See CallLog; of one replica."""
        return self._cluster.size_bytes(f"{self._prefix}_")

    def close(self) -> None:
        """See CallLog."""
        self._cluster.close()


def _decoded(stored: Stored | None) -> Message | None:
    try:
        return None if stored is None else decode(stored.data)
    except msgspec.DecodeError:
        return None


def _changed(part: Part, change: Callable[[Call], Call]) -> Part:
    """The part with every call changed; the same part where that changes nothing or it is damaged."""
    try:
        after = with_calls(part, [change(call) for call in calls_of(part)])
    except ValueError:
        return part
    return part if after == part else after
