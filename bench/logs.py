"""What else one could keep calls in, as durably: PostgreSQL with a commit a request, Redis streams synced a write.

Run: python -m bench logs [SECONDS]

All of them store the same bodies and answer once those are on disk; 32 clients each wait for the answer.  The peers are
spoken to by their own protocols, without HTTP and without looking at what they store; Uptake is measured whole, over
HTTP, with decoding and checks.
"""

import asyncio
import contextlib
import itertools
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator

import psycopg

from bench.ingest import SHAPES, measured, serving
from bench.senders import bodies
from bench.tables import tell
from tests.postgres import postgres

CLIENTS = 32
INSERT = "insert into calls (product, body) values (1, %s)"
TABLE = "create table calls (id bigserial primary key, product int not null, body text not null)"

Write = Callable[[bytes], Awaitable[object]]
Connect = Callable[[], Awaitable[Write]]


async def _rate(connect: Connect, lines: list[bytes], seconds: float) -> float:
    """Writes a second of all clients together."""
    writers = [await connect() for _ in range(CLIENTS)]
    rotation, done = itertools.cycle(lines), 0
    until = time.perf_counter() + seconds

    async def work(write: Write) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await write(next(rotation))
            done += 1

    await asyncio.gather(*(work(write) for write in writers))
    return done / seconds


@contextlib.contextmanager
def redis() -> Iterator[int | None]:
    """The port of a Redis that syncs each write to disk; None where there is no redis-server."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def redis_client(port: int) -> Connect:
    """Makes clients that add a body to a stream."""

    async def connect() -> Write:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def write(body: bytes) -> None:
            words = (b"XADD", b"calls", b"*", b"body", body)
            writer.write(b"*5\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
            length = int((await reader.readline())[1:])
            await reader.readexactly(length + 2)

        return write

    return connect


def postgres_client(url: str) -> Connect:
    """Makes clients that insert a body and commit."""

    async def connect() -> Write:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)

        async def write(body: bytes) -> None:
            await connection.execute(INSERT, (body.decode(),))

        return write

    return connect


def main(words: list[str]) -> None:
    """Measure each and print how many times as fast Uptake is."""
    seconds = float(words[0]) if words else 3.0
    rows = []
    with redis() as port, postgres() as databases:
        url = databases().replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLE)
        peers = {"PostgreSQL, a row and a commit a request": postgres_client(url)}
        if port is None:
            print("Redis is not measured: there is no redis-server (apt-get install redis-server)")
        else:
            peers["Redis streams, appendfsync always"] = redis_client(port)
        for shape in SHAPES[:2]:
            with serving(1) as ours:
                rate = measured(ours, shape, seconds, [f"--connections={CLIENTS}"], rounds=1).calls_a_s
            rows.append([shape.name, "Uptake, whole, over HTTP", f"{rate:,.0f}", "1"])
            for name, connect in peers.items():
                lines = bodies(shape.calls, shape.bodies).splitlines()
                found = shape.calls * asyncio.run(_rate(connect, lines, seconds))
                rows.append([shape.name, name, f"{found:,.0f}", f"{found / rate:.2f}"])
    tell("logs", ["requests", "kept by", "calls/s", "beside Uptake"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
