"""The `date` filter's view of time: what liquidjs takes for a date, and its strftime, in UTC unless a zone is given."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from uptake.destination.errors import Budget
from uptake.destination.liquid_values import FilterError
from uptake.destination.moments import from_iso, from_unix_ms, from_words

DEFAULT_FORMAT = "%A, %B %-e, %Y at %-l:%M %P %z"

_CODE = re.compile(r"%([-_0^#:]+)?(\d+)?([EO])?(.)", re.DOTALL)
_WIDTHS = {"d": 2, "e": 2, "H": 2, "I": 2, "j": 3, "k": 2, "l": 2, "L": 3, "m": 2, "M": 2, "S": 2, "U": 2, "W": 2}
_PADDED_WITH_SPACES = frozenset("aAbBceklpP")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def date_of(value: Any) -> datetime | None:
    """The moment that a value stands for: seconds since 1970 (a number, digits), or a text that JavaScript reads."""
    if isinstance(value, str):
        if value.isascii() and value.isdigit():
            return from_unix_ms(int(value) * 1000) if len(value) < 16 else None
        return from_iso(value) or from_words(value)
    if isinstance(value, bool):
        return from_unix_ms(value)
    if isinstance(value, int | float):
        return from_unix_ms(float(value) * 1000) if abs(value) < 10**12 else None
    return None


def zone_of(zone: Any) -> tzinfo:
    """The time zone of a filter's argument: an IANA name, or minutes west of UTC; UTC for none."""
    try:
        if isinstance(zone, str):
            return ZoneInfo(zone)
        if isinstance(zone, int | float):
            return timezone(timedelta(minutes=-zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FilterError(f"Invalid time zone specified: {zone!r:.80}") from None
    return UTC


def _hour12(moment: datetime) -> str:
    return str(moment.hour % 12 or 12)


def _clock(moment: datetime) -> str:
    return f"{_hour12(moment)}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def _day(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year}"


def _ordinal(moment: datetime) -> str:
    return "th" if moment.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(moment.day % 10, "th")


def _week(moment: datetime, first_weekday: int) -> str:
    """Week of the year as liquidjs counts it; weekdays are numbered from Sunday."""
    now = moment.timetuple().tm_yday + first_weekday - moment.isoweekday() % 7
    new_year = datetime(moment.year, 1, 1, tzinfo=UTC).isoweekday() % 7
    return str((now - (7 - new_year + first_weekday)) // 7 + 1)


_CODES: dict[str, Callable[[datetime], object]] = {
    "a": lambda moment: _DAYS[moment.weekday()][:3],
    "A": lambda moment: _DAYS[moment.weekday()],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "h": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "c": lambda moment: f"{_day(moment)}, {_clock(moment)}",
    "C": lambda moment: int(str(moment.year)[:2]),
    "d": lambda moment: moment.day,
    "e": lambda moment: moment.day,
    "H": lambda moment: moment.hour,
    "I": _hour12,
    "j": lambda moment: moment.timetuple().tm_yday,
    "k": lambda moment: moment.hour,
    "l": _hour12,
    "L": lambda moment: moment.microsecond // 1000,
    "m": lambda moment: moment.month,
    "M": lambda moment: moment.minute,
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "P": lambda moment: "am" if moment.hour < 12 else "pm",
    "q": _ordinal,
    "s": lambda moment: int(moment.replace(tzinfo=UTC).timestamp() + 0.5),
    "S": lambda moment: moment.second,
    "u": lambda moment: moment.isoweekday(),
    "U": lambda moment: _week(moment, 0),
    "w": lambda moment: moment.isoweekday() % 7,
    "W": lambda moment: _week(moment, 1),
    "x": _day,
    "X": _clock,
    "y": lambda moment: str(moment.year)[2:4],
    "Y": lambda moment: moment.year,
    "t": lambda _: "\t",
    "n": lambda _: "\n",
    "%": lambda _: "%",
}


def strftime(moment: datetime, pattern: str, budget: Budget) -> str:
    """The moment written by a pattern, with liquidjs's flags `-_0^#:` and widths.

    >>> strftime(datetime(2024, 3, 5, 9, 7, tzinfo=UTC), "%A %-d %b, %l:%M %p %z", Budget())
    'Tuesday 5 Mar,  9:07 AM +0000'
    """

    def one(found: re.Match[str]) -> str:
        budget.spend_text(int(found[2] or 0) if len(found[2] or "") < 10 else 10**9)
        return _coded(moment, found)

    budget.spend_text(len(pattern))
    return _CODE.sub(one, pattern)


def _coded(moment: datetime, found: re.Match[str]) -> str:
    flags, width, code = found[1] or "", int(found[2] or 0), found[4]
    if code in "zZ":
        text = _offset(moment, ":" if ":" in flags else "") if code == "z" else str(moment.tzinfo)
    elif code == "N":
        digits = width or 9
        return f"{moment.microsecond // 1000:03d}"[:digits].ljust(digits, "0")
    elif code in _CODES:
        text = str(_CODES[code](moment))
    else:
        return found[0]
    if "^" in flags:
        text = text.upper()
    elif "#" in flags:
        text = text.upper() if any(map(str.islower, text)) else text.lower()
    padding = " " if "_" in flags else "0" if "0" in flags else " " if code in _PADDED_WITH_SPACES else "0"
    return text if "-" in flags else text.rjust(width or _WIDTHS.get(code, 0), padding)


def _offset(moment: datetime, colon: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{colon}{rest:02d}"
