"""A call log that is broken: what can be read is kept at its offsets, what cannot is named, and the log goes on."""

import os
import random
import signal
import subprocess
import sys

import pytest

from tests.contract.test_call_log import ACME, BOBS, DECEMBER_US, ids, request
from uptake.stores.log.base import LogDamaged, LogUnavailable, read_past_damage
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.stores.log.sqlite_file import PAGE_BYTES
from uptake.stores.log.sqlite_salvage import salvaged

REQUESTS, CALLS = 40, 20


def fill(log):
    """Requests of two products in turn; those of acme's are larger than a page."""
    for number in range(REQUESTS):
        log.append([request(*(f"{number}-{each}-" + "x" * 150 for each in range(CALLS)))])
        log.append([request(f"bob-{number}", product=BOBS)])


@pytest.fixture
def folder(tmp_path):
    """A log that was closed well."""
    log = SqliteCallLog(tmp_path / "log")
    fill(log)
    log.close()
    return tmp_path / "log"


@pytest.fixture
def path(folder):
    """Its only file."""
    return folder / "calls-2026-11.sqlite"


def everything(log, product=ACME):
    """What can be read, and which offsets cannot."""
    calls, lost, at = [], [], 0
    while True:
        try:
            found = log.read(product, at, most=50)
        except LogDamaged as damage:
            lost.append((at, damage.after))
            at = max(at + 1, damage.after)
            continue
        if not found:
            return calls, lost
        assert [each.offset for each in found] == list(range(at, at + len(found)))
        calls += found
        at = found[-1].offset + 1


def flip(path, place):
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(12))
def test_one_flipped_bit_costs_one_request_at_most(folder, path, seed):
    """Wherever it is: the log opens, all other requests are read, and the next call gets the next offset."""
    flip(path, random.Random(seed).randrange(path.stat().st_size))

    log = SqliteCallLog(folder, mends=True)
    calls, lost = everything(log)

    assert len(calls) + sum(after - first for first, after in lost) == REQUESTS * CALLS
    assert len(lost) <= 1
    assert all(after - first == CALLS and first % CALLS == 0 for first, after in lost)
    assert log.append([request("new")]) == [REQUESTS * CALLS]
    log.close()


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5, 30])
def test_a_page_that_is_gone_costs_what_stood_on_it(folder, path, page):
    """The header, the root of any table or index, or a leaf: the rest is read, and the damaged file is kept."""
    content = path.read_bytes()
    path.write_bytes(content[: (page - 1) * PAGE_BYTES] + bytes(PAGE_BYTES) + content[page * PAGE_BYTES :])

    log = SqliteCallLog(folder, mends=True)
    calls, lost = everything(log)
    bobs, _ = everything(log, BOBS)

    assert len(calls) >= (REQUESTS - 4) * CALLS
    assert len(calls) + sum(after - first for first, after in lost) == log.end(ACME) == REQUESTS * CALLS
    assert len(bobs) >= REQUESTS - 4
    log.append([request("new")])
    assert bool(log.damage()) == bool(list(folder.glob("*.damaged-1")))
    log.close()


def test_a_file_that_was_cut_off_ends_earlier_and_goes_on(folder, path):
    """Without marks what stood in its first half is read, and whoever knows better says where the offsets go on."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (folder / "marks-1").unlink()

    log = SqliteCallLog(folder, mends=True)
    end = log.end(ACME)
    assert 0 < end < REQUESTS * CALLS
    assert len(everything(log)[0]) == end
    log.continue_from(ACME, REQUESTS * CALLS)
    assert log.append([request("new")]) == [REQUESTS * CALLS]
    assert everything(log)[1] == [(end, REQUESTS * CALLS)]
    assert log.damage()[1:] == [f"calls-2026-11.sqlite: product 1, offsets {end} to {REQUESTS * CALLS - 1} are missing"]
    log.close()

    again = SqliteCallLog(folder, mends=True)
    assert ids(again.read(ACME, REQUESTS * CALLS, most=9)) == ["new"]
    assert len(list(folder.glob("*.damaged-1"))) == 1
    again.close()


def test_a_file_of_which_nothing_is_left_is_damage(folder, path):
    """An empty file is no new one: it is told, and the log goes on behind what others know to have been there."""
    path.write_bytes(b"")
    with pytest.raises(LogDamaged, match="empty"):
        SqliteCallLog(folder)

    log = SqliteCallLog(folder, mends=True)
    log.continue_from(ACME, REQUESTS * CALLS)

    assert "the file is empty" in log.damage()[0]
    assert log.append([request("new")]) == [REQUESTS * CALLS]
    assert [each.offset for each in everything(log)[0]] == [REQUESTS * CALLS]
    log.close()


def test_an_emptied_file_is_read_back_from_its_write_ahead_log(tmp_path):
    """After a kill most of a young log may stand there."""
    folder = tmp_path / "log"
    fill_and_be_killed(folder)
    (folder / "calls-2026-11.sqlite").write_bytes(b"")

    log = SqliteCallLog(folder, mends=True)
    calls, lost = everything(log)

    assert len(calls) + sum(after - first for first, after in lost) == REQUESTS * CALLS
    assert len(calls) >= REQUESTS * CALLS // 2
    assert "the file is empty" in log.damage()[0]
    log.close()


def test_a_kill_while_a_file_is_made_leaves_no_empty_one(tmp_path, monkeypatch):
    """What it leaves has another name; the next append makes the file."""
    folder = tmp_path / "log"
    log = SqliteCallLog(folder)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("uptake.stores.log.sqlite.os.link", killed)
        with pytest.raises(KeyboardInterrupt):
            log.append([request("a")])
    log.close()
    assert list(folder.glob("calls-*.sqlite")) == []

    log = SqliteCallLog(folder, mends=True)
    assert log.append([request("a")]) == [0]
    assert log.damage() == []
    assert [each.name for each in folder.glob("*making*")] == []
    log.close()


def test_a_damaged_month_among_others_keeps_its_place(folder, path):
    """Months after it and before it are read as before, and none of them takes calls that another should."""
    log = SqliteCallLog(folder)
    log.append([request("december", received_us=DECEMBER_US)])
    log.close()
    path.write_bytes(b"no database" * 10_000)

    log = SqliteCallLog(folder, mends=True)
    assert everything(log) == (log.read(ACME, REQUESTS * CALLS, most=9), [(0, REQUESTS * CALLS)])
    assert log.append([request("more")]) == [REQUESTS * CALLS + 1]
    log.close()
    flip(folder / "calls-2026-12.sqlite", 30)

    log = SqliteCallLog(folder, mends=True)
    assert ids(log.read(ACME, REQUESTS * CALLS, most=9)) == ["december", "more"]
    assert log.append([request("last")]) == [REQUESTS * CALLS + 2]
    log.close()


def test_a_broken_log_that_is_open_is_mended_under_way(folder, path):
    """The tree breaks while the server runs: whoever reads or appends next goes on."""
    log = SqliteCallLog(folder, mends=True)
    content = path.read_bytes()
    path.write_bytes(content[:PAGE_BYTES] + b"\xff" * PAGE_BYTES + content[2 * PAGE_BYTES :])

    assert log.append([request("new")]) == [REQUESTS * CALLS]
    assert len(everything(log)[0]) == REQUESTS * CALLS + 1
    log.close()


def test_whoever_must_not_mend_says_so(folder, path):
    """A command beside the server leaves a damaged file alone and names it."""
    flip(path, 30)

    with pytest.raises(LogDamaged, match=r"calls-2026-11\.sqlite: database disk image is malformed"):
        SqliteCallLog(folder)

    assert [each.name for each in folder.glob("*damaged*")] == []


def test_a_tree_that_breaks_for_one_that_must_not_mend_is_unavailable(folder, path):
    """An append is refused, to be repeated; nothing is replaced."""
    log = SqliteCallLog(folder)
    content = path.read_bytes()
    path.write_bytes(content[:PAGE_BYTES] + b"\xff" * PAGE_BYTES + content[2 * PAGE_BYTES :])

    with pytest.raises(LogUnavailable, match="malformed"):
        log.append([request("new")])

    assert [each.name for each in folder.glob("*damaged*")] == []
    log.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.contract.test_call_log_damage import fill
from uptake.stores.log.sqlite import SqliteCallLog
fill(SqliteCallLog(Path(sys.argv[1])))
os.kill(os.getpid(), signal.SIGKILL)
"""


def fill_and_be_killed(folder):
    """Another process fills a log and dies with it open."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.run([sys.executable, "-c", KILLED, folder], check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.parametrize("part", [0.001, 0.3, 0.6, 0.9])
def test_a_bit_flipped_in_what_a_kill_left_is_found(tmp_path, part):
    """SQLite itself drops a write-ahead log from the first bad page on, in silence; here nothing but that is lost."""
    folder = tmp_path / "log"
    fill_and_be_killed(folder)
    wal = folder / "calls-2026-11.sqlite-wal"
    flip(wal, int(wal.stat().st_size * part))

    log = SqliteCallLog(folder, mends=True)
    calls, lost = everything(log)

    assert len(calls) >= (REQUESTS - 1) * CALLS
    assert len(calls) + sum(after - first for first, after in lost) == REQUESTS * CALLS
    assert "its write-ahead log breaks off after" in log.damage()[0]
    log.close()


def test_what_a_kill_left_whole_is_no_damage(tmp_path):
    """The usual case: SQLite recovers all of it, and nothing is mended."""
    folder = tmp_path / "log"
    fill_and_be_killed(folder)

    log = SqliteCallLog(folder, mends=True)

    assert len(everything(log)[0]) == REQUESTS * CALLS
    assert log.damage() == []
    assert [each.name for each in folder.iterdir() if "kept" in each.name] == []
    log.close()


def test_reading_past_damage_gives_the_rest(folder, path):
    """Whoever only looks back goes on behind it, and ends at the end."""
    flip(path, path.read_bytes().index(b'"7-7-x'))
    log = SqliteCallLog(folder)

    first, at = read_past_damage(log, ACME, 0, most=10_000)
    second, at = read_past_damage(log, ACME, at, most=10_000)
    third, _ = read_past_damage(log, ACME, at, most=10_000)

    assert (len(first), len(second), third) == (7 * CALLS, (REQUESTS - 8) * CALLS, [])
    log.close()


def test_every_row_is_found_without_the_trees(folder, path):
    """Page by page, small and large requests, each with what it held."""
    rows = {(row.product_id, row.first): row for row in salvaged(path, PAGE_BYTES)}

    assert len(rows) == 2 * REQUESTS
    assert [rows[ACME, CALLS * number].calls for number in range(REQUESTS)] == [CALLS] * REQUESTS
    assert {row.source for row in rows.values()} == {"segment"}
    assert b"bob-7" in rows[BOBS, 7].body
