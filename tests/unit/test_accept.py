"""Group commit: nothing is answered before it is durable, nothing waits without bound, nobody waits for ever."""

import asyncio
import itertools
import threading
import time

import pytest

from tests.fakes_log import MemoryCallLog, track
from uptake.core.errors import Rejection
from uptake.pipeline import accept
from uptake.pipeline.accept import Acceptor, Overloaded, Stopping
from uptake.stores.log.base import LogUnavailable, Request

ACME = 1
PATIENCE_S = 60
NO_USER = Rejection("missing_user", "$.userId", "neither was present")


class Log(MemoryCallLog):
    """A log that can be held, be full, break on some request, or die."""

    def __init__(self):
        super().__init__()
        self.groups, self.begun = [], 0
        self.free = threading.Event()
        self.free.set()
        self.fault = None
        self.probes = 0

    def probe(self):
        self.probes += 1
        if self.fault:
            raise self.fault

    def append(self, requests):
        self.begun += 1
        assert self.free.wait(PATIENCE_S)
        self.groups.append(len(requests))
        if self.fault:
            raise self.fault
        if any(request.source == "poison" for request in requests):
            raise ValueError("cannot be encoded")
        return super().append(requests)


@pytest.fixture
def log():
    return Log()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody is answered because the writer looked by itself, except where a test says so."""
    monkeypatch.setattr(accept, "PATIENCE_S", 1_000)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE_S))


@pytest.fixture
def acceptor(log):
    acceptor = Acceptor(log, max_waiting=100)
    acceptor.start()
    yield acceptor
    log.free.set()
    acceptor.stop()


def request(name="a", source="segment", refused=()):
    return Request(ACME, 0, source, [track(name)], tuple(refused))


async def waiting(acceptor, count):
    while acceptor.waiting < count:
        await asyncio.sleep(0.001)


async def writing(log):
    """Until the writer has taken its first group to the log."""
    while not log.begun:
        await asyncio.sleep(0.001)


def test_a_request_is_answered_with_its_offset(acceptor, log):
    """submit returns the request's first offset, in order of arrival."""

    async def submit():
        return [await acceptor.submit(request(name)) for name in "abc"]

    assert run(submit()) == [0, 1, 2]
    assert acceptor.submit_sync(request("d")) == 3
    assert log.end(ACME) == 4


def test_what_waits_shares_one_commit(acceptor, log):
    """While one commit runs, all that arrive wait together, up to the limit of a group."""
    log.free.clear()

    async def submit():
        first = asyncio.ensure_future(acceptor.submit(request()))
        await writing(log)
        others = [asyncio.ensure_future(acceptor.submit(request())) for _ in range(50)]
        await waiting(acceptor, 51)
        assert not first.done()
        log.free.set()
        return await asyncio.gather(first, *others)

    assert run(submit()) == list(range(51))
    assert log.groups == [1, 50]


def test_requests_of_one_moment_share_one_commit(acceptor, log):
    """What arrives in one turn of the event loop is one commit."""

    async def submit():
        await asyncio.gather(*(acceptor.submit(request()) for _ in range(20)))

    run(submit())

    assert log.groups == [20]


def test_a_group_is_bounded(log):
    """A commit takes at most max_group requests."""
    acceptor = Acceptor(log, max_waiting=100, max_group=8)
    acceptor.start()

    async def submit():
        return await asyncio.gather(*(acceptor.submit(request()) for _ in range(20)))

    assert run(submit()) == list(range(20))
    acceptor.stop()
    assert log.groups == [8, 8, 4]


def test_a_full_queue_refuses_at_once(acceptor, log):
    """Beyond max_waiting a request is refused with the seconds to wait; those that wait are answered."""
    log.free.clear()

    async def submit():
        tasks = [asyncio.ensure_future(acceptor.submit(request())) for _ in range(100)]
        await waiting(acceptor, 100)
        with pytest.raises(Overloaded) as refused:
            await acceptor.submit(request())
        log.free.set()
        await asyncio.gather(*tasks)
        return refused.value.retry_after_s

    assert run(submit()) >= 1
    assert log.end(ACME) == 100
    assert acceptor.submit_sync(request()) == 100


def test_a_log_that_cannot_be_written_refuses_and_recovers(acceptor, log):
    """LogUnavailable reaches everyone of the group; the next request is tried again."""
    log.fault = LogUnavailable("disk full", retry_after_s=7)
    with pytest.raises(LogUnavailable, match="disk full"):
        acceptor.submit_sync(request())

    log.fault = None

    assert acceptor.submit_sync(request()) == 0
    assert acceptor.counts.received == {"segment": 1}


def test_trouble_is_told_until_the_log_can_be_written(log):
    """After a commit that failed the log is tried anew, at most once a second; where calls come in it never is."""
    seconds = itertools.count(100, 0.6)
    acceptor = Acceptor(log, max_waiting=100, clock_s=lambda: next(seconds))
    acceptor.start()
    acceptor.submit_sync(request())
    assert (acceptor.trouble(), log.probes) == ("", 0)

    log.fault = LogUnavailable("disk full")
    with pytest.raises(LogUnavailable):
        acceptor.submit_sync(request())

    assert {acceptor.trouble() for _ in range(10)} == {"disk full"}
    assert 1 <= log.probes <= 10
    log.fault = None
    assert [acceptor.trouble() for _ in range(5)][-1] == ""
    acceptor.stop()
    assert acceptor.trouble() == "the server is stopping"


def test_an_idle_log_is_tried_now_and_then(log):
    """Ten seconds after the last commit whoever asks has it tried, once; so trouble is told before anybody meets it."""
    now_s = [0.0]
    acceptor = Acceptor(log, max_waiting=100, clock_s=lambda: now_s[0])
    acceptor.start()
    now_s[0] = 9.0
    acceptor.submit_sync(request())
    now_s[0] = 18.0
    assert (acceptor.trouble(), log.probes) == ("", 0)

    log.fault = LogUnavailable("disk full")
    now_s[0] = 19.0

    assert [acceptor.trouble() for _ in range(3)] == ["disk full"] * 3
    assert log.probes == 1
    log.fault = None
    now_s[0] = 20.0
    assert acceptor.trouble() == ""
    acceptor.stop()


def test_a_log_that_hangs_is_told(log):
    """Once a commit takes longer than five seconds it is said, and no longer when it is done."""
    now_s = [0.0]
    acceptor = Acceptor(log, max_waiting=100, clock_s=lambda: now_s[0])
    acceptor.start()
    log.free.clear()

    async def submit():
        waits = asyncio.ensure_future(acceptor.submit(request()))
        await writing(log)
        told = [acceptor.trouble()]
        now_s[0] += 5.1
        told.append(acceptor.trouble())
        log.free.set()
        await waits
        return told

    assert run(submit()) == ["", "the call log hangs"]
    assert acceptor.trouble() == ""
    acceptor.stop()


def test_one_request_that_cannot_be_stored_fails_alone(acceptor, log):
    """A fault in one request costs the others of its group nothing."""

    async def submit():
        requests = [request("a"), request("b", source="poison"), request("c")]
        return await asyncio.gather(*map(acceptor.submit, requests), return_exceptions=True)

    first, second, third = run(submit())

    assert (first, third) == (0, 1)
    assert isinstance(second, ValueError)


def test_nobody_waits_for_a_dead_writer(acceptor, log, monkeypatch):
    """After a fault of our own, those who wait are told, and so are those who come."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    (writer,) = (thread for thread in threading.enumerate() if thread.name == "call-log")
    log.free.clear()
    log.fault = ArithmeticError("a fault of our own")

    async def submit():
        tasks = [asyncio.ensure_future(acceptor.submit(request()))]
        await writing(log)
        tasks.append(asyncio.ensure_future(acceptor.submit(request())))
        await waiting(acceptor, 2)
        log.free.set()
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE_S)

    outcomes = run(submit())
    writer.join()  # before its fault is no longer expected

    assert [type(outcome) for outcome in outcomes] == [LogUnavailable] * 2
    assert not acceptor.running
    with pytest.raises(Stopping):
        acceptor.submit_sync(request())


def test_stopping_drains_and_answers(acceptor, log):
    """What was taken before the stop is durable and answered; what comes after is refused."""
    log.free.clear()

    async def submit():
        tasks = [asyncio.ensure_future(acceptor.submit(request())) for _ in range(10)]
        await waiting(acceptor, 10)
        threading.Timer(0.05, log.free.set).start()
        acceptor.stop()
        with pytest.raises(Stopping):
            await acceptor.submit(request())
        return await asyncio.gather(*tasks)

    assert run(submit()) == list(range(10))
    assert log.end(ACME) == 10


def test_a_stopped_acceptor_starts_again(acceptor, log):
    """Stop and start in turn lose nothing."""
    acceptor.submit_sync(request())
    acceptor.stop()
    acceptor.stop()
    acceptor.start()

    assert acceptor.submit_sync(request()) == 1


def test_counts_add_up(acceptor):
    """received = logged + refused, by source; only what was committed counts."""
    acceptor.submit_sync(request(refused=[NO_USER, NO_USER]))
    acceptor.submit_sync(Request(ACME, 0, "pixel", [], (NO_USER,)))

    assert acceptor.counts.received == {"segment": 3, "pixel": 1}
    assert acceptor.counts.logged == {"segment": 1, "pixel": 0}
    assert acceptor.counts.refused == {("segment", "missing_user"): 2, ("pixel", "missing_user"): 1}


def test_a_commit_is_told(log):
    """on_append is called once after each commit that was made."""
    told = []
    acceptor = Acceptor(log, max_waiting=10, on_append=lambda: told.append(log.end(ACME)))
    acceptor.start()
    acceptor.submit_sync(request())
    log.fault = LogUnavailable("full")
    with pytest.raises(LogUnavailable):
        acceptor.submit_sync(request())
    acceptor.stop()

    assert told == [1]


def test_a_closed_loop_stops_nobody_else(log, monkeypatch):
    """Whoever closes an event loop while its requests wait keeps no other thread or loop waiting for long."""
    monkeypatch.setattr(accept, "PATIENCE_S", 0.05)
    acceptor = Acceptor(log, max_waiting=100)
    acceptor.start()
    log.free.clear()
    loop = asyncio.new_event_loop()
    gone = loop.create_task(acceptor.submit(request()))
    loop.run_until_complete(waiting(acceptor, 1))
    gone.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    log.free.set()
    while acceptor.waiting:
        time.sleep(0.001)
    loop.close()

    assert acceptor.submit_sync(request()) == 1
    assert run(acceptor.submit(request())) == 2
    acceptor.stop()


def test_threads_and_loops_may_take_turns(acceptor, log):
    """Requests of threads and of an event loop wait together, and each is answered."""
    log.free.clear()

    async def submit():
        threads = [asyncio.create_task(asyncio.to_thread(acceptor.submit_sync, request())) for _ in range(3)]
        tasks = [asyncio.create_task(acceptor.submit(request())) for _ in range(3)]
        await waiting(acceptor, 6)
        log.free.set()
        first = await asyncio.gather(*threads, *tasks)
        return first + [await asyncio.to_thread(acceptor.submit_sync, request()) for _ in range(3)]

    assert sorted(run(submit())) == list(range(9))


def test_a_sender_that_went_away_costs_nothing(acceptor, log):
    """A request whose sender was cancelled is committed, and the others are answered."""
    log.free.clear()

    async def submit():
        gone, stays = (asyncio.ensure_future(acceptor.submit(request(name))) for name in "ab")
        await waiting(acceptor, 2)
        gone.cancel()
        log.free.set()
        return await stays

    assert run(submit()) == 1
    assert log.end(ACME) == 2
