"""Values inside a Liquid template, as liquidjs sees them: printing, truth, comparison, and properties.

`NIL`, `EMPTY` and `BLANK` are the template's own words; they compare unlike any value of an event.
"""

import re
from enum import Enum
from typing import Any

from uptake.destination.errors import Budget, check_depth
from uptake.destination.jsvalues import (
    UNDEFINED,
    WHITESPACE,
    index_in,
    kind_of,
    number_in,
    plain_text,
    text_of,
    unit_at,
    units,
    whole,
)

NAN = float("nan")
BLANKS = re.compile(f"[{WHITESPACE}]+")


class FilterError(ValueError):
    """A filter cannot work on what it was given; the template adds the place."""


class Word(Enum):
    """The words of a template that stand for no value of their own."""

    NIL = "nil"
    EMPTY = "empty"
    BLANK = "blank"


def value_of(value: Any) -> Any:
    """What a word is worth where it is used as a value: null, or the empty text."""
    if not isinstance(value, Word):
        return value
    return None if value is Word.NIL else ""


def is_nothing(value: Any) -> bool:
    """Is the value null or undefined?"""
    return value is None or value is UNDEFINED or value is Word.NIL


def given(value: Any, default: Any) -> Any:
    """The value, or the default for undefined: how JavaScript fills an argument."""
    return default if value is UNDEFINED else value


def printed(value: Any, budget: Budget, depth: int = 0) -> str:
    """The value as it is printed: nothing for null, lists without commas, objects as `[object Object]`."""
    if isinstance(value, str):
        return value
    if value is None or value is UNDEFINED or isinstance(value, Word):
        return ""
    if isinstance(value, list):
        check_depth(depth)
        budget.spend(1 + len(value))
        texts = []
        for item in value:
            texts.append(printed(item, budget, depth + 1))
            budget.spend_text(len(texts[-1]))
        return "".join(texts)
    return plain_text(value)


def number_of(value: Any, budget: Budget) -> float:
    """JavaScript's unary plus: NaN for what is no number."""
    value = value_of(value)
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str | list):
        return number_in(text_of(value, budget))
    return NAN


def number_or_zero(value: Any, budget: Budget) -> float:
    """The number that a value stands for as a float, 0 where it stands for none."""
    number = number_of(value, budget)
    try:
        return float(number) if number == number else 0.0
    except OverflowError:
        return float("inf")


def tidy(number: float) -> float:
    """The number, as an int where it is whole."""
    return whole(number) if abs(number) < float("inf") else number


def is_true(value: Any) -> bool:
    """Liquid's truth: everything but false, null and undefined."""
    return not (value is False or is_nothing(value))


def equal(left: Any, right: Any, budget: Budget, depth: int = 0) -> bool:
    """Liquid's `==`: same type and value; lists item by item; objects only with themselves."""
    budget.spend(1)
    if isinstance(left, Word):
        return _equals_word(left, right)
    if isinstance(right, Word):
        return _equals_word(right, left)
    if isinstance(left, list):
        check_depth(depth)
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(equal(one, other, budget, depth + 1) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, str) and isinstance(right, str):
        budget.spend_text(len(left))
    return left is right if isinstance(left, dict) else kind_of(left) == kind_of(right) and bool(left == right)


def _equals_word(word: Word, value: Any) -> bool:
    if word is Word.NIL:
        return is_nothing(value)
    if isinstance(value, Word):
        return False
    if word is Word.BLANK and (value is False or is_nothing(value)):
        return True
    if isinstance(value, str):
        return not (value.strip(WHITESPACE) if word is Word.BLANK else value)
    return isinstance(value, list | dict) and not value


def less(left: Any, right: Any, budget: Budget, *, or_equal: bool = False) -> bool:
    """JavaScript's `<` or `<=`: two texts by their characters, anything else by its number; false for a word."""
    if isinstance(left, Word) or isinstance(right, Word):
        return False
    left, right = (text_of(each, budget) if isinstance(each, list | dict) else each for each in (left, right))
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = number_of(left, budget), number_of(right, budget)
    return bool(left <= right if or_equal else left < right)


def contains(left: Any, right: Any, budget: Budget) -> bool:
    """Liquid's `contains`: an item of a list, or a part of a text."""
    left = value_of(left)
    if isinstance(left, list):
        return any(equal(item, right, budget) for item in left)
    if not isinstance(left, str):
        return False
    budget.spend_text(len(left))
    return text_of(value_of(right), budget) in left


def property_of(value: Any, key: Any) -> Any:
    """One step of a path: an own key, an index (negative from the end), or `size`, `first` and `last`."""
    if value is None or value is UNDEFINED:
        return value
    if isinstance(value, list):
        return _property_of_list(value, key)
    name = plain_text(key) if not isinstance(key, str) else key
    if isinstance(value, dict):
        if name == "size":
            return value.get(name, len(value))
        return value.get(name, UNDEFINED)
    if isinstance(value, str):
        if name in ("size", "length"):
            return units(value)
        index = index_in(name)
        return unit_at(value, index) if index >= 0 else UNDEFINED
    return UNDEFINED


def _property_of_list(value: list[Any], key: Any) -> Any:
    if isinstance(key, str):
        if key in ("size", "length"):
            return len(value)
        key = {"first": 0, "last": -1}.get(key, index_in(key) if index_in(key) >= 0 else None)
    if not isinstance(key, int) or isinstance(key, bool):
        return UNDEFINED
    return value[key] if -len(value) <= key < len(value) else UNDEFINED
