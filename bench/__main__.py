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
    "stores": "bench.rescore",
    "spine": "bench.spine",
    "pages": "bench.pages",
}
LONGEST_S = 1800
"""A measurement that takes longer is ended, unless it was named."""


def main(words: list[str]) -> None:
    """Run what is named, or all; exit with 1 if one of them fails or has no such name."""
    writes = "--write" in words
    name, *arguments = [each for each in words if each != "--write"] or [""]
    if name and name not in MODULES:
        sys.exit(f"There is no measurement {name}; there are {', '.join(MODULES)}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tables"
        failed = [each for each in ([name] if name else MODULES) if not _ran(each, arguments, path, patient=bool(name))]
        if writes:
            tables.PAGE.write_text(tables.written(tables.PAGE.read_text(), tables.kept(path)))
    if not name:
        sites.drop()
    sys.exit(f"Failed: {', '.join(failed)}" if failed else 0)


def _ran(name: str, arguments: list[str], path: Path, *, patient: bool) -> bool:
    """Run one measurement; did it end well?"""
    print(f"\n==> {name}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", MODULES[name], *arguments]
    try:
        done = subprocess.run(
            command, env={**os.environ, tables.KEPT: str(path)}, check=False, timeout=None if patient else LONGEST_S
        )
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LONGEST_S} s and was ended", flush=True)
        return False
    print(f"{name}: {time.monotonic() - started:,.0f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
