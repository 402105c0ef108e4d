"""The way to a NATS cluster: questions that wait for their answer, and are repeated while a leader is elected.

The library knows only `async`, the call log does not: its loop runs in a thread of its own, and nothing outside this
module is `async`.  A repeat of a message carries the same id, so that the servers keep it once.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import nats
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from uptake.stores.log.base import LogUnavailable
from uptake.stores.log.nats_address import NatsAddress

ATTEMPT_S = 2.0
PAUSE_S = 0.1

LONGEST_ATTEMPT_S = 5 * ATTEMPT_S
"""Also where the connection itself takes no bytes any more, or a question has parts."""

PING_S, UNANSWERED_PINGS = 2, 2
"""A server that nothing was heard of for so many pings is left for another one."""

SILENT_S = 4.0
"""A server that answers pings and for so long no question is left for another one: it may have lost its peers."""

REPEAT_WINDOW_S = 120.0
"""So long the servers know the id of a message again; they keep the ids in memory."""

HEADERS_BYTES = 4 * 1024
FULL_RETRY_S = 15

_FULL = {10002, 10023, 10047, 10077}  # the account, the servers, their disk or the stream has no room
_OUTPACED = {10071, 10164}
_NAME_TAKEN = 10058

log_ = logging.getLogger("uptake.log")

Answer = TypeVar("Answer")


class Outpaced(Exception):
    """The stream does not end where it was thought to: somebody else wrote."""


class State(msgspec.Struct, frozen=True):
    """A stream: sequence numbers of its first and last message, its bytes and how many it may have (-1: any)."""

    first: int
    last: int
    size_bytes: int
    max_bytes: int


class Stored(msgspec.Struct, frozen=True):
    """A message as the servers have it; hdrs: its headers as text."""

    seq: int
    subject: str = ""
    data: bytes = b""
    hdrs: bytes = b""


class _Fault(msgspec.Struct, frozen=True):
    code: int
    err_code: int = 0
    description: str = ""


class _Got(msgspec.Struct, frozen=True):
    message: Stored | None = None
    error: _Fault | None = None


class _Held(msgspec.Struct, frozen=True):
    subjects: dict[str, int] | None = None


class _Told(msgspec.Struct, frozen=True):
    state: _Held | None = None
    error: _Fault | None = None


_decode = msgspec.json.Decoder(_Got).decode
_decode_told = msgspec.json.Decoder(_Told).decode


class Cluster:
    """A connection that goes on by itself when servers come and go.  Every question may raise LogUnavailable."""

    def __init__(self, address: NatsAddress, *, patience_s: float) -> None:
        """patience_s: how long one question is repeated before it is given up.  Raises LogUnavailable."""
        self._address, self._patience_s = address, patience_s
        self._nats: Any = None
        self._heard = self._left = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        try:
            self._nats = self._ask(self._connected)
        except LogUnavailable:
            self._stop()
            raise
        self._js: Any = self._nats.jetstream(timeout=ATTEMPT_S)

    async def _connected(self) -> Any:
        address = self._address
        secret = {"user": address.user, "password": address.password} if address.password else {"token": address.user}
        connecting = nats.connect(
            random.sample(address.servers, len(address.servers)),  # not all begin with the same one
            dont_randomize=True,  # whichever is left comes last
            **secret,
            name="uptake call log",
            connect_timeout=ATTEMPT_S,
            max_reconnect_attempts=-1,
            reconnect_time_wait=PAUSE_S,
            ping_interval=PING_S,
            max_outstanding_pings=UNANSWERED_PINGS,
            error_cb=_troubled,
        )
        return await asyncio.wait_for(connecting, self._patience_s)

    # ---- questions
    @property
    def message_bytes(self) -> int:
        """How long the body of a message may be."""
        return int(self._nats.max_payload) - HEADERS_BYTES

    def make(self, stream: str, subject: str, *, max_bytes: int = -1, max_msgs: int = -1, max_age_s: float = 0) -> None:
        """Make a stream if there is none of that name.

        max_bytes: beyond it messages are refused.  max_msgs, max_age_s: beyond it the oldest go; 0 s: at no age.
        """
        config = StreamConfig(
            name=stream,
            subjects=[subject],
            storage=StorageType.FILE,
            num_replicas=self._address.replicas,
            max_bytes=max_bytes,
            max_msgs=max_msgs,
            max_age=max_age_s,
            discard=DiscardPolicy.NEW if max_bytes >= 0 else DiscardPolicy.OLD,
            duplicate_window=REPEAT_WINDOW_S,
        )

        async def attempt() -> None:
            try:
                await self._js.add_stream(config)
            except APIError as error:
                if error.err_code != _NAME_TAKEN:  # an operator may have changed its replicas or limits
                    raise

        self._ask(attempt)

    def state(self, stream: str) -> State | None:
        """How the stream stands, by its leader; None if there is no such stream."""

        async def attempt() -> State | None:
            try:
                told = await self._js.stream_info(stream)
            except NotFoundError:
                return None
            limit = told.config.max_bytes
            return State(
                told.state.first_seq, told.state.last_seq, told.state.bytes, -1 if limit is None else int(limit)
            )

        return self._ask(attempt)

    def size_bytes(self, prefix: str) -> int:
        """Bytes of all streams whose name begins so; of one replica."""

        async def attempt() -> int:
            size = seen = 0
            while page := await self._js.streams_info(offset=seen):
                seen += len(page)
                size += sum(each.state.bytes for each in page if each.config.name.startswith(prefix))
            return size

        return self._ask(attempt)

    def keep(self, subject: str, body: bytes, *, repeat_id: str, after: int | None = None) -> int:
        """Publish a message, and return its sequence number once the cluster has it on disk.

        repeat_id: the same for every repeat of the same message.  after: the stream's last sequence number, as far as
        is known; raises Outpaced where it has another.  LogUnavailable leaves open whether the message was kept.
        """

        async def attempt() -> int:
            headers = {"Nats-Msg-Id": repeat_id}
            if after is not None:
                headers["Nats-Expected-Last-Sequence"] = str(after)
            try:
                ack = await self._js.publish(subject, body, timeout=ATTEMPT_S, headers=headers)
            except APIError as error:
                if error.err_code in _OUTPACED:
                    raise Outpaced from error
                raise
            return int(ack.seq)

        return self._ask(attempt)

    def get(self, stream: str, seqs: Iterable[int]) -> list[Stored | None]:
        """The messages with these sequence numbers, from the stream's leader; None for those that are not there."""
        return self._get(stream, [{"seq": seq} for seq in seqs])

    def last(self, stream: str, subjects: Iterable[str]) -> list[Stored | None]:
        """Each subject's last message; None where it has none."""
        return self._get(stream, [{"last_by_subj": subject} for subject in subjects])

    def subjects(self, stream: str, pattern: str) -> list[str]:
        """Subjects of this pattern of which the stream has a message; none where there is no such stream."""

        async def attempt() -> list[str]:
            body = msgspec.json.encode({"subjects_filter": pattern})
            answer = await self._nats.request(f"$JS.API.STREAM.INFO.{stream}", body, timeout=ATTEMPT_S)
            told = _decode_told(answer.data)
            if told.error is not None and told.error.code != 404:
                raise APIError(told.error.code, told.error.description, told.error.err_code)
            return list(told.state.subjects or ()) if told.state else []

        return self._ask(attempt)

    def walk(self, stream: str, *, after: int = 0, window: int) -> Iterator[Stored]:
        """The messages that are there now behind a sequence number, in order, so many asked for at once."""
        state = self.state(stream)
        if state is not None:
            for start in range(max(after + 1, state.first), state.last + 1, window):
                found = self.get(stream, range(start, min(start + window, state.last + 1)))
                yield from (stored for stored in found if stored is not None)

    def erase(self, stream: str, seqs: Iterable[int]) -> None:
        """Overwrite messages, some at once, and take them away; nothing where they are gone already."""
        wanted = list(seqs)

        async def one(seq: int) -> None:
            if await self._one(stream, {"seq": seq}) is not None:
                await self._js.delete_msg(stream, seq)

        async def attempt() -> None:
            await asyncio.gather(*map(one, wanted))

        self._ask(attempt)

    def purge(self, stream: str, *, below: int) -> None:
        """Take all messages before a sequence number away, at once; their bytes may stay where others share a file."""

        async def attempt() -> None:
            await self._js.purge_stream(stream, seq=below)

        self._ask(attempt)

    def _get(self, stream: str, wanted: list[dict[str, Any]]) -> list[Stored | None]:
        async def attempt() -> list[Stored | None]:
            return list(await asyncio.gather(*(self._one(stream, each) for each in wanted)))

        return self._ask(attempt)

    async def _one(self, stream: str, wanted: dict[str, Any]) -> Stored | None:
        body = msgspec.json.encode(wanted)
        answer = await self._nats.request(f"$JS.API.STREAM.MSG.GET.{stream}", body, timeout=ATTEMPT_S)
        got = _decode(answer.data)
        if got.error is not None and got.error.code != 404:
            raise APIError(got.error.code, got.error.description, got.error.err_code)
        return got.message

    # ---- the loop
    def _ask(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        if self._loop.is_closed():
            raise LogUnavailable("the call log is closed")
        return asyncio.run_coroutine_threadsafe(self._patiently(attempt), self._loop).result()

    async def _patiently(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer, as soon as there is one.  Raises LogUnavailable when the patience is at an end."""
        began = self._loop.time()
        while True:
            try:
                answer = await asyncio.wait_for(attempt(), LONGEST_ATTEMPT_S)
                self._heard = self._loop.time()
                return answer
            except (NatsError, TimeoutError, OSError) as error:
                told = f"the call log's servers do not take it: {error or type(error).__name__}"
                if isinstance(error, APIError) and error.err_code in _FULL:
                    raise LogUnavailable(told, retry_after_s=FULL_RETRY_S) from error
                # A cluster that just started refuses much that it takes a second later.
                if self._loop.time() >= began + self._patience_s:
                    raise LogUnavailable(told) from error
            await self._leave_silent(began)
            await asyncio.sleep(PAUSE_S)

    async def _leave_silent(self, began: float) -> None:
        """Go to another server where this one has answered nothing since a question began."""
        now = self._loop.time()
        if self._nats and self._nats.is_connected and now - max(began, self._heard, self._left) >= SILENT_S:
            log_.warning("nats_server_left", extra={"silent_s": round(now - max(began, self._heard), 1)})
            self._left = now
            await self._nats.force_reconnect()

    def close(self) -> None:
        """Give the connection and the thread back."""
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._closed(), self._loop).result()
            self._stop()

    async def _closed(self) -> None:
        with suppress(TimeoutError):  # a server that takes nothing any more
            await asyncio.wait_for(self._nats.close(), ATTEMPT_S)

    def _stop(self) -> None:
        asyncio.run_coroutine_threadsafe(_cancelled(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancelled() -> None:
    """End what still runs in this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _troubled(error: Exception) -> None:
    """Log that the connection has trouble, by the kind alone."""
    log_.warning("nats_trouble", extra={"told": type(error).__name__})
