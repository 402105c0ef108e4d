"""The bodies that the benchmarks send, and the load generator as a process of its own."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence

from bench.load import FRESH


def call(place: int, *, fresh: bool = False) -> dict:
    """A track call as an SDK sends it, about 600 bytes.  fresh: its messageId is another in every request."""
    number = f"{place:06d}-{FRESH.decode()}" if fresh else str(uuid.uuid4())
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
        "messageId": f"node-next-{number}",
        "properties": {"plan": "pro", "seats": place % 40, "source": "web"},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "type": "track",
        "userId": f"user-{place % 2_000}",
    }


def bodies(calls: int, many: int, *, fresh: bool = False) -> bytes:
    """So many bodies of so many calls each, one a line."""
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    batches = [[call(place * calls + each, fresh=fresh) for each in range(calls)] for place in range(many)]
    lines = [batch[0] if calls == 1 else {"batch": batch, "sentAt": sent_at, "writeKey": "KEY"} for batch in batches]
    return "\n".join(json.dumps(line) for line in lines).encode()


def load(port: int, path: str, seconds: float, lines: bytes, options: Sequence[str] = ()) -> dict:
    """What the load generator saw; exits where anything was refused or a connection was lost."""
    command = [sys.executable, "-m", "bench.load", str(port), path, str(seconds), *options]
    seen = json.loads(subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True).stdout)
    if seen["refused"] or seen["lost"]:
        raise SystemExit(f"requests to {path} were refused: {seen['refused']}, connections lost: {seen['lost']}")
    return seen
