"""Where a call log on NATS begins: what lies before was dropped, for good and with its bytes.

The floor is written down first, as a message of its own beside amended ones; from then on nothing below it is read.
Only then do the messages go, so that a kill in between leaves nothing but work that the next drop ends.
"""

import uuid
from collections.abc import Callable

import msgspec

from uptake.stores.log.nats_cluster import Cluster
from uptake.stores.log.nats_message import encode
from uptake.stores.log.nats_refusals import Refusals

BLOCK_BYTES = 16 * 1024 * 1024
"""The servers keep messages in files of at most half of this, and purge by leaving files: the one that holds the floor
stays, with all that was in it."""

WINDOW = 32


class Floor(msgspec.Struct, frozen=True, array_like=True):
    """Messages before `seq` and calls before `offset` were dropped; the last of them was received at received_us."""

    seq: int = 1
    offset: int = 0
    received_us: int = 0


_decode = msgspec.json.Decoder(Floor).decode


class Floors:
    """The floors of all products of one log; for any thread.  Every method may raise LogUnavailable."""

    def __init__(self, cluster: Cluster, named: Callable[[str, int], tuple[str, str]], refusals: Refusals) -> None:
        """named: stream and subject of a kind and product."""
        self._cluster, self._named, self._refusals = cluster, named, refusals
        self._emptied: dict[int, Floor] = {}

    def of(self, product_id: int) -> Floor:
        """The product's floor now."""
        stream, subject = self._named("amended", product_id)
        (stored,) = self._cluster.last(stream, [f"{subject}.floor"])
        return _decode(stored.data) if stored else Floor()

    def lift(self, product_id: int, floor: Floor) -> None:
        """Write a higher floor down.  The stream of amended messages must be there."""
        _, subject = self._named("amended", product_id)
        self._cluster.keep(f"{subject}.floor", encode(floor), repeat_id=uuid.uuid4().hex)

    def empty(self, product_id: int, floor: Floor) -> None:
        """Take everything away that lies below the floor.  May be repeated."""
        if self._emptied.get(product_id) == floor:
            return
        self._empty_amended(product_id, floor)
        self._refusals.drop(product_id, floor.received_us)
        stream, _ = self._named("calls", product_id)
        state = self._cluster.state(stream)
        if state is not None and state.first < floor.seq:
            self._overwrite(stream, state.first, floor.seq)
            self._cluster.purge(stream, below=floor.seq)
        self._emptied[product_id] = floor

    def _empty_amended(self, product_id: int, floor: Floor) -> None:
        stream, _ = self._named("amended", product_id)
        for stored in self._cluster.walk(stream, window=WINDOW):
            name = stored.subject.rpartition(".")[2]
            below = int(name) < floor.seq if name.isdigit() else _decode(stored.data) != floor
            if below:
                self._cluster.erase(stream, [stored.seq])

    def _overwrite(self, stream: str, first: int, end: int) -> None:
        """Overwrite as many of the last messages before `end` as can share a file with it."""
        size = 0
        while end > first and size < BLOCK_BYTES:
            seqs = range(max(first, end - WINDOW), end)
            size += sum(len(stored.data) for stored in self._cluster.get(stream, seqs) if stored is not None)
            self._cluster.erase(stream, seqs)
            end = seqs.start
