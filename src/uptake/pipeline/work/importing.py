"""Imports of files that were uploaded.

A restart goes on after the last chunk that was logged: the file is known by its content, and how far it came is a fact
of the meta store; see `uptake.pipeline.import_file`.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from uptake.core.calls import Projection
from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.import_csv import CsvReading, import_csv
from uptake.pipeline.import_file import File, Imported
from uptake.pipeline.jobs import Bench, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Step, Work
from uptake.pipeline.work.aside import Tell, aside
from uptake.stores.log.base import CallLog
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.jobs import Job

LISTED = 20


class Ledger:
    """Where an import of one product goes."""

    meta: MetaStore
    log: CallLog
    product_id: int
    projection: Projection

    def __init__(self, bench: Bench, product: RunningProduct) -> None:
        self.meta, self.log, self.product_id = bench.meta, bench.log, product.product_id
        self.projection, self._clock = product.projection, bench.clock

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""
        return self._clock()


def importing(bench: Bench, job: Job, product: RunningProduct, note: Note) -> Work[dict[str, Any]]:
    """Log the calls of a CSV file."""
    reading = CsvReading(job.request.get("kind"), job.request.get("columns", {}))

    def run(tell: Tell) -> Imported:
        told = lambda done, total: tell(done, total, "Reading the file")  # noqa: E731
        with bench.files.input(job.request["input"]) as path:
            file = _file_at(path, job)
            return import_csv(file, Ledger(bench, product), reading, again=job.request.get("again", False), told=told)

    while True:
        try:
            done = yield from aside(run)
            break
        except UptakeError as error:
            if error.code != "log_unavailable":
                raise
            yield Step(0, 0, "Waiting for the call log", idle=True)
    for code, times in sorted(Counter(done.reasons).items())[:LISTED]:
        note(f"{times:,} refused: {code}. {CODES[code].help}")
    return {
        "lines": done.lines,
        "logged": done.logged,
        "refused": done.refused,
        "skipped": done.skipped,
        "reasons": done.reasons,
        "refusals": [(line, code) for line, code, _ in done.refusals[:LISTED]],
    }


def _file_at(path: Path, job: Job) -> File:
    """The uploaded file, under the name that it had."""
    return File(str(job.request.get("name", "the file")), path.stat().st_size, lambda: path.open("rb"))
