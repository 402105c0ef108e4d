"""A log that ends before what it has acknowledged: SQLite alone would not notice, and its marks do."""

import os
import random
import shutil

import pytest

from tests.contract.test_call_log import ACME, BOBS, DECEMBER_US, ids, request
from tests.contract.test_call_log_damage import CALLS, REQUESTS, everything, fill_and_be_killed, flip
from uptake.stores.log.base import LogDamaged
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.log.sqlite_file import PAGE_BYTES
from uptake.stores.log.sqlite_marks import PLACE_BYTES, Marks, marks_in
from uptake.stores.log.sqlite_salvage import WAL_HEADER, wal_of

ALL = REQUESTS * CALLS
FRAME_BYTES = PAGE_BYTES + 24
TOLD = "calls-2026-11.sqlite ended before calls that had been acknowledged"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A log whose process was killed; most of it stands in the write-ahead log."""
    folder = tmp_path_factory.mktemp("killed") / "log"
    fill_and_be_killed(folder)
    return folder


@pytest.fixture
def folder(killed, tmp_path):
    """A copy of it, of the test's own."""
    return shutil.copytree(killed, tmp_path / "log")


@pytest.fixture
def wal(folder):
    return folder / "calls-2026-11.sqlite-wal"


def missing(first, after, product=ACME, month="2026-11"):
    return f"calls-{month}.sqlite: product {product}, offsets {first} to {after - 1} are missing"


def assert_goes_on(folder, *, lost, end=ALL):
    """Offsets go on behind what was lost, no offset is given twice, and it is told now and at the next start."""
    log = SqliteCallLog(folder, mends=True)
    told = log.damage()
    assert log.end(ACME) == end
    assert log.append([request("new")]) == [end]
    assert everything(log)[1] == lost
    assert log.damage() == told
    log.close()

    again = SqliteCallLog(folder, mends=True)
    assert again.damage() == told
    assert ids(again.read(ACME, end, most=9)) == ["new"]
    again.close()
    return told


def test_what_a_kill_left_is_no_damage(folder):
    """The usual case: nothing is missing, nothing is told, also to one that must not mend."""
    for mends in (False, True):
        log = SqliteCallLog(folder, mends=mends)
        assert (log.end(ACME), log.end(BOBS), log.damage()) == (ALL, REQUESTS, [])
        log.close()


def test_a_write_ahead_log_cut_to_nothing_is_damage(folder, wal):
    """SQLite takes it for one that was folded; here what stood in it is named, product by product, and counted."""
    wal.write_bytes(b"")

    told = assert_goes_on(folder, lost=[(0, ALL)])

    assert told == [TOLD, missing(0, ALL), missing(0, REQUESTS, BOBS)]


def test_a_write_ahead_log_that_is_gone_is_damage(folder, wal):
    """Deleted is as cut to nothing."""
    wal.unlink()

    assert assert_goes_on(folder, lost=[(0, ALL)])[0] == TOLD


def test_a_write_ahead_log_without_its_last_commit_is_damage(folder, wal):
    """What was cut off, even one page, is known to have been there."""
    wal.write_bytes(wal.read_bytes()[:-1])

    log = SqliteCallLog(folder, mends=True)

    assert log.damage() == [TOLD, missing(REQUESTS - 1, REQUESTS, BOBS)]  # bob's was the last
    assert len(everything(log)[0]) == ALL
    assert log.append([request("new", product=BOBS)]) == [REQUESTS]
    log.close()


def test_a_last_commit_that_is_whole_is_read_back(folder, wal):
    """SQLite drops it for its frame's checksum; its pages are all there, and nothing that was acknowledged is lost."""
    flip(wal, wal.stat().st_size - FRAME_BYTES + 16)

    log = SqliteCallLog(folder, mends=True)

    assert [len(each) for each in (*everything(log), *everything(log, BOBS))] == [ALL, 0, REQUESTS, 0]
    (told,) = log.damage()
    assert "its write-ahead log breaks off after" in told
    assert log.append([request("new", product=BOBS)]) == [REQUESTS]
    log.close()


def test_a_write_ahead_log_of_a_single_commit_is_read_back(folder, wal):
    """Nothing that SQLite takes stands before it, and it is read back all the same: the marks know of it."""
    SqliteCallLog(folder, mends=True).close()
    log = SqliteCallLog(folder, mends=True)
    log.append([request("last")])
    copy = shutil.copytree(folder, folder.with_name("copy"))
    log.close()
    assert wal_of(copy / "calls-2026-11.sqlite", PAGE_BYTES).sure == 0
    flip(copy / wal.name, WAL_HEADER + 16)

    told = assert_goes_on(copy, lost=[], end=ALL + 1)

    assert "its write-ahead log breaks off after 0 of at least" in told[0]


def test_what_is_mended_under_way_is_held_against_the_marks_too(folder):
    """The file of a log that is open is cut, and its tree breaks: offsets go on behind what was acknowledged."""
    path = folder / "calls-2026-11.sqlite"
    SqliteCallLog(folder, mends=True).close()
    log = SqliteCallLog(folder, mends=True)
    content = path.read_bytes()
    path.write_bytes(content[:PAGE_BYTES] + b"\xff" * PAGE_BYTES + content[2 * PAGE_BYTES : len(content) // 2])

    assert log.append([request("new")]) == [ALL]

    calls, (lost,) = everything(log)
    assert 0 < len(calls) < ALL
    assert lost == (len(calls) - 1, ALL)
    assert missing(lost[0], ALL) in log.damage()
    log.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_flip_in_the_very_last_commit_is_found(folder, wal, seed):
    """Wherever in its last page: SQLite ends before it in silence; here it costs one request at most, and is told."""
    flip(wal, wal.stat().st_size - 1 - random.Random(seed).randrange(FRAME_BYTES))

    log = SqliteCallLog(folder, mends=True)
    acmes, bobs = everything(log), everything(log, BOBS)

    assert log.damage()
    assert (len(acmes[0]), len(bobs[0])) in ((ALL, REQUESTS), (ALL - CALLS, REQUESTS), (ALL, REQUESTS - 1))
    for (calls, lost), end in ((acmes, ALL), (bobs, REQUESTS)):
        assert len(calls) + sum(after - first for first, after in lost) == end
    assert log.append([request("new", product=BOBS)]) == [REQUESTS]
    log.close()


def test_whoever_must_not_mend_is_told_where(folder, wal):
    """A command beside the server changes nothing; offsets are not given twice."""
    wal.write_bytes(b"")

    with pytest.raises(LogDamaged, match=rf"calls-2026-11\.sqlite: product 1, offsets 0 to {ALL - 1} are missing"):
        SqliteCallLog(folder)

    assert assert_goes_on(folder, lost=[(0, ALL)])


@pytest.mark.parametrize("left", [True, False])
def test_a_file_that_is_gone_is_damage(folder, wal, left):
    """It is made anew, with what its write-ahead log still has, and offsets go on."""
    (folder / "calls-2026-11.sqlite").unlink()
    if not left:
        wal.unlink()

    with pytest.raises(LogDamaged, match=r"calls-2026-11\.sqlite is missing"):
        SqliteCallLog(folder)
    told = assert_goes_on(folder, lost=[] if left else [(0, ALL)])

    assert "the file was missing" in told[0]
    assert (missing(0, ALL) in told) is not left


def test_a_file_that_was_cut_is_known_to_end_earlier(folder):
    """Half of a file that was closed well: nobody else has to know how far it went."""
    path = folder / "calls-2026-11.sqlite"
    SqliteCallLog(folder, mends=True).close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    log = SqliteCallLog(folder, mends=True)
    ends = [each.offset for each in everything(log)[0]]
    log.close()

    assert 0 < len(ends) < ALL
    assert missing(ends[-1] + 1, ALL) in assert_goes_on(folder, lost=[(ends[-1] + 1, ALL)])


def test_the_newest_of_several_months_may_be_gone(folder):
    """The months before it are read, and it takes calls again behind what it had."""
    log = SqliteCallLog(folder, mends=True)
    log.append([request("december", "too", received_us=DECEMBER_US)])
    log.close()
    (folder / "calls-2026-12.sqlite").unlink()

    told = assert_goes_on(folder, lost=[(ALL, ALL + 2)], end=ALL + 2)

    assert told[1:] == [TOLD.replace("11", "12"), missing(ALL, ALL + 2, month="2026-12")]


def test_a_new_month_that_lost_all_of_its_write_ahead_log_goes_on(folder):
    """Even where its offsets begin stood there: the month before it and the marks know."""
    log = SqliteCallLog(folder, mends=True)
    log.append([request("december", received_us=DECEMBER_US)])
    copy = shutil.copytree(folder, folder.with_name("copy"))
    log.close()
    (copy / "calls-2026-12.sqlite-wal").write_bytes(b"")

    log = SqliteCallLog(copy, mends=True)

    assert log.damage() == [TOLD.replace("11", "12"), missing(ALL, ALL + 1, month="2026-12")]
    assert log.append([request("bob", product=BOBS)]) == [REQUESTS]
    assert log.append([request("more")]) == [ALL + 1]
    assert log.damage() == [TOLD.replace("11", "12"), missing(ALL, ALL + 1, month="2026-12")]
    log.close()


# ---- marks that say less
def test_a_mark_from_before_a_loss_of_power_is_no_damage(folder):
    """Marks are not synced: they may be older than the calls, or none, and say nothing then."""
    (folder / "marks-1").unlink()
    old = Marks(folder)
    old.put("2026-11", {ACME: CALLS, BOBS: 1})
    old.close()

    log = SqliteCallLog(folder, mends=True)
    assert (log.end(ACME), log.damage()) == (ALL, [])
    assert log.append([request("new")]) == [ALL]
    log.close()

    assert [mark.end for mark in marks_in(folder)] == [ALL + 1, 1]


@pytest.mark.parametrize("half", [0, 1])
def test_a_torn_mark_leaves_the_one_before_it(folder, wal, half):
    """Both halves of a place are whole marks; the one that is left is at most a commit behind."""
    content = bytearray((folder / "marks-1").read_bytes())
    at = half * PLACE_BYTES // 2
    content[at + 10 : at + 32] = bytes(22)
    (folder / "marks-1").write_bytes(content)

    log = SqliteCallLog(folder, mends=True)
    assert (log.end(ACME), log.damage()) == (ALL, [])
    log.close()

    (mark, _) = marks_in(folder)
    assert mark.end in (ALL, ALL - CALLS)


def test_rubbish_for_marks_is_as_none(folder):
    """They are made anew beside it, and mark from then on."""
    (folder / "marks-1").write_bytes(os.urandom(100))

    log = SqliteCallLog(folder, mends=True)
    assert (log.end(ACME), log.damage()) == (ALL, [])
    log.append([request("new")])
    log.close()

    assert [mark.end for mark in marks_in(folder)] == [ALL + 1]


def test_marks_that_cannot_be_written_stop_no_calls(tmp_path, caplog):
    """A folder in their place: it is said once, appends go well, and so does the next start."""
    (tmp_path / "marks-1").mkdir()
    log = SqliteCallLog(tmp_path)
    caplog.clear()

    assert [log.append([request("a")]), log.append([request("b")])] == [[0], [1]]

    assert [record.message for record in caplog.records if "marked" in record.message] == ["log_not_marked"]
    log.close()
    log = SqliteCallLog(tmp_path, mends=True)
    assert (log.end(ACME), log.damage()) == (2, [])
    log.close()


# ---- beside the rest
def test_each_process_has_marks_of_its_own(tmp_path):
    """Two that append in turn: the furthest mark counts, and the files are used again."""
    for _ in range(2):
        ours, theirs = SqliteCallLog(tmp_path), SqliteCallLog(tmp_path)
        for number in range(3):
            ours.append([request(f"a{number}")])
            theirs.append([request(f"b{number}"), request("c", product=BOBS)])
        ours.close()
        theirs.close()

    assert [(mark.product_id, mark.end) for mark in marks_in(tmp_path)] == [(ACME, 12), (BOBS, 6)]
    assert sorted(path.name for path in tmp_path.glob("marks-*")) == ["marks-1", "marks-2"]
    log = SqliteCallLog(tmp_path, mends=True)
    assert log.damage() == []
    log.close()


def test_what_was_dropped_or_rewritten_is_not_lost(tmp_path):
    """Retention empties a month for one product, takes it whole for both, and an erasure changes calls."""
    log = SqliteCallLog(tmp_path)
    log.append([request("a"), request("b", product=BOBS)])
    log.append([request("c", received_us=DECEMBER_US), request("d", product=BOBS, received_us=DECEMBER_US)])
    log.rewrite(ACME, 1, before_us=DECEMBER_US + 1, most=9, change=lambda call: call)

    for product in (ACME, BOBS):
        log.drop(product, 1)
        log.close()
        log = SqliteCallLog(tmp_path, mends=True)
        assert log.damage() == []
        assert (log.start(product), log.end(product)) == (1, 2)

    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["calls-2026-12.sqlite"]
    log.close()


def test_where_damage_made_it_go_on_is_marked_too(tmp_path):
    """An event store that knew better has said how far the log went; that is not forgotten either."""
    log = SqliteCallLog(tmp_path / "log")
    log.append([request("a")])
    log.continue_from(ACME, 50)
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    log.close()
    (tmp_path / "copy" / "calls-2026-11.sqlite-wal").write_bytes(b"")

    log = SqliteCallLog(tmp_path / "copy", mends=True)

    assert log.append([request("b")]) == [50]
    log.close()
