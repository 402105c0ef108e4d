"""How fast calls are acknowledged, beside a bare route in the same server that only decodes.

Run: python -m bench.ingest [SECONDS]
"""

import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

BODIES = 300
AIMS = {"20-call batches": 0.5, "single calls": 0.35}
PATHS = {"20-call batches": ("/v1/batch", "/bare/batch", 20), "single calls": ("/v1/track", "/bare/track", 1)}


@dataclass(frozen=True)
class Measured:
    """One shape of request: acknowledged calls a second, the ceiling, their ratio and the latency."""

    name: str
    calls_a_s: float
    ceiling_a_s: float
    p99_ms: float
    max_ms: float

    @property
    def ratio(self) -> float:
        """How much of the ceiling was reached."""
        return self.calls_a_s / self.ceiling_a_s


def call(place: int) -> dict:
    """A track call as an SDK sends it, about 600 bytes."""
    return {
        "anonymousId": str(uuid.uuid4()),
        "context": {
            "library": {"name": "analytics-node", "version": "3.1.0"},
            "ip": "203.0.113.7",
            "locale": "en-GB",
            "page": {"url": "https://app.example.com/reports/1", "title": "Reports", "referrer": ""},
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
        },
        "event": f"Report_Created_{place % 25}",
        "integrations": {},
        "messageId": f"node-next-{uuid.uuid4()}",
        "properties": {"plan": "pro", "seats": place % 40, "source": "web"},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "type": "track",
        "userId": f"user-{place % 2_000}",
    }


def bodies(calls: int) -> bytes:
    """Bodies of so many calls each, one a line."""
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    batches = [[call(place * calls + each) for each in range(calls)] for place in range(BODIES)]
    lines = [batch[0] if calls == 1 else {"batch": batch, "sentAt": sent_at, "writeKey": "KEY"} for batch in batches]
    return "\n".join(json.dumps(line) for line in lines).encode()


def load(port: int, path: str, seconds: float, lines: bytes) -> dict:
    """What the load generator, in a process of its own, saw."""
    command = [sys.executable, "-m", "bench.load", str(port), path, str(seconds)]
    seen = json.loads(subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True).stdout)
    if seen["refused"]:
        raise SystemExit(f"{seen['refused']} requests to {path} were refused")
    return seen


def measured(port: int, name: str, seconds: float, rounds: int = 3) -> Measured:
    """The middle of several rounds, each of the bare route and then of ours."""
    ours, bare, calls = PATHS[name]
    lines = bodies(calls)
    seen = [(load(port, bare, seconds, lines), load(port, ours, seconds, lines)) for _ in range(rounds)]
    middle = statistics.median(mine["requests_a_s"] / ceiling["requests_a_s"] for ceiling, mine in seen)
    ceiling, mine = min(seen, key=lambda pair: abs(pair[1]["requests_a_s"] / pair[0]["requests_a_s"] - middle))
    return Measured(name, calls * mine["requests_a_s"], calls * ceiling["requests_a_s"], mine["p99_ms"], mine["max_ms"])


def measure(seconds: float = 4.0) -> list[Measured]:
    """Start a server on an empty log, and measure each shape of request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="uptake-bench-"))
    server = subprocess.Popen([sys.executable, "-m", "bench.ingest_server", str(port), str(folder)])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        return [measured(port, name, seconds) for name in PATHS]
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def main() -> None:
    """Print what was measured."""
    for each in measure(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0):
        print(
            f"{each.name:16} {each.calls_a_s:9,.0f} calls/s acknowledged, ceiling {each.ceiling_a_s:9,.0f}, "
            f"ratio {each.ratio:.2f} (aim {AIMS[each.name]}), p99 {each.p99_ms:.1f} ms, longest {each.max_ms:.0f} ms"
        )


if __name__ == "__main__":
    main()
