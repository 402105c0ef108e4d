"""How fast calls are acknowledged, beside a bare route in the same server that only decodes.

Run: python -m bench ingest [--seconds S] [--connections 8,32,128,256]

Single calls, batches of 20 and batches of almost 500 KB, plain and gzip, over few and many connections, on one server
process and on two that share a port and a log.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.senders import bodies, load
from bench.tables import judged, tell


@dataclass(frozen=True)
class Shape:
    """A kind of request: its name, paths of ours and of the bare route, calls in it, bodies in rotation, and the aim
    that is set for 32 connections and plain bodies."""

    name: str
    ours: str
    bare: str
    calls: int
    bodies: int
    aim: float | None


SHAPES = (
    Shape("single calls", "/v1/track", "/bare/track", 1, 300, 0.35),
    Shape("batches of 20", "/v1/batch", "/bare/batch", 20, 300, 0.5),
    Shape("batches of 480 KB", "/v1/batch", "/bare/batch", 720, 12, None),
)
AIMED = 32
COLUMNS = ("requests", "connections", "calls/s", "ceiling", "ratio", "p50", "p99", "p99.9", "longest")


@dataclass(frozen=True)
class Measured:
    """Acknowledged calls a second, the ceiling, and latencies in milliseconds: 50, 99, 99.9 of 100, longest."""

    calls_a_s: float
    ceiling_a_s: float
    latencies_ms: tuple[float, float, float, float]

    @property
    def ratio(self) -> float:
        """How much of the ceiling was reached."""
        return self.calls_a_s / self.ceiling_a_s

    def cells(self) -> list[str]:
        """As a table shows it."""
        times = [f"{each:.1f} ms" if each < 100 else f"{each:.0f} ms" for each in self.latencies_ms]
        return [f"{self.calls_a_s:,.0f}", f"{self.ceiling_a_s:,.0f}", f"{self.ratio:.2f}", *times]


def measured(port: int, shape: Shape, seconds: float, options: list[str], *, rounds: int) -> Measured:
    """The middle of several rounds, each of the bare route and then of ours."""
    lines = bodies(shape.calls, shape.bodies)
    seen = [
        (load(port, shape.bare, seconds, lines, options), load(port, shape.ours, seconds, lines, options))
        for _ in range(rounds)
    ]
    middle = statistics.median(mine["requests_a_s"] / ceiling["requests_a_s"] for ceiling, mine in seen)
    ceiling, mine = min(seen, key=lambda pair: abs(pair[1]["requests_a_s"] / pair[0]["requests_a_s"] - middle))
    times = (mine["p50_ms"], mine["p99_ms"], mine["p999_ms"], mine["max_ms"])
    return Measured(shape.calls * mine["requests_a_s"], shape.calls * ceiling["requests_a_s"], times)


@contextmanager
def serving(processes: int, *options: str) -> Iterator[int]:
    """So many server processes with these options on one port and an empty log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="uptake-bench-"))
    command = [sys.executable, "-m", "bench.ingest_server", str(port), str(folder), *options]
    servers = []
    try:
        for _ in range(processes):
            servers.append(subprocess.Popen(command, stdout=subprocess.PIPE))
            servers[-1].stdout.readline()  # it says that it listens
        time.sleep(0.5)
        yield port
    finally:
        for server in servers:
            server.terminate()
            server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def one_process(seconds: float, connections: list[int]) -> None:
    """Every shape, plain and gzip, over every number of connections."""
    rows, told = [], []
    for shape in SHAPES:
        for packed in (False, True):
            with serving(1) as port:
                for many in connections:
                    options = [f"--connections={many}", *(["--gzip"] if packed else [])]
                    aimed = shape.aim is not None and many == AIMED and not packed
                    found = measured(port, shape, seconds, options, rounds=3 if aimed else 1)
                    name = f"{shape.name}, gzip" if packed else shape.name
                    rows.append([name, str(many), *found.cells()])
                    if aimed:
                        word = judged(found.ratio, shape.aim or 0, least=True)
                        told.append(f"{name}: {found.ratio:.2f} of the ceiling (aim ≥ {shape.aim}: {word})")
    tell("ingest", COLUMNS, rows)
    print(*told, sep="\n", flush=True)


def two_processes(seconds: float) -> None:
    """Plain bodies on one process and on two."""
    rows = []
    for shape in SHAPES:
        for processes in (1, 2):
            with serving(processes) as port:
                found = measured(port, shape, seconds, ["--connections=64"], rounds=1)
                rows.append([f"{shape.name}, {processes} process{'es' * (processes - 1)}", "64", *found.cells()])
    tell("ingest processes", COLUMNS, rows)


def main(words: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench ingest", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="a round")
    parser.add_argument("--connections", default="8,32,128,256")
    chosen = parser.parse_args(words)
    one_process(chosen.seconds, [int(each) for each in chosen.connections.split(",")])
    two_processes(chosen.seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
