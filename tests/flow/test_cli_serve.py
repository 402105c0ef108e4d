"""`uptake serve` as a process: what an empty folder becomes, what is refused, how it ends and comes back."""

import itertools
import os
import re
import signal
import socket
import threading

import httpx
import pytest

from tests.installed import PATIENCE_S, Installed, code_of, wait_for
from uptake.app import serve
from uptake.core.errors import UptakeError
from uptake.settings import load


def test_an_empty_folder_becomes_an_installation(installed):
    """It gets a product, a workspace named Engagement with id 1 and an ingest key, which works at once."""
    announced = installed.start()

    answer = installed.post([{"type": "track", "userId": "ana", "event": "Export"}])
    config = installed.json("config", "export")["config"]
    keys = installed.json("key", "list")

    assert announced["url"].startswith("http://127.0.0.1:")
    assert answer.status_code == 200
    assert config["product"] == "My product"
    assert [(each["name"], each["id"]) for each in config["workspaces"]] == [("Engagement", 1)]
    assert [(each["kind"], each["id"]) for each in keys] == [("ingest", 1)]


def test_what_lies_in_the_folder_is_its_owners_alone(installed):
    """No file or folder of it can be read by anybody else."""
    installed.start()

    paths = [installed.folder, *installed.folder.rglob("*")]

    assert len(paths) > 6
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_people_are_told_address_folder_and_key(installed):
    """Without --json the start says where the app is, where the data is, and the key to send with."""
    process = installed.popen("serve", "--port", "0")
    lines = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)

    assert lines[0].startswith("Uptake is running at http://127.0.0.1:")
    assert str(installed.folder) in lines[1]
    assert len(lines[2].split()[-1]) == 32
    assert "Become its owner" in lines[3]
    assert "/welcome/" in lines[4]
    assert process.returncode == 0


@pytest.mark.parametrize(
    "reachable",
    [
        {"host": "::"},
        {"host": "192.0.2.1"},
        {"host": "example.com"},
        {"host": "127.0.0.1.example.com"},
        {"public_url": "https://uptake.example.com"},
        {"allowed_hosts": "uptake.example.com"},
        {"trusted_proxies": "10.0.0.0/8"},
    ],
)
def test_an_open_house_may_not_be_reached_from_elsewhere(tmp_path, reachable):
    """Where nobody signs in, another address, a public name or a proxy is refused, and no folder is made."""
    settings = load({}, {"open_on_loopback": "true", "data_dir": str(tmp_path / "data"), **reachable})

    with pytest.raises(UptakeError, match="E002"):
        serve(settings, print)

    assert not (tmp_path / "data").exists()


def test_a_refused_binding_has_a_hint(tmp_path):
    """The command ends with 1, code and hint on standard error, nothing on standard output."""
    done = Installed(tmp_path / "data", UPTAKE_OPEN_ON_LOOPBACK="true").run("serve", "--host", "0.0.0.0", "--port", "0")

    assert (done.returncode, code_of(done.stderr), done.stdout) == (1, "E002", "")
    assert "Hint: Unset UPTAKE_OPEN_ON_LOOPBACK" in done.stderr


def test_every_address_may_be_listened_on(installed):
    """With login nothing is refused: asked by an address the app asks who one is, by another name it answers 421."""
    announced = installed.start("--host", "0.0.0.0")
    port = announced["url"].rpartition(":")[2]

    def answered(host):
        answer = httpx.get(f"http://127.0.0.1:{port}/accounts", headers={"Host": host}, timeout=PATIENCE_S)
        return answer.status_code, answer.headers.get("location")

    assert announced["owner_link"].startswith(f"http://localhost:{port}/welcome/")
    assert answered(f"192.0.2.1:{port}") == (303, "/sign-in?next=%2Faccounts")
    assert answered("evil.example") == (421, None)


def test_the_first_owner_comes_in_by_the_printed_link(installed):
    """Once somebody has, no link is printed any more."""
    link = installed.start()["owner_link"]
    with httpx.Client(base_url=installed.url, timeout=PATIENCE_S) as browser:
        path = "/welcome/" + link.rpartition("/")[2]
        token = re.search(r'name="_csrf_token" value="(\w+)"', browser.get(path).text)[1]
        fields = {"_csrf_token": token, "email": "olga@acme.example", "password": "correct horse battery"}
        entered = browser.post(path, data=fields)
        accounts = browser.get("/accounts")
    installed.end()

    assert (entered.status_code, entered.headers["location"], accounts.status_code) == (303, "/", 200)
    assert installed.start()["owner_link"] is None
    assert [person["owner"] for person in installed.json("user", "list")] == [True]


def test_a_taken_port_is_said(installed):
    """The message names the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = installed.run("serve", "--port", port)

    assert done.returncode == 1
    assert code_of(done.stderr) == "E006"
    assert str(port) in done.stderr


def test_a_folder_is_served_once(installed):
    """A second server on the folder is refused and says who has it; the first goes on."""
    installed.start()

    done = installed.run("serve", "--port", "0")

    assert done.returncode == 1
    assert code_of(done.stderr) == "E004"
    assert f"server with process id {installed.process.pid}" in done.stderr
    assert installed.get("/readyz").status_code == 200


def test_a_bad_setting_stops_the_start(tmp_path):
    """The variable is named with what it takes and what it got."""
    done = Installed(tmp_path / "data", UPTAKE_PORT="eighty").run("serve")

    assert done.returncode == 1
    assert done.stderr.startswith("E001 UPTAKE_PORT must be a whole number from 0 to 65535, got 'eighty'.")


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    """Where a file is in the way the message names the folder."""
    (tmp_path / "data").write_text("in the way")

    done = Installed(tmp_path / "data").run("serve", "--port", "0")

    assert done.returncode == 1
    assert code_of(done.stderr) == "E003"


def test_stopping_answers_what_was_begun_and_ends_well(installed):
    """SIGTERM under load: every request that was answered is in the log, the exit code is 0, and all is back after."""
    installed.start()
    acknowledged = itertools.count()
    stop = threading.Event()
    threads = [threading.Thread(target=send_until, args=(installed, stop, acknowledged, name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    wait_for(lambda: peek(acknowledged) >= 100)

    code, log = installed.end()
    stop.set()
    for thread in threads:
        thread.join()

    assert code == 0, log
    assert not (installed.folder / "control.json").exists()
    checked = installed.json("check")
    assert checked["healthy"]
    assert checked["products"][0]["counters"]["logged"] >= peek(acknowledged)


def test_a_killed_server_comes_back_with_everything(installed):
    """kill -9 under load leaves a socket and a lock behind; the next start has every acknowledged call and the keys."""
    key = installed.start()["ingest_key"]
    acknowledged = itertools.count()
    stop = threading.Event()
    thread = threading.Thread(target=send_until, args=(installed, stop, acknowledged, "a"))
    thread.start()
    wait_for(lambda: peek(acknowledged) >= 50)

    installed.end(signal.SIGKILL)
    stop.set()
    thread.join()

    assert (installed.folder / "control.json").exists()
    assert installed.start()["ingest_key"] == key
    token = installed.good("key", "create", "--kind", "read").strip()
    assert installed.settle(token)["log"]["offset"] >= peek(acknowledged)
    assert installed.json("check")["healthy"]


def test_a_long_path_has_its_socket_elsewhere(tmp_path):
    """A data folder too deep for a Unix socket is served and reached all the same, and leaves nothing behind."""
    installed = Installed(tmp_path / ("deep" * 20) / ("deeper" * 10) / "data")
    installed.start()
    try:
        assert installed.json("check")["served"]
        socket_path = installed.folder.joinpath("control.json").read_text().split('"')[3]
    finally:
        installed.end()

    assert len(os.fsencode(str(installed.folder))) > 100
    assert not os.path.exists(os.path.dirname(socket_path))


@pytest.mark.parametrize("words", [("worker",), ("serve", "--role", "web"), ("serve", "--role", "worker")])
def test_a_part_of_the_work_needs_stores_that_are_shared(installed, words):
    """With a data folder one process does everything; the refusal names the settings that are missing."""
    done = installed.run(*words)

    assert (done.returncode, code_of(done.stderr)) == (1, "E017")
    assert all(name in done.stderr for name in ("UPTAKE_META_URL", "UPTAKE_LOG_URL", "UPTAKE_STORE_URL"))


def send_until(installed, stop, acknowledged, name):
    """Send single calls until told to stop or the server is gone; count the answers."""
    with httpx.Client(base_url=installed.url, auth=(installed.key, ""), timeout=PATIENCE_S) as client:
        for number in itertools.count():
            try:
                call = {"type": "track", "userId": name, "event": "Export", "messageId": f"{name}{number}"}
                if stop.is_set() or client.post("/v1/track", json=call).status_code != 200:
                    return
            except httpx.TransportError:
                return
            next(acknowledged)


def peek(counter):
    """How often a count was taken."""
    return int(repr(counter)[6:-1])
