"""Data folders filled with the demo's product, or with so many times as much, and servers over them.

A folder is made once a day and kept in build/bench until `python -m bench` has ended: filling the larger ones takes
minutes, and several measurements look at the same one.  `python -m bench.sites TIMES …` writes only the logs, which no
measurement times: that may be done ahead, beside other work.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import httpx

from bench.tables import ROOT
from uptake.core.calls import Call
from uptake.core.days import iso_ms
from uptake.demo import demo_config
from uptake.engines import now_us
from uptake.installation import Installation
from uptake.settings import load
from uptake.simulate import Json, calls, simulation
from uptake.stores.log.base import Request

FOLDER = ROOT / "build" / "bench"
ACCOUNTS, USERS = 240, 2_100
CHUNK = 400
FOLD = load({}).fold_batch
MEMORY = "4GB"
PATIENCE_S = 300


@dataclass(frozen=True)
class Filled:
    """A filled folder: how much is in it, and how long what took, in seconds."""

    times: float
    calls: int
    folded_s: float
    rescored_s: float
    log_bytes: int
    store_bytes: int

    @property
    def folder(self) -> Path:
        """The data folder."""
        return _folder(self.times)


def drop() -> None:
    """Delete every folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def site(times: float) -> Filled:
    """The folder with so many times the demo's accounts and users; made if it is not there."""
    told = FOLDER / f"{_folder(times).name}.json"
    if not told.exists():
        filled = _fill(times)
        told.write_text(json.dumps(asdict(filled)))
    return Filled(**json.loads(told.read_text()))


def history(times: float) -> Iterator[Json]:
    """Ninety days of calls that end now, in the order of time."""
    now = now_us()
    simulated = simulation(
        datetime.now(UTC).date(), accounts=max(1, round(ACCOUNTS * times)), least_users=round(USERS * times)
    )
    return (row for row in calls(simulated) if row["timestamp"] <= iso_ms(now))


def call_of(row: Json) -> Call:
    """A simulated call as it is logged."""
    at_us = int(datetime.fromisoformat(row["timestamp"]).timestamp()) * 1_000_000
    fields = {"user_id": row["userId"], "group_id": row.get("groupId"), "event": row.get("event")}
    return Call(type=row["type"], message_id=row["messageId"], at_us=at_us, traits=row.get("traits"), **fields)


def _folder(times: float) -> Path:
    return FOLDER / f"{datetime.now(UTC).date()}-{times:g}x"


def logged(times: float) -> Path:
    """The folder with its calls logged and nothing of them folded; made if it is not there."""
    folder, mark = _folder(times), _logged_mark(times)
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"logging {times:g} x the demo", flush=True)
        installation = _installation(folder)
        installation.running.change_config(1, lambda version: demo_config(version.config), by="bench")
        rows = history(times)
        while chunk := [call_of(row) for row in islice(rows, CHUNK)]:
            installation.running.log.append([Request(1, now_us(), "segment", chunk)])
        installation.close()
        mark.touch()
    return folder


def _logged_mark(times: float) -> Path:
    return FOLDER / f"{_folder(times).name}.logged"


def _installation(folder: Path) -> Installation:
    return Installation(load({"UPTAKE_DATA_DIR": str(folder), "UPTAKE_MEMORY_LIMIT": MEMORY}), role="command")


def _fill(times: float) -> Filled:
    """Fold and score what is logged, in this process."""
    folder = logged(times)
    _logged_mark(times).unlink()  # a run that is ended in the middle begins with new calls
    print(f"folding and scoring {times:g} x the demo", flush=True)
    installation = _installation(folder)
    product = installation.running.product(1)
    started = time.perf_counter()
    while product.fold(most=FOLD):
        pass
    folded = time.perf_counter()
    product.rescore_if_due(backlog=False)
    scored = time.perf_counter()
    logged_calls = product.status().log_offset
    installation.close()
    return Filled(
        times, logged_calls, folded - started, scored - folded, size_of(folder / "log"), size_of(folder / "store")
    )


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


@dataclass(frozen=True)
class Server:
    """A running server: where, its process, a key to send with, a token to read with, and seconds to readiness."""

    url: str
    folder: Path
    pid: int
    ingest_key: str
    ready_s: float

    def command(self, *words: str) -> str:
        """What a command of ours prints about the server's folder."""
        line = [sys.executable, "-m", "uptake", *words, "--data-dir", str(self.folder)]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

    def memory_mb(self) -> float:
        """Resident memory of the server's process."""
        told = Path(f"/proc/{self.pid}/status").read_text()
        return int(told.split("VmRSS:")[1].split()[0]) / 1024

    def status(self, token: str) -> dict[str, int]:
        """Offsets of log, fold and scores."""
        answer = httpx.get(f"{self.url}/v2/status", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S)
        told = answer.raise_for_status().json()
        return {name: told[name]["offset"] for name in ("log", "folded", "scored")}

    def settle(self, token: str) -> None:
        """Wait until everything that was sent is scored."""
        until = time.monotonic() + PATIENCE_S
        while len(set(self.status(token).values())) > 1:
            if time.monotonic() > until:
                raise SystemExit(f"not settled within {PATIENCE_S} s")
            time.sleep(0.02)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """`uptake serve` on a folder, on a free port, open to who is at this machine; stopped at the end."""
    command = [sys.executable, "-m", "uptake", "serve", "--json", "--port", "0", "--data-dir", str(folder)]
    environment = {**os.environ, "UPTAKE_OPEN_ON_LOOPBACK": "true", **settings}
    started = time.perf_counter()
    with open(folder.parent / f"{folder.name}.log", "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            told = json.loads((process.stdout.readline() if process.stdout else "") or "null")
            if told is None:
                raise SystemExit(f"the server did not start: see {log.name}")
            wait_until(lambda: httpx.get(f"{told['url']}/readyz").status_code == 200, "ready")
            ready_s = time.perf_counter() - started
            yield Server(told["url"], folder, process.pid, told["ingest_key"], ready_s)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def wait_until(done: Callable[[], bool], what: str, *, longest_s: float = PATIENCE_S) -> None:
    """Look again and again; exit where it takes too long."""
    until = time.monotonic() + longest_s
    while True:
        try:
            if done():
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            raise SystemExit(f"not {what} within {longest_s:g} s")
        time.sleep(0.01)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        logged(float(word))
