"""`python -m bench [--write] [NAME [ARGUMENT …]]`: every measurement after another, each in a process of its own.

A name runs that one alone, with its own arguments (`python -m bench NAME --help`).  `--write` puts the tables that were
measured into docs/performance.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import sites, tables

MODULES = {
    "ingest": "bench.ingest",
    "logs": "bench.logs",
    "stores": "bench.rescore",
    "fold": "bench.folding",
    "spine": "bench.spine",
    "growth": "bench.growth",
    "pages": "bench.pages",
    "steady": "bench.steady",
    "threads": "bench.threads",
}
LONGEST_S = 1800
"""A measurement that takes longer is ended, unless it was named."""


def main(words: list[str]) -> None:
    """Run what is named, or all; exit with 1 if one of them fails or has no such name."""
    name, *arguments = [each for each in words if each != "--write"] or [""]
    if name and name not in MODULES:
        sys.exit(f"There is no measurement {name}; there are {', '.join(MODULES)}.")
    if not name:
        sites.drop()  # what an earlier run left behind was filled by other code, or beside other work
    failed = []
    for each in [name] if name else MODULES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tables" if "--write" in words else None
            if not _ran(each, arguments, path, patient=bool(name)):
                failed.append(each)
            if path:
                _write(tables.kept(path))
    if not name:
        sites.drop()
    sys.exit(f"Failed: {', '.join(failed)}" if failed else 0)


def _write(found: list[tables.Table]) -> None:
    """Put tables into the page at once, so that a later measurement that fails takes none of them away."""
    page = tables.PAGE.read_text()
    tables.PAGE.write_text(tables.written(page, found))
    if lost := tables.homeless(page, found):
        print(f"docs/performance.md has no place for: {', '.join(lost)}", flush=True)


def _ran(name: str, arguments: list[str], path: Path | None, *, patient: bool) -> bool:
    """Run one measurement; did it end well?"""
    print(f"\n==> {name}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", MODULES[name], *arguments]
    environment = {**os.environ, tables.KEPT: str(path)} if path else None
    try:
        done = subprocess.run(command, env=environment, check=False, timeout=None if patient else LONGEST_S)
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LONGEST_S} s and was ended", flush=True)
        return False
    print(f"{name}: {time.monotonic() - started:,.0f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
