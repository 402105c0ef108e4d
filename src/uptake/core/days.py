"""Moments and days.  A moment is an int, microseconds since 1970 UTC; a day is a `date` in the product's time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """The moment in microseconds since 1970 UTC; a naive datetime is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds


def from_us(moment_us: int) -> datetime:
    """The aware UTC datetime of a moment."""
    return _EPOCH + timedelta(microseconds=moment_us)


def iso_ms(moment_us: int) -> str:
    """ISO 8601 in UTC with milliseconds, as JavaScript writes it.

    >>> iso_ms(1_700_000_000_123_456)
    '2023-11-14T22:13:20.123Z'
    """
    second, rest_us = divmod(moment_us, SECOND_US)
    return f"{_to_the_second(second)}.{rest_us // 1_000:03d}Z"


@lru_cache(maxsize=4_096)
def _to_the_second(second: int) -> str:
    """What moments of a second have in common: calls of one time come together, and to write it takes longest."""
    return from_us(second * SECOND_US).isoformat()[:19]


def day_of(moment_us: int, zone: ZoneInfo) -> date:
    """The day in the zone that holds the moment."""
    return from_us(moment_us).astimezone(zone).date()


def window(day: date, days: int) -> tuple[date, date]:
    """First and last day of the window of so many days ending at `day` inclusive."""
    return day - timedelta(days=days - 1), day


def days_between(first: date, last: date) -> Iterator[date]:
    """Each day from first to last inclusive; none where last is before first."""
    for step in range((last - first).days + 1):
        yield first + timedelta(days=step)
