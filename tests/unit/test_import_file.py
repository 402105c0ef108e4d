"""History from files: every line once, also after a crash at any point, and whatever the file looks like."""

import gzip
import json
from types import SimpleNamespace

import pytest

from tests.fakes_log import MemoryCallLog
from tests.fakes_meta import MemoryMetaStore
from uptake.core.calls import Projection
from uptake.core.errors import UptakeError
from uptake.pipeline import import_file as module
from uptake.pipeline.import_file import import_file
from uptake.stores.log.base import LogUnavailable


class Crash(BaseException):
    """Stands for kill -9."""


@pytest.fixture
def ledger():
    return SimpleNamespace(
        meta=MemoryMetaStore(),
        log=MemoryCallLog(),
        product_id=1,
        projection=Projection(),
        clock=lambda: 1_800_000_000_000_000,
    )


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_LINES", 10)


def taken(path, ledger, *, again=False):
    return import_file(path, ledger, again=again, told=lambda done, total: None)


def logged(ledger):
    return [each.call for each in ledger.log.read(1, 0, most=10_000)]


def line(number, **more):
    call = {"type": "track", "userId": "ana", "event": "Export", "timestamp": "2026-01-02T03:04:05Z", "n": number}
    return json.dumps({**call, **more})


def file_of(path, lines):
    path.write_text("".join(f"{each}\n" for each in lines))
    return path


def test_every_line_is_logged_once_at_its_own_time(tmp_path, ledger):
    """Plain lines end up in the log in order, with their times, whatever their age."""
    path = file_of(tmp_path / "calls.jsonl", [line(n, messageId=f"m{n}") for n in range(35)])

    outcome = taken(path, ledger)

    assert [call.message_id for call in logged(ledger)] == [f"m{n}" for n in range(35)]
    assert {call.at_us for call in logged(ledger)} == {1_767_323_045_000_000}
    assert (outcome.lines, outcome.logged, outcome.refused, outcome.skipped) == (35, 35, 0, False)


def test_gzip_is_known_by_its_content(tmp_path, ledger):
    """A compressed file is read whatever its name is."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(gzip.compress("\n".join(line(n) for n in range(25)).encode()))

    assert taken(path, ledger).logged == 25


def test_a_bad_line_costs_its_neighbours_nothing(tmp_path, ledger):
    """It is counted as refused and told with its line number; blank lines are nothing."""
    lines = [line(1), "", "{broken", line(2), '{"type": "track"}', "x" * 200_000, "  ", line(3)]

    outcome = taken(file_of(tmp_path / "calls.jsonl", lines), ledger)

    assert len(logged(ledger)) == 3
    assert (outcome.lines, outcome.logged, outcome.refused) == (8, 3, 3)
    assert [(number, code) for number, code, _ in outcome.refusals] == [
        (3, "bad_json"),
        (5, "missing_user"),
        (6, "call_too_large"),
    ]
    assert [each.rejection.code for each in ledger.log.refusals(1, most=9)] == [
        "call_too_large",
        "missing_user",
        "bad_json",
    ]
    assert sum(outcome.reasons.values()) == 3


def test_a_finished_file_is_skipped(tmp_path, ledger):
    """Under another name too; a file with one more line is another file."""
    path = file_of(tmp_path / "calls.jsonl", [line(n) for n in range(15)])
    taken(path, ledger)
    renamed = path.rename(tmp_path / "renamed.jsonl")

    outcome = taken(renamed, ledger)

    assert outcome.skipped
    assert outcome.logged == 15
    assert len(logged(ledger)) == 15
    assert not taken(file_of(tmp_path / "more.jsonl", [line(n) for n in range(16)]), ledger).skipped


def test_again_takes_it_once_more_as_the_same_messages(tmp_path, ledger):
    """The lines come twice into the log under the same ids, also those that say no id and no time: the fold counts
    them once."""
    lines = [line(1), line(2, messageId="m"), '{"type": "track", "userId": "ana", "event": "Bare"}'] * 5
    path = file_of(tmp_path / "calls.jsonl", lines)
    taken(path, ledger)

    taken(path, ledger, again=True)

    ids = [call.message_id for call in logged(ledger)]
    assert len(ids) == 30
    assert ids[:15] == ids[15:]


@pytest.mark.parametrize("chunk", [0, 1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupted_import_goes_on_without_loss_or_repeat(tmp_path, ledger, monkeypatch, chunk, moment):
    """Killed just before or just after any chunk is appended, the next run logs every line exactly once."""
    path = file_of(tmp_path / "calls.jsonl", [line(n) for n in range(35)])
    append = ledger.log.append
    appended = []

    def crashing(requests):
        if len(appended) == chunk and moment == "before":
            raise Crash
        firsts = append(requests)
        appended.append(firsts)
        if len(appended) == chunk + 1 and moment == "after":
            raise Crash
        return firsts

    monkeypatch.setattr(ledger.log, "append", crashing)
    with pytest.raises(Crash):
        taken(path, ledger)
    monkeypatch.setattr(ledger.log, "append", append)

    outcome = taken(path, ledger)

    assert outcome.resumed_at == chunk * 10
    assert (outcome.lines, outcome.logged) == (35, 35)
    ids = [call.message_id for call in logged(ledger)]
    assert len(ids) == len(set(ids)) == 35


def test_other_calls_in_between_do_not_confuse(tmp_path, ledger, monkeypatch):
    """Calls that a server logged before and after the crash are neither taken for the file's nor in its way."""
    other = file_of(tmp_path / "other.jsonl", [line(n, messageId=f"other{n}") for n in range(25)])
    path = file_of(tmp_path / "calls.jsonl", [line(n, messageId=f"m{n}") for n in range(25)])
    monkeypatch.setattr(ledger.log, "append", raising(Crash))
    with pytest.raises(Crash):
        taken(path, ledger)
    monkeypatch.undo()
    monkeypatch.setattr(module, "CHUNK_LINES", 4)
    taken(other, ledger)

    taken(path, ledger)

    ids = [call.message_id for call in logged(ledger)]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 50


def test_only_the_whole_chunk_counts_as_appended(tmp_path, ledger, monkeypatch):
    """A client that sent one of the file's messages after the crash does not make the import leave the chunk out."""
    path = file_of(tmp_path / "calls.jsonl", [line(n, messageId=f"m{n}") for n in range(9)])
    monkeypatch.setattr(ledger.log, "append", raising(Crash))
    with pytest.raises(Crash):
        taken(path, ledger)
    monkeypatch.undo()
    taken(file_of(tmp_path / "one.jsonl", [line(0, messageId="m0")]), ledger)

    taken(path, ledger)

    assert {call.message_id for call in logged(ledger)} == {f"m{n}" for n in range(9)}


def test_a_full_log_is_told_and_the_import_can_go_on(tmp_path, ledger, monkeypatch):
    """The error says so, and a later run continues."""
    path = file_of(tmp_path / "calls.jsonl", [line(n) for n in range(15)])
    monkeypatch.setattr(ledger.log, "append", raising(LogUnavailable("the disk is full")))
    with pytest.raises(UptakeError, match="the disk is full"):
        taken(path, ledger)
    monkeypatch.undo()

    assert taken(path, ledger).logged == 15


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_nothing(tmp_path, ledger, content):
    """It is imported without a call."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(content)

    assert taken(path, ledger).logged == 0


def test_a_cut_off_file_keeps_what_came_before(tmp_path, ledger):
    """Gzip that ends in the middle is an error that names the file; whole chunks before it stay, and are not repeated
    when the whole file comes."""
    whole = gzip.compress("\n".join(line(n, filler="x" * 200 + str(n * n)) for n in range(400)).encode(), 1)
    path = tmp_path / "calls.jsonl.gz"
    path.write_bytes(whole[: len(whole) - 100])

    with pytest.raises(UptakeError, match=r"E007 .*calls.jsonl.gz"):
        taken(path, ledger)

    assert 0 < len(logged(ledger)) < 400


def test_a_file_that_is_not_there_is_an_error(tmp_path, ledger):
    """The message names it."""
    with pytest.raises(UptakeError, match=r"E007 .*missing.jsonl"):
        taken(tmp_path / "missing.jsonl", ledger)


def raising(error):
    def fail(_requests):
        raise error

    return fail
