"""The socket of a running server: what is asked arrives, what is answered comes back, and silence is told."""

import errno
import json
import os
import socket
import threading

import pytest

from tests.house import House
from uptake.control import requests as ask
from uptake.control.client import RemoteDesk, find_server
from uptake.control.exports import batch_of
from uptake.control.operations import Office, perform
from uptake.control.server import ControlServer
from uptake.core.errors import ConfigInvalid, UptakeError
from uptake.pipeline.jobs import Kind
from uptake.pipeline.steps import Step
from uptake.stores.events.base import EXPORT_TABLES
from uptake.worker import Worker


@pytest.fixture
def house():
    made = House()
    made.group("ana", "acme")
    made.track("ana", "Export", times=3)
    made.settle()
    return made


@pytest.fixture
def desk(house, tmp_path):
    office = Office(house.running, house.directory, tmp_path, served=True)
    server = ControlServer(office, url="http://127.0.0.1:1")
    server.start()
    yield find_server(tmp_path)
    server.stop()


class Heard:
    """Keeps what an operation tells."""

    def __init__(self):
        self.steps, self.chunks = [], []

    def progress(self, done, total, doing):
        self.steps.append((done, total, doing))

    def chunk(self, content):
        self.chunks.append(content)


def test_a_key_is_good_when_the_answer_comes(desk, house):
    """The directory knows the key that was just made, and no longer the one that was just revoked."""
    made = desk.ask(ask.CreateKey(kind="ingest", name="web"))

    assert house.directory.find_ingest(made["text"]).product_id == 1
    desk.ask(ask.RevokeKey(id=made["id"]))
    assert house.directory.find_ingest(made["text"]) is None
    assert [key["name"] for key in desk.ask(ask.ListKeys())] == ["web"]


def test_a_configuration_is_in_force_when_the_answer_comes(desk, house):
    """What ingest keeps follows at once."""
    text = "destination: {mappings: [{name: Paid, action: track, trigger: 'properties.plan = \"pro\"', enabled: true}]}"

    answer = desk.ask(ask.ApplyConfig(text=text))

    assert answer["changed"]
    assert ("plan",) in house.product.projection.properties


def test_an_error_arrives_as_it_was_raised(desk):
    """Code, message and hint cross the socket, the faults of a document too."""
    with pytest.raises(UptakeError) as unknown:
        desk.ask(ask.ExportConfig(product="Nobody's"))
    with pytest.raises(ConfigInvalid) as invalid:
        desk.ask(ask.ApplyConfig(text="prodct: x\nfeatures: y"))

    assert unknown.value.code == "E008"
    assert unknown.value.hint == "Name one with --product: 'My product'."
    assert [fault.place for fault in invalid.value.faults] == ["$.prodct", "$.features"]


def test_an_unknown_account_or_workspace_is_told(desk):
    """The views' refusals become errors of the command line."""
    for request in (
        ask.Explain(kind="account", id="nobody"),
        ask.Explain(kind="account", id="acme", workspace_id=9),
    ):
        with pytest.raises(UptakeError) as caught:
            desk.ask(request)
        assert caught.value.code == "E008"


def test_progress_and_chunks_come_before_the_answer(desk, house):
    """A rebuild tells how far it is; a table comes in pieces."""
    heard, worker = Heard(), Worker(house.running)
    worker.start()

    rebuilt = desk.ask(ask.Rebuild(), heard)
    worker.stop()
    exported = desk.ask(ask.Export(table="daily_counts"), heard)

    assert rebuilt == {"generation": 2, "calls": 4}
    assert heard.steps[-1][0] == heard.steps[-1][1]
    rows = [row for content in heard.chunks for row in batch_of(content).to_pylist()]
    assert [(row["user"], row["account"], row["times"]) for row in rows] == [("ana", "acme", 3)]
    assert exported == {"rows": 1}


def test_one_rebuild_at_a_time(desk, house):
    """A second one is refused while the first runs."""
    house.product.rebuilding = True

    with pytest.raises(UptakeError, match="E010"):
        desk.ask(ask.Rebuild())


def test_settling_waits_for_what_was_logged_so_far(desk, house):
    """It gives up after its time, and returns once the calls are scored, whatever arrives meanwhile."""
    house.track("ana", "Export")

    waited = desk.ask(ask.Settle(timeout_s=0.2))
    house.settle()

    assert waited == {"settled": False, "offset": 4}
    assert desk.ask(ask.Settle(timeout_s=60)) == {"settled": True, "offset": 5}


def test_check_counts_what_there_is(desk):
    """Counters, offsets and sizes of every product."""
    told = desk.ask(ask.Check())

    product = told["products"][0]
    assert (told["served"], told["pid"], told["worker_failures"]) == (True, os.getpid(), 0)
    assert product["counters"]["received"] == product["counters"]["logged"] == 4
    assert product["adds_up"]


def test_the_socket_is_its_owners_alone(desk, tmp_path):
    """Whoever can open it may do everything, so only the owner can."""
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


def test_several_commands_are_served_at_once(desk):
    """A long one does not make the others wait."""
    waiting = threading.Thread(target=lambda: desk.ask(ask.Settle(timeout_s=None)))
    waiting.start()

    assert desk.ask(ask.ListKeys()) == []
    waiting.join()


def test_a_request_of_another_version_is_told(desk, tmp_path):
    """What the server does not know is answered so, and the server goes on."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "control.sock"))
        connection.sendall(b'{"ask": "fly"}\n')
        told = json.loads(connection.makefile().readline())

    assert (told["is"], told["code"]) == ("fault", "E009")
    assert desk.ask(ask.ListKeys()) == []


def test_a_fault_of_the_server_is_no_answer(desk, house, monkeypatch, caplog):
    """The command is told that none came, the server's log says why."""
    monkeypatch.setattr(house.running.meta, "keys", lambda product_id: 1 / 0)

    with pytest.raises(UptakeError, match="E009"):
        desk.ask(ask.ListKeys())

    assert "control_failed" in caplog.text


def test_without_a_server_there_is_none(tmp_path):
    """No file, a file of another kind, and a socket that nobody listens at are the same."""
    assert find_server(tmp_path) is None
    (tmp_path / "control.json").write_text("{")
    assert find_server(tmp_path) is None
    (tmp_path / "control.json").write_text(json.dumps({"socket": str(tmp_path / "gone"), "pid": 1}))
    assert find_server(tmp_path) is None


@pytest.mark.parametrize("part", [b"", b'{"is": "progress", "done": 1, ', b'{"is": "chunk", "size": 100}\nshort'])
def test_a_server_that_dies_is_no_answer(tmp_path, part):
    """A connection that ends before the answer is E009, whatever came before."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def die():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(part)

        thread = threading.Thread(target=die)
        thread.start()
        heard = Heard()
        with pytest.raises(UptakeError, match="E009"):
            RemoteDesk(path).ask(ask.ListKeys(), heard)
        thread.join()
    assert heard.chunks == []


def test_tables_are_the_stores():
    """The command line names the same tables as the store, and the calls."""
    assert ask.Table.__args__ == (*EXPORT_TABLES, "calls")


def test_without_a_server_operations_do_the_work_themselves(house, tmp_path):
    """An office that nobody serves folds and scores before it answers."""
    house.track("ana", "Export")
    office = Office(house.running, house.directory, tmp_path, served=False)

    told = perform(office, ask.Explain(kind="account", id="acme"), ask.Silence())

    assert told.raw == 4
    assert house.product.status().settled


def test_an_erasure_without_a_server_ends_with_its_work(house, tmp_path):
    """The command returns when its job is told done, too; where that fails the command fails with it."""
    office = Office(house.running, house.directory, tmp_path, served=False)
    first = perform(office, ask.Erase(kind="user", id="ana"), Heard())
    receipt = perform(office, ask.AwaitErasure(id=first["id"]), Passing(house))
    told = [each.state for each in house.meta.jobs.all(1)]
    second = perform(office, ask.Erase(kind="user", id="bob"), Heard())
    house.running.jobs.kinds["erase"] = Kind(on_a_full_disk)

    with pytest.raises(UptakeError, match=r"E007 .*No space left"):
        perform(office, ask.AwaitErasure(id=second["id"]), Passing(house))

    assert (receipt["step"], told) == ("done", ["done"])
    assert [each.state for each in house.meta.jobs.all(1)] == ["failed", "done"]


class Passing(Heard):
    """Whenever something is told, ten seconds pass."""

    def __init__(self, house):
        super().__init__()
        self._house = house

    def progress(self, done, total, doing):
        self._house.now_us += 10_000_000


def on_a_full_disk(_bench, _job, _product, _note):
    """Work that has no place to write to."""
    yield Step(0, 1, "Erasing calls")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_whoever_waits_for_an_erasure_hears_that_it_was_taken_back(house, tmp_path):
    """It is told of the erasure, not of the job, of which nobody has heard."""
    office = Office(house.running, house.directory, tmp_path, served=False)
    made, step = perform(office, ask.Erase(kind="user", id="ana"), Heard()), house.running.step

    def taken_back():
        house.running.step = step
        house.running.jobs.cancel(1, house.meta.jobs.unfinished()[0].id, by="test")
        return step()

    house.running.step = taken_back
    with pytest.raises(UptakeError, match=r"job_cancelled Erasure 1 was cancelled"):
        perform(office, ask.AwaitErasure(id=made["id"]), Heard())
