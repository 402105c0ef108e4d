"""What one message of a call log on NATS holds: the calls of one product's requests, from an offset on.

A message is one JSON array; it carries its own first offset, so that any message says where it stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from uptake.core.calls import Call, LoggedCall
from uptake.stores.log.base import Request


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The calls of one request, or a stretch of them where a request is larger than a message may be.

    calls: `count` calls as JSON.
    """

    received_us: int
    source: str
    count: int
    calls: msgspec.Raw


class Message(msgspec.Struct, frozen=True, array_like=True):
    """The parts from offset `first` on.  One without parts says that offsets go on here."""

    first: int
    parts: list[Part]

    @property
    def end(self) -> int:
        """The offset after the last call."""
        return self.first + sum(part.count for part in self.parts)

    def places(self) -> Iterator[tuple[int, Part]]:
        """Each part with the offset of its first call."""
        first = self.first
        for part in self.parts:
            yield first, part
            first += part.count


Packed = TypeVar("Packed")

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Message).decode
_decode_calls = msgspec.json.Decoder(list[Call]).decode


def calls_of(part: Part) -> list[Call]:
    """The part's calls.  Raises msgspec.DecodeError, ValueError where it is damaged."""
    calls = _decode_calls(part.calls)
    if len(calls) != part.count:
        raise ValueError(f"there are {len(calls)} calls instead of {part.count}")
    return calls


def logged(first: int, part: Part) -> list[LoggedCall]:
    """The part's calls at their offsets.  Raises as `calls_of`."""
    return [LoggedCall(first + place, part.received_us, call, part.source) for place, call in enumerate(calls_of(part))]


def with_calls(part: Part, calls: Sequence[Call]) -> Part:
    """The part with other calls in the place of its own."""
    return Part(part.received_us, part.source, len(calls), msgspec.Raw(encode(calls)))


def parts_of(request: Request, most_bytes: int) -> list[Part]:
    """The request's calls as parts, each below so many bytes if its calls are."""
    return list(_parts(request, request.calls, most_bytes))


def _parts(request: Request, calls: Sequence[Call], most_bytes: int) -> Iterator[Part]:
    if not calls:
        return
    body = encode(calls)
    if len(body) <= most_bytes or len(calls) == 1:
        yield Part(request.received_us, request.source, len(calls), msgspec.Raw(body))
        return
    half = len(calls) // 2
    yield from _parts(request, calls[:half], most_bytes)
    yield from _parts(request, calls[half:], most_bytes)


def packed(sized: Iterable[tuple[int, Packed]], most_bytes: int) -> Iterator[list[Packed]]:
    """Put neighbours together as long as their sizes fit.

    >>> list(packed([(4, "a"), (4, "b"), (4, "c")], 8))
    [['a', 'b'], ['c']]
    """
    group: list[Packed] = []
    room = most_bytes
    for size, each in sized:
        if group and size > room:
            yield group
            group, room = [], most_bytes
        group.append(each)
        room -= size
    if group:
        yield group
