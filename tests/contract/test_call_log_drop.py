"""Giving months of calls back: what every log with periods promises of it, and what is its engine's own."""

from contextlib import ExitStack, closing

import msgspec
import pytest

from tests.fakes_log import track
from tests.jetstream import jetstream
from uptake.core.days import DAY_US
from uptake.core.errors import Rejection
from uptake.stores.log.base import LogDamaged, Request, read_past_damage
from uptake.stores.log.nats import NatsCallLog
from uptake.stores.log.nats_cluster import Cluster
from uptake.stores.log.sqlite import SqliteCallLog

ACME, BOBS = 1, 2
OCTOBER_US = 1_791_800_000_000_000
MONTH_US = 31 * DAY_US


REFUSED = (Rejection("bad_type", "$.type", "expected a type", 0),)


@pytest.fixture(params=["sqlite", "nats"])
def opened(request, tmp_path):
    """Opens the same log, as often as asked."""
    with ExitStack() as stack:
        address = request.getfixturevalue("addresses")() if request.param == "nats" else None

        def open_log():
            log = NatsCallLog(address) if address else SqliteCallLog(tmp_path / "log")
            return stack.enter_context(closing(log))

        yield open_log


@pytest.fixture
def log(opened):
    return opened()


@pytest.fixture
def sqlite_log(tmp_path):
    with closing(SqliteCallLog(tmp_path / "log")) as log:
        yield log


@pytest.fixture
def nats_log(addresses):
    with closing(NatsCallLog(addresses())) as log:
        yield log


def request(*message_ids, product=ACME, month=0, refused=()):
    return Request(product, OCTOBER_US + month * MONTH_US, "segment", [track(each) for each in message_ids], refused)


def without_event(call):
    return msgspec.structs.replace(call, event=None)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "log").iterdir() if path.name.endswith(".sqlite"))


def ids(logged):
    return [each.call.message_id for each in logged]


def gone_until(log, product_id, first):
    """The offset that a read of what went says to go on at."""
    with pytest.raises(LogDamaged) as gone:
        log.read(product_id, first, most=9)
    return gone.value.after


def test_what_lies_before_goes_and_offsets_stay(log):
    """What is left is read, where it begins is told, what went is named as gone, and offsets go on."""
    log.append([request("a", "b"), request("c")])
    log.append([request("d", month=1)])
    log.append([request("e", month=2)])

    log.drop(ACME, 2)
    assert (log.start(ACME), ids(log.read(ACME, 0, most=9))) == (0, ["a", "b", "c", "d", "e"])
    log.drop(ACME, 3)

    assert (log.start(ACME), log.end(ACME)) == (3, 5)
    assert ids(log.read(ACME, 3, most=9)) == ["d", "e"]
    assert (gone_until(log, ACME, 0), gone_until(log, ACME, 2)) == (3, 3)
    assert [each.offset for each in read_past_damage(log, ACME, 0, most=9)[0]] == [3, 4]
    assert log.append([request("f", month=2)]) == [5]


def test_who_reads_meanwhile_learns_where_to_go_on(opened):
    """A log that was opened before, and has read some of it, is told as well."""
    ours, theirs = opened(), opened()
    ours.append([request("a")])
    ours.append([request("b")])
    ours.append([request("c", month=1)])
    assert ids(theirs.read(ACME, 0, most=1)) == ["a"]

    ours.drop(ACME, 2)

    calls, after = read_past_damage(theirs, ACME, 1, most=9)
    assert (ids(calls)[-1], after, ours.start(ACME)) == ("c", 3, 2)


def test_another_product_keeps_its_calls(log):
    """Only the product's calls go, and with them the items that were refused then."""
    log.append([request("a", refused=REFUSED), request("x", product=BOBS, refused=REFUSED)])
    log.append([request("b", month=1), request("y", product=BOBS, month=1)])

    log.drop(ACME, 1)

    assert (log.start(ACME), log.start(BOBS)) == (1, 0)
    assert ids(log.read(BOBS, 0, most=9)) == ["x", "y"]
    assert log.refusals(ACME, most=9) == [] != log.refusals(BOBS, most=9)
    assert log.refusal_counts(ACME, since_us=0) == []


def test_what_was_dropped_stays_dropped(log, opened):
    """Opened anew, the log goes on where it was, also where nothing of a product is left; dropping may be repeated."""
    log.append([request("a", "b")])
    log.append([request("x", product=BOBS, month=1)])
    for _ in range(2):
        log.drop(ACME, 2)
    log.close()

    again = opened()

    assert (again.start(ACME), again.end(ACME), gone_until(again, ACME, 0)) == (2, 2, 2)
    assert again.read(ACME, 2, most=9) == []
    assert again.append([request("c", month=1)]) == [2]
    assert again.rewrite(ACME, 0, before_us=2**62, most=9, change=without_event) == 3
    assert [each.call.event for each in again.read(ACME, 2, most=9)] == [None]


def test_changed_calls_go_like_others(log):
    """What an erasure left of calls goes with them, and what it left behind them stays."""
    log.append([request("a")])
    log.append([request("b", month=1)])
    assert log.rewrite(ACME, 0, before_us=2**62, most=9, change=without_event) == 2

    log.drop(ACME, 1)
    log.scrub(ACME, ())

    assert (log.start(ACME), gone_until(log, ACME, 0)) == (1, 1)
    assert [(each.offset, each.call.event) for each in log.read(ACME, 1, most=9)] == [(1, None)]


# ---- files of months


def test_a_file_goes_when_nothing_of_anybody_is_in_it(sqlite_log, tmp_path):
    """A month's file stays as long as any product has something in it."""
    sqlite_log.append([request("a", refused=REFUSED), request("x", product=BOBS)])
    sqlite_log.append([request("b", month=1), request("y", product=BOBS, month=1)])

    sqlite_log.drop(ACME, 1)
    assert len(files(tmp_path)) == 2

    sqlite_log.drop(BOBS, 1)
    assert len(files(tmp_path)) == 1


def test_the_running_month_stays(sqlite_log):
    """Whatever offset is named, the file that takes calls keeps what it has."""
    sqlite_log.append([request("a")])

    sqlite_log.drop(ACME, 9)

    assert (sqlite_log.start(ACME), len(sqlite_log.read(ACME, 0, most=9))) == (0, 1)


# ---- messages of a stream


def test_only_whole_messages_go(nats_log):
    """The message that holds the offset stays, with the calls before it."""
    nats_log.append([request("a")])
    nats_log.append([request("b", "c")])

    nats_log.drop(ACME, 2)

    assert (nats_log.start(ACME), ids(nats_log.read(ACME, 1, most=9))) == (1, ["b", "c"])


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(8))
def test_a_drop_that_is_cut_short_is_ended_by_the_next(addresses, monkeypatch, step, after):
    """Killed before or after anything that it writes, no call is lost that was not to go, and a repeat ends it."""
    address, written = addresses(), 0

    def cut(method):
        def written_or_killed(cluster, *arguments, **named):
            nonlocal written
            written += 1
            if written == step + 1 and not after:
                raise Killed
            result = method(cluster, *arguments, **named)
            if written == step + 1:
                raise Killed
            return result

        return written_or_killed

    with closing(NatsCallLog(address)) as log:
        log.append([request("a", refused=REFUSED)])
        log.append([request("b")])
        log.append([request("c", month=1)])
        assert log.rewrite(ACME, 0, before_us=2**62, most=1, change=without_event) == 1
        with monkeypatch.context() as cutting:
            for name in ("make", "keep", "erase", "purge"):
                cutting.setattr(Cluster, name, cut(getattr(Cluster, name)))
            try:
                log.drop(ACME, 2)
            except Killed:
                assert written == step + 1
            else:
                assert written <= step

    with closing(NatsCallLog(address)) as again:
        calls, _ = read_past_damage(again, ACME, again.start(ACME), most=9)
        assert ids(calls) in (["a", "b", "c"], ["c"])
        again.drop(ACME, 2)
        assert (again.start(ACME), ids(again.read(ACME, 2, most=9)), again.refusals(ACME, most=9)) == (2, ["c"], [])
        assert again._cluster.state(f"{address.name.upper()}_CALLS_{ACME}").first == 3


def test_no_byte_is_left_of_what_went():
    """Calls that share a file of the server with those that stay are overwritten, amended and refused ones too."""
    planted = (b"planted-call", b"planted-change", b"planted-refusal")
    refused = (Rejection("bad_type", "planted-refusal", "expected a type", 0),)

    def found(server):
        held = [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        return [each for each in planted if any(each in data for data in held)]

    with jetstream() as ((server,), addresses), closing(NatsCallLog(addresses())) as log:
        log.append([request("planted-call", refused=refused)])
        log.append([request("b")])
        log.append([request("c", month=1)])
        change = {"before_us": 2**62, "most": 1}
        log.rewrite(ACME, 1, **change, change=lambda call: msgspec.structs.replace(call, event="planted-change"))
        assert found(server) == list(planted)

        log.drop(ACME, 2)

        assert found(server) == []
        assert ids(log.read(ACME, 2, most=9)) == ["c"]
