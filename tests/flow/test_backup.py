"""Backup and restore: beside a server under load every acknowledged call is kept, and every number comes back."""

import gzip
import itertools
import json
import tarfile
import threading
from contextlib import closing

import pytest

from tests.installed import Installed, code_of, wait_for
from tests.whole import group, identify, track
from uptake.backup.manifest import NAME
from uptake.backup.restoring import restore_backup
from uptake.backup.writing import write_backup
from uptake.control.requests import Silence
from uptake.core.calls import Call
from uptake.core.errors import UptakeError
from uptake.engines import now_us, open_log
from uptake.installation import Installation
from uptake.settings import load
from uptake.stores.events.exports import EXPORTS
from uptake.stores.log.base import Request
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.people import Person, Session
from uptake.stores.meta.sql import SqlMetaStore

CONFIG = """
time_zone: Europe/Berlin
features: [{name: Reporting, events: [Report_Created]}, {name: Sharing, events: [Shared]}]
workspaces: [{name: Engagement, features: {Reporting: 8, Sharing: 3}}]
"""


# ---- real processes
def test_every_number_comes_back(installed, tmp_path):
    """A backup beside the server, restored and served elsewhere, exports the same rows of every table."""
    installed.start()
    installed.good("config", "apply", "-", stdin=CONFIG)
    installed.post([identify("ana", traits={"name": "Ana"}), group("ana", "acme", traits={"mrr": 100})])
    installed.post([track("ana", "Report_Created", day) for day in range(1, 60)])
    installed.post([track("bob", "Shared", messageId="once"), track("bob", "Shared", messageId="once"), {"type": "x"}])
    token = installed.good("key", "create", "--kind", "read").strip()
    installed.settle(token)

    told = installed.json("backup", "--out", tmp_path / "all.tar.zst")
    restored = Installed(tmp_path / "restored")
    restored.good("restore", tmp_path / "all.tar.zst")
    announced = restored.start()
    try:
        restored.settle(token)
        again = everything_of(restored)
        answers = [restored.post([track("ana", "Shared")]).status_code]
    finally:
        restored.close()

    assert told["manifest"]["products"] == [{"id": 1, "name": "My product", "revision": 2, "log_offset": 63}]
    assert announced["ingest_key"] == installed.key
    assert again == everything_of(installed)
    assert answers == [200]


def everything_of(installed):
    """Every table's rows, the configuration, the keys and the counters."""
    checked = installed.json("check")["products"][0]
    return {
        **{table: installed.good("export", "--table", table, "--out", "-", "--format", "csv") for table in EXPORTS},
        "config": installed.json("config", "export"),
        "keys": installed.json("key", "list"),
        "counters": checked["counters"],
        "totals": checked["totals"],
    }


def test_what_was_acknowledged_before_is_in_it(installed, tmp_path):
    """Under load the backup is a beginning of the log, whole, with every call that was answered before it began."""
    installed.start()
    acknowledged, stop = itertools.count(), threading.Event()
    threads = [threading.Thread(target=send_until, args=(installed, stop, acknowledged, name)) for name in "ab"]
    for thread in threads:
        thread.start()
    wait_for(lambda: seen(acknowledged) >= 50)

    before = seen(acknowledged)
    installed.good("backup", "--out", tmp_path / "all.tar.gz")
    after = seen(acknowledged)
    stop.set()
    for thread in threads:
        thread.join()

    restored = Installed(tmp_path / "restored")
    restored.good("restore", tmp_path / "all.tar.gz")
    kept, whole = calls_of(restored.folder), calls_of(installed.folder)
    assert after > before  # the server went on
    assert before <= len(kept) < len(whole)
    assert kept == whole[: len(kept)]
    assert restored.json("check")["healthy"]


def send_until(installed, stop, acknowledged, user):
    """Send batches of two until told to stop, counting the calls that were acknowledged."""
    for number in itertools.count():
        if stop.is_set():
            return
        calls = [track(user, "Shared", messageId=f"{user}{number}-{each}") for each in range(2)]
        if installed.post(calls).status_code == 200:
            next(acknowledged), next(acknowledged)


def seen(counter):
    """How many were counted."""
    return int(repr(counter)[6:-1])


def calls_of(folder):
    """Every call of product 1."""
    log = open_log(folder)
    calls = log.read(1, 0, most=10**9)
    log.close()
    return calls


def test_a_folder_that_is_not_empty_is_left_alone(installed, tmp_path):
    """The command ends with 1 and the code, and the folder holds what it held."""
    installed.good("key", "create", "--kind", "read")
    installed.good("backup", "--out", tmp_path / "all.tar.zst")
    before = {path: path.read_bytes() for path in installed.folder.rglob("*") if path.is_file()}

    done = installed.run("restore", tmp_path / "all.tar.zst")

    assert (done.returncode, code_of(done.stderr)) == (1, "E013")
    assert {path: path.read_bytes() for path in installed.folder.rglob("*") if path.is_file()} == before


def test_there_must_be_something_to_back_up(installed, tmp_path):
    """A folder without an installation is said, and no file is made."""
    done = installed.run("backup", "--out", tmp_path / "all.tar.zst")

    assert (done.returncode, code_of(done.stderr)) == (1, "E008")
    assert list(tmp_path.iterdir()) == []


# ---- in process
@pytest.fixture
def filled(tmp_path):
    """A folder with calls of two months, closed."""
    settings = load({}, {"data_dir": str(tmp_path / "data")})
    opened = Installation(settings, role="command")
    for month in range(2):
        at_us = now_us() + month * 31 * 86_400_000_000
        calls = [Call(type="track", message_id=f"m{month}{n}", at_us=now_us(), user_id="ana", event="E") for n in "ab"]
        opened.running.log.append([Request(1, at_us, "segment", calls)])
    opened.close()
    return settings.data_dir


@pytest.fixture
def archive(filled, tmp_path):
    """A backup of it."""
    write_backup(filled, tmp_path / "all.tar.gz", Silence())
    return tmp_path / "all.tar.gz"


@pytest.mark.parametrize("name", ["all.tar.zst", "all.tar.gz", "all.tgz", "all"])
def test_every_form_comes_back(filled, tmp_path, name):
    """Whatever the form, the restored folder holds the log of all months; all of it is its owner's alone."""
    made = write_backup(filled, tmp_path / name, Silence())

    told = restore_backup(tmp_path / name, tmp_path / "new", Silence())

    assert told == made
    assert [each.name[:4] for each in told.files] == ["log/", "log/", "meta", "secr"]
    assert calls_of(tmp_path / "new") == calls_of(filled)
    paths = [tmp_path / name, tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert [path for path in paths if path.stat().st_mode & 0o077] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["data", "new", name])


def test_a_restored_log_goes_on(archive, tmp_path):
    """The next call after a restore takes the next offset, behind a file of an older month too."""
    restore_backup(archive, tmp_path / "new", Silence())

    log = open_log(tmp_path / "new")
    fresh = Call(type="track", message_id="later", at_us=0, user_id="ana", event="E")
    first = log.append([Request(1, now_us(), "segment", [fresh])])
    log.close()

    assert first == [4]


@pytest.mark.parametrize("at", range(5, 100, 19))
def test_a_damaged_backup_is_refused(archive, tmp_path, at):
    """Cut short anywhere, or with a byte changed anywhere, nothing is restored and the new folder is gone."""
    content = archive.read_bytes()
    place = len(content) * at // 100
    for bad in (content[:place], content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]):
        archive.write_bytes(bad)

        with pytest.raises(UptakeError, match=r"^E012 The backup is damaged"):
            restore_backup(archive, tmp_path / "new", Silence())

        assert not (tmp_path / "new").exists()


def test_a_changed_file_is_found_by_its_sum(filled, tmp_path):
    """A folder in which one byte of a file changed is refused; so is one with a file too few or too many."""
    write_backup(filled, tmp_path / "all", Silence())
    meta, manifest = tmp_path / "all" / "meta.sqlite", tmp_path / "all" / NAME
    content, told = meta.read_bytes(), manifest.read_bytes()

    meta.write_bytes(content[:-1] + b"x")
    with pytest.raises(UptakeError, match=r"meta\.sqlite is not what was written"):
        restore_backup(tmp_path / "all", tmp_path / "new", Silence())
    meta.unlink()
    with pytest.raises(UptakeError, match=r"meta\.sqlite is missing"):
        restore_backup(tmp_path / "all", tmp_path / "new", Silence())
    meta.write_bytes(content)
    manifest.write_bytes(told.replace(b'"log_offset": 4', b'"log_offset": 5'))
    with pytest.raises(UptakeError, match="ends at 4 instead of 5"):
        restore_backup(tmp_path / "all", tmp_path / "new", Silence())


def test_what_is_no_part_of_a_backup_is_refused(tmp_path):
    """A file that leads out of the folder, or a link, is not written anywhere."""
    for kind, name in ((tarfile.REGTYPE, "../meta.sqlite"), (tarfile.SYMTYPE, "meta.sqlite")):
        with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)

        with pytest.raises(UptakeError, match="no part of a backup"):
            restore_backup(tmp_path / "bad.tar.gz", tmp_path / "new", Silence())

    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


def test_a_newer_backup_is_said(filled, tmp_path):
    """What a newer Uptake wrote is refused before anything is put in place, and says which one is needed."""
    write_backup(filled, tmp_path / "all", Silence())
    manifest = tmp_path / "all" / NAME
    told = json.loads(manifest.read_bytes())

    for newer in ({"format": 3}, {"schema": "9999"}):
        manifest.write_text(json.dumps(told | newer | {"uptake": "9.9"}))
        with pytest.raises(UptakeError, match=r"E005 .*Install Uptake 9.9 or newer"):
            restore_backup(tmp_path / "all", tmp_path / "new", Silence())

    assert not (tmp_path / "new").exists()


def test_a_backup_never_replaces_a_file(filled, archive):
    """What is there already stays as it is."""
    content = archive.read_bytes()

    with pytest.raises(UptakeError, match=r"E007 .*is there already"):
        write_backup(filled, archive, Silence())

    assert archive.read_bytes() == content
    assert gzip.decompress(content)


def test_a_place_that_cannot_be_written_is_said(filled, tmp_path):
    """Nothing is left behind where the folder is missing."""
    with pytest.raises(UptakeError, match=r"E007 .*cannot be written"):
        write_backup(filled, tmp_path / "nowhere" / "all.tar.zst", Silence())

    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_nobody_is_let_in_by_what_was_restored(filled, tmp_path):
    """People come back, and not their sessions and links, which may have been ended since."""
    with closing(SqlMetaStore(f"sqlite:///{filled / 'meta.sqlite'}", b"s")) as meta:
        person = meta.people.add_person(
            Person(0, "ana@acme.example", "Ana", owner=False, created_us=1), "", Entry(1, "test", "made")
        )
        meta.people.open_session(
            Session(0, person.id, 1, 1, 2**60, "Firefox", "::1"), b"d" * 32, Entry(1, "test", "in")
        )
    write_backup(filled, tmp_path / "all", Silence())

    restore_backup(tmp_path / "all", tmp_path / "again", Silence())

    with closing(SqlMetaStore(f"sqlite:///{tmp_path / 'again' / 'meta.sqlite'}", b"s")) as meta:
        assert (meta.people.sessions(person.id), meta.people.links()) == ([], [])
        assert person in meta.people.people()
