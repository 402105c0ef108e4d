"""JavaScript's view of JSON values: types, truth, String(), Number() and JSON.stringify().

Segment's engine is JavaScript, so a mapping means what JavaScript makes of it.  `UNDEFINED` stands for JavaScript's
undefined beside None for its null; it never leaves the destination.
"""

import json
import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from uptake.destination.errors import Budget, check_depth


class Undefined(Enum):
    """The type of `UNDEFINED`, JavaScript's undefined."""

    UNDEFINED = "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined.UNDEFINED

WHITESPACE = (
    "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_KINDS = {
    dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null",
    Undefined: "undefined",
}  # fmt: skip
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_OTHER_BASE = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WIDE = re.compile("[\U00010000-\U0010ffff]")
_MAX_EXACT = 2**53
_EXPONENT_FROM = 10**21


def kind_of(value: Any) -> str:
    """The JavaScript type of a value, with `null` and `array` apart; anything that JSON cannot hold is an object."""
    return _KINDS.get(type(value), "object")


def article(kind: str) -> str:
    """The kind with its article: `a string`, `an object`."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def truthy(value: Any) -> bool:
    """JavaScript's truth: empty lists and objects are true; 0, NaN, "", false, null and undefined are not."""
    return True if isinstance(value, list | dict) else bool(value) and value == value


def text_of(value: Any, budget: Budget, depth: int = 0) -> str:
    """JavaScript's String(): `[object Object]`, lists joined by commas, `1e+21`, 5.0 as `5`.

    null and undefined are `null` and `undefined` by themselves, and empty inside a list.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        check_depth(depth)
        budget.spend(1 + len(value))
        parts = []
        for item in value:
            parts.append("" if item is None or item is UNDEFINED else text_of(item, budget, depth + 1))
            budget.spend_text(len(parts[-1]))
        return ",".join(parts)
    return plain_text(value)


def plain_text(value: Any) -> str:
    """String() of anything but a list or a string."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return "null" if value is None else "undefined" if value is UNDEFINED else "[object Object]"


def number_text(number: float) -> str:
    """String() of a number.  A whole number beyond 2**53 keeps its digits, where JavaScript rounds: ids stay apart.

    >>> [number_text(n) for n in (5.0, 1e21, 1e-7, 0.00001, -0.0, 2.0**53, 12345678901234567890)]
    ['5', '1e+21', '1e-7', '0.00001', '0', '9007199254740992', '12345678901234567890']
    """
    if isinstance(number, int):
        if abs(number) < _EXPONENT_FROM:
            return str(number)
        number = _as_float(number)
    if number != number or number in (float("inf"), float("-inf")):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    if abs(number) < _MAX_EXACT and number == int(number):
        return str(int(number))
    digits, _, exponent = repr(number).partition("e")
    if not exponent:
        return digits.removesuffix(".0")
    power = int(exponent)
    if -7 < power < 21:
        return _without_exponent(digits, power)
    return f"{digits.removesuffix('.0')}e{'+' if power > 0 else '-'}{abs(power)}"


def _without_exponent(digits: str, power: int) -> str:
    sign = "-" if digits[0] == "-" else ""
    whole, _, fraction = digits.lstrip("-").partition(".")
    figures = (whole + fraction).rstrip("0")
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{figures}"
    return sign + figures.ljust(power + 1, "0")


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def number_in(text: str) -> float:
    """JavaScript's Number() of a string, NaN where it is none: blanks around it, hexadecimal and exponents are taken.

    >>> [number_in(text) for text in (" 99.5 ", "0x10", "1e3", "", "$99")]
    [99.5, 16, 1000, 0, nan]
    """
    stripped = text.strip(WHITESPACE)
    if not stripped:
        return 0
    if _DECIMAL.fullmatch(stripped):
        return whole(float(stripped))
    if _OTHER_BASE.fullmatch(stripped):
        return whole(_as_float(int(stripped, 0)))
    return {"Infinity": float("inf"), "+Infinity": float("inf"), "-Infinity": float("-inf")}.get(stripped, float("nan"))


def whole(number: float) -> float:
    """The number as an int where it is whole and exact, as JavaScript would write it."""
    return int(number) if abs(number) < _MAX_EXACT and number == int(number) else number


def units(text: str) -> int:
    """The length of a text in JavaScript, which counts UTF-16 units.

    >>> units("aé😀")
    4
    """
    return len(text) if text.isascii() else len(text) + sum(1 for _ in _WIDE.finditer(text))


def unit_at(text: str, index: int) -> Any:
    """`text[index]` in JavaScript; half of a pair of units becomes U+FFFD, which every store can keep."""
    if not text.isascii() and _WIDE.search(text):
        pair = text.encode("utf-16-le", "surrogatepass")[2 * index : 2 * index + 2]
        return pair.decode("utf-16-le", "replace") if pair else UNDEFINED
    return text[index] if index < len(text) else UNDEFINED


def index_in(key: str) -> int:
    """The index that a key names in a list or a string, or -1 where it names none (`01`, `-1`, `x`)."""
    return int(key) if _INDEX.fullmatch(key) else -1


def keys_of(value: dict[str, Any]) -> Iterable[str]:
    """The keys of an object in JavaScript's order: those that look like an index first, ascending."""
    indices = [key for key in value if _INDEX.fullmatch(key)]
    if not indices:
        return value
    named = dict.fromkeys(sorted(indices, key=int))
    return [*named, *(key for key in value if key not in named)]


def json_of(value: Any, budget: Budget, depth: int = 0) -> str:
    """JSON.stringify() of anything but undefined: compact, undefined keys left out, NaN and infinities as null."""
    if isinstance(value, str):
        budget.spend_text(len(value))
        return _quoted(value)
    if not isinstance(value, list | dict):
        return _json_atom(value)
    check_depth(depth)
    budget.spend(1 + len(value))
    if isinstance(value, list):
        return f"[{','.join([json_of(item, budget, depth + 1) for item in value])}]"
    kept = [key for key in keys_of(value) if value[key] is not UNDEFINED]
    return f"{{{','.join([f'{_quoted(key)}:{json_of(value[key], budget, depth + 1)}' for key in kept])}}}"


def _json_atom(value: Any) -> str:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "null"
    return "null" if value is UNDEFINED or value is None else plain_text(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if text.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
