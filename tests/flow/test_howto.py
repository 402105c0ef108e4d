"""What the pages of docs/howto tell people to run does what they say, word for word."""

import re
import subprocess
import sys

import httpx
import pytest

from tests.arrived import Arrived
from tests.conftest import ROOT
from tests.installed import NO_TLS, PATIENCE_S

HOWTO = ROOT / "docs" / "howto"
LOCAL = "http://localhost:8000"


@pytest.fixture(scope="module")
def arrived(served):
    """What the server knows."""
    return Arrived(served)


def snippet(page, language):
    """The first block of a language on a page."""
    return re.search(rf"^```{language}\n(.*?)^```", (HOWTO / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)[1]


def run(*command, stdin):
    """Run a program that reads what it does; it must go well."""
    done = subprocess.run(
        command,
        input=stdin,
        cwd=ROOT / "tests" / "clients",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_lines_for_python_send(served, arrived):
    """Segment's Python SDK delivers all of it."""
    before = arrived.settle()

    run(sys.executable, "-", stdin=f"KEY = {served.key!r}\n" + snippet("python", "python").replace(LOCAL, served.url))

    assert arrived.settle() == before + 3
    assert arrived.user("ana")["traits"]["email"] == "ana@acme.example"
    assert arrived.account("acme")["traits"] == {"name": "Acme"}


def test_the_lines_for_rudderstack_send(served, arrived):
    """RudderStack's Python SDK delivers all of it."""
    before = arrived.settle()

    run(
        sys.executable,
        "-",
        stdin=f"KEY = {served.key!r}\n" + snippet("rudderstack", "python").replace(LOCAL, served.url),
    )

    assert arrived.settle() == before + 2


@pytest.mark.node
def test_the_lines_for_node_send(served, arrived, node, node_modules):
    """Segment's Node SDK delivers all of it."""
    before = arrived.settle()
    lines = snippet("node", "js").replace(LOCAL, served.url).replace("KEY", repr(served.key))

    run(node, "--input-type=module", "-", stdin=lines)

    assert arrived.settle() == before + 3


@pytest.mark.node
def test_the_function_for_segment_forwards(served, arrived, node):
    """The destination function posts a raw event, which passes the product's mappings and counts."""
    before = arrived.settle()
    call = {"type": "'track'", "userId": "'fay'", "event": "'Report Exported'", "messageId": "'f1'"}
    event = "{" + ", ".join(f"{name}: {value}" for name, value in call.items()) + "}"
    settings = f"{{ uptakeUrl: {served.url!r}, ingestKey: {served.key!r} }}"

    run(node, "--input-type=module", "-", stdin=f"{snippet('segment', 'js')}\nawait onTrack({event}, {settings})\n")

    assert arrived.settle() == before + 1
    assert arrived.user("fay")["events"] == {"Report Exported": 1}


def test_the_header_for_rudderstack_is_a_key(served, arrived):
    """The command for the webhook's header gives what opens `/segment`."""
    before = arrived.settle()
    header = run("sh", "-c", f"KEY={served.key}; " + snippet("rudderstack", "sh"), stdin="").strip()
    event = {"type": "track", "userId": "gil", "event": "Report Exported"}

    answer = httpx.post(
        f"{served.url}/segment", json=event, headers={"Authorization": f"Basic {header}"}, verify=NO_TLS
    )

    assert answer.status_code == 202
    assert arrived.settle() == before + 1
