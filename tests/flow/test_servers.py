"""The whole product with its call log on NATS and its meta store in PostgreSQL, both real servers."""

from contextlib import closing

import pytest

from tests.installed import Installed, wait_for
from tests.jetstream import jetstream
from tests.postgres import postgres
from uptake.core.errors import UptakeError
from uptake.engines import open_log
from uptake.stores.log import nats as engine


@pytest.fixture(scope="module")
def servers():
    """NATS with one server, and the settings that name it and an empty database."""
    with postgres() as database, jetstream() as ((server,), _):
        yield server, {"UPTAKE_META_URL": database(), "UPTAKE_LOG_URL": f"{server.url}?name=flow"}


def track(message_id):
    """One of ana's exports."""
    return {"type": "track", "userId": "ana", "event": "Export", "messageId": message_id}


def test_what_servers_keep_is_served_scored_and_begun_again(servers, tmp_path):
    """Calls come in, are scored, and after the folder is lost everything is there again from the servers.

    While one process works on the database another one is refused; a backup is refused, and each refusal has its code;
    while NATS is away senders get 503, and it goes on by itself.
    """
    server, environment = servers
    node = Installed(tmp_path / "one", UPTAKE_SECRET_KEY="k" * 40, **environment)
    with closing(node):
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        assert node.post([track("a"), track("b")]).status_code == 200
        node.settle(token)
        assert [each["raw_score"] for each in users(node, token)] == [2.0]
        assert not list(node.folder.rglob("*.sqlite"))

        second = Installed(tmp_path / "two", **environment).run("serve", "--port", "0")
        assert (second.returncode, "E004" in second.stderr) == (1, True)
        assert "E016" in node.run("backup").stderr

        server.kill()
        away = node.post([track("c")])
        assert (away.status_code, away.json()["code"]) == (503, "log_unavailable")
        assert away.headers["retry-after"]
        assert node.get("/readyz").status_code == 503
        assert node.get("/healthz").status_code == 200
        server.start()
        while node.post([track("c")]).status_code == 503:
            pass
        wait_for(lambda: node.get("/readyz").status_code == 200)
        node.settle(token)
        code, log = node.end()
        assert code == 0
        assert "postgresql" not in log

    other = Installed(tmp_path / "three", UPTAKE_SECRET_KEY="k" * 40, **environment)
    with closing(other):
        other.start()
        other.settle(token)
        assert [each["raw_score"] for each in users(other, token)] == [3.0]


def test_an_erasure_takes_the_bytes_from_the_servers_too(servers, tmp_path):
    """A planted name, address and id are in no file of the log's server nor of the folder once the receipt is given."""
    server, environment = servers
    log_url = environment["UPTAKE_LOG_URL"].replace("name=flow", "name=erasing")
    node = Installed(tmp_path / "one", **{**environment, "UPTAKE_META_URL": "", "UPTAKE_LOG_URL": log_url})
    with closing(node):
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        gone = {
            "type": "identify",
            "userId": "zyphra-7",
            "traits": {"email": "zyphra@secret.example", "name": "Quill Z."},
        }
        for number in range(20):
            calls = [{**gone, "messageId": f"z{number}"}, track(f"a{number}")]
            assert node.post(calls).status_code == 200
        node.settle(token)
        assert found_in(server.folder)

        receipt = node.json("erase", "user", "zyphra-7", "--yes")

        assert (receipt["step"], receipt["calls"]) == ("done", 20)
        assert (found_in(server.folder), found_in(node.folder)) == (set(), set())
        node.settle(token)
        assert [(each["tracking_id"], each["raw_score"]) for each in users(node, token)] == [("ana", 20.0)]


def found_in(folder):
    """The names of files that hold a planted byte."""
    planted = (b"zyphra-7", b"zyphra@secret.example", b"Quill Z.")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files for each in planted if each in path.read_bytes()}


def users(node, token):
    """The users of the first workspace."""
    return node.read("/v2/users?workspace_id=1", token).json()["data"]


def test_servers_that_are_away_stop_the_start(monkeypatch, tmp_path):
    """Without NATS nothing starts: the fault has a code and a hint, and no password."""
    monkeypatch.setattr(engine, "PATIENCE_S", 0.1)
    with pytest.raises(UptakeError, match=r"E015 .*UPTAKE_LOG_URL") as told:
        open_log(tmp_path, "nats://ana:hunter2@127.0.0.1:1")

    assert "hunter2" not in str(told.value)
