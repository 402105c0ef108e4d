"""A real server, and Segment's own Accoil destination that sends to it."""

import json
import subprocess
from pathlib import Path

import pytest

from bench.peers import official
from tests.arrived import Arrived
from tests.installed import Installed


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A running server for the tests of a module."""
    made = Installed(tmp_path_factory.mktemp("served") / "data")
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def arrived(served):
    """What the server knows."""
    return Arrived(served)


@pytest.fixture(scope="module")
def destination(node, served):
    """Segment's destination with its five presets: takes orders, `{key, event}` or a connection test `{key}`."""
    official.install()
    command, environment = official.node(Path(__file__).with_name("send.js"))

    def send(*orders):
        run = subprocess.run(
            [*command, served.url],
            env=environment,
            input=json.dumps(orders),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return send
