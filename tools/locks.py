"""Check that lock files name packages by version and hash alone.

A lock that says where its packages were fetched from works on one network only, and a path of one
machine in any tracked file or link works on that machine only.  `python -m tools.locks` prints each offending line.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

ADDRESS = re.compile(
    r"""
    ^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b   # pip's options
    | \S+\s@\s(https?|file|git\+)                                             # name @ address
    | "resolved":\s*"                                                         # npm
    | registry\s*=\s*"?(https?|file):                                         # uv, .npmrc
    | (https?|file)://\S+\.(whl|tgz|tar\.gz)                                  # a package file
    """,
    re.VERBOSE,
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(root|home/\w+|Users/\w+|opt/pypi\w*|opt/wheels|work)/")
LOCK_NAMES = ("package-lock.json", ".npmrc", "pip.conf")


def tracked_files(root: Path = ROOT) -> list[Path]:
    """List the files that git tracks or would add, sorted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    paths = (root / name for name in names.split("\0") if name)
    return sorted(path for path in paths if path.is_file() or path.is_symlink())


def is_lock(path: Path) -> bool:
    """Whether the file pins packages or says where they come from."""
    return path.suffix == ".lock" or path.name in LOCK_NAMES


def faults(path: Path) -> Iterator[str]:
    """Yield one line for each registry address in a lock, and for each machine path in any text file or link."""
    if path.is_symlink():
        if path.readlink().is_absolute():
            yield f"{path}: a link to a path of one machine, got {str(path.readlink())!r}"
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if is_lock(path) and ADDRESS.search(line):
            yield f"{path}:{number}: a lock holds names, versions and hashes only, got {line.strip()[:80]!r}"
        elif path != Path(__file__) and MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine, got {line.strip()[:80]!r}"


def main() -> None:
    """Print every fault, and exit with 1 if there is one."""
    found = [fault for path in tracked_files() for fault in faults(path)]
    print("\n".join(found) or "Locks and paths: clean.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
