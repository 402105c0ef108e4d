"""Moments as they come in events: ISO 8601 in its many forms, and Unix seconds or milliseconds.

What has no time zone is taken as UTC.  Nothing here knows the present.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?"
    r"(?:[T\s]+(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:([Zz])|([+-]\d\d):?(\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_SLASHED = re.compile(r"(?:(\d{4})/(\d\d?)/(\d\d?)|(\d\d?)/(\d\d?)/(\d{4}))(.*)", re.ASCII)
_NAMED = re.compile(
    r"(?:[a-z]{3,9},?\s+)?(?:([a-z]{3,9})\.?\s+(\d\d?)|(\d\d?)\s+([a-z]{3,9})\.?),?\s+(\d{4})(.*)",
    re.ASCII | re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\s*,?\s*(\d\d?):(\d\d)(?::(\d\d))?\s*(?:(?:GMT|UTC|Z)?([+-]\d\d):?(\d\d)?|GMT|UTC|Z)?\s*", re.ASCII
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 10**11
"""A Unix time this large counts milliseconds: as seconds it would lie beyond the year 5000."""


def from_unix_ms(milliseconds: float) -> datetime | None:
    """The moment so many milliseconds after 1970; None beyond the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        return None


def from_unix(number: float) -> datetime | None:
    """The moment of Unix seconds, or of milliseconds where the number is too large for seconds.

    >>> from_unix(1_700_000_000) == from_unix(1_700_000_000_000)
    True
    """
    return from_unix_ms(number if abs(number) >= _MILLISECONDS_FROM else number * 1000)


def from_iso(text: str) -> datetime | None:
    """The moment of an ISO 8601 text: a date, or a date and a time, with or without dashes, colons and a zone.

    >>> [str(from_iso(text)) for text in ("2024-03-05", "20240305T1000+02", "2024-02-30")]
    ['2024-03-05 00:00:00+00:00', '2024-03-05 08:00:00+00:00', 'None']
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, _, zone_hours, zone_minutes = found.groups()
    clock = (int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "")[:6].ljust(6, "0")))
    return _moment(int(year), int(month or 1), int(day or 1), clock, _offset(zone_hours, zone_minutes))


def from_words(text: str) -> datetime | None:
    """The moment of a text in one of the other forms that JavaScript reads: `March 5, 2024 10:00`, `03/05/2024`."""
    text = text.strip()
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        year, month, day, us_month, us_day, us_year, rest = slashed.groups()
        return _with_clock(int(year or us_year), int(month or us_month), int(day or us_day), rest)
    named = _NAMED.fullmatch(text)
    if named is None:
        return None
    name, day, other_day, other_name, year, rest = named.groups()
    month_name = (name or other_name)[:3].lower()
    if month_name not in _MONTHS:
        return None
    return _with_clock(int(year), _MONTHS.index(month_name) + 1, int(day or other_day), rest)


def _with_clock(year: int, month: int, day: int, rest: str) -> datetime | None:
    if not rest.strip():
        return _moment(year, month, day, (0, 0, 0, 0), timedelta())
    found = _CLOCK.fullmatch(rest)
    if found is None:
        return None
    hour, minute, second, zone_hours, zone_minutes = found.groups()
    return _moment(year, month, day, (int(hour), int(minute), int(second or 0), 0), _offset(zone_hours, zone_minutes))


def _offset(hours: str | None, minutes: str | None) -> timedelta:
    return timedelta(hours=int(hours), minutes=int(hours[0] + (minutes or "0"))) if hours else timedelta()


def _moment(year: int, month: int, day: int, clock: tuple[int, int, int, int], offset: timedelta) -> datetime | None:
    try:
        return datetime(year, month, day, *clock, tzinfo=timezone(offset)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
