"""Counters of fates stay right and cheap from scrape to scrape; what a silent server is asked for is left out."""

import threading
import time

import pytest

from tests.installed import wait_for
from uptake.stores.events.base import OutcomeRow
from uptake.web.asked import Asked
from uptake.web.metrics import BUCKET_US, OPEN_BUCKETS, OutcomeTotals

APPLIED = ("track", "applied", "", "")


class Outcomes:
    """A store that counts fates by bucket, and tells what it was asked."""

    def __init__(self):
        self.times = {}
        self.asked = []

    def outcomes(self, *, since_us):
        self.asked.append(since_us)
        return [OutcomeRow(at, *APPLIED, times) for at, times in sorted(self.times.items()) if at >= since_us]


def test_totals_grow_with_every_bucket_and_old_ones_are_not_asked_for_again():
    """A day of scrapes: each total is exact, and none but the first reads more than the open buckets."""
    store, totals = Outcomes(), OutcomeTotals()

    for bucket in range(1, 144):
        store.times[bucket * BUCKET_US] = bucket
        if bucket > 2:
            store.times[(bucket - 2) * BUCKET_US] += 7  # a slow process logs into an earlier bucket
        assert totals.read(store) == {APPLIED: sum(store.times.values())}

    assert store.asked[0] == 0
    assert store.asked[-1] == (142 - OPEN_BUCKETS) * BUCKET_US


def test_a_new_generation_is_counted_anew():
    """After a rebuild the totals are those of the store in force."""
    totals, old, new = OutcomeTotals(), Outcomes(), Outcomes()
    old.times[BUCKET_US] = 5
    new.times[BUCKET_US] = 4
    totals.read(old)

    assert totals.read(new) == {APPLIED: 4}


def test_nothing_folded_is_nothing_counted():
    """An empty store has no samples."""
    assert OutcomeTotals().read(Outcomes()) == {}


class SilentServer:
    """A server that answers a question only when it is healed."""

    def __init__(self):
        self.healed = threading.Event()
        self.questions = 0

    def ask(self):
        self.questions += 1
        self.healed.wait()
        return self.questions


def test_an_answer_that_is_late_is_left_out():
    """Nothing is asked anew while the server is silent; when it answers again the next question has a fresh answer."""
    server = SilentServer()
    asked = Asked(server.ask)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            asked.answer(time.monotonic())
    assert server.questions == 1

    server.healed.set()
    wait_for(asked._answer.done)
    assert asked.answer(time.monotonic() + 60) == 2
