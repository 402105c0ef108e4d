"""Triggers that run: a tree becomes one Python expression, compiled once; and the same clauses, explained.

Values compare as in Segment: text with text and number with number only, and a boolean is no number.  A path that leads
through a missing, empty or false value ends in that value.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from uptake.destination.fql_ast import ORDERS, PLAIN_FIELDS, Ast, Clause, Path, generate
from uptake.destination.fql_parse import parse
from uptake.destination.jsvalues import UNDEFINED, number_in
from uptake.destination.paths import lookup
from uptake.destination.paths import step as any_step

Event = Mapping[str, Any]
Trigger = Callable[[Event | None], bool]

_TESTS = {
    "=": "{found} == {value}",
    "!=": "{found} != {value}",
    "<": "type(v := {found}) in numbers and v < {value}",
    "<=": "type(v := {found}) in numbers and v <= {value}",
    ">": "type(v := {found}) in numbers and v > {value}",
    ">=": "type(v := {found}) in numbers and v >= {value}",
    "number_equals": "type(v := {found}) in numbers and v == {value}",
    "number_not_equals": "type(v := {found}) in numbers and v != {value}",
    "contains": "type(v := {found}) is str and {value} in v",
    "not_contains": "type(v := {found}) is str and {value} not in v",
    "starts_with": "type(v := {found}) is str and v.startswith({value})",
    "not_starts_with": "type(v := {found}) is str and not v.startswith({value})",
    "ends_with": "type(v := {found}) is str and v.endswith({value})",
    "not_ends_with": "type(v := {found}) is str and not v.endswith({value})",
    "exists": "{found} is not None",
    "not_exists": "{found} is None",
    "is_true": "{found} is True",
    "is_false": "{found} is False",
}


def compile_trigger(fql: str, *, strict: bool = True) -> Trigger:
    """Make a trigger ready to run: a function that says whether an event fires it, False for None.

    strict: see `uptake.destination.fql_parse.parse`.

    Raises TriggerError if the text cannot be read.

    >>> compile_trigger('type = "track" and properties.seats >= 10')({"type": "track", "properties": {"seats": 12}})
    True
    """
    return compile_ast(parse(fql, strict=strict))


def compile_ast(ast: Ast) -> Trigger:
    """Make a tree ready to run, as `compile_trigger` does for text."""
    # Nothing but the tests above and literals written by repr stands in the source.
    trigger: Trigger = eval(f"lambda event: event is not None and ({_source(ast)})", dict(_NAMES))
    return trigger


def _source(ast: Ast) -> str:
    if isinstance(ast, Clause):
        return _TESTS[ast.operator].format(found=_lookup(ast.path), value=_operand(ast))
    joined = (" and " if ast.kind == "all" else " or ").join(f"({_source(child)})" for child in ast.children)
    return f"not ({joined})" if ast.kind == "none" else joined


def _lookup(path: Path) -> str:
    root = f"event.get({path[0]!r})"
    if path[0] in PLAIN_FIELDS:
        return root
    if len(path) == 2:
        return f"(p.get({path[1]!r}) if type(p := {root}) is dict else step(p, {path[1]!r}))"
    return f"walk({root}, {path[1:]!r})"


def _operand(clause: Clause) -> str:
    if clause.operator in ORDERS and isinstance(clause.value, str):
        return repr(number_in(clause.value))
    return repr(clause.value)


def step(value: Any, key: str) -> Any:
    """What `key` is of a value that need not be an object; missing is None, as null is."""
    found = any_step(value, key)
    return None if found is UNDEFINED else found


def walk(value: Any, keys: Path) -> Any:
    """What a path of keys leads to; missing is None, as null is."""
    found = lookup(value, keys)
    return None if found is UNDEFINED else found


_NAMES = {
    "__builtins__": {},
    "type": type,
    "dict": dict,
    "str": str,
    "numbers": frozenset({int, float}),
    "nan": math.nan,
    "inf": math.inf,
    "step": step,
    "walk": walk,
}
"""All that a compiled trigger can name."""


class Explanation(msgspec.Struct, frozen=True):
    """How one condition came out: its text, the value found (None for a group), the result, and a group's parts."""

    condition: str
    result: bool
    found: Any = None
    parts: tuple["Explanation", ...] = ()
    kind: str = "clause"

    def deciding(self) -> tuple["Explanation", ...]:
        """The clauses that decided: the first that settles its group, or all where none could alone."""
        if not self.parts:
            return (self,)
        settles = self.kind != "all"
        settled = next((part for part in self.parts if part.result is settles), None)
        parts = self.parts if settled is None else (settled,)
        return tuple(clause for part in parts for clause in part.deciding())


def explain(ast: Ast, event: Event | None) -> Explanation:
    """Evaluate every clause on an event, and say what each found."""
    result, text = compile_ast(ast)(event), generate(ast)
    if event is None:
        return Explanation(text, False)
    if isinstance(ast, Clause):
        return Explanation(text, result, walk(event, ast.path))
    return Explanation(text, result, parts=tuple(explain(child, event) for child in ast.children), kind=ast.kind)
