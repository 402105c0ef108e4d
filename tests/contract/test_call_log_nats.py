"""What is the NATS call log's own: several nodes, messages and their size, a full stream, damage, servers that die."""

import threading
from contextlib import closing

import msgspec
import pytest

from tests.fakes_log import track
from tests.jetstream import jetstream
from uptake.core.errors import Rejection
from uptake.stores.log import nats as engine
from uptake.stores.log import nats_refusals
from uptake.stores.log.base import LogDamaged, LogUnavailable, Request
from uptake.stores.log.nats import NatsCallLog
from uptake.stores.log.nats_address import NatsAddress, parse
from uptake.stores.log.nats_cluster import Cluster

ACME, BOBS = 1, 2
NOVEMBER_US = 1_795_420_800_000_000  # 2026-11-23T08:00:00Z
NO_USER = Rejection("missing_user", "$.userId", "neither was present", 3)


def request(*message_ids, product=ACME, refused=()):
    return Request(product, NOVEMBER_US, "segment", [track(each) for each in message_ids], tuple(refused))


def ids(logged):
    return [each.call.message_id for each in logged]


def whole(log, product=ACME):
    """Everything that the log has of a product, read in pieces."""
    calls = []
    while len(calls) < log.end(product):
        calls += log.read(product, len(calls), most=500)
    return calls


@pytest.fixture
def address(addresses):
    return addresses()


@pytest.fixture
def log(address):
    with closing(NatsCallLog(address)) as log:
        yield log


# ---- the address


def test_an_address_names_servers_and_what_streams_are_like():
    """Servers, user and options are read from one text; three servers keep three copies unless it says otherwise."""
    address = parse("tls://ana:p%40ss@one,two:5222,[::1]:6222/?name=acme&max_bytes=10000")

    assert address == NatsAddress(
        ("tls://one:4222", "tls://two:5222", "tls://[::1]:6222"),
        "ana",
        "p@ss",
        name="acme",
        replicas=3,
        max_bytes=10_000,
    )
    assert parse("nats://token@one?replicas=1") == NatsAddress(("nats://one:4222",), "token")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://one:4222",
        "nats://",
        "nats://one:0",
        "nats://one,",
        "nats://one:99999",
        "nats://one?replicas=2",
        "nats://one?replicas=three",
        "nats://one?name=A.B",
        "nats://one?colour=red",
        "nats://one?replicas",
        "nats://one?max_bytes=-2",
        "nats://o ne",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(text):
    """A wrong address may hold a password, so the fault does not quote it."""
    with pytest.raises(ValueError, match=r"^(?!.*://)"):
        parse(text)


# ---- several nodes


def test_an_opened_log_goes_on_where_it_was(address):
    """What was appended is there after the log is closed and opened again."""
    for letter in "abc":
        with closing(NatsCallLog(address)) as log:
            log.append([request(letter)])

    with closing(NatsCallLog(address)) as log:
        assert ids(log.read(ACME, 0, most=9)) == ["a", "b", "c"]
        assert log.size_bytes() > 0


def test_nodes_that_append_at_once_share_one_sequence(address):
    """Several nodes that append at the same time lose nothing, and offsets have no gap and no repeat."""
    firsts: dict[str, list[int]] = {}

    def append(name):
        with closing(NatsCallLog(address)) as log:
            firsts[name] = [log.append([request(f"{name}-{n}", f"{name}-{n}b")])[0] for n in range(40)]

    nodes = [threading.Thread(target=append, args=(name,)) for name in ("ana", "bob")]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()

    with closing(NatsCallLog(address)) as log:
        calls = whole(log)
    by_offset = {each.offset: each.call.message_id for each in calls}
    assert sorted(firsts["ana"] + firsts["bob"]) == list(range(0, 160, 2))
    assert [each.offset for each in calls] == list(range(160))
    assert all(by_offset[first] == f"{name}-{n}" for name in firsts for n, first in enumerate(firsts[name]))


def test_nodes_see_one_anothers_refusals(address):
    """Refused items are listed and counted on every node, whoever refused them."""
    with closing(NatsCallLog(address)) as ours, closing(NatsCallLog(address)) as theirs:
        ours.append([request(refused=[NO_USER])])
        first = theirs.refusal_counts(ACME, since_us=0)
        theirs.append([request(refused=[NO_USER])])

        assert [each.times for each in first] == [1]
        assert [each.times for each in ours.refusal_counts(ACME, since_us=0)] == [2]
        assert len(ours.refusals(ACME, most=9)) == 2


# ---- messages


def test_a_large_commit_is_several_messages(log, monkeypatch):
    """Where calls are more than a message may hold, offsets go on over messages, also inside one request."""
    monkeypatch.setattr(engine, "MESSAGE_BYTES", 500)
    names = [f"m{n}" for n in range(40)]

    firsts = log.append([request(*names[:30]), request(refused=[NO_USER]), request(*names[30:])])

    assert firsts == [0, 30, 30]
    assert log._cluster.state(log._named("calls", ACME)[0]).last > 5
    assert ids(whole(log)) == names
    for first in range(40):
        assert ids(log.read(ACME, first, most=1))[0] == names[first]


def test_any_offset_is_found_among_many_messages(log, address):
    """A read that begins where no read has ended finds its message by halving."""
    for n in range(30):
        log.append([request(f"a{n}", f"b{n}")])

    with closing(NatsCallLog(address)) as other:
        for first in (59, 0, 31, 30, 7):
            assert [each.offset for each in other.read(ACME, first, most=100)] == list(range(first, 60))


def test_only_the_latest_refusals_are_kept(log, monkeypatch):
    """Messages with refused items are bounded: the oldest go."""
    monkeypatch.setattr(nats_refusals, "KEPT_MESSAGES", 5)
    for place in range(9):
        log.append([request(refused=[Rejection("bad_id", "$", f"{place}", 0)])])

    assert [each.rejection.message for each in log.refusals(ACME, most=99)] == ["8", "7", "6", "5", "4"]


def test_a_changed_call_leaves_nothing_of_the_old_one_in_the_stream(log, address):
    """After a rewrite the stream's own message is gone, and every node reads the amended one, offsets as before."""
    log.append([request("a", "b")])
    log.append([request("c")])

    log.rewrite(ACME, 0, before_us=2**62, most=9, change=lambda call: msgspec.structs.replace(call, user_id="bob"))

    stream = log._named("calls", ACME)[0]
    assert log._cluster.get(stream, [1, 2]) == [None, None]
    with closing(NatsCallLog(address)) as other:
        assert [(each.offset, each.call.user_id) for each in other.read(ACME, 1, most=9)] == [(1, "bob"), (2, "bob")]
        assert other.append([request("d")]) == [3]


def test_what_is_scrubbed_is_on_no_disk_and_counted_still():
    """A planted name is in no file of the servers, refusals that told it are counted and not listed, on every node."""
    with jetstream() as ((server,), make):
        address = make()
        with closing(NatsCallLog(address)) as log, closing(NatsCallLog(address)) as other:
            log._made_stream("amended", ACME)
            refused = [Rejection("bad_id", "$.userId", "got planted-name"), NO_USER]
            log.append([Request(ACME, NOVEMBER_US, "segment", [track("a", user="planted-name")], tuple(refused))])
            assert len(other.refusals(ACME, most=9)) == 2
            assert b"planted-name" in on_disk(server)

            for place in "ab":  # as changes that were cut short leave it
                log._cluster.keep(log._named("amended", ACME)[1] + ".1", b"planted-name", repeat_id=place)
            for event in ("second-name", "Export"):  # the second change replaces the first
                log.rewrite(ACME, 0, before_us=2**62, most=9, change=renamed(event))
            assert b"second-name" not in on_disk(server)
            for _ in range(2):
                log.scrub(ACME, ["planted-name"])

            assert b"planted-name" not in on_disk(server)
            assert b"Export" in on_disk(server)
            for node in (log, other):
                assert [each.rejection for each in node.refusals(ACME, most=9)] == [NO_USER]
                assert sorted(each.code for each in node.refusal_counts(ACME, since_us=0)) == ["bad_id", "missing_user"]
                assert [each.call.event for each in node.read(ACME, 0, most=9)] == ["Export"]


def renamed(event):
    """A change of every call: another event, and nobody's."""
    return lambda call: msgspec.structs.replace(call, event=event, user_id="nobody")


def on_disk(server):
    """Every byte that the server keeps."""
    return b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())


def test_what_other_servers_have_is_not_missing(log, monkeypatch):
    """Between two questions the connection goes to a server that was cut off earlier: the read is refused, and no call
    is given up for lost; afterwards it is read."""
    for letter in "ab":
        log.append([request(letter)])
    stream, ends, get = log._named("calls", ACME)[0], iter([2, 1]), Cluster.get
    state = log._cluster.state(stream)
    assert state.last == 2

    def cut_off(cluster, stream, seqs):
        return [None if seq == 2 else get(cluster, stream, [seq])[0] for seq in seqs]

    with monkeypatch.context() as patch:
        patch.setattr(Cluster, "state", lambda *_: msgspec.structs.replace(state, last=next(ends)))
        patch.setattr(Cluster, "get", cut_off)
        with pytest.raises(LogUnavailable, match=f"do not have message 2 of stream {stream}"):
            log.read(ACME, 1, most=9)

    assert ids(log.read(ACME, 1, most=9)) == ["b"]


def test_an_answer_that_is_lost_makes_no_second_copy(log, monkeypatch):
    """Where a message was kept and a repeat finds the stream moved on by that very message, it counts as kept."""
    log.append([request("a")])
    keep, lost = Cluster.keep, []

    def forgetful(cluster, subject, body, *, repeat_id, after=None):
        seq = keep(cluster, subject, body, repeat_id=repeat_id, after=after)
        if not lost:
            lost.append(seq)
            raise engine.Outpaced
        return seq

    monkeypatch.setattr(Cluster, "keep", forgetful)

    assert log.append([request("b")]) == [1]
    assert log.append([request("c")]) == [2]
    assert (lost, ids(whole(log))) == ([2], ["a", "b", "c"])


def test_a_message_that_is_still_on_its_way_is_not_sent_as_another(log, monkeypatch):
    """A repeat is refused because the first try stands before it and cannot be read yet: it is repeated as it was."""
    log.append([request("a")])
    keep, ids_sent = Cluster.keep, []

    def on_its_way(cluster, subject, body, *, repeat_id, after=None):
        ids_sent.append(repeat_id)
        if len(ids_sent) == 1:
            raise engine.Outpaced
        return keep(cluster, subject, body, repeat_id=repeat_id, after=after)

    monkeypatch.setattr(Cluster, "keep", on_its_way)

    assert log.append([request("b")]) == [1]
    assert (len(ids_sent), len(set(ids_sent)), ids(whole(log))) == (2, 1, ["a", "b"])


# ---- faults


def test_a_full_stream_refuses_and_recovers(addresses):
    """Where a product's stream is full, calls are refused at once and none that was taken is dropped for them."""
    with closing(NatsCallLog(addresses(max_bytes=2_000_000))) as log:
        many = request(*(f"m{n}" for n in range(2_000)))
        log.probe()
        kept, told = 0, None
        while told is None:
            try:
                log.append([many])
                kept += 1
            except LogUnavailable as error:
                told = error

        assert kept > 2
        assert told.retry_after_s > 5
        with pytest.raises(LogUnavailable, match="full"):
            log.probe()
        assert ids(log.read(ACME, 0, most=1))[0] == "m0"
        assert log.end(ACME) == kept * 2_000
        assert log.append([request("x", product=BOBS)]) == [0]


def test_a_lost_message_is_named_and_the_rest_is_read(log):
    """A message that somebody took out is damage at its offsets alone."""
    for letters in ("ab", "c", "d"):
        log.append([request(*letters)])
    log._cluster.erase(log._named("calls", ACME)[0], [2])

    assert ids(log.read(ACME, 0, most=9)) == ["a", "b"]
    with pytest.raises(LogDamaged, match=r"product 1, offset 2: message 2 of stream .* is missing") as told:
        log.read(ACME, 2, most=9)
    assert told.value.after == 3
    assert ids(log.read(ACME, 3, most=9)) == ["d"]


def test_offsets_go_on_where_they_are_told_to(log):
    """After `continue_from` no offset is given twice; the gap is damage, and named."""
    log.append([request("a")])
    log.continue_from(ACME, 5)
    log.continue_from(ACME, 2)

    assert log.append([request("b")]) == [5]
    with pytest.raises(LogDamaged) as told:
        log.read(ACME, 1, most=9)
    assert told.value.after == 5
    assert ids(log.read(ACME, 5, most=9)) == ["b"]


def test_without_servers_nothing_is_taken():
    """A server that is away makes every question end in LogUnavailable, and it goes on when the server is back."""
    with jetstream() as ((server,), make), closing(NatsCallLog(make(), patience_s=0.5)) as log:
        log.append([request("a")])
        server.kill()

        for ask in (lambda: log.append([request("b")]), log.probe, lambda: log.end(ACME)):
            with pytest.raises(LogUnavailable):
                ask()

        server.start()
        log._cluster._patience_s = 30
        assert "a" in ids(whole(log))
        log.append([request("c")])
        assert ids(whole(log))[-1] == "c"
        server.kill()
        with pytest.raises(LogUnavailable):
            NatsCallLog(make(), patience_s=0.5)
        server.start()


def test_the_leaders_death_loses_nothing_and_repeats_nothing():
    """Three servers, the leader killed -9 under load: each acknowledged call is there once, at the offset told."""
    told: dict[str, int] = {}
    stop, enough = threading.Event(), threading.Event()

    def append(log, name):
        n = 0
        while not stop.is_set():
            told[f"{name}-{n}"] = log.append([request(f"{name}-{n}", f"{name}-{n}b")])[0]
            n += 1
            if len(told) > before + 60:
                enough.set()

    with jetstream(3) as (servers, make), closing(NatsCallLog(address := make(), patience_s=90)) as log:
        told["first"] = log.append([request("first", "firstb")])[0]
        with closing(NatsCallLog(address, patience_s=90)) as other:
            before = len(told)
            nodes = [
                threading.Thread(target=append, args=(node, name)) for node, name in ((log, "ana"), (other, "bob"))
            ]
            for node in nodes:
                node.start()
            assert enough.wait(90)
            enough.clear()
            before = len(told)
            leader(log, servers).kill()
            assert enough.wait(90)
            stop.set()
            for node in nodes:
                node.join()
        calls = whole(log)

    by_offset = {each.offset: each.call.message_id for each in calls}
    assert [each.offset for each in calls] == list(range(2 * len(told)))
    assert all(by_offset[first] == name for name, first in told.items())
    assert len(set(by_offset.values())) == len(calls)


def leader(log, servers):
    """The server that leads the stream of acme's calls."""
    cluster = log._cluster
    name = cluster._ask(lambda: cluster._js.stream_info(log._named("calls", ACME)[0])).cluster.leader
    return next(server for server in servers if server.name == name)
