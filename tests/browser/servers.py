"""A real `uptake serve` in a process of its own, and the small world that is sent to it over HTTP."""

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.started import PATIENCE_S, end, ended_unless_ready

UPTAKE = Path(sys.executable).with_name("uptake")
SCRIPT = '"><script>window.planted = 1</script><img src=x onerror="window.planted = 1">{{7 * 191}}'
FEATURES = {
    "Reporting": (["Report_Created", "Report_Shared"], 8),
    "Dashboards": (["Dashboard_Viewed", "Dashboard_Edited"], 2),
    "Collaboration": (["Comment_Added", "User_Invited"], 5),
}
CONFIG = """
product: Acme App
time_zone: Europe/Berlin
features:
{features}
workspaces:
  - {{name: Engagement, window_days: 7, features: {{{weights}}}}}
  - {{name: Onboarding, window_days: 30, features: {{Collaboration: 9}}}}
""".format(
    features="\n".join(
        f"  - {{name: {name}, events: [{', '.join(events)}]}}" for name, (events, _) in FEATURES.items()
    ),
    weights=", ".join(f"{name}: {weight}" for name, (_, weight) in FEATURES.items()),
)
EVENTS = [*(event for events, _ in FEATURES.values() for event in events), "Logged_In"]
DAYS = 30


class Server:
    """A running server: its address, its data folder, and calls to it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    @cached_property
    def ingest_key(self) -> str:
        """The key that the first-run page shows."""
        return re.search(r'id="ingest-key">([^<]+)<', httpx.get(f"{self.url}/start", timeout=PATIENCE_S).text)[1]

    @cached_property
    def read_token(self) -> str:
        """A read token, made by the command line."""
        return self.command("key", "create", "--kind", "read").strip()

    def command(self, *words: str) -> str:
        """Run `uptake` on the server's data folder; return what it printed."""
        line = [UPTAKE, *words, "--data-dir", self.folder]
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, calls: list[dict[str, Any]]) -> None:
        """Post the calls in batches."""
        for first in range(0, len(calls), 500):
            batch = {"batch": calls[first : first + 500]}
            httpx.post(
                f"{self.url}/v1/batch", json=batch, auth=(self.ingest_key, ""), timeout=PATIENCE_S
            ).raise_for_status()

    def settle(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until everything that was sent is folded and scored."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            told = self.read("/v2/status")
            if told["log"]["offset"] == told["folded"]["offset"] == told["scored"]["offset"]:
                return
            time.sleep(0.05)
        raise AssertionError(f"not settled within {timeout_s} s: {told}")

    def read(self, path: str) -> Any:
        """The read API's answer."""
        answer = httpx.get(self.url + path, headers={"authorization": f"Bearer {self.read_token}"}, timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer.json()


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serving(folder: Path, *, port: int = 0, **environment: str) -> Iterator[Server]:
    """Serve an empty data folder on a free port; stop at the end.

    Whoever is at the machine is an owner, unless the environment says otherwise.
    """
    port = port or free_port()
    command = [UPTAKE, "serve", "--data-dir", folder, "--host", "127.0.0.1", "--port", str(port)]
    log = (folder.parent / f"{folder.name}.log").open("wb")
    settings = {**os.environ, "UPTAKE_OPEN_ON_LOOPBACK": "true", **environment}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=settings)
    try:
        url = f"http://127.0.0.1:{port}"
        with ended_unless_ready(process.kill):
            _await_ready(url, process, Path(log.name))
        yield Server(url, folder)
    finally:
        end(process)
        log.close()


def _await_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready within {PATIENCE_S} s: {log.read_text()}")


def world(now: datetime) -> list[dict[str, Any]]:
    """The calls of a small product: acme with ana, thirty other accounts, and one that is out to break pages."""
    dice = random.Random(4)
    calls = member("ana", "Ana Alvarez", "acme", "Acme", now - timedelta(days=DAYS))
    calls += member("bob", "Bob Brandt", "acme", "Acme", now - timedelta(days=DAYS))
    for number in range(30):
        for seat in range(dice.randint(1, 6)):
            joined = now - timedelta(days=dice.randint(DAYS // 2, DAYS))
            calls += member(f"u{number}-{seat}", f"User {number}.{seat}", f"acc-{number}", f"Company {number}", joined)
    people = [(call["userId"], dice.random() ** 2) for call in calls if call["type"] == "identify"]
    for user, keenness in [("ana", 0.9), *people[1:]]:
        for ago in range(DAYS):
            if dice.random() < keenness:
                calls += [
                    track(user, event, now - timedelta(days=ago, minutes=dice.randint(1, 600)))
                    for event in dice.sample(EVENTS, dice.randint(1, 4))
                ]
    return [*calls, *planted(now)]


def planted(now: datetime) -> list[dict[str, Any]]:
    """Calls with script in every text that a page shows, and one that is refused."""
    calls = member(SCRIPT, SCRIPT, SCRIPT, SCRIPT, now - timedelta(days=2))
    calls[0]["traits"] |= {SCRIPT: SCRIPT, "nested": {SCRIPT: [SCRIPT]}}
    calls[1]["traits"] |= {SCRIPT: SCRIPT, "parent_group_id": "acme"}
    calls += [track(SCRIPT, SCRIPT, now - timedelta(hours=hours)) for hours in range(1, 9)]
    return [*calls, {"type": SCRIPT, "userId": "ana"}, {"type": "track", "userId": "ana", "event": ""}]


def member(user: str, name: str, account: str, company: str, joined: datetime) -> list[dict[str, Any]]:
    """The calls that make a user known as a member of an account."""
    email = f"{user}@{account}.example"
    at = {"userId": user, "timestamp": moment(joined)}
    return [
        {"type": "identify", **at, "traits": {"name": name, "email": email, "createdAt": moment(joined)}},
        {"type": "group", **at, "groupId": account, "traits": {"name": company, "plan": "growth", "mrr": 129900}},
    ]


def track(user: str, event: str, at: datetime) -> dict[str, Any]:
    """An event of a user."""
    return {"type": "track", "userId": user, "event": event, "timestamp": moment(at)}


def moment(at: datetime) -> str:
    """ISO 8601, as an SDK writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
