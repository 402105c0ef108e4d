"""Times as senders write them, and the sender's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.days import DAY_US, SECOND_US, from_us
from uptake.sources.times import placed, skew_us, us_of

NOON_US = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.000Z",
        "2026-11-23t12:00:00z",
        "2026-11-23 12:00:00",
        "2026-11-23T12:00:00",
        "2026-11-23 12:00:00+00:00",
        "2026-11-23T12:00Z",
        "2026-11-23T13:30:00+01:30",
        "2026-11-23T13:30:00+0130",
        "2026-11-23T07:00:00.000-05:00",
        "2026-11-23T14:00:00+02",
        "20261123T120000Z",
        " 2026-11-23T12:00:00Z ",
        1795435200,
        1795435200.0,
        1795435200000,
        "1795435200",
        "1795435200000",
        "1795435200.000",
    ],
    ids=repr,
)
def test_a_time_is_read_in_every_form(written):
    """ISO 8601 with and without offset, Unix seconds and milliseconds, as number or digits, are one moment."""
    assert us_of(written) == NOON_US


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        ("2026-11-23T12:00:00.5Z", 500_000),
        ("2026-11-23T12:00:00.123Z", 123_000),
        ("2026-11-23T12:00:00.123456Z", 123_456),
        ("2026-11-23T12:00:00.123456789Z", 123_457),
        (1795435200.25, 250_000),
        ("1795435200123", 123_000),
        ("2026-11-23T11:59:60Z", -SECOND_US),
    ],
)
def test_parts_of_a_second_are_kept(written, microseconds):
    """Fractions count to the microsecond; a leap second is the second before."""
    assert us_of(written) == NOON_US + microseconds


@pytest.mark.parametrize(
    "written",
    [
        *("", "yesterday", "Mon Nov 23 2026", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "1795435200x", "."),
        *("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", -1, -1795435200000, 10**18, 10**30, "9" * 400, "-"),
        *(True, None, [], {}, float("nan"), float("inf"), "1e5", "١٢٣", "2026-11-23T12:00:00\x00"),
    ],
    ids=repr,
)
def test_what_is_no_time_is_refused(written):
    """Anything else, and any time before 1970, is a ValueError and nothing worse."""
    with pytest.raises(ValueError, match=r"xpected|isoformat|day is|hour must|range|convert"):
        us_of(written)


@given(st.text(max_size=30) | st.integers() | st.floats() | st.from_regex(r"[0-9T:Z.+\- ]{0,30}", fullmatch=True))
def test_no_text_breaks_the_reading_of_times(written):
    """Whatever comes, there is a moment between 1970 and 9999, or a ValueError."""
    try:
        moment_us = us_of(written)
    except (ValueError, OverflowError):
        return

    assert 1970 <= from_us(moment_us).year <= 9999


@given(st.datetimes(min_value=from_us(0).replace(tzinfo=None), max_value=from_us(10**16).replace(tzinfo=None)))
def test_isoformat_comes_back(moment):
    """What Python's SDKs write with isoformat is read to the microsecond."""
    assert from_us(us_of(moment.isoformat())).replace(tzinfo=None) == moment


def test_a_clock_within_a_minute_is_right():
    """Up to 60 seconds either way nothing is corrected; beyond, the whole difference."""
    assert skew_us("2026-11-23T12:01:00Z", NOON_US) == 0
    assert skew_us("2026-11-23T11:59:00Z", NOON_US) == 0
    assert skew_us("2026-11-23T11:58:59Z", NOON_US) == 61 * SECOND_US
    assert skew_us("2026-11-23T12:01:01Z", NOON_US) == -61 * SECOND_US
    assert skew_us("no time", NOON_US) == skew_us(None, NOON_US) == 0


def test_an_event_is_placed():
    """Without a time it happened on receipt; otherwise at its time, moved by how far the clock was behind."""
    assert placed(None, 99, NOON_US) == (NOON_US, ())
    assert placed(NOON_US - 5, 0, NOON_US) == (NOON_US - 5, ())
    assert placed(NOON_US - 5, 100, NOON_US) == (NOON_US + 95, ("clock_corrected",))
    assert placed(5, -100, NOON_US) == (5, ())


def test_more_than_a_day_ahead_becomes_receipt():
    """Exactly 24 hours ahead is believed, more is not, after the correction of the clock."""
    assert placed(NOON_US + DAY_US, 0, NOON_US) == (NOON_US + DAY_US, ())
    assert placed(NOON_US + DAY_US + 1, 0, NOON_US) == (NOON_US, ("future_time",))
    assert placed(NOON_US + 2 * DAY_US, -2 * DAY_US, NOON_US) == (NOON_US, ("clock_corrected",))
    assert placed(NOON_US, 2 * DAY_US, NOON_US) == (NOON_US, ("clock_corrected", "future_time"))
