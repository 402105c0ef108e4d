"""How numbers, moments and words are written on the pages: the filters of the templates."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from uptake.core.days import SECOND_US, day_of, from_us, iso_ms

LEVEL_NAMES = {
    "most_engaged": "Most engaged",
    "slightly_engaged": "Slightly engaged",
    "passive": "Passive",
    "least_engaged": "Least engaged",
    "inactive": "Inactive",
}
_UNITS = ((31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
SPARK_HEIGHT = 24
CURRENCIES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def number(value: float) -> str:
    """A number with thousands apart, and one decimal where it is not whole.

    >>> number(1234), number(187.0), number(208.24), number(-0.04)
    ('1,234', '187', '208.2', '0')
    """
    rounded = round(value, 1) + 0.0  # so that −0.0 loses its sign
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def points(value: float) -> str:
    """Points with one decimal always, so that they stand below one another.

    >>> points(9), points(31.44)
    ('9.0', '31.4')
    """
    return f"{value:,.1f}"


def signed(value: float) -> str:
    """A number with its sign and one decimal; what rounds to 0 has no sign.

    >>> signed(5), signed(-2.25), signed(0.04)
    ('+5.0', '−2.2', '0.0')
    """
    text = points(abs(value))
    return text if text == "0.0" else ("+" if value > 0 else "−") + text


def percent(value: float) -> str:
    """A percentage without decimals; what is above 0 is never shown as 0.

    >>> percent(66.7), percent(0.2), percent(0)
    ('67%', '<1%', '0%')
    """
    return "<1%" if 0 < value < 0.5 else f"{value:.0f}%"


def clamp(value: float) -> float:
    """The value within 0 and 100, for the width of a bar."""
    return round(min(max(value, 0), 100), 2)


def money(amount: float, currency: str) -> str:
    """An amount of whole units in a currency (ISO 4217), with cents where there are any.

    >>> money(5000, "USD"), money(-12.5, "EUR"), money(900, "CHF")
    ('$5,000', '−€12.50', 'CHF 900')
    """
    sign = "−" if amount < 0 else ""
    return sign + CURRENCIES.get(currency, f"{currency} ") + f"{abs(amount):,.2f}".removesuffix(".00")


def ago(moment_us: int, now_us: int) -> str:
    """How long ago, in its largest unit.

    >>> ago(0, 59_000_000), ago(0, 7_300_000_000), ago(5, 0)
    ('59 s ago', '2 h ago', 'just now')
    """
    seconds = (now_us - moment_us) // SECOND_US
    if seconds < 1:
        return "just now"
    unit_s, unit = next((unit_s, unit) for unit_s, unit in _UNITS if seconds >= unit_s)
    return f"{seconds // unit_s} {unit} ago"


def clock(moment_us: int, zone: ZoneInfo) -> str:
    """The time of day in the zone, to the second."""
    return from_us(moment_us).astimezone(zone).strftime("%H:%M:%S")


def day_text(day: date) -> str:
    """A day in words.

    >>> day_text(date(2026, 3, 9))
    '9 Mar 2026'
    """
    return f"{day.day} {day:%b %Y}"


def short_day(day: date) -> str:
    """A day without its year.

    >>> short_day(date(2026, 3, 9))
    '9 Mar'
    """
    return f"{day.day} {day:%b}"


def weekday(day: date) -> str:
    """The day of the week.

    >>> weekday(date(2026, 3, 9))
    'Monday'
    """
    return f"{day:%A}"


def reason(sentence: str) -> str:
    """Why a score moved, without by how much, which stands beside it.

    >>> reason("Score rose 5: Report_Shared used 3 more times."), reason("Score rose 5.")
    ('Report_Shared used 3 more times', '')
    """
    return sentence.partition(": ")[2].removesuffix(".")


def day_in(moment_us: int, zone: ZoneInfo) -> date:
    """The day of a moment in the zone."""
    return day_of(moment_us, zone)


def level_name(level: str) -> str:
    """A level in words."""
    return LEVEL_NAMES.get(level, level)


def spark(values: Sequence[float], most: float) -> str:
    """The path of a small line through the values, in a box of 100 by 24; '' for fewer than two.

    >>> spark([0, 50, 100], 100)
    'M0 23 L50 12 L100 1'
    """
    if len(values) < 2:
        return ""
    room = SPARK_HEIGHT - 2
    points = (
        f"{100 * index / (len(values) - 1):g} {SPARK_HEIGHT - 1 - room * clamp(100 * value / (most or 1)) / 100:g}"
        for index, value in enumerate(values)
    )
    return "M" + " L".join(points)


def tenure(created_us: int, now_us: int) -> str:
    """How long someone has been there, in days, months or years."""
    days = timedelta(microseconds=max(now_us - created_us, 0)).days
    if days < 60:
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{days // 30} months" if days < 730 else f"{days // 365} years"


MODEL_FIELDS = {
    "window_days": "Window in days",
    "account_score": "Account score",
    "daily_cap": "Daily cap",
    "half_life_days": "Half-life in days",
    "user_activation": "Activation of users",
    "account_activation": "Activation of accounts",
    "ignored_events": "Ignored events",
    "every_event": "Every event counts",
}


def model_field(field: str) -> str:
    """A field of a scoring model in words.

    >>> model_field("features.Reporting"), model_field("event_weights.Export"), model_field("window_days")
    ('Weight of Reporting', 'Weight of event Export', 'Window in days')
    """
    if field.startswith(("features.", "weight:")):
        return "Weight of " + field.partition("." if field.startswith("features.") else ":")[2]
    if field.startswith("event_weights."):
        return "Weight of event " + field.removeprefix("event_weights.")
    if field.startswith("exclusions."):
        return "Exclusions: " + field.removeprefix("exclusions.").replace("_", " ")
    if field.endswith(".events"):
        return "Events of " + field.removesuffix(".events")
    return MODEL_FIELDS.get(field, field.replace("_", " ").capitalize())


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "points": points,
    "signed": signed,
    "percent": percent,
    "clamp": clamp,
    "ago": ago,
    "clock": clock,
    "day": day_text,
    "day_in": day_in,
    "short_day": short_day,
    "weekday": weekday,
    "reason": reason,
    "iso": iso_ms,
    "level_name": level_name,
    "spark": spark,
    "tenure": tenure,
    "money": money,
    "model_field": model_field,
}
