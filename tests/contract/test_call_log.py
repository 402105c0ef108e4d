"""What every call log promises, asked of SQLite, NATS and the oracle in memory; and what is SQLite's own."""

import resource
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes_log import MemoryCallLog, track
from uptake.core.calls import Call
from uptake.core.days import DAY_US
from uptake.core.errors import Rejection
from uptake.stores.log import sqlite_checkpoint, sqlite_file
from uptake.stores.log.base import LogDamaged, LogUnavailable, Request, read_past_damage
from uptake.stores.log.nats import NatsCallLog
from uptake.stores.log.sqlite import SqliteCallLog

ACME, BOBS = 1, 2
NOVEMBER_US = 1_795_420_800_000_000  # 2026-11-23T08:00:00Z
DECEMBER_US = NOVEMBER_US + 10 * DAY_US
NO_USER = Rejection("missing_user", "$.userId", "neither was present", 3)


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


def request(*message_ids, product=ACME, received_us=NOVEMBER_US, refused=()):
    return Request(product, received_us, "segment", [track(each) for each in message_ids], tuple(refused))


def ids(logged):
    return [each.call.message_id for each in logged]


def test_an_empty_log_begins_at_0(log):
    """A product that never sent has no calls, no refusals and the end 0."""
    assert log.end(ACME) == 0
    assert log.read(ACME, 0, most=10) == []
    assert log.refusals(ACME, most=10) == []
    assert log.refusal_counts(ACME, since_us=0) == []
    assert log.append([]) == []


def test_an_empty_log_may_begin_at_any_offset(log):
    """What lies before it is missing, and calls go on from there, also those of another product from 0."""
    if isinstance(log, MemoryCallLog):
        pytest.skip("nothing is ever missing in memory")

    log.continue_from(ACME, 5)
    firsts = log.append([request("a", "b"), request("x", product=BOBS)])

    calls, after = read_past_damage(log, ACME, 0, most=9)

    assert (firsts, log.end(ACME), after) == ([5, 0], 7, 7)
    assert [(each.offset, each.call.message_id) for each in calls] == [(5, "a"), (6, "b")]


def test_offsets_count_calls_per_product_without_a_gap(log):
    """A request's first offset is the number of its product's calls before it."""
    firsts = log.append([request("a", "b"), request("x", product=BOBS), request("c")])
    firsts += log.append([request("y", product=BOBS), request("d")])

    assert firsts == [0, 0, 2, 1, 3]
    assert (log.end(ACME), log.end(BOBS)) == (4, 2)
    assert [(each.offset, each.call.message_id) for each in log.read(ACME, 0, most=9)] == list(enumerate("abcd"))


def test_a_call_comes_back_as_it_was(log):
    """Every field of a call, its moment of receipt too, survives the log."""
    call = Call(
        type="identify",
        message_id="m1",
        at_us=5,
        user_id="ana",
        anonymous_id="x",
        group_id="acme",
        traits={"plan": None, "seats": 3, "deep": {"list": [1, 2.5, "ü", True]}},
        context={"groupId": "acme"},
        integrations={"All": False},
        extra={"category": "docs"},
        direct=True,
        notes=("future_time",),
    )

    log.append([Request(ACME, NOVEMBER_US, "accoil", [call])])

    (logged,) = log.read(ACME, 0, most=1)
    assert (logged.offset, logged.received_us, logged.call) == (0, NOVEMBER_US, call)


def test_a_read_begins_inside_a_request_and_ends_with_one(log):
    """A read gives exactly from its first offset on, and whole requests until there are enough."""
    log.append([request("a", "b", "c"), request("d", "e"), request("f")])

    assert ids(log.read(ACME, 1, most=1)) == ["b", "c"]
    assert ids(log.read(ACME, 1, most=3)) == ["b", "c", "d", "e"]
    assert ids(log.read(ACME, 5, most=3)) == ["f"]
    assert log.read(ACME, 6, most=3) == []


def test_refused_items_are_listed_newest_first_and_counted(log):
    """Refusals stand beside the calls, take no offset, and are counted by ten minutes and code."""
    bad_id = Rejection("bad_id", "$.userId", "got a list", 0)

    firsts = log.append([request("a", refused=[NO_USER, bad_id]), request(refused=[NO_USER]), request("b")])

    assert firsts == [0, 1, 1]
    assert [each.rejection for each in log.refusals(ACME, most=2)] == [NO_USER, bad_id]
    assert log.refusals(ACME, most=9)[0].source == "segment"
    assert [(each.code, each.times) for each in log.refusal_counts(ACME, since_us=0)] == [
        ("bad_id", 1),
        ("missing_user", 2),
    ]
    assert log.refusals(BOBS, most=9) == []


def test_refusals_are_counted_since_a_moment(log):
    """Counts begin with the ten minutes from the moment asked for."""
    log.append([request(refused=[NO_USER]), request(refused=[NO_USER], received_us=NOVEMBER_US + DAY_US)])

    (count,) = log.refusal_counts(ACME, since_us=NOVEMBER_US + 1)

    assert (count.bucket_us, count.times) == (NOVEMBER_US + DAY_US, 1)


def test_a_log_continues_over_months(log):
    """Offsets and refusals go on over a change of month, and a clock that goes back changes nothing."""
    moments = [NOVEMBER_US, DECEMBER_US, NOVEMBER_US, DECEMBER_US + 31 * DAY_US]
    for place, moment_us in enumerate(moments):
        log.append([request(f"a{place}", f"b{place}", received_us=moment_us, refused=[NO_USER])])

    logged = log.read(ACME, 1, most=100)
    assert [each.offset for each in logged] == list(range(1, 8))
    assert ids(logged) == ["b0", "a1", "b1", "a2", "b2", "a3", "b3"]
    assert [each.received_us for each in logged][::2] == [NOVEMBER_US, DECEMBER_US, NOVEMBER_US, moments[3]]
    assert ids(log.read(ACME, 2, most=3)) == ["a1", "b1", "a2", "b2"]
    assert len(log.refusals(ACME, most=100)) == 4
    assert sum(each.times for each in log.refusal_counts(ACME, since_us=0)) == 4


@settings(max_examples=25)
@given(
    groups=st.lists(
        st.lists(st.tuples(st.sampled_from([ACME, BOBS]), st.integers(0, 4), st.integers(0, 2)), max_size=4),
        max_size=6,
    ),
    reads=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), max_size=4),
)
def test_every_log_agrees_with_the_oracle(engine, groups, reads):
    """Whatever is appended, every engine and the oracle answer every question alike."""
    log, oracle = engine(), MemoryCallLog()
    for month, group in enumerate(groups):
        requests = [
            request(
                *"abcd"[:calls], product=product, received_us=NOVEMBER_US + month * 9 * DAY_US, refused=[NO_USER] * bad
            )
            for product, calls, bad in group
        ]
        assert log.append(requests) == oracle.append(requests)

    for product in (ACME, BOBS):
        assert log.end(product) == oracle.end(product)
        assert log.refusals(product, most=99) == oracle.refusals(product, most=99)
        assert log.refusal_counts(product, since_us=0) == oracle.refusal_counts(product, since_us=0)
        for first, most in reads:
            assert log.read(product, first, most=most) == oracle.read(product, first, most=most)
    log.close()


# ---- SQLite's own


def test_an_opened_log_goes_on_where_it_was(tmp_path):
    """What was appended is there after the log is closed and opened again."""
    for letter in "abc":
        log = SqliteCallLog(tmp_path)
        log.append([request(letter)])
        log.close()

    log = SqliteCallLog(tmp_path)
    assert ids(log.read(ACME, 0, most=9)) == ["a", "b", "c"]
    assert log.size_bytes() > 0
    log.close()


def test_two_logs_on_one_folder_share_one_sequence(tmp_path):
    """Whoever appends, in whatever month, offsets have no gap and no repeat."""
    ours, theirs = SqliteCallLog(tmp_path), SqliteCallLog(tmp_path)
    firsts = []
    for moment_us in (NOVEMBER_US, DECEMBER_US, NOVEMBER_US, DECEMBER_US + 31 * DAY_US):
        firsts += ours.append([request("a", "b", received_us=moment_us)])
        firsts += theirs.append([request("c", received_us=moment_us)])

    assert firsts == [0, 2, 3, 5, 6, 8, 9, 11]
    assert ours.end(ACME) == theirs.end(ACME) == 12
    assert ours.read(ACME, 0, most=99) == theirs.read(ACME, 0, most=99)
    ours.close()
    theirs.close()


def test_nobody_appends_to_a_month_that_another_has_closed(tmp_path):
    """A process that has not seen the new month goes on in it, not in the old one."""
    ours, theirs = SqliteCallLog(tmp_path), SqliteCallLog(tmp_path)
    ours.append([request("a")])
    theirs.append([request("b")])
    ours.append([request("c", received_us=DECEMBER_US)])

    assert theirs.append([request("d")]) == [3]
    assert ids(ours.read(ACME, 0, most=9)) == ids(theirs.read(ACME, 0, most=9)) == ["a", "b", "c", "d"]
    ours.close()
    theirs.close()


def test_a_commit_that_failed_leaves_no_gap(sqlite_log):
    """Offsets go on where the last good commit ended, whatever failed after its calls were in."""
    sqlite_log.append([request("a")])
    with pytest.raises(OverflowError):
        sqlite_log.append([request("b", refused=[Rejection("bad_id", "$", "", 2**70)])])

    assert sqlite_log.append([request("c")]) == [1]
    assert ids(sqlite_log.read(ACME, 0, most=9)) == ["a", "c"]


def test_processes_append_at_once(tmp_path):
    """Several processes that append at the same time lose nothing and share one sequence."""
    script = (
        "import sys; from pathlib import Path; from tests.contract.test_call_log import *\n"
        "log = SqliteCallLog(Path(sys.argv[1]))\n"
        "for n in range(40): log.append([request(f'{sys.argv[2]}-{n}', received_us=NOVEMBER_US + n * DAY_US)])\n"
        "log.close()"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in ("ana", "bob")]
    assert [each.wait(60) for each in running] == [0, 0]

    log = SqliteCallLog(tmp_path)
    logged = log.read(ACME, 0, most=1000)
    assert [each.offset for each in logged] == list(range(80))
    for name in ("ana", "bob"):
        assert [each for each in ids(logged) if each.startswith(name)] == [f"{name}-{n}" for n in range(40)]
    log.close()


def test_a_change_of_month_that_a_crash_cut_short_is_finished(tmp_path):
    """A new month's file without its ends, beside an old one that is not closed, is no second beginning."""
    log = SqliteCallLog(tmp_path)
    log.append([request("a", "b")])
    sqlite_file.LogFile(tmp_path / "calls-2026-12.sqlite").close()
    log.append([request("c")])
    log.close()

    log = SqliteCallLog(tmp_path)
    assert log.append([request("d", received_us=DECEMBER_US)]) == [3]
    assert ids(log.read(ACME, 0, most=9)) == ["a", "b", "c", "d"]
    log.close()


def test_a_kill_loses_nothing_that_was_returned(tmp_path):
    """kill -9 at any moment: every append that had returned is in the log, and nothing is torn."""
    script = (
        "import sys; from pathlib import Path; from tests.contract.test_call_log import *\n"
        "log = SqliteCallLog(Path(sys.argv[1]))\n"
        "while True: print(log.append([request('a', 'b', 'c')])[0], flush=True)"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        returned = [int(process.stdout.readline()) for _ in range(30)]
        process.send_signal(signal.SIGKILL)
        returned += [int(line) for line in process.stdout.read().split("\n")[:-1] if line]
        process.wait()
        process.stdout.close()

        log = SqliteCallLog(tmp_path, mends=True)
        assert (log.damage(), list(tmp_path.glob("*damaged*"))) == ([], [])
        assert log.end(ACME) >= returned[-1] + 3
        assert [each.offset for each in log.read(ACME, 0, most=10**6)] == list(range(log.end(ACME)))
        log.close()


def test_a_full_disk_refuses_and_recovers(sqlite_log):
    """Where no byte can be written, append raises LogUnavailable and keeps nothing; afterwards it works again."""
    sqlite_log.append([request("a")])
    many = [request(*(f"x{n}" for n in range(100)))] * 200
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (sqlite_log.size_bytes(), limit[1]))
    try:
        for _ in range(3):
            with pytest.raises(LogUnavailable, match="cannot be written"):
                sqlite_log.append(many)
            with pytest.raises(LogUnavailable, match="cannot be written"):
                sqlite_log.probe()
        assert ids(sqlite_log.read(ACME, 0, most=10)) == ["a"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert sqlite_log.append([request("b")]) == [1]
    assert ids(sqlite_log.read(ACME, 0, most=10)) == ["a", "b"]


def test_a_locked_log_refuses_and_recovers(sqlite_log, tmp_path, monkeypatch):
    """While another process holds the write lock too long, append raises LogUnavailable."""
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    sqlite_log.append([request("a")])
    sqlite_log.close()
    (path,) = (tmp_path / "log").glob("*.sqlite")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")

    with pytest.raises(LogUnavailable, match="locked"):
        sqlite_log.append([request("b")])
    with pytest.raises(LogUnavailable, match="locked"):
        sqlite_log.probe()

    other.execute("rollback")
    other.close()
    assert sqlite_log.append([request("b")]) == [1]


def test_a_probe_keeps_nothing(log):
    """Whoever asks whether calls could be taken changes neither offsets nor calls nor refusals."""
    log.probe()
    log.append([request("a")])
    log.probe()

    assert log.append([request("b")]) == [1]
    assert ids(log.read(ACME, 0, most=9)) == ["a", "b"]
    assert log.refusals(ACME, most=9) == []


def test_a_damaged_request_is_named_and_the_rest_is_read(sqlite_log, tmp_path):
    """What lies before a damaged request is given; the request itself is named by file and offset."""
    sqlite_log.append([request("a", "b"), request("c"), request("d")])
    (path,) = (tmp_path / "log").glob("*.sqlite")
    with sqlite3.connect(path) as other:
        other.execute("update requests set body = cast(replace(body, 'ana', 'bob') as blob) where first = 2")
    other.close()

    assert ids(sqlite_log.read(ACME, 0, most=9)) == ["a", "b"]
    with pytest.raises(LogDamaged, match=r"calls-2026-11\.sqlite: product 1, offset 2: the checksum"):
        sqlite_log.read(ACME, 2, most=9)
    assert ids(sqlite_log.read(ACME, 3, most=9)) == ["d"]
    sqlite_log.append([request("e", received_us=DECEMBER_US)])
    assert ids(sqlite_log.read(ACME, 0, most=9)) == ["a", "b"]
    assert ids(sqlite_log.read(ACME, 3, most=9)) == ["d", "e"]


def test_the_write_ahead_log_is_bounded(sqlite_log, tmp_path, monkeypatch):
    """However much is appended, SQLite's own log stays small beside it, and every call is there."""
    monkeypatch.setattr(sqlite_checkpoint, "FOLD_BYTES", 100_000)
    monkeypatch.setattr(sqlite_checkpoint, "MOST_BYTES", 400_000)
    for _ in range(300):
        sqlite_log.append([request(*(f"m{n}" for n in range(100)))])

    (wal,) = (tmp_path / "log").glob("*-wal")
    (path,) = (tmp_path / "log").glob("*.sqlite")
    assert wal.stat().st_size < 1_500_000 < path.stat().st_size
    assert len(sqlite_log.read(ACME, 0, most=10**6)) == 30_000


def test_a_fold_that_fails_loses_no_commit(sqlite_log, tmp_path, monkeypatch):
    """Where the month's file cannot grow, commits that were returned stay, and the fold is done later."""
    monkeypatch.setattr(sqlite_checkpoint, "MOST_BYTES", 100_000)
    sqlite_log.append([request("a")])
    held = sqlite3.connect(next((tmp_path / "log").glob("*.sqlite")), isolation_level=None)
    held.execute("begin")
    held.execute("select count(*) from requests").fetchall()
    for _ in range(50):
        sqlite_log.append([request(*(f"m{n}" for n in range(100)))])
    held.execute("rollback")
    held.close()

    sqlite_log.append([request("z")])

    assert len(sqlite_log.read(ACME, 0, most=10**6)) == 5_002


def test_only_the_latest_refusals_are_kept(sqlite_log, monkeypatch):
    """Listed refusals are bounded; their counts are not."""
    monkeypatch.setattr(sqlite_file, "KEPT_REFUSALS", 100)
    for place in range(50):
        refused = [Rejection("bad_id", "$", f"{place}-{n}", n) for n in range(10)]
        sqlite_log.append([request(refused=refused)])

    listed = sqlite_log.refusals(ACME, most=10_000)
    assert 100 <= len(listed) <= 120
    assert listed[0].rejection.message == "49-9"
    assert [each.times for each in sqlite_log.refusal_counts(ACME, since_us=0)] == [500]


def test_readers_never_wait_for_the_writer(sqlite_log):
    """Reading in threads beside the writer sees whole requests only, in order."""
    stop = threading.Event()
    seen = []

    def read():
        while not stop.is_set():
            seen.append(len(sqlite_log.read(ACME, 0, most=10**6)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        sqlite_log.append([request("a", "b", "c")])
    stop.set()
    for reader in readers:
        reader.join()

    assert all(count % 3 == 0 for count in seen)


def test_commits_reach_the_disk(tmp_path):
    """Each file of the log is written ahead, and a commit returns when the disk has it: a kill alone cannot tell."""
    connection = sqlite_file.connect(tmp_path / "calls.sqlite")

    pragmas = [connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert pragmas == ["wal", 2]
    connection.close()
