"""An installation opened in process: what is derived comes back, what is precious stays, one process at a time."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import msgspec
import pytest

from tests.fakes_files import MemoryFiles
from uptake import installation
from uptake.cli.bulk import import_files
from uptake.control import requests as ask
from uptake.core.calls import Call
from uptake.core.errors import UptakeError
from uptake.engines import now_us
from uptake.installation import Installation, LocalDesk
from uptake.pipeline.import_csv import CsvReading
from uptake.settings import load
from uptake.stores.events.base import StoreDamaged
from uptake.stores.log.base import Request


@pytest.fixture
def settings(tmp_path):
    return load({}, {"data_dir": str(tmp_path / "data")})


@pytest.fixture
def filled(settings):
    """A folder with ana's three events, closed."""
    opened = Installation(settings, role="command")
    calls = [Call(type="track", message_id=f"m{n}", at_us=now_us(), user_id="ana", event="Export") for n in range(3)]
    opened.running.log.append([Request(1, now_us(), "segment", calls)])
    opened.running.settle(1)
    opened.close()
    return settings


def explained(settings):
    """Ana's raw score, as a command says it."""
    desk = LocalDesk(settings)
    try:
        return desk.ask(ask.Explain(kind="user", id="ana"))["raw"]
    finally:
        desk.close()


def test_a_lost_event_store_is_made_again(filled):
    """Without its file the store is folded from the log anew."""
    (store,) = (filled.data_dir / "store").glob("*.duckdb")
    store.unlink()

    assert explained(filled) == 3


def test_a_damaged_event_store_is_made_again(filled, caplog):
    """A file that is no store is replaced by one folded from the log, and the log says which and why."""
    (store,) = (filled.data_dir / "store").glob("*.duckdb")
    store.write_bytes(b"no database" * 1000)

    assert explained(filled) == 3

    told = [record for record in caplog.records if record.message == "store_made_again"]
    assert [(record.product, record.generation, record.calls) for record in told] == [(1, 1, 3)]
    assert "not a valid DuckDB database file" in told[0].why


def test_damage_met_in_the_middle_of_work_is_mended(filled):
    """Whoever reads a broken part of the store, the store is made again by who folds next."""
    opened = Installation(filled, role="command")
    product = opened.running.product(1)
    with pytest.raises(StoreDamaged), product.store._file._damage_named():
        raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2")

    opened.running.settle(1)

    assert (product.store.generation, product.store.offset()) == (2, 3)
    opened.close()
    assert explained(filled) == 3


def test_an_event_store_that_cannot_be_opened_is_said(filled):
    """What may be whole is never thrown away: the start names the file, and once the cause is gone all is well."""
    (store,) = (filled.data_dir / "store").glob("*.duckdb")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(store)!r}); print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(UptakeError, match=r"E011 .*p1-g1.duckdb.*Hint: See what the message says"):
        LocalDesk(filled)
    assert held_in(filled.data_dir) == []

    holder.communicate("\n")
    assert explained(filled) == 3


class Room(MemoryFiles):
    """Where files of long work lie, reached by a connection; tells how often it was closed."""

    closed = 0

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("refused_by", ["Files.begin", "open_stores", "Running", "Installation._set_up"])
def test_a_refused_start_lets_go_of_where_files_lie(settings, monkeypatch, refused_by):
    """Whatever refuses it; the folder is free again, too."""

    def refuse(*_of, **_how):
        raise UptakeError("E015", "it cannot be used")

    room = Room(clock=now_us)
    with monkeypatch.context() as patched:
        patched.setattr(installation, "open_files", lambda path, _: (path / "files", room))
        patched.setattr(f"uptake.installation.{refused_by}", refuse)
        with pytest.raises(UptakeError, match="E015"):
            Installation(settings, role="command")

    assert room.closed
    assert held_in(settings.data_dir) == []
    Installation(settings, role="command").close()


def held_in(folder):
    """The files of a folder that this process has open."""
    opened = (Path(os.path.realpath(each)) for each in Path("/proc/self/fd").iterdir())
    return [each.name for each in opened if each.is_relative_to(folder)]


def test_what_a_killed_rebuild_left_is_deleted(filled):
    """A generation that is not in force goes at the next start, its journal too; other files stay."""
    store = filled.data_dir / "store"
    for name in ("p1-g2.duckdb", "p1-g2.duckdb.wal", "p9-g1.duckdb", "notes.txt"):
        (store / name).write_bytes(b"half")

    assert explained(filled) == 3

    assert sorted(path.name for path in store.iterdir()) == ["notes.txt", "p1-g1.duckdb"]


def test_a_folder_is_open_once(filled):
    """A second opening is refused while the first lasts, and is possible after it."""
    desk = LocalDesk(filled)
    with pytest.raises(UptakeError, match="E004 Another command with process id"):
        LocalDesk(filled)
    desk.close()

    assert explained(filled) == 3


def test_a_start_that_fails_gives_the_folder_back(filled, monkeypatch):
    """After a fault in the middle of opening, the folder can be opened again by the same process."""
    with monkeypatch.context() as patched:
        patched.setattr("uptake.installation.Directory", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            LocalDesk(filled)

    assert explained(filled) == 3


def test_the_ingest_key_is_the_same_after_every_start(filled):
    """The first key is made once; its text needs the secret that it was sealed under."""
    keys = []
    for secret in ("", "", "another secret of at least 32 characters"):
        opened = Installation(msgspec.structs.replace(filled, secret_key=secret), role="command")
        keys.append(opened.ingest_key())
        opened.close()

    assert keys[0] == keys[1] is not None
    assert keys[2] is None


def test_an_import_goes_beside_an_open_installation(filled, tmp_path):
    """The ledger of an import needs no lock: meta store and call log admit several."""
    from_file = tmp_path / "calls.jsonl"
    from_file.write_text('{"type": "track", "userId": "ana", "event": "Export"}\n')
    desk = LocalDesk(filled)
    try:
        imported = import_files([from_file], filled, None, told=ask.Silence(), again=False, reading=CsvReading())
        told = desk.ask(ask.Explain(kind="user", id="ana"))
    finally:
        desk.close()

    assert imported[0].logged == 1
    assert told["raw"] == 4
