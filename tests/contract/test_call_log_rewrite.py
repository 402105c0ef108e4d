"""Changing calls that are logged already: what every call log promises of it, and what is SQLite's own."""

import signal
import sqlite3
import subprocess
import sys
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes_log import MemoryCallLog, track
from uptake.core.calls import Call
from uptake.core.days import DAY_US
from uptake.stores.log.base import LogDamaged, LogUnavailable, Request
from uptake.stores.log.nats import NatsCallLog
from uptake.stores.log.sqlite import SqliteCallLog

ACME, BOBS = 1, 2
NOVEMBER_US = 1_795_420_800_000_000  # 2026-11-23T08:00:00Z
DECEMBER_US = NOVEMBER_US + 10 * DAY_US
EVER_US = 2**62


@pytest.fixture(params=["sqlite", "nats"], scope="module")
def engine(request, tmp_path_factory):
    """Makes an empty log."""
    if request.param == "sqlite":
        return lambda: SqliteCallLog(tmp_path_factory.mktemp("log"))
    return lambda: NatsCallLog(request.getfixturevalue("addresses")())


@pytest.fixture(params=["sqlite", "nats", "memory"])
def log(request, tmp_path):
    if request.param == "nats":
        log = NatsCallLog(request.getfixturevalue("addresses")())
    else:
        log = SqliteCallLog(tmp_path / "log") if request.param == "sqlite" else MemoryCallLog()
    yield log
    log.close()


@pytest.fixture
def sqlite_log(tmp_path):
    log = SqliteCallLog(tmp_path / "log")
    yield log
    log.close()


def request(*message_ids, product=ACME, received_us=NOVEMBER_US):
    return Request(product, received_us, "segment", [track(each) for each in message_ids])


def ids(logged):
    return [each.call.message_id for each in logged]


def events(logged):
    return [each.call.event for each in logged]


def without_event(call):
    """The call without its event."""
    return msgspec.structs.replace(call, event=None)


def rewritten(log, *, most=9, before_us=EVER_US):
    """Rewrite until nothing is left to do; the offsets it went by."""
    offsets = [0]
    while (after := log.rewrite(ACME, offsets[-1], before_us=before_us, most=most, change=without_event)) > offsets[-1]:
        offsets.append(after)
    return offsets


def test_rewriting_changes_calls_and_nothing_else(log):
    """Old calls are changed in place: offsets, moments, later calls and other products' calls stay as they are."""
    log.append([request("a", "b"), request("x", product=BOBS), request("c")])
    log.append([request("d", received_us=DECEMBER_US)])
    before = log.read(ACME, 0, most=9)

    offsets = rewritten(log, most=2, before_us=DECEMBER_US)

    after = log.read(ACME, 0, most=9)
    assert offsets == [0, 2, 3]
    assert events(after) == [None, None, None, "Report_Created"]
    assert [(each.offset, each.received_us, each.call.message_id) for each in after] == [
        (each.offset, each.received_us, each.call.message_id) for each in before
    ]
    assert after[3:] == before[3:]
    assert events(log.read(BOBS, 0, most=9)) == ["Report_Created"]
    assert log.append([request("e", received_us=DECEMBER_US)]) == [4]


def test_rewriting_goes_on_over_months_and_may_be_repeated(log):
    """Month after month is rewritten, whole requests at a time; the same rewriting again changes nothing."""
    for month in range(3):
        log.append([request(f"a{month}", f"b{month}", received_us=NOVEMBER_US + month * 31 * DAY_US)])

    offsets = rewritten(log, most=1)
    once = log.read(ACME, 0, most=9)
    again = rewritten(log)

    assert (offsets, again[-1]) == ([0, 2, 4, 6], 6)
    assert events(once) == [None] * 6
    assert log.read(ACME, 0, most=9) == once


@settings(max_examples=25)
@given(
    groups=st.lists(st.lists(st.tuples(st.sampled_from([ACME, BOBS]), st.integers(0, 4)), max_size=4), max_size=6),
    changes=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 10)), max_size=4),
)
def test_every_log_is_rewritten_as_the_oracle_is(engine, groups, changes):
    """From whatever offset, to whatever moment: every engine and the oracle go equally far and hold the same calls."""
    log, oracle = engine(), MemoryCallLog()
    for month, group in enumerate(groups):
        requests = [
            request(*"abcd"[:calls], product=product, received_us=NOVEMBER_US + month * 9 * DAY_US)
            for product, calls in group
        ]
        assert log.append(requests) == oracle.append(requests)

    for first, month, most in changes:
        where = {"before_us": NOVEMBER_US + month * 9 * DAY_US, "most": most, "change": without_event}
        assert log.rewrite(ACME, first, **where) == oracle.rewrite(ACME, first, **where)

    for product in (ACME, BOBS):
        assert log.read(product, 0, most=99) == oracle.read(product, 0, most=99)
    log.close()


# ---- SQLite's own


def test_rewriting_leaves_a_damaged_request_alone(tmp_path, sqlite_log):
    """What cannot be read is not written over: somebody may still save it."""
    sqlite_log.append([request("a"), request("b"), request("c")])
    (path,) = (tmp_path / "log").glob("*.sqlite")
    with sqlite3.connect(path) as other:
        other.execute("update requests set body = cast(replace(body, 'ana', 'bob') as blob) where first = 1")
    other.close()

    offsets = rewritten(sqlite_log)

    assert offsets == [0, 3]
    assert events(sqlite_log.read(ACME, 0, most=1)) == events(sqlite_log.read(ACME, 2, most=1)) == [None]
    with pytest.raises(LogDamaged):
        sqlite_log.read(ACME, 1, most=1)


def test_what_is_cut_is_gone_from_the_disk(tmp_path, sqlite_log):
    """What was cut can be found in no file any more, and a month that is over gives its bytes back."""
    secret = {"p": "secret" * 900}
    long = [Call(type="track", message_id=f"m{i}", at_us=0, event="A", properties=secret) for i in range(1200)]
    for start in range(0, 1200, 4):
        sqlite_log.append([Request(ACME, NOVEMBER_US, "segment", long[start : start + 4])])
    sqlite_log.append([request("z", received_us=DECEMBER_US)])
    folder, offset = tmp_path / "log", 0
    (file,) = folder.glob("calls-2026-11.sqlite")

    def cut(call):
        return msgspec.structs.replace(call, properties=None)

    while (after := sqlite_log.rewrite(ACME, offset, before_us=DECEMBER_US, most=100, change=cut)) > offset:
        offset = after
    kept = ids(sqlite_log.read(ACME, 0, most=9_999))
    sqlite_log.close()

    assert (kept, offset) == ([*(each.message_id for each in long), "z"], 1200)
    assert not any(b"secretsecret" in path.read_bytes() for path in folder.iterdir())
    assert file.stat().st_size < 400_000  # of more than 6 MB


CUTTING = """
import sys, msgspec
from pathlib import Path
from uptake.stores.log.nats import NatsCallLog
from uptake.stores.log.sqlite import SqliteCallLog
log, offset = SqliteCallLog(Path(sys.argv[1])), 0
def cut(call):
    return msgspec.structs.replace(call, event=None)
while (after := log.rewrite(1, offset, before_us=2**62, most=3, change=cut)) > offset:
    offset = after
    print(offset, flush=True)
"""


def test_a_kill_in_the_middle_loses_nothing(tmp_path, sqlite_log):
    """Killed -9 while it rewrites, each request is whole, as it was or as it is to be, and the rest can be done."""
    sqlite_log.append([request(*(f"{number}{letter}" for letter in "abc")) for number in range(2_000)])
    before = sqlite_log.read(ACME, 0, most=10**6)
    process = subprocess.Popen([sys.executable, "-c", CUTTING, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    told = int(process.stdout.readline())

    process.send_signal(signal.SIGKILL)
    process.communicate()

    after = sqlite_log.read(ACME, 0, most=10**6)
    cut = [index for index, each in enumerate(after) if each.call.event is None]
    assert len(cut) >= told
    assert cut == list(range(len(cut)))
    assert len(cut) % 3 == 0
    assert ids(after) == ids(before)
    assert after[len(cut) :] == before[len(cut) :]
    assert rewritten(sqlite_log, most=10**6)[-1] == 6_000
    assert events(sqlite_log.read(ACME, 0, most=10**6)) == [None] * 6_000


def test_calls_are_taken_while_old_ones_are_rewritten(tmp_path, sqlite_log):
    """Whoever appends, here or in another process, goes on, and nothing is lost."""
    sqlite_log.append([request(f"old{i}", f"old{i}b") for i in range(200)])
    theirs, sent = SqliteCallLog(tmp_path / "log"), threading.Event()
    done: list[int] = []

    def rewriting():
        while not done:
            try:
                done.extend(rewritten(theirs, most=40, before_us=DECEMBER_US)[-1:])
            except LogUnavailable:  # the others were quicker; it is told to come again
                sent.wait(1)

    thread = threading.Thread(target=rewriting)
    thread.start()
    for number in range(100):
        sqlite_log.append([request(f"new{number}", received_us=DECEMBER_US)])
    sent.set()
    thread.join()

    logged = sqlite_log.read(ACME, 0, most=10**6)
    assert [each.offset for each in logged] == list(range(500))
    assert ids(logged)[400:] == [f"new{number}" for number in range(100)]
    assert events(logged) == [None] * 400 + ["Report_Created"] * 100
    assert done == [400]
    theirs.close()
