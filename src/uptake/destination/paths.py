"""Paths into an event, as `@path`, `@template` and `@arrayPath` write them: `traits.address['zip code']`, `list[0].id`.

A step from a false value (0, "", false, null) gives that value back; only an object's own keys are seen, so that
`constructor` and `__proto__` lead nowhere; lists and texts have an index and `length`.
"""

import re
from collections.abc import Callable
from typing import Any

from uptake.destination.errors import Budget
from uptake.destination.jsvalues import UNDEFINED, index_in, truthy, unit_at, units

Resolve = Callable[[Any, Budget], Any]
"""What a part of a mapping becomes for one payload; pays from the budget for work that the payload can make large."""

Steps = tuple[str, ...]

_BETWEEN_STEPS = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTES = str.maketrans("", "", "'\"")


def steps_of(path: str) -> Steps:
    """The keys of a path, outermost first; none for "" and ".", which are the whole payload.

    >>> steps_of("a['b'].c[0]"), steps_of("a[b]"), steps_of("['x.y']")
    (('a', 'b', 'c', '0'), ('a[b]',), ('x', 'y'))
    """
    return tuple(part.translate(_QUOTES) for part in _BETWEEN_STEPS.split(path) if part)


def without_root(path: str) -> str:
    """The path without its first `$.`, wherever that stands, as Segment removes it."""
    return path.replace("$.", "", 1)


def lookup(value: Any, steps: Steps) -> Any:
    """The value at the end of the steps, or UNDEFINED."""
    for key in steps:
        value = value.get(key, UNDEFINED) if type(value) is dict else step(value, key)
    return value


def step(value: Any, key: str) -> Any:
    """One step from any value, as JavaScript's `value && value[key]`."""
    if isinstance(value, dict):
        return value.get(key, UNDEFINED)
    if not truthy(value):
        return value
    if isinstance(value, list):
        if key == "length":
            return len(value)
        index = index_in(key)
        return value[index] if 0 <= index < len(value) else UNDEFINED
    if isinstance(value, str):
        if key == "length":
            return units(value)
        index = index_in(key)
        return unit_at(value, index) if index >= 0 else UNDEFINED
    return UNDEFINED


def is_null_at(payload: Any, path: str) -> bool:
    """Does the payload hold a null of its own at a dotted path?  No, where null stands further up; yes for ""."""
    *above, last = path.split(".")
    parent = lookup(payload, tuple(above))
    return not path or (isinstance(parent, dict | list) and step(parent, last) is None)


def reader(steps: Steps) -> Resolve:
    """A function that looks the steps up; one and two steps, nearly all of what mappings hold, are written out."""
    if len(steps) == 1:
        (key,) = steps

        def read_one(payload: Any, _: Budget) -> Any:
            return payload.get(key, UNDEFINED) if type(payload) is dict else step(payload, key)

        return read_one
    if len(steps) == 2:
        outer, inner = steps

        def read_two(payload: Any, _: Budget) -> Any:
            parent = payload.get(outer, UNDEFINED) if type(payload) is dict else step(payload, outer)
            return parent.get(inner, UNDEFINED) if type(parent) is dict else step(parent, inner)

        return read_two
    return lambda payload, _: lookup(payload, steps)
