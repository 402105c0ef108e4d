"""A snapshot of a SQLite file, and of a log whose files follow one another, while others write."""

from contextlib import closing

import pytest

from tests.fakes_log import track
from uptake.stores.log import sqlite_snapshot
from uptake.stores.log.base import Request
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.log.sqlite_file import LogFile
from uptake.stores.log.sqlite_snapshot import LogSnapshot

JANUARY_US, FEBRUARY_US = 1_768_000_000_000_000, 1_770_500_000_000_000


def request(name, at_us=JANUARY_US):
    """One call of product 1."""
    return Request(1, at_us, "segment", (track(name),))


def test_what_is_committed_later_is_not_copied(tmp_path):
    """The copy holds what was there when the snapshot was taken, in every file, however many steps the copy takes."""
    log = SqliteCallLog(tmp_path / "log")
    log.append([request("first")])

    with closing(LogSnapshot(tmp_path / "log")) as held:
        log.append([request("second")])
        (tmp_path / "copy").mkdir()
        steps = []
        held.files[0].copy(tmp_path / "copy" / held.files[0].path.name, lambda *step: steps.append(step))
        end = held.end(1)

    copy = SqliteCallLog(tmp_path / "copy")
    assert (end, copy.end(1), log.end(1)) == (1, 1, 2)
    assert [each.call.message_id for each in copy.read(1, 0, most=9)] == ["first"]
    assert steps[-1][0] == steps[-1][1] > 0
    log.close()
    copy.close()


def test_a_log_that_is_not_there_yet_is_empty(tmp_path):
    """Before the first call there are no files."""
    with closing(LogSnapshot(tmp_path / "log")) as held:
        assert held.files == []
        assert held.end(1) == 0


def test_files_between_two_months_are_not_taken(tmp_path, monkeypatch):
    """A newest file that is closed has a successor that was not seen; calls behind an open file are of another
    moment."""
    monkeypatch.setattr(sqlite_snapshot, "TRIES", 2)
    monkeypatch.setattr(sqlite_snapshot, "WAIT_S", 0)
    log = SqliteCallLog(tmp_path / "log")
    log.append([request("january")])
    log.append([request("february", FEBRUARY_US)])
    log.close()
    february = tmp_path / "log" / "calls-2026-02.sqlite"

    february.rename(tmp_path / "elsewhere")
    with pytest.raises(TimeoutError):
        LogSnapshot(tmp_path / "log")
    (tmp_path / "elsewhere").rename(february)
    with closing(LogSnapshot(tmp_path / "log")) as held:
        assert held.end(1) == 2
    january = LogFile(tmp_path / "log" / "calls-2026-01.sqlite")
    january.write(lambda writer: writer.execute("drop trigger closed"))
    january.close()
    with pytest.raises(TimeoutError):
        LogSnapshot(tmp_path / "log")
