"""Backups as long work.  A restart begins again: half a backup is none."""

import importlib
from pathlib import Path
from typing import Any

from uptake.pipeline.files import BACKUP, shown_name
from uptake.pipeline.jobs import Bench, Kind, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Work
from uptake.pipeline.work.aside import Tell, aside
from uptake.stores.meta.jobs import Job


class _Telling:
    """Hands progress on."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def progress(self, done: int, total: int, doing: str) -> None:
        """So much of so much is done."""
        self._tell(done, total, doing)

    def chunk(self, content: bytes) -> None:
        """Nothing comes in pieces."""


def backup_kind(data_dir: Path) -> Kind:
    """How a backup of a data folder is made; it holds every product, so that an owner asks for it."""

    def backing_up(bench: Bench, job: Job, product: RunningProduct, note: Note) -> Work[dict[str, Any]]:
        day = product.today().isoformat()
        path = bench.files.making(product.product_id, job.id, BACKUP, f"uptake-{day}.tar.zst")
        # By its name: it brings Arrow, which other commands do not need.
        write = importlib.import_module("uptake.backup.writing").write_backup
        manifest = yield from aside(lambda tell: write(data_dir, path, _Telling(tell)))
        note(f"{len(manifest.files):,} files")
        calls = sum(each.log_offset for each in manifest.products)
        kept = yield from bench.files.offer(path)
        return {"file": shown_name(kept), "bytes": kept.size_bytes, "calls": calls}

    return Kind(backing_up, power="owner")
