"""The whole product with its event stores on a ClickHouse server, as far as its engine behind HTTP is one."""

from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.clickhouse_server import Process, clickhouse, client_of
from tests.installed import Installed, wait_for
from tests.links import link


@pytest.fixture(scope="module")
def make():
    """Makes the address of an empty database."""
    with clickhouse() as databases:
        yield databases


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A process with ClickHouse's engine on a folder."""
    process = Process(tmp_path_factory.mktemp("clickhouse"))
    yield process
    process.kill()


def track(message_id):
    """One of ana's exports."""
    return {"type": "track", "userId": "ana", "event": "Export", "messageId": message_id}


def stores(url):
    """The databases of event stores on the server."""
    beginning = urlsplit(url).path.strip("/")
    with closing(client_of(url, "default")) as client:
        rows = client.query("select name from system.databases order by name").result_rows
    return [name.removeprefix(beginning) for (name,) in rows if name.startswith(f"{beginning}_p")]


def test_calls_are_counted_and_scored_on_clickhouse(make, tmp_path):
    """No store is in the folder; a restart goes on where it was; a rebuild is a new database in its place."""
    url = make()
    node = Installed(tmp_path / "one", UPTAKE_STORE_URL=url)
    with closing(node):
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        assert node.post([track("a"), track("b"), track("a")]).status_code == 200
        node.settle(token)
        assert raw_scores(node, token) == [2.0]
        assert not list(node.folder.rglob("*.duckdb"))
        assert stores(url) == ["_p1_g1"]
        assert node.end()[0] == 0

        node.start()
        assert node.post([track("b"), track("c")]).status_code == 200
        node.settle(token)
        assert raw_scores(node, token) == [3.0]
        node.good("rebuild")
        assert raw_scores(node, token) == [3.0]
        code, log = node.end()

    assert (code, "store_made_again" in log) == (0, False)
    assert stores(url) == ["_p1_g2"]


def test_a_server_that_dies_is_told_and_taken_up_again(server, tmp_path):
    """While it is away calls are taken and reads answer 503; when it is back everything goes on, and counts once."""
    node = Installed(tmp_path / "one", UPTAKE_STORE_URL=server.url.replace("/default", "/dying"))
    with closing(node):
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        assert node.post([track("a")]).status_code == 200
        node.settle(token)

        server.kill()
        assert node.post([track("b"), track("a")]).status_code == 200
        away = node.read("/v2/users?workspace_id=1", token)
        assert (away.status_code, away.json()["error"]["code"]) == (503, "store_unavailable")
        assert away.headers["retry-after"]

        server.start()
        node.settle(token)
        assert raw_scores(node, token) == [2.0]


def test_an_erasure_takes_the_bytes_from_clickhouse_too(server, tmp_path):
    """A planted name, address and id are in no file of the server nor of the folder once the receipt is given."""
    node = Installed(tmp_path / "one", UPTAKE_STORE_URL=server.url.replace("/default", "/erasing"))
    traits = {"email": "zyphra@secret.example", "name": "Quill Z."}
    gone = {"type": "identify", "userId": "zyphra-7", "traits": traits}
    with closing(node):
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        for number in range(3):
            assert node.post([{**gone, "messageId": f"z{number}"}, track(f"a{number}")]).status_code == 200
        node.settle(token)
        assert found_in(server.folder)

        receipt = node.json("erase", "user", "zyphra-7", "--yes")

        assert (receipt["step"], receipt["calls"]) == ("done", 3)
        assert (found_in(server.folder), found_in(node.folder)) == (set(), set())
        node.settle(token)
        assert raw_scores(node, token) == [3.0]


def found_in(folder):
    """The names of files that hold a planted byte."""
    planted = (b"zyphra-7", b"zyphra@secret.example", b"Quill Z.")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files for each in planted if each in path.read_bytes()}


def test_a_server_that_cannot_be_used_is_named_without_its_password(tmp_path):
    """A code and a hint say which setting it is; what the address holds is not shown."""
    done = Installed(tmp_path, UPTAKE_STORE_URL="clickhouse://ana:hush@127.0.0.1:9/uptake").run("serve", "--port", "0")

    assert done.returncode == 1
    assert "E015" in done.stderr
    assert "UPTAKE_STORE_URL" in done.stderr
    assert "hush" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "text", ["http://one/uptake", "clickhouse://one", "clickhouse://one/Up-take", "clickhouse://one/u?x=1"]
)
def test_an_address_that_is_none_is_refused(tmp_path, text):
    """Before anything is opened, with what is expected instead."""
    done = Installed(tmp_path, UPTAKE_STORE_URL=text).run("serve", "--port", "0")

    assert (done.returncode, "E001" in done.stderr, "clickhouse://" in done.stderr) == (1, True, True)


def raw_scores(node, token):
    """Users' raw scores."""
    return [each["raw_score"] for each in node.read("/v2/users?workspace_id=1", token).json()["data"]]


def test_metrics_are_told_while_the_server_is_silent(make, tmp_path):
    """A scrape does not wait until its connection is given up; what the server is asked for is there again with it."""
    at = urlsplit(make())
    with link(at.hostname, at.port) as wire:
        url = at._replace(netloc=f"{at.username}@127.0.0.1:{wire.port}", query="answer_s=3600").geturl()
        node = Installed(tmp_path / "one", UPTAKE_STORE_URL=url)
        with closing(node):
            node.start()
            assert node.post([track("a")]).status_code == 200
            wait_for(lambda: 'uptake_folded_offset{product="1"} 1.0' in node.get("/metrics").text)

            wire.hole()
            assert node.post([track("b")]).status_code == 200
            told = node.get("/metrics").text
            assert "uptake_ready 1.0" in told
            assert "uptake_log_bytes" in told
            assert "uptake_folded_offset" not in told

            wire.heal(forget=False)
            wait_for(lambda: 'uptake_folded_offset{product="1"} 2.0' in node.get("/metrics").text)
