"""Accepting: requests become durable in the call log, many in one commit, and only then are they answered.

One thread writes.  While it commits, further requests wait in a bounded queue; the next commit takes them all.  What
cannot be taken now is refused at once with the seconds to wait, so that memory never grows with the load.
"""

import asyncio
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress

import msgspec

from uptake.core.calls import Projection
from uptake.pipeline.durations import Durations
from uptake.stores.log.base import CallLog, LogUnavailable, Request

PATIENCE_S = 1.0
"""How long the writer sleeps without being woken."""


STALLED_S = 5.0
"""A commit that takes longer says that the log hangs."""

PROBE_EVERY_S = 1.0

IDLE_S = 10.0
"""A log that nothing was written to for so long is tried by whoever asks whether it can be."""


class IngestProduct(msgspec.Struct, frozen=True):
    """The product that an ingest key opens, and what of its calls is kept."""

    product_id: int
    projection: Projection


class Overloaded(Exception):
    """The queue is full; repeat after `retry_after_s` seconds.  Nothing of the request was kept."""

    def __init__(self, *, retry_after_s: int = 1) -> None:
        super().__init__("the queue is full")
        self.retry_after_s = retry_after_s


class Stopping(Exception):
    """The server is stopping; repeat after `retry_after_s` seconds.  Nothing of the request was kept."""

    def __init__(self, *, retry_after_s: int = 5) -> None:
        super().__init__("the server is stopping")
        self.retry_after_s = retry_after_s


class Accepted(msgspec.Struct):
    """Counts since the start, by source: received = logged + refused, always.

    refused: by source and code.
    """

    received: Counter[str] = msgspec.field(default_factory=Counter)
    logged: Counter[str] = msgspec.field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)

    def count(self, request: Request) -> None:
        """Count a request that was committed."""
        self.received[request.source] += len(request.calls) + len(request.refused)
        self.logged[request.source] += len(request.calls)
        for rejection in request.refused:
            self.refused[request.source, rejection.code] += 1


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    """A request on its way to the log, and where its outcome is awaited."""

    request: Request
    future: asyncio.Future[int] | Future[int]


Outcome = int | Exception


class Acceptor:
    """The one way into the call log."""

    def __init__(
        self,
        log: CallLog,
        *,
        max_waiting: int,
        max_group: int = 256,
        on_append: Callable[[], None] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
        durations: Durations | None = None,
    ) -> None:
        """max_waiting: requests that may wait.  max_group: requests in one commit.

        on_append: called in the writer's thread after each commit.  clock_s: seconds since any moment.

        durations: where to note how long commits take.
        """
        self._log, self.max_waiting, self._max_group, self._on_append = log, max_waiting, max_group, on_append
        self.durations = durations or Durations()
        self.failed_commits = 0
        self._pending: list[_Waiting] = []
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._awake = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._taken = self._settled = 0
        self._clock_s = clock_s
        self._committing_since: float | None = None
        self._failed, self._tried_s = "", clock_s()
        self.counts = Accepted()

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._write, name="call-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more, and return when all that was taken is durable; its answers follow at once."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._wakes.put(None)
            thread.join()

    @property
    def waiting(self) -> int:
        """How many requests wait to be committed."""
        return self._taken - self._settled

    @property
    def running(self) -> bool:
        """Can requests be taken now?"""
        return self._thread is not None and self._thread.is_alive()

    def trouble(self) -> str:
        """Why calls cannot be made durable now; empty where they can.

        After a commit that failed the log is tried anew, at most once a second, which may take some seconds; where
        nothing comes in, now and then.
        """
        since = self._committing_since
        if not self.running:
            return "the server is stopping"
        if since is not None and self._clock_s() - since > STALLED_S:
            return "the call log hangs"
        if self._clock_s() - self._tried_s >= (PROBE_EVERY_S if self._failed else IDLE_S):
            self._tried_s = self._clock_s()
            try:
                self._log.probe()
                self._failed = ""
            except LogUnavailable as error:
                self._failed = str(error)
        return self._failed

    async def submit(self, request: Request) -> int:
        """Return the request's first offset once it is durable.  Raises Overloaded, Stopping, LogUnavailable."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._take(_Waiting(request, future)):
            # Not at once: what else has arrived by now shares the commit.
            loop.call_soon(self._wakes.put, None)
        offset: int = await future
        return offset

    def submit_sync(self, request: Request) -> int:
        """As `submit`, for threads without an event loop."""
        future: Future[int] = Future()
        if self._take(_Waiting(request, future)):
            self._wakes.put(None)
        return future.result()

    def _take(self, waiting: _Waiting) -> bool:
        """Put a request into the queue; True if the writer must be woken for it."""
        with self._lock:
            if self._thread is None:
                raise Stopping
            if self._taken - self._settled >= self.max_waiting:
                raise Overloaded
            self._taken += 1
            self._pending.append(waiting)
            asleep, self._awake = not self._awake, True
            return asleep

    # ---- the writer's thread
    def _write(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._running_or_waiting():
                with suppress(queue.Empty):  # a loop that was closed may never have told: look for yourself
                    self._wakes.get(timeout=PATIENCE_S)
                while group := self._next_group():
                    self._settle(group, self._committed([waiting.request for waiting in group]))
                    if self._thread is not None:
                        break  # whoever is told wakes us again
                else:
                    self._go_on()
        finally:  # also after a fault of our own, so that nobody waits for ever
            with self._lock:
                self._thread = None
            while group:
                self._settle(group, [LogUnavailable("the call log's writer has stopped")] * len(group))
                group = self._next_group()

    def _running_or_waiting(self) -> bool:
        with self._lock:
            return self._thread is not None or bool(self._pending)

    def _next_group(self) -> list[_Waiting]:
        with self._lock:
            group = self._pending[: self._max_group]
            del self._pending[: self._max_group]
            return group

    def _go_on(self) -> None:
        """Wake the writer for what waits by now; where nothing does, the next request will."""
        with self._lock:
            self._awake = bool(self._pending)
        if self._awake:
            self._wakes.put(None)

    def _committed(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        self._committing_since = began_s = self._clock_s()
        try:
            firsts = self._log.append(requests)
        except LogUnavailable as error:
            self.failed_commits += 1
            self._failed, self._tried_s = str(error), self._clock_s()
            return [error] * len(requests)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            # One of them cannot be stored: no reason for the others to fail.
            return [self._committed([each])[0] for each in requests] if len(requests) > 1 else [error]
        finally:
            self._committing_since = None
        self._failed, self._tried_s = "", self._clock_s()
        self.durations.note("commit", self._clock_s() - began_s, facts={"requests": len(requests)})
        for request in requests:
            self.counts.count(request)
        self._on_append()
        return firsts

    def _settle(self, group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._settled += len(group)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], Outcome]]] = {}
        for waiting, outcome in zip(group, outcomes, strict=True):
            if isinstance(waiting.future, Future):
                _tell(waiting.future, outcome)
            else:
                by_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, outcome))
        told = False
        for loop, outcomes_of_loop in by_loop.items():
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._tell_all, outcomes_of_loop)
                told = True
        if not told:
            self._go_on()

    def _tell_all(self, outcomes: Sequence[tuple[asyncio.Future[int], Outcome]]) -> None:
        """Tell in the event loop's thread, then let the writer go on: what arrived meanwhile shares the next commit."""
        for future, outcome in outcomes:
            _tell(future, outcome)
        asyncio.get_running_loop().call_soon(self._go_on)


def _tell(future: asyncio.Future[int] | Future[int], outcome: Outcome) -> None:
    if future.done():  # whoever waited was cancelled
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
