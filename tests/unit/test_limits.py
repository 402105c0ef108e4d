"""What a key may send: allowances that fill up with time, apart for every key."""

import pytest

from uptake.pipeline import limits
from uptake.pipeline.limits import KeyLimits, Limits, Standing, TooMuch


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def send(keys, key, **amounts):
    """Whether the key may send this now; if so it is taken."""
    try:
        keys.admit(key)
    except TooMuch as much:
        return much.retry_after_s
    keys.spend(key, **amounts)
    return None


def test_ten_seconds_worth_may_come_at_once(clock):
    """Then it is as many as come back; another key has its own."""
    keys = KeyLimits(Limits(requests=3), clock)

    at_once = [send(keys, "ana", requests=1) for _ in range(31)]

    assert at_once == [None] * 30 + [1]
    assert send(keys, "bob", requests=1) is None
    clock.now_s += 1
    assert [send(keys, "ana", requests=1) for _ in range(4)] == [None, None, None, 1]
    assert keys.refused == {"requests": 2}


def test_the_mean_is_kept_over_time(clock):
    """Whoever asks all the time gets the rate, and the ten seconds' worth once."""
    keys = KeyLimits(Limits(calls=20), clock)
    taken = 0
    for _ in range(1_000):
        clock.now_s += 0.1
        taken += 50 if send(keys, "ana", calls=50) is None else 0

    assert 20 * 100 <= taken <= 20 * 110 + 50


def test_a_batch_larger_than_the_allowance_passes_and_is_waited_off(clock):
    """No batch is refused for ever: it is taken when something is left, and the next one waits so much longer."""
    keys = KeyLimits(Limits(calls=10), clock)

    assert send(keys, "ana", calls=2_500) is None
    wait_s = send(keys, "ana", calls=1)
    clock.now_s += wait_s - 1
    assert send(keys, "ana", calls=1) == 1
    clock.now_s += 1

    assert wait_s == 241
    assert send(keys, "ana", calls=1) is None


def test_each_limit_holds_by_itself(clock):
    """Requests, calls and bytes are counted apart; the first that is used up is named."""
    keys = KeyLimits(Limits(requests=100, calls=100, bytes=1_000), clock)
    send(keys, "ana", requests=1, calls=1, bytes=10_000)

    with pytest.raises(TooMuch, match="this key may send 1,000 bytes a second"):
        keys.admit("ana")

    assert keys.standings("ana") == [
        Standing("requests", 1_000, 999, 1),
        Standing("calls", 1_000, 999, 1),
        Standing("bytes", 10_000, 0, 10),
    ]


def test_what_is_not_limited_is_not_counted(clock):
    """A limit of 0 is none."""
    keys = KeyLimits(Limits(calls=5), clock)
    for _ in range(1_000):
        assert send(keys, "ana", requests=1, bytes=10**6) is None

    assert [each.name for each in keys.standings("ana")] == ["calls"]


def test_keys_that_rest_are_forgotten(clock, monkeypatch):
    """Memory follows the keys that send, and none of those gets a fresh allowance."""
    monkeypatch.setattr(limits, "LEAST_KEPT", 10)
    keys = KeyLimits(Limits(requests=1), clock)
    for _ in range(10):
        send(keys, "busy", requests=1)
    for number in range(10_000):
        send(keys, f"key {number}", requests=1)
        clock.now_s += 0.01
        keys.spend("busy", requests=1)

    assert len(keys._spent) < 1_000
    assert send(keys, "busy", requests=1) > 5_000


def test_a_clock_that_stands_still_costs_nobody_anything(clock):
    """Without time nothing comes back, and nothing is lost."""
    keys = KeyLimits(Limits(requests=1), clock)
    keys.spend("ana", requests=4)

    assert [each.left for each in keys.standings("ana")] == [6]
    assert [each.left for each in keys.standings("ana")] == [6]
