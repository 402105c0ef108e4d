"""Reading a request's body: bounded in bytes before and after decompression, in time, and in all bodies together."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


class BodyRefused(Exception):
    """A body that is not read, or not to its end: a code of `CODES`, a sentence, and when to send it again."""

    def __init__(self, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retry_after_s = code, message, retry_after_s


class Disconnected(Exception):
    """The sender went away before its body was complete."""


class Held(msgspec.Struct):
    """The bytes that one request holds in memory until it is answered."""

    count: int = 0


class _Late(msgspec.Struct):
    """A task that takes too long, and whether it was for that reason that it was cancelled."""

    task: asyncio.Task[Any] | None
    cancelled: bool = False

    def cancel(self) -> None:
        """Its time is over."""
        if self.task is not None:
            self.cancelled = True
            self.task.cancel()


class Bodies:
    """Reads bodies, and knows how many bytes of them are in memory."""

    def __init__(self, *, max_body: int, max_held: int, timeout_s: float) -> None:
        """max_body: bytes of one body, as sent and as decompressed.  max_held: of all together."""
        self._max_body, self._max_held, self._timeout_s = max_body, max_held, timeout_s
        self.held = 0

    async def read(self, receive: Receive, encoding: bytes, held: Held) -> bytes:
        """The decompressed body.  Raises BodyRefused, Disconnected.  held: counts what must be released."""
        body = await self._in_time(receive, held)
        if encoding or body[:2] == _GZIP:  # JSON never begins like gzip, so the header may be missing
            body = decompressed(body, encoding or b"gzip", most=self._max_body)
            self._hold(len(body), held)
        return body.removeprefix(BOM)

    async def _in_time(self, receive: Receive, held: Held) -> bytes:
        """As asyncio.timeout, which costs as much as all else here for a body that has already arrived."""
        late = _Late(asyncio.current_task())
        timer = asyncio.get_running_loop().call_later(self._timeout_s, late.cancel)
        try:
            return await self._receive(receive, held)
        except asyncio.CancelledError:
            if not late.cancelled:
                raise
            if late.task is not None:
                late.task.uncancel()
            told = f"the body did not arrive within {self._timeout_s:g} seconds"
            raise BodyRefused("slow_body", told) from None
        finally:
            timer.cancel()

    async def _receive(self, receive: Receive, held: Held) -> bytes:
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Disconnected
            chunk = message.get("body", b"")
            chunks.append(chunk)
            self._hold(len(chunk), held)
            if held.count > self._max_body:
                raise BodyRefused("body_too_large", f"expected at most {self._max_body} bytes")
            if not message.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _hold(self, count: int, held: Held) -> None:
        held.count += count
        self.held += count
        if self.held > self._max_held:
            raise BodyRefused("overloaded", "too many bodies are in memory", retry_after_s=1)

    def release(self, held: Held) -> None:
        """The request is answered: its bytes are no longer in memory."""
        self.held -= held.count


def decompressed(body: bytes, encoding: bytes, *, most: int) -> bytes:
    """The body without its Content-Encoding, never more than `most` bytes of it in memory.

    A body that says gzip and is plain text is taken as it is: some proxies unpack it and leave the header.
    Raises BodyRefused.
    """
    for name in reversed([each.strip().lower() for each in encoding.split(b",")]):
        if name in (b"gzip", b"x-gzip"):
            body = _inflated(body, 31, most) if body[:2] == _GZIP else _plain(body)
        elif name == b"deflate":
            body = _inflated(body, 15 if body[:1] == b"\x78" else -15, most)
        elif name not in (b"identity", b""):
            raise BodyRefused("bad_encoding", "expected Content-Encoding gzip, deflate or identity")
    return body


def _plain(body: bytes) -> bytes:
    if body.lstrip()[:1] in (b"{", b"["):
        return body
    raise BodyRefused("bad_encoding", "the body says gzip and is not")


def _inflated(body: bytes, window_bits: int, most: int) -> bytes:
    """Unpack every member of a stream, to at most `most` bytes in all."""
    out = b""
    while body:
        unpacker = zlib.decompressobj(window_bits)
        try:
            out += unpacker.decompress(body, most + 1 - len(out))
        except zlib.error:
            raise BodyRefused("bad_encoding", "the body cannot be decompressed") from None
        if len(out) > most:
            raise BodyRefused("body_too_large", f"expected at most {most} bytes after decompression")
        if not unpacker.eof:
            raise BodyRefused("bad_encoding", "the compressed body ends too early")
        body = unpacker.unused_data.lstrip(b"\0")
    return out
