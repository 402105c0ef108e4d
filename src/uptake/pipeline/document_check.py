"""Every fault in the types of a configuration document, each with its place, what was expected and what was got.

msgspec stops at the first fault; an operator wants all of them.  The types themselves stay where they are, in
`uptake.core.config`: this walks what msgspec tells about them.  A document may be partial, so nothing is required here
but the name by which an item of a list is found.
"""

import difflib
import json
from collections.abc import Iterable
from typing import Any

from msgspec import inspect

from uptake.core.errors import Fault

MISSING: Any = object()
"""Stands for a value that had to be left out."""


class Checker:
    """Walks a document; what is wrong ends up in `faults`, what is right is returned."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def checked(self, value: Any, wanted: inspect.Type, place: str) -> Any:
        """The value without its faulty parts; MISSING where nothing of it is left."""
        match wanted:
            case inspect.StructType():
                return self._struct(value, wanted, place)
            case inspect.VarTupleType():
                return self._list(value, wanted, place)
            case inspect.DictType():
                return self._mapping(value, wanted, place)
        if fits(value, wanted):
            return value
        return self._refused(place, f"expected {expected(wanted)}, got {shown(value)}{_meant(value, wanted)}")

    def _refused(self, place: str, message: str) -> Any:
        self.faults.append(Fault(place, message))
        return MISSING

    def _struct(self, value: Any, wanted: inspect.StructType, place: str) -> Any:
        if not isinstance(value, dict):
            return self._refused(place, f"expected fields and values, got {shown(value)}{_leave_out(value)}")
        types = {field.encode_name: field.type for field in wanted.fields}
        good = {}
        for key, inner in value.items():
            if key not in types:
                self._refused(f"{place}.{key}", f"unknown field {str(key)!r}{did_you_mean(str(key), types)}")
                continue
            checked = self.checked(inner, types[key], f"{place}.{key}")
            if checked is not MISSING:
                good[key] = checked
        if is_named(wanted) and "name" not in good:
            return MISSING if "name" in value else self._refused(place, "expected a field 'name', got none")
        return good

    def _list(self, value: Any, wanted: inspect.VarTupleType, place: str) -> Any:
        if not isinstance(value, list):
            return self._refused(place, f"expected a list, got {shown(value)}{_leave_out(value)}")
        items = [self.checked(item, wanted.item_type, f"{place}[{index}]") for index, item in enumerate(value)]
        if is_named(wanted.item_type):
            self._told_once(items, place)
        return items

    def _told_once(self, items: list[Any], place: str) -> None:
        seen: dict[str, int] = {}
        for index, item in enumerate(items):
            if item is not MISSING and seen.setdefault(item["name"], index) != index:
                first = f"{place}[{seen[item['name']]}]"
                self._refused(f"{place}[{index}].name", f"{item['name']!r} stands at {first} already")
                items[index] = MISSING

    def _mapping(self, value: Any, wanted: inspect.DictType, place: str) -> Any:
        if not isinstance(value, dict):
            return self._refused(place, f"expected names and values, got {shown(value)}{_leave_out(value)}")
        good = {}
        for key, inner in value.items():
            name = self.checked(key, wanted.key_type, f"{place}.{key}")
            checked = self.checked(inner, wanted.value_type, f"{place}.{key}")
            if name is not MISSING and checked is not MISSING:
                good[name] = checked
        return good


def is_named(wanted: inspect.Type) -> bool:
    """Is it a struct that is found by its name, so that a list of them is merged item by item?"""
    return isinstance(wanted, inspect.StructType) and wanted.fields[0].name == "name"


def fits(value: Any, wanted: inspect.Type) -> bool:
    """Does the value have the type and keep its limits?"""
    match wanted:
        case inspect.StrType():
            return isinstance(value, str) and _within(len(value), wanted.min_length, wanted.max_length)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return type(value) is int and _within(value, wanted.ge, wanted.le)
        case inspect.FloatType():
            above = wanted.gt is None or (type(value) in (int, float) and value > wanted.gt)
            return type(value) in (int, float) and above and _within(value, wanted.ge, wanted.le)
        case inspect.LiteralType():
            return value in wanted.values
        case inspect.NoneType():
            return value is None
        case inspect.UnionType():
            return any(fits(value, each) for each in wanted.types)
        case inspect.DictType():
            return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    return isinstance(wanted, inspect.AnyType)


def _within(number: float, lowest: float | None, highest: float | None) -> bool:
    return (lowest is None or number >= lowest) and (highest is None or number <= highest)


def expected(wanted: inspect.Type) -> str:
    """What a good value is, in words.

    >>> expected(inspect.IntType(ge=1, le=10))
    'a whole number from 1 to 10'
    """
    match wanted:
        case inspect.StrType():
            limit = f" of {wanted.min_length or 0} to {wanted.max_length} characters" if wanted.max_length else ""
            return f"a text{limit}"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(wanted.ge, wanted.le)
        case inspect.FloatType():
            return "a number" + (f" above {wanted.gt:g}" if wanted.gt is not None else _range(wanted.ge, wanted.le))
        case inspect.LiteralType():
            return " or ".join(sorted(map(str, wanted.values)))
        case inspect.NoneType():
            return "null"
        case inspect.UnionType():
            return " or ".join(expected(each) for each in wanted.types)
    return "names and values"


def _range(lowest: float | None, highest: float | None) -> str:
    if highest is not None:
        return f" from {lowest or 0:g} to {highest:g}"
    return "" if lowest is None else f" of at least {lowest:g}"


def shown(value: Any) -> str:
    """A value as a message shows it.

    >>> shown("x"), shown(404), shown(True), shown(None), shown([1]), shown({})
    ("'x'", '404', 'true', 'nothing', 'a list', 'fields and values')
    """
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "fields and values"
    return repr(value[:60]) if isinstance(value, str) else json.dumps(value, default=str)


def _leave_out(value: Any) -> str:
    return ": leave the line out to keep what there is" if value is None else ""


def _meant(value: Any, wanted: inspect.Type) -> str:
    if isinstance(wanted, inspect.LiteralType):
        close = difflib.get_close_matches(str(value).lower(), [str(each) for each in wanted.values], 1)
        return f": did you mean {close[0]!r}?" if close else ""
    if isinstance(wanted, inspect.StrType) and isinstance(value, int | float):
        return ": put it in quotes"
    return ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: what was probably meant, or all that is known."""
    names = list(known)
    close = difflib.get_close_matches(word.lower().replace(" ", "_"), names, 1)
    return f": did you mean {close[0]!r}?" if close else f"; known are {', '.join(names)}"
