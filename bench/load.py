"""A load generator on raw sockets, for a process of its own: python -m bench.load PORT PATH SECONDS [OPTION …].

Reads bodies as lines from standard input, posts them in rotation over a number of connections, each waiting for its
answer before it sends again, and prints one JSON line: requests answered 200, others, and latencies in milliseconds.
With `--rate` requests leave at a steady pace, and a latency counts from the moment when a request was due.  With
`--every-second` a line is printed each second.  FRESH in a body becomes a number that no other request has.
"""

import argparse
import asyncio
import gzip
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

import uvloop

FRESH = b"@@@@@@@@@@@@"
WARM_UP_S = 0.5
PACE_S = 0.002


class Connection(asyncio.Protocol):
    """One sender: a request, its answer, and then whatever `free` makes it do."""

    def __init__(self, seen: "Seen", free: Callable[["Connection"], None]) -> None:
        self.seen, self.free = seen, free
        self.buffer = b""

    def connection_made(self, transport) -> None:
        """Be free."""
        self.transport = transport
        self.free(self)

    def post(self, request: bytes, due: float) -> None:
        """Send a request that was due at a moment."""
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take what came of an answer; be free when it is complete."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.buffer = b""
        self.seen.answered(head[9:12], self.due)
        self.free(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Count it: no server may close a connection while it is loaded."""
        self.seen.lost += 1


class Seen:
    """What came back."""

    def __init__(self) -> None:
        self.latencies: list[tuple[float, float]] = []
        self.refused: dict[str, int] = {}
        self.lost = 0

    def answered(self, status: bytes, due: float) -> None:
        """Count an answer to what was due at a moment."""
        now = time.perf_counter()
        if status == b"200":
            self.latencies.append((now, now - due))
        else:
            self.refused[status.decode()] = self.refused.get(status.decode(), 0) + 1

    def told(self, begin: float, end: float) -> dict:
        """Sum up what was answered between two moments."""
        times = sorted(latency for moment, latency in self.latencies if begin <= moment < end) or [0.0]

        def at(share: float) -> float:
            return 1000 * times[min(len(times) - 1, int(len(times) * share))]

        return {
            "requests_a_s": len(times) / (end - begin),
            "requests": len(self.latencies),
            "refused": self.refused,
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "p999_ms": at(0.999),
            "max_ms": at(1),
        }


def requests_of(arguments: argparse.Namespace, bodies: list[bytes]) -> Iterator[bytes]:
    """Whole requests in rotation."""
    if arguments.gzip:
        bodies = [gzip.compress(body, 6) for body in bodies]
    encoding = "Content-Encoding: gzip\r\n" if arguments.gzip else ""
    head = (
        f"POST {arguments.path} HTTP/1.1\r\nHost: 127.0.0.1:{arguments.port}\r\n"
        f"Authorization: Basic {arguments.key}\r\n"
        "Content-Type: application/json\r\nUser-Agent: analytics-python/2.4.0\r\nAccept: */*\r\n"
        f"Accept-Encoding: gzip, deflate\r\n{encoding}Connection: keep-alive\r\nContent-Length: "
    ).encode()
    ready = [(head + str(len(body)).encode() + b"\r\n\r\n" + body).split(FRESH) for body in bodies]
    number = arguments.first
    while True:
        for parts in ready:
            number += 1
            yield (b"%012d" % number).join(parts)


async def run(arguments: argparse.Namespace, bodies: list[bytes]) -> dict:
    """Post for so many seconds after a short warm-up, and sum up."""
    requests, seen, idle = requests_of(arguments, bodies), Seen(), deque()
    stopping = False

    def at_once(connection: Connection) -> None:
        if not stopping:
            connection.post(next(requests), time.perf_counter())

    free = idle.append if arguments.rate else at_once
    loop = asyncio.get_running_loop()
    for _ in range(arguments.connections):
        await loop.create_connection(lambda: Connection(seen, free), "127.0.0.1", arguments.port)
    begin = time.perf_counter() + (0 if arguments.rate else WARM_UP_S)
    telling = asyncio.ensure_future(_each_second(seen)) if arguments.every_second else None
    if arguments.rate:
        await _paced(idle, requests, arguments.rate, begin + arguments.seconds)
    else:
        await asyncio.sleep(WARM_UP_S + arguments.seconds)
    end = time.perf_counter()
    stopping = True
    await asyncio.sleep(0.3)
    if telling:
        telling.cancel()
    return {**seen.told(begin, end), "lost": seen.lost}


async def _paced(idle: deque, requests: Iterator[bytes], rate: float, end: float) -> None:
    begin, sent = time.perf_counter(), 0
    while (now := time.perf_counter()) < end:
        while idle and sent < (now - begin) * rate:
            idle.popleft().post(next(requests), begin + sent / rate)
            sent += 1
        await asyncio.sleep(PACE_S)


async def _each_second(seen: Seen) -> None:
    before = 0
    while True:
        await asyncio.sleep(1)
        now = len(seen.latencies)
        print(json.dumps({"requests": now - before}), flush=True)
        before = now


def words() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second; 0: as many as go")
    parser.add_argument("--first", type=int, default=0, help="the number before the first request's")
    parser.add_argument("--key", default="S0VZOg==", help="what stands in the Authorization header")
    parser.add_argument("--every-second", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.install()
    lines = [line.strip() for line in sys.stdin.buffer]
    print(json.dumps(asyncio.run(run(words(), lines))))
