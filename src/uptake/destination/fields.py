"""Fields of an action: what a value is made into, what is refused, and the sentence that says why.

Coercion, formats and sentences are those of Segment's validation.  A lenient check takes every value that the strict
one takes, unchanged, and moments in other forms besides.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from uptake.core.days import iso_ms, to_us
from uptake.destination.jsvalues import WHITESPACE, article, kind_of, number_in, plain_text
from uptake.destination.moments import from_iso, from_unix

FieldType = Literal["string", "number", "object"]
Format = Literal["email", "date-time"]


class Field(msgspec.Struct, frozen=True):
    """One field of an action.  `default`: the mapping that a preset gives it."""

    key: str
    label: str
    type: FieldType
    default: dict[str, Any]
    description: str
    required: bool = False
    format: Format | None = None


class Refusal:
    """A value that a field does not take; `sentence` is Segment's."""

    __slots__ = ("sentence",)

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


Check = Callable[[Any], Any]
"""Gives the value as the field takes it, or a Refusal; never gets undefined, null or ""."""

_WORD = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_EMAIL = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+{_LABEL}", re.IGNORECASE | re.ASCII).fullmatch
_SURE_DATE_TIME = re.compile(  # every date but 29 February, and no leap second: no more to ask
    r"\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rf"[tT{WHITESPACE}](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[zZ]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
).fullmatch
_DATE_TIME = re.compile(
    rf"(\d{{4}})-(\d\d)-(\d\d)[tT{WHITESPACE}](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
).fullmatch
_UNIX_DIGITS = re.compile(r"-?\d{9,13}(?:\.\d+)?", re.ASCII).fullmatch


def check_of(field: Field, *, lenient: bool) -> Check:
    """The function that takes a value for the field."""
    if field.type == "number":
        return _number(field.label)
    if field.type == "object":
        return _object(field.label)
    if field.format == "email":
        return _formatted(field.label, _EMAIL, "email address")
    if field.format == "date-time":
        strict = _formatted(field.label, is_date_time, "date and time")
        return _lenient_date_time(strict) if lenient else strict
    return _string(field.label)


def missing(key: str) -> str:
    """The sentence for a required field that has no value."""
    return f"The root value is missing the required field '{key}'."


def _wrong_type(label: str, expected: str, got: Any) -> Refusal:
    kind = kind_of(got)
    was = kind if kind in ("null", "undefined") else article(kind)
    return Refusal(f"{label} must be {article(expected)} but it was {was}.")


def _string(label: str) -> Check:
    def check(value: Any) -> Any:
        if type(value) is str:
            return value
        single = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(single, str):
            return single
        if single is None:
            return ""
        return plain_text(single) if isinstance(single, int | float) else _wrong_type(label, "string", single)

    return check


def _formatted(label: str, matches: Callable[[str], object], what: str) -> Check:
    as_string = _string(label)
    refusal = Refusal(f"{label} must be a valid {what} string but it was not.")

    def check(value: Any) -> Any:
        text = value if type(value) is str else as_string(value)
        return text if isinstance(text, Refusal) or matches(text) else refusal

    return check


def _number(label: str) -> Check:
    def check(value: Any) -> Any:
        single = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(single, bool) or single is None:
            return int(single or 0)
        number = number_in(single) if isinstance(single, str) and single else single
        if not isinstance(number, int | float) or number != number:
            return _wrong_type(label, "number", single)
        if abs(number) != float("inf"):
            return number
        return None if number is not single else _wrong_type(label, "number", single)

    return check


def _object(label: str) -> Check:
    return lambda value: value if isinstance(value, dict) else _wrong_type(label, "object", value)


def is_date_time(text: str) -> bool:
    """Does the text have Segment's date-time format?  The zone may be absent, and a space may stand for the T."""
    if _SURE_DATE_TIME(text):
        return True
    found = _DATE_TIME(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = map(int, found.groups())
    if second == 60 and (hour, minute) == (23, 59):
        second = 59
    leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _is_date(leap_year, month, day) and hour < 24 and minute < 60 and second < 60


def _is_date(leap_year: bool, month: int, day: int) -> bool:  # noqa: FBT001
    days = (31, 29 if leap_year else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


def _lenient_date_time(strict: Check) -> Check:
    def check(value: Any) -> Any:
        taken = strict(value)
        if not isinstance(taken, Refusal):
            return taken
        moment = moment_of(value)
        return taken if moment is None else iso_ms(to_us(moment))

    return check


def moment_of(value: Any) -> datetime | None:
    """The moment of a Unix time (a number, or 9 to 13 digits) or of any ISO 8601 text, else None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_unix(value) if value == value else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    return from_unix(float(text)) if _UNIX_DIGITS(text) else from_iso(text)
