"""The base snapshot in memory: the oracle that every engine must agree with."""

import msgspec

from uptake.stores.events.rows import latest_traits


class MemoryBaseSnapshot:
    """Keeps pieces in lists; nothing survives it."""

    def __init__(self):
        self._pieces, self._messages, self._before = {}, {}, {}

    def end(self, product_id):
        """See BaseSnapshot."""
        pieces = self._pieces.get(product_id)
        return pieces[-1].after if pieces else 0

    def before_us(self, product_id):
        """See BaseSnapshot."""
        return self._before.get(product_id, 0)

    def seen(self, product_id, messages, *, dedupe_us):
        """See BaseSnapshot."""
        kept = self._messages.get(product_id, [])
        return [
            any(digest == known and received_us - at_us < dedupe_us for known, at_us in kept)
            for digest, received_us in messages
        ]

    def append(self, product_id, batch, *, before_us, dedupe_us, under=None):
        """See BaseSnapshot."""
        if batch.first != self.end(product_id):
            raise ValueError(f"the base snapshot ends at {self.end(product_id)}")
        once = list(dict.fromkeys(batch.known))
        piece = msgspec.structs.replace(batch, known=once, traits=latest_traits(batch.traits), fates=[], messages=[])
        self._pieces.setdefault(product_id, []).append(piece)
        kept = self._messages.get(product_id, []) + list(batch.messages)
        latest_us = max((at_us for _, at_us in kept), default=0)
        self._messages[product_id] = [each for each in kept if each[1] > latest_us - 2 * dedupe_us]
        self._before[product_id] = max(before_us, self.before_us(product_id))

    def piece(self, product_id, first):
        """See BaseSnapshot."""
        for piece in self._pieces.get(product_id, []):
            if piece.first == first:
                last = piece.after == self.end(product_id)
                order = sorted(self._messages[product_id], key=lambda each: each[1])
                return msgspec.structs.replace(piece, messages=order if last else [])
        return None

    def rewrite(self, product_id, change):
        """See BaseSnapshot."""
        self._pieces[product_id] = [change(each) for each in self._pieces.get(product_id, [])]

    def scrub(self):
        """See BaseSnapshot."""
        return True

    def size_bytes(self):
        """See BaseSnapshot."""
        return 0

    def close(self):
        """See BaseSnapshot."""
