"""A wire between two processes that a test can cut: a relay on loopback, with the faults that only networks have.

A hole takes connections and bytes, acknowledges them, and delivers nothing; nobody is told.  What goes through again
afterwards is either what was on its way (a network that came back), or only what is connected anew (a firewall that
forgot: both ends of an old connection wait for ever).
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

_BYTES = 64 * 1024


class Link:
    """A relay to one address.  Its methods may be called from any thread, and return when it is so."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._thread.start()
        self._delay_s = 0.0
        self._wires: set[_Wire] = set()
        self.opened = 0
        self._do(self._open)

    async def _open(self) -> None:
        self._whole = asyncio.Event()
        self._whole.set()
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result(60)

    def hole(self) -> None:
        """Take everything from now on, and deliver nothing."""

        async def work() -> None:
            self._whole.clear()

        self._do(work)

    def heal(self, *, forget: bool) -> None:
        """Deliver again.  forget: only what connects from now on; what is connected hears nothing for ever."""

        async def work() -> None:
            for wire in self._wires:
                wire.forgotten |= forget
            self._whole.set()

        self._do(work)

    @property
    def in_use(self) -> int:
        """How many connections there are now."""
        return len(self._wires)

    def delay(self, seconds: float) -> None:
        """Deliver every piece so much later from now on."""
        self._delay_s = seconds

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""

        async def work() -> None:
            for wire in list(self._wires):
                wire.reset()

        self._do(work)

    def close(self) -> None:
        """End."""

        async def work() -> None:
            self._server.close()
            for _ in range(5):  # what was taken a moment ago begins, so that it can end
                await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

        self._do(work)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        wire = _Wire(writer)
        self._wires.add(wire)
        try:
            with suppress(OSError, asyncio.CancelledError):  # the end of the link
                await self._passes(wire)
                far_reader, far = await asyncio.open_connection(*self.target)
                wire.ends.append(far)
                await asyncio.gather(self._relayed(reader, far, wire), self._relayed(far_reader, writer, wire))
        finally:
            self._wires.discard(wire)
            wire.reset()

    async def _relayed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: "_Wire") -> None:
        with suppress(OSError):
            while piece := await reader.read(_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._passes(wire)
                writer.write(piece)
                await writer.drain()
        await self._passes(wire)
        with suppress(OSError):
            writer.write_eof()

    async def _passes(self, wire: "_Wire") -> None:
        """Return when bytes of this wire may go on: never where it is forgotten."""
        await self._whole.wait()
        if wire.forgotten:
            await asyncio.Event().wait()


class _Wire:
    """The two ends of one connection."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.ends = [near]
        self.forgotten = False

    def reset(self) -> None:
        """End it, rudely."""
        for end in self.ends:
            end.transport.abort()


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


@contextmanager
def link(host: str, port: int) -> Iterator[Link]:
    """A relay that lasts as long as the block."""
    made = Link(host, port)
    try:
        yield made
    finally:
        made.close()
