"""When a call happened: reading a sender's times, and correcting its clock as Segment does.

Moments are microseconds since 1970 UTC.  Times before 1970 are refused: no product has them, and a broken clock
does.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from uptake.core.days import DAY_US, SECOND_US, to_us

MAX_SKEW_US = 60 * SECOND_US
"""A sender's clock may differ by this much before it is corrected."""

SECONDS_BELOW = 100_000_000_000
"""A Unix time below this counts seconds (to the year 5138), from it on milliseconds (from 1973)."""

NO_NOTES: tuple[str, ...] = ()

_LAST_US = to_us(datetime(9999, 12, 31, tzinfo=UTC))


def us_of(value: Any) -> int:
    """Read a time: ISO 8601 with or without offset (none is UTC), Unix seconds or milliseconds, as number or digits.

    Raises ValueError with what was expected, for anything else and for times before 1970 or after 9999.

    >>> us_of("2026-11-23 10:00:00+02:00") == us_of(1795420800) == us_of("1795420800000")
    True
    """
    if isinstance(value, datetime):
        moment_us = to_us(value)
    elif isinstance(value, str):
        moment_us = _text_us(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment_us = _unix_us(value)
    else:
        raise ValueError("expected an ISO 8601 text or a Unix time")
    if not 0 <= moment_us <= _LAST_US:
        raise ValueError("expected a time from 1970 to 9999")
    return moment_us


def _text_us(text: str) -> int:
    if "\x00" in text:  # where both readers below would stop reading
        raise ValueError("expected an ISO 8601 text")
    digits = text.removeprefix("-")
    if digits.replace(".", "", 1).isdecimal() and digits.isascii():
        return _unix_us(float(text) if "." in text else int(text[:24]))
    try:
        return to_us(msgspec.convert(text, datetime))
    except msgspec.ValidationError:
        return to_us(datetime.fromisoformat(_tidied(text)))


def _tidied(text: str) -> str:
    """Forms that are meant well and that the standard library does not read: small letters, and a leap second."""
    upper = text.upper()
    return upper[:17] + "59" + upper[19:] if upper[17:19] == "60" and len(upper) > 18 else upper


def _unix_us(number: int | float) -> int:
    if not abs(number) < 1e18:
        raise ValueError("expected Unix seconds or milliseconds")
    return round(number * SECOND_US) if abs(number) < SECONDS_BELOW else round(number * 1000)


def skew_us(sent: Any, received_us: int) -> int:
    """How far the sender's clock was behind ours when it sent; 0 within a minute, or where `sent` is no time."""
    try:
        behind_us = received_us - us_of(sent)
    except ValueError:
        return 0
    return behind_us if abs(behind_us) > MAX_SKEW_US else 0


def placed(stamp_us: int | None, behind_us: int, received_us: int) -> tuple[int, tuple[str, ...]]:
    """The event time of a call, and notes about what was corrected.

    stamp_us: the sender's time; None where it gave none.  behind_us: how far its clock was behind ours, 0 to correct
    nothing.  More than a day in the future becomes the moment of receipt.
    """
    if stamp_us is None:
        return received_us, ()
    at_us, notes = stamp_us, NO_NOTES
    if behind_us and stamp_us + behind_us >= 0:
        at_us, notes = stamp_us + behind_us, ("clock_corrected",)
    if at_us - received_us > DAY_US:
        return received_us, (*notes, "future_time")
    return at_us, notes
