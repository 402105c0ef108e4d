"""What every test shares: hypothesis profiles, where temporary files lie, and where Chromium and Node are."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# The same examples on every run: a failure seen once can be seen again, and a slow machine is no failure.
settings.register_profile(
    "ci",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a search by hand: HYPOTHESIS_PROFILE=search make test ARGS="-k order"
settings.register_profile("search", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Tests end processes, not machines: what they keep on disk may lie in memory, where no file waits for a disk.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 8 << 30
LIMIT, USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def memory_left() -> int:
    """Bytes of memory that this machine has left, and its container, if it is in one with a limit."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    left = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    limit = LIMIT.read_text().strip() if LIMIT.is_file() and USED.is_file() else "max"
    return left if limit == "max" else min(left, int(limit) - int(USED.read_text()))


if "TMPDIR" not in os.environ and MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, memory_left()) >= ROOM_BYTES:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; `make test` has seen to it that there is one."""
    found = found_chromium()
    if found is None:
        pytest.fail("No Chromium: run tools/chromium.sh, or set UPTAKE_CHROMIUM to its path.")
    return found


def found_chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    names = (os.environ.get("UPTAKE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    found = shutil.which("node")
    if found is None:
        pytest.fail("No Node: install Node 20.19 or newer.")
    return found


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of the Node clients and axe-core that the tests use (tests/clients/package.json)."""
    folder = ROOT / "tests" / "clients" / "node_modules"
    if not folder.is_dir():
        pytest.fail("tests/clients has no node_modules: run `make clients`.")
    return folder
