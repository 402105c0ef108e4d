"""Conditions of filters that run: a tree becomes closures.

Types are strict, as in Segment's documentation: text never equals a number, a boolean is no number, only numbers have
an order, and a condition holds only if it is literally true.  A missing field is null.  Where the documentation is
silent: the case functions, `length` and `number` give null for what they cannot take; `bool` is false for null, 0, an
empty list, and the texts "", "0" and "false"; `string` leaves null and writes lists as JSON; `typeof` of an object is
"object".
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from uptake.destination.filters_glob import glob
from uptake.destination.filters_parse import Called, Combined, Compared, Constant, Expression, Field, Listed
from uptake.destination.jsvalues import index_in, number_in, plain_text

Event = Mapping[str, Any]
Evaluate = Callable[[Event], Any]
Condition = Callable[[Event], bool]

_WORD_START = re.compile(r"(?<!\S)\S")


def condition_of(expression: Expression) -> Condition:
    """Make a condition ready to run."""
    match expression:
        case Constant(value=value):
            return lambda event: value is True
        case Combined(kind=kind, conditions=conditions):
            return _combined(kind, [condition_of(each) for each in conditions])
        case Compared(operator=sign, left=left, right=right):
            return _compared(sign, _value_of(left), _value_of(right))
    evaluate = _value_of(expression)
    return lambda event: evaluate(event) is True


def _combined(kind: str, conditions: list[Condition]) -> Condition:
    if kind == "all":
        return lambda event: all(holds(event) for holds in conditions)
    if kind == "any":
        return lambda event: any(holds(event) for holds in conditions)
    return lambda event: not any(holds(event) for holds in conditions)


def _compared(sign: str, left: Evaluate, right: Evaluate) -> Condition:
    compare = _COMPARISONS[sign]
    return lambda event: compare(left(event), right(event))


def _value_of(expression: Expression) -> Evaluate:
    match expression:
        case Constant(value=value):
            return lambda event: value
        case Field(keys=keys):
            return lambda event: value_at(event, keys)
        case Listed(items=items):
            evaluators = [_value_of(item) for item in items]
            return lambda event: [evaluate(event) for evaluate in evaluators]
        case Called(function=name, arguments=(only,)):
            one, function = _value_of(only), _FUNCTIONS[name]
            return lambda event: function(one(event))
        case Called(function=name, arguments=(first, second)):
            one, other, function = _value_of(first), _value_of(second), _FUNCTIONS[name]
            return lambda event: function(one(event), other(event))
    return condition_of(expression)


def value_at(event: Event, keys: tuple[str, ...]) -> Any:
    """What a path of keys leads to, null where it leads nowhere; a list has its indices as keys."""
    value: Any = event
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and 0 <= (index := index_in(key)) < len(value):
            value = value[index]
        else:
            return None
    return value


def same(one: Any, other: Any) -> bool:
    """Strict equality: of one type and equal, lists and objects part by part."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: _is_number(one) and _is_number(other) and compare(one, other)


def _listed_in(value: Any, values: Any) -> bool:
    return isinstance(values, list) and any(same(value, each) for each in values)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": same,
    "!=": lambda one, other: not same(one, other),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": _listed_in,
}


def _contains(text: Any, part: Any) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part in text


def _matches(text: Any, pattern: Any) -> bool:
    expression = glob(pattern) if isinstance(text, str) and isinstance(pattern, str) else None
    return expression is not None and expression.fullmatch(text) is not None


def _length(value: Any) -> int | None:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else None


def _on_text(change: Callable[[str], str]) -> Callable[[Any], str | None]:
    return lambda value: change(value) if isinstance(value, str) else None


def _kind(value: Any) -> str:
    return "number" if _is_number(value) else _KINDS.get(type(value), "object")


_KINDS: dict[type, str] = {str: "string", bool: "bool", list: "list", type(None): "null"}


def _bool(value: Any) -> bool:
    return bool(value) and value not in ("0", "false")


def _string(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else plain_text(value)


def _number(value: Any) -> float | None:
    if _is_number(value):
        return float(value) if isinstance(value, float) else int(value)
    number = number_in(value) if isinstance(value, str) and value.strip() else float("nan")
    return number if number == number else None


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "match": _matches,
    "length": _length,
    "lowercase": _on_text(str.lower),
    "uppercase": _on_text(str.upper),
    "snakecase": _on_text(lambda text: text.replace(" ", "_")),
    "kebabcase": _on_text(lambda text: text.replace(" ", "-")),
    "titlecase": _on_text(lambda text: _WORD_START.sub(lambda start: start[0].upper(), text)),
    "typeof": _kind,
    "bool": _bool,
    "string": _string,
    "number": _number,
}
