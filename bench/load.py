"""A load generator on raw sockets, for a process of its own: python -m bench.load PORT PATH SECONDS < bodies.

Reads bodies as JSON lines from standard input, posts them in rotation over a number of connections, each waiting for
its answer before it sends again, and prints one JSON line: requests answered 200, others, and latencies in
milliseconds.
"""

import asyncio
import json
import sys
import time
from itertools import cycle

import uvloop

CONNECTIONS = 32
WARM_UP_S = 0.5


class Connection(asyncio.Protocol):
    """One sender: a request, its answer, the next request."""

    def __init__(self, requests, latencies: list[tuple[float, float]], statuses: dict[bytes, int]) -> None:
        self.requests, self.latencies, self.statuses = requests, latencies, statuses
        self.buffer = b""
        self.stopping = False

    def connection_made(self, transport) -> None:
        """Send the first request."""
        self.transport = transport
        self.post()

    def post(self) -> None:
        """Send the next request."""
        self.started = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        """Take what came of an answer; send again when it is complete."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        now = time.perf_counter()
        self.buffer = b""
        self.statuses[head[9:12]] = self.statuses.get(head[9:12], 0) + 1
        self.latencies.append((now, now - self.started))
        if not self.stopping:
            self.post()


async def run(port: int, path: str, seconds: float, bodies: list[bytes]) -> dict:
    """Post for so many seconds after a short warm-up, and sum up."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic S0VZOg==\r\n"
        "Content-Type: application/json\r\nUser-Agent: analytics-python/2.4.0\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Length: "
    ).encode()
    requests = cycle([head + str(len(body)).encode() + b"\r\n\r\n" + body for body in bodies])
    latencies: list[tuple[float, float]] = []
    statuses: dict[bytes, int] = {}
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(requests, latencies, statuses), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    begin = time.perf_counter() + WARM_UP_S
    await asyncio.sleep(WARM_UP_S + seconds)
    end = time.perf_counter()
    for connection in connections:
        connection.stopping = True
    await asyncio.sleep(0.2)
    measured = sorted(latency for moment, latency in latencies if begin <= moment < end)
    return {
        "requests_a_s": len(measured) / (end - begin),
        "refused": sum(count for status, count in statuses.items() if status != b"200"),
        "p50_ms": 1000 * measured[len(measured) // 2],
        "p99_ms": 1000 * measured[int(len(measured) * 0.99)],
        "max_ms": 1000 * measured[-1],
    }


if __name__ == "__main__":
    uvloop.install()
    lines = [line.strip() for line in sys.stdin.buffer]
    print(json.dumps(asyncio.run(run(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), lines))))
