"""What tests start is ended with them, also where it is not ready in time."""

import signal
import subprocess
import sys

import pytest

from tests import clickhouse_server, installed, jetstream, openid, postgres_pair, started
from tests.browser import servers

ASLEEP = "import time; time.sleep(600)"


@pytest.fixture
def asleep(monkeypatch):
    """Whatever is started sleeps, and does not hear when it is asked to end; the processes."""
    processes, popen = [], subprocess.Popen

    def start(_command, **how):
        told = {name: how[name] for name in ("stdout", "stderr", "text", "start_new_session") if name in how}
        heard = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which a process inherits
        processes.append(popen([sys.executable, "-c", ASLEEP], **told))
        signal.signal(signal.SIGTERM, heard)
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(started, "PATIENCE_S", 0.5)
    yield processes
    for process in processes:
        process.kill()


def an_installation(folder):
    installed.Installed(folder / "data").start()


def a_server_for_browsers(folder):
    with servers.serving(folder / "data"):
        pass


def a_log_server(_folder):
    with jetstream.jetstream():
        pass


def an_event_store(folder):
    clickhouse_server.Process(folder)


def a_database(folder):
    postgres_pair.Server(folder, folder, None).start()


def a_provider(folder):
    with openid.openid_provider("node", folder, "http://127.0.0.1/back"):
        pass


@pytest.mark.parametrize(
    "start", [an_installation, a_server_for_browsers, a_log_server, an_event_store, a_database, a_provider]
)
def test_a_process_that_is_not_ready_in_time_is_ended(asleep, start, tmp_path):
    """Whoever waits for it is told, and nothing of it runs on."""
    with pytest.raises(AssertionError):
        start(tmp_path)

    assert [process.poll() for process in asleep] == [-9]


def test_a_process_that_does_not_end_when_asked_is_killed(asleep):
    """And whoever asked is told that it did not."""
    process = subprocess.Popen([])

    with pytest.raises(subprocess.TimeoutExpired):
        started.end(process)

    assert process.poll() == -9
