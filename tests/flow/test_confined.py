"""A server that is confined as deploy/ confines it works, and writes to its folder alone."""

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.installed import Installed
from tests.senders import calls_of

CONFINED = Path(__file__).with_name("confined.py")


class Confined(Installed):
    """An installation whose server is confined; commands beside it are not."""

    def popen(self, *words):
        command = [
            sys.executable,
            str(CONFINED),
            str(self.folder.parent),
            sys.executable,
            "-m",
            "uptake",
            *map(str, words),
        ]
        return subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # The root is closed to it, and so must be where it may put temporary files.
            env={**self.environment, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent", "TMPDIR": "/tmp"},
        )


@pytest.fixture
def confined():
    """It, in a folder that its user may reach, as the volume of a container is."""
    volume = Path(tempfile.mkdtemp(prefix="uptake-volume-"))
    made = Confined(volume / "data")
    try:
        if os.geteuid() or not all(map(shutil.which, ("setpriv", "mount"))):
            pytest.skip("confining a process needs root, mount and setpriv")
        os.chown(volume, 10_001, 10_001)
        tried = subprocess.run(
            [sys.executable, str(CONFINED), str(volume), sys.executable, "-c", "import uptake"],
            capture_output=True,
            check=False,
        )
        if tried.returncode:
            pytest.skip("this kernel cannot confine a process so, or the checkout is closed to other users")
        yield made
    finally:
        made.close()
        shutil.rmtree(volume)


def test_a_confined_server_works(confined):
    """Another user, no capability, a read-only root: calls are taken, scored, read, backed up and kept to the end."""
    confined.start()
    status = Path(f"/proc/{confined.process.pid}/status").read_text()

    assert confined.get("/readyz").status_code == 200
    assert confined.post(calls_of("ana", 1, 20)).status_code == 200
    token = confined.good("key", "create", "--kind", "read").strip()
    confined.settle(token)
    confined.good("rebuild")
    confined.good("backup", "--out", confined.folder.parent / "backup.tar.zst")

    assert "Uid:\t10001\t10001\t10001\t10001" in status
    assert "CapEff:\t0000000000000000" in status
    assert confined.read("/v2/accounts?workspace_id=1", token).json()["data"]
    assert confined.end()[0] == 0


def test_the_health_check_of_the_image_tells_the_truth(installed, monkeypatch):
    """What the Containerfile runs ends with 0 beside a server, and otherwise not."""
    image = (ROOT / "deploy" / "Containerfile").read_text()
    program = image.partition('CMD ["python", "-c", "')[2].partition('"]')[0]
    installed.start()
    monkeypatch.setenv("UPTAKE_PORT", installed.url.rsplit(":", 1)[1])

    exec(program)
    installed.end()

    with pytest.raises(urllib.error.URLError):
        exec(program)
