"""Reading one item's fields: explicit nulls count as absent, and what has another type than it should is `Unfit`.

Messages say what was expected and which type came, never the value: a refusal is kept and shown, and values may be
private.
"""

import re
from typing import Any

from uptake.sources.base import MAX_ID_LENGTH, Unfit
from uptake.sources.ids import id_text
from uptake.sources.times import us_of

Item = dict[str, Any]

MAX_DEPTH = 64
"""Levels of nesting that a kept value may have."""

MAX_WHOLE = 10**21
"""Whole numbers from here on are refused: JavaScript never writes them as such, and no engine counts that far."""

_UNFIT_TEXT = re.compile("[\x00\ud800-\udfff]")

_TYPE_NAMES = ((str, "text"), (bool, "a boolean"), (int | float, "a number"), (dict, "an object"), (list, "a list"))


def type_name(value: Any) -> str:
    """The JSON type of a value in words.

    >>> type_name({}), type_name(True), type_name(None)
    ('an object', 'a boolean', 'null')
    """
    return next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "null")


def id_at(item: Item, key: str, *, longest: int = MAX_ID_LENGTH, place: str = "$.") -> str | None:
    """The id at a key as text; None where it is absent, null or empty.  Raises Unfit."""
    value = item.get(key)
    if value is None or value == "":
        return None
    text = id_text(value)
    if text is None:
        raise Unfit("bad_id", place + key, f"expected a text or a whole number, got {type_name(value)}")
    return _fit_text(text, place + key, longest)


def text_at(item: Item, key: str) -> str | None:
    """The text at a key; None where it is absent, null or empty.  Raises Unfit."""
    value = item.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unfit("bad_field", f"$.{key}", f"expected a text, got {type_name(value)}")
    return _fit_text(value, f"$.{key}", MAX_ID_LENGTH)


def _fit_text(text: str, place: str, longest: int) -> str:
    if len(text) > longest:
        raise Unfit("id_too_long", place, f"expected at most {longest} characters, got {len(text)}")
    if _UNFIT_TEXT.search(text):
        raise Unfit("bad_id", place, "a text holds a NUL or half of a surrogate pair")
    return text


def object_at(item: Item, key: str) -> dict[str, Any] | None:
    """The object at a key; None where it is absent or null.  Raises Unfit."""
    value = item.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise Unfit("bad_field", f"$.{key}", f"expected an object, got {type_name(value)}")


def stamp_at(item: Item, *keys: str) -> int | None:
    """The first time among the keys, µs since 1970 UTC; None where all are absent or null.  Raises Unfit."""
    for key in keys:
        value = item.get(key)
        if value is not None:
            try:
                return us_of(value)
            except (ValueError, OverflowError):
                expected = "expected ISO 8601, or Unix seconds or milliseconds, from 1970 to 9999"
                got = f"{value[:40]!r}" if isinstance(value, str) else type_name(value)
                raise Unfit("bad_timestamp", f"$.{key}", f"{expected}; got {got}") from None
    return None


def fit(value: Any, place: str, depth: int = MAX_DEPTH) -> None:
    """Raise Unfit if a kept value could not be stored: NUL, half a surrogate pair, endless number, too deep."""
    if isinstance(value, str):
        if _UNFIT_TEXT.search(value):
            raise Unfit("bad_field", place, "a text holds a NUL or half of a surrogate pair")
    elif isinstance(value, dict | list):
        if depth == 0:
            raise Unfit("bad_field", place, f"expected at most {MAX_DEPTH} levels of nesting")
        for inner in value.values() if isinstance(value, dict) else value:
            fit(inner, place, depth - 1)
        if isinstance(value, dict) and any(_UNFIT_TEXT.search(key) for key in value):
            raise Unfit("bad_field", place, "a key holds a NUL or half of a surrogate pair")
    elif isinstance(value, int | float) and not abs(value) < MAX_WHOLE and (isinstance(value, int) or _endless(value)):
        raise Unfit("bad_field", place, "a number is not finite, or has more than 21 digits")


def _endless(number: float) -> bool:
    return number != number or abs(number) == float("inf")
