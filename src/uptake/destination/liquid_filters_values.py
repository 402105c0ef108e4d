"""Liquid filters over numbers, lists, JSON and dates, with liquidjs's meaning."""

import math
from collections.abc import Callable
from typing import Any

from uptake.destination.errors import Budget
from uptake.destination.jsvalues import UNDEFINED, json_of, text_of, truthy
from uptake.destination.liquid_dates import DEFAULT_FORMAT, date_of, strftime, zone_of
from uptake.destination.liquid_values import (
    NAN,
    equal,
    given,
    is_nothing,
    is_true,
    number_of,
    number_or_zero,
    printed,
    property_of,
    tidy,
)

INFINITY = float("inf")


def math_filter(function: Callable[..., float], arguments: int) -> Callable[..., Any]:
    """A filter over numbers; what is none counts as 0."""

    def run(budget: Budget, value: Any, *args: Any) -> float:
        given = [number_or_zero(each, budget) for each in (value, *args)][: arguments + 1]
        return tidy(function(*given, *[NAN] * (arguments + 1 - len(given))))

    return run


def divided(dividend: float, divisor: float) -> float:
    """JavaScript's division, which knows infinities."""
    if divisor:
        return dividend / divisor
    if dividend == 0 or dividend != dividend or divisor != divisor:
        return NAN
    return math.copysign(INFINITY, dividend) * math.copysign(1, divisor)


def divided_by(budget: Budget, value: Any, divisor: Any = NAN, whole_numbers: Any = 0, *_: Any) -> float:
    """The quotient; rounded down where the second argument is true."""
    quotient = divided(number_or_zero(value, budget), number_or_zero(divisor, budget))
    return tidy(rounded_down(quotient) if number_or_zero(whole_numbers, budget) else quotient)


def modulo(value: float, divisor: float) -> float:
    """The remainder, with the sign of the divisor."""
    if not divisor or abs(value) == INFINITY or divisor != divisor:
        return NAN
    return math.fmod(math.fmod(value, divisor) + divisor, divisor)


def rounded_down(value: float) -> float:
    """The next whole number below; infinities as they are."""
    return math.floor(value) if abs(value) < INFINITY else value


def rounded_up(value: float) -> float:
    """The next whole number above; infinities as they are."""
    return math.ceil(value) if abs(value) < INFINITY else value


def round_to(budget: Budget, value: Any, digits: Any = 0, *_: Any) -> float:
    """Half up, as JavaScript's Math.round, at so many digits."""
    number, places = number_or_zero(value, budget), number_or_zero(digits, budget)
    factor = 10.0**places if abs(places) < 300 else INFINITY if places > 0 else 0.0
    return tidy(divided(rounded_down(number * factor * (1 + 2**-52) + 0.5), factor))


def least(value: float, other: float) -> float:
    """The smaller one; NaN where either is."""
    return NAN if value != value or other != other else min(value, other)


def greatest(value: float, other: float) -> float:
    """The larger one; NaN where either is."""
    return NAN if value != value or other != other else max(value, other)


def default(_: Budget, value: Any, other: Any = UNDEFINED, *named: Any) -> Any:
    """The value, or the other one for null, false and what is empty; `allow_false: true` keeps false."""
    if isinstance(value, str | list):
        return value or other
    if value is False and ["allow_false", True] in [list(pair) for pair in named if isinstance(pair, list)]:
        return False
    return value if is_true(value) else other


def as_list(value: Any) -> list[Any]:
    """The list, a list of the one value, or nothing."""
    return [] if is_nothing(value) else value if isinstance(value, list) else [value]


def join(budget: Budget, value: Any, separator: Any = UNDEFINED, *_: Any) -> str:
    """The items as texts with a separator between them, a blank by default."""
    between = " " if is_nothing(separator) else printed(separator, budget)
    texts = ["" if is_nothing(item) else text_of(item, budget) for item in as_list(value)]
    budget.spend_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def first(_: Budget, value: Any, *__: Any) -> Any:
    """The first item or character."""
    return property_of(value, 0) if isinstance(value, list) or (isinstance(value, str) and value) else ""


def last(_: Budget, value: Any, *__: Any) -> Any:
    """The last item or character."""
    if isinstance(value, str) and value:
        return property_of(value, property_of(value, "length") - 1)
    return property_of(value, -1) if isinstance(value, list) else ""


def size(_: Budget, value: Any, *__: Any) -> Any:
    """The number of items or characters; 0 for anything else."""
    return property_of(value, "length") if isinstance(value, str | list) else 0


def total(budget: Budget, value: Any, name: Any = UNDEFINED, *_: Any) -> float:
    """`sum`: the items added up, or one property of each."""
    path = printed(name, budget).split(".") if truthy(name) else []
    result = 0.0
    for item in as_list(value):
        budget.spend(1 + len(path))
        for key in path:
            item = property_of(item, key)
        number = NAN if item is UNDEFINED else number_of(item, budget)
        result += number if number == number else 0
    return tidy(result)


def where(budget: Budget, value: Any, name: Any = UNDEFINED, expected: Any = UNDEFINED, *_: Any) -> list[Any]:
    """The items whose property equals a value, or is true."""
    path, found = printed(name, budget).split("."), []
    for item in as_list(value):
        budget.spend(1 + len(path))
        actual = item
        for key in path:
            actual = property_of(actual, key)
        if is_true(actual) if expected is UNDEFINED else equal(actual, expected, budget):
            found.append(item)
    return found


def compact(budget: Budget, value: Any, *_: Any) -> list[Any]:
    """The items without nulls."""
    items = as_list(value)
    budget.spend(len(items))
    return [item for item in items if not is_nothing(item)]


def with_items(added: Callable[[list[Any], Any], list[Any]]) -> Callable[..., Any]:
    """A filter that gives a new list made from the items and its first argument."""

    def run(budget: Budget, value: Any, argument: Any = UNDEFINED, *_: Any) -> list[Any]:
        items = as_list(value)
        budget.spend(1 + len(items))
        return added(items, argument)

    return run


def part(budget: Budget, value: Any, begin: Any = UNDEFINED, length: Any = UNDEFINED, *_: Any) -> Any:
    """`slice`: a part of a text or a list; a negative begin counts from the end."""
    if is_nothing(value):
        return []
    whole_value = value if isinstance(value, list) else printed(value, budget)
    start, count = number_or_zero(begin, budget), number_or_zero(given(length, 1), budget)
    start += len(whole_value) if start < 0 else 0
    if start < 0 or count < 0:
        return whole_value[:0]
    budget.spend_text(len(whole_value))
    most = len(whole_value)
    return whole_value[int(min(start, most)) : int(min(start + count, most))]


def as_json(budget: Budget, value: Any, *_: Any) -> Any:
    """JSON text."""
    return UNDEFINED if value is UNDEFINED else json_of(value, budget)


def date(budget: Budget, value: Any, pattern: Any = UNDEFINED, zone: Any = UNDEFINED, *_: Any) -> Any:
    """The date written by a pattern; a value that is no date stays as it is."""
    moment = date_of(value)
    if moment is None:
        return value
    text = DEFAULT_FORMAT if is_nothing(pattern) else printed(pattern, budget)
    return strftime(moment.astimezone(zone_of(zone)), text, budget)


def date_by(pattern: str) -> Callable[..., Any]:
    """A `date` filter with its pattern fixed."""
    return lambda budget, value, *_: date(budget, value, pattern)


def date_in_words(month: str) -> Callable[..., Any]:
    """`date_to_string` and its long form: `05 Mar 2024`, or with `ordinal` `5th Mar 2024`."""

    def run(budget: Budget, value: Any, kind: Any = UNDEFINED, style: Any = UNDEFINED, *_: Any) -> Any:
        if kind != "ordinal":
            return date(budget, value, f"%d {month} %Y")
        return date(budget, value, f"{month} %-d%q, %Y" if style == "US" else f"%-d%q {month} %Y")

    return run


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": math_filter(abs, 0),
    "at_least": math_filter(greatest, 1),
    "at_most": math_filter(least, 1),
    "ceil": math_filter(rounded_up, 0),
    "floor": math_filter(rounded_down, 0),
    "plus": math_filter(lambda value, other: value + other, 1),
    "minus": math_filter(lambda value, other: value - other, 1),
    "times": math_filter(lambda value, other: value * other, 1),
    "modulo": math_filter(modulo, 1),
    "divided_by": divided_by,
    "round": round_to,
    "to_integer": lambda budget, value, *_: NAN if value is UNDEFINED else number_of(value, budget),
    "default": default,
    "raw": lambda _, value, *__: value,
    "join": join,
    "first": first,
    "last": last,
    "size": size,
    "sum": total,
    "where": where,
    "compact": compact,
    "push": with_items(lambda items, item: [*items, item]),
    "unshift": with_items(lambda items, item: [item, *items]),
    "pop": with_items(lambda items, _: items[:-1]),
    "shift": with_items(lambda items, _: items[1:]),
    "slice": part,
    "json": as_json,
    "jsonify": as_json,
    "inspect": as_json,
    "date": date,
    "date_to_xmlschema": date_by("%Y-%m-%dT%H:%M:%S%:z"),
    "date_to_rfc822": date_by("%a, %d %b %Y %H:%M:%S %z"),
    "date_to_string": date_in_words("%b"),
    "date_to_long_string": date_in_words("%B"),
}
