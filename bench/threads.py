"""What Python's global lock costs a process that takes calls and folds them on two threads.

Run: python -m bench threads [--seconds S] [--rounds N]

Beside each other: rows made by one thread and by two, on logs of their own; and calls acknowledged by a server alone,
by one with a thread that makes rows, and by one with a process that does.  With an interpreter that has no such lock,
two threads make twice as many rows where two cores are free, and a thread beside costs no more than a process.
"""

import argparse
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.ingest import serving
from bench.row_making import filled, make_rows
from bench.senders import bodies, load
from bench.tables import tell

THREADS, CALLS, BODIES, CONNECTIONS = 2, 20, 300, 32
NAMES = (
    "rows made by one thread",
    "rows made by two threads",
    "acknowledged, with nothing beside",
    "acknowledged, while a thread makes rows",
    "acknowledged, while a process makes rows",
)


def has_lock() -> bool:
    """Does this interpreter run one thread at a time, after all that was imported here?"""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def rows_a_s(threads: int, seconds: float) -> tuple[float, float]:
    """Calls a second of which so many threads make rows, and the processor time of a call, in µs."""
    with tempfile.TemporaryDirectory(prefix="uptake-bench-") as folder, ThreadPoolExecutor(threads) as pool:
        logs = [filled(Path(folder) / str(each)) for each in range(threads)]
        began, used_s = time.perf_counter(), time.process_time()
        until = began + seconds
        made = sum(pool.map(lambda log: make_rows(log, lambda: time.perf_counter() < until), logs))
        return made / (time.perf_counter() - began), 1e6 * (time.process_time() - used_s) / made


def acknowledged_a_s(seconds: float, *options: str) -> tuple[float, float]:
    """Calls a second that a server acknowledges, and the 99th percentile of its answers, in milliseconds."""
    with serving(1, *options) as port:
        seen = load(port, "/v1/batch", seconds, bodies(CALLS, BODIES), [f"--connections={CONNECTIONS}"])
    return CALLS * seen["requests_a_s"], seen["p99_ms"]


@contextmanager
def making_process() -> Iterator[None]:
    """A process beside that makes rows."""
    process = subprocess.Popen([sys.executable, "-m", "bench.row_making"])
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def beside_process(seconds: float) -> tuple[float, float]:
    """As `acknowledged_a_s`, beside a process that makes rows."""
    with making_process():
        return acknowledged_a_s(seconds)


def middles(rounds: int, *measures: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """The middle of both figures of each measure over several rounds, in which they take turns."""
    seen = [[measure() for measure in measures] for _ in range(rounds)]
    return [
        (statistics.median(each[0] for each in of_one), statistics.median(each[1] for each in of_one))
        for of_one in zip(*seen, strict=True)
    ]


def main(words: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench threads", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="a round of one measure")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(words)
    built = "without" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with"
    print(f"Python {sys.version.split()[0]}, built {built} a global lock, which is {'on' if has_lock() else 'off'}")
    seconds = chosen.seconds
    made = middles(chosen.rounds, lambda: rows_a_s(1, seconds), lambda: rows_a_s(THREADS, seconds))
    taken = middles(
        chosen.rounds,
        lambda: acknowledged_a_s(seconds),
        lambda: acknowledged_a_s(seconds, "--making"),
        lambda: beside_process(seconds),
    )
    made_cells = [[f"{rate:,.0f}", f"{rate / made[0][0]:.2f}", f"{used_us:.1f} µs", ""] for rate, used_us in made]
    taken_cells = [[f"{rate:,.0f}", f"{rate / taken[0][0]:.2f}", "", f"{p99_ms:.1f} ms"] for rate, p99_ms in taken]
    rows = [[name, *cells] for name, cells in zip(NAMES, made_cells + taken_cells, strict=True)]
    tell("threads", ["two cores", "calls/s", "ratio", "processor time a call", "p99"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
