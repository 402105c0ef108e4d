"""Days in the product's zone, and moments as JavaScript writes them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from uptake.core.days import day_of, days_between, from_us, iso_ms, to_us, window

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-28T22:59:59+00:00", date(2026, 3, 28)),
        ("2026-03-28T23:00:00+00:00", date(2026, 3, 29)),  # still winter time: UTC+1
        ("2026-03-29T21:59:59+00:00", date(2026, 3, 29)),  # a day of 23 hours
        ("2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("2026-10-24T22:00:00+00:00", date(2026, 10, 25)),
        ("2026-10-25T22:59:59+00:00", date(2026, 10, 25)),  # a day of 25 hours
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
    ],
)
def test_a_day_begins_at_local_midnight_across_clock_changes(moment, day):
    """Berlin's days are 23 and 25 hours long when clocks change, and still begin at midnight."""
    assert day_of(to_us(datetime.fromisoformat(moment)), BERLIN) == day


def test_a_window_ends_at_its_day_inclusive():
    """Seven days ending on the 7th begin on the 1st."""
    assert window(date(2026, 1, 7), 7) == (date(2026, 1, 1), date(2026, 1, 7))
    assert len(list(days_between(*window(date(2024, 3, 1), 30)))) == 30


def test_a_moment_survives_the_way_to_microseconds_and_back():
    """Microseconds are exact, also before 1970."""
    for moment in (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 1, 1, 0, 0, 0, 1, UTC)):
        assert from_us(to_us(moment)) == moment


def test_milliseconds_are_cut_not_rounded():
    """As JavaScript's toISOString, so that a time never moves into the future."""
    assert iso_ms(1_700_000_000_999_999) == "2023-11-14T22:13:20.999Z"


def test_moments_are_written_as_the_calendar_says():
    """Before 1970, in early years and to the last millisecond; whichever second was written before."""
    moments = [datetime(1, 1, 2, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)]
    moments += [datetime(9999, 12, 30, 1, 2, 3, 4_000, UTC), datetime(1969, 12, 31, 23, 59, 59, 1_000, UTC)]

    written = [iso_ms(to_us(each)) for each in moments]

    assert written == [
        "0001-01-02T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "9999-12-30T01:02:03.004Z",
        "1969-12-31T23:59:59.001Z",
    ]
