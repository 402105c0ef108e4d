"""What every source promises: bytes in, calls and refusals out, and nothing else happens.

A source is a function from a decompressed body and what is known about the request (`Incoming`) to a `Decoded`.  It
never raises for bad input: what is wrong with one item is a `Rejection` and costs its neighbours nothing; what is
wrong with the whole body is `Decoded.fault`.  A new protocol is one module here and one line in
`uptake.web.ingest_routes`.
"""

from collections.abc import Callable

import msgspec

from uptake.core.calls import Call, CallType, Projection
from uptake.core.errors import Rejection

MAX_BODY_BYTES = 500 * 1024
"""A request's body after decompression."""

MAX_CALL_BYTES = 32 * 1024
"""One call as received, alone or in a batch."""

MAX_BATCH_CALLS = 2_500

MAX_ID_LENGTH = 500
"""Characters of an id, an event's name or a page's name."""

MAX_MESSAGE_ID_LENGTH = 200


class Incoming(msgspec.Struct, frozen=True):
    """What is known about a request beside its body.

    received_us: when it arrived, µs since 1970 UTC.  projection: what of each call the product keeps.
    fresh_id: gives a messageId that was never given before, for calls of which no two are the same.
    call_type: the type that the route names; None where each call says its own.
    repeated: the sender said that it sends this again (X-Retry-Count above 0).
    """

    received_us: int
    projection: Projection
    fresh_id: Callable[[], str]
    call_type: CallType | None = None
    repeated: bool = False


class Decoded(msgspec.Struct, frozen=True):
    """What a body held: calls in the body's order, and the items that were refused, each with its index.

    single: the body was one call, so that its refusal is the answer.  fault: the body as a whole is refused, and counts
    as one refused item.
    """

    calls: list[Call] = msgspec.field(default_factory=list)
    refused: list[Rejection] = msgspec.field(default_factory=list)
    single: bool = False
    fault: Rejection | None = None


Decoder = Callable[[bytes, Incoming], Decoded]
"""A source's function."""


class Unfit(Exception):
    """An item, or a body, that cannot be a call; becomes a `Rejection` before it leaves the source."""

    def __init__(self, code: str, place: str, message: str) -> None:
        super().__init__(message)
        self.code, self.place, self.message = code, place, message

    def rejection(self, index: int = 0) -> Rejection:
        """The refusal as a value, for the item at this index."""
        return Rejection(self.code, self.place, self.message, index)


def one(make: Callable[[], Call]) -> Decoded:
    """The result of a body that is one call."""
    try:
        return Decoded([make()], single=True)
    except Unfit as unfit:
        return Decoded(refused=[unfit.rejection()], single=True)
