"""A trigger as a tree: clauses about one field each, in groups of `all`, `any` and `none`.

A clause's operator is the one of Segment's own tree, so that a builder of conditions and a reader of Segment's code
find the same words.  `generate` writes a tree as text that `uptake.destination.fql_parse.parse` reads back to the same
tree; wherever Segment's language can say it, Segment reads that text the same way.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from uptake.destination.fql_lexer import MAX_DEPTH

PLAIN_FIELDS = ("type", "event", "name", "userId")
"""Fields that are a value themselves."""

OBJECT_FIELDS = ("properties", "traits", "context")
"""Fields of which a key, or a path of keys, is tested."""

SAFE_INTEGER = 2**53 - 1
"""The largest whole number that Segment's engine holds exactly; larger ones it compares after rounding."""

Path = tuple[str, ...]
Value = str | int | float | None
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "number_equals", "number_not_equals",
    "contains", "not_contains", "starts_with", "not_starts_with", "ends_with", "not_ends_with",
    "exists", "not_exists", "is_true", "is_false",
]  # fmt: skip
ORDERS = ("<", "<=", ">", ">=")
TEXT_TESTS = ("contains", "not_contains", "starts_with", "not_starts_with", "ends_with", "not_ends_with")
_NUMBER_TESTS = ("number_equals", "number_not_equals")
_VALUELESS = ("exists", "not_exists", "is_true", "is_false")

_WRITTEN: dict[str, str] = {
    "exists": "{path} != null",
    "not_exists": "{path} = null",
    "is_true": "{path} = true",
    "is_false": "{path} = false",
    "number_equals": "{path} = {value}",
    "number_not_equals": "{path} != {value}",
    "contains": "contains({path}, {value})",
    "not_contains": "!contains({path}, {value})",
}
_SPECIAL = re.compile(r"[^A-Za-z0-9_-]")


class Clause(msgspec.Struct, frozen=True, tag="clause"):
    """One test of one field.  Raises ValueError where the field has no such test, or the test another kind of value.

    path: the field, then keys (`("properties", "plan")`); a key may hold any text.
    value: text; a number for `number_equals` and `number_not_equals`; either for an order; None where none is needed.
    """

    path: Path
    operator: Operator
    value: Value = None

    def __post_init__(self) -> None:
        root = self.path[0] if self.path else ""
        if root not in (OBJECT_FIELDS if len(self.path) > 1 else PLAIN_FIELDS):
            raise ValueError(f"a trigger cannot read {'.'.join(self.path)!r}")
        if self.operator not in operators_of(root):
            raise ValueError(f"{root} has no test {self.operator!r}")
        if not _fits(root, self.operator, self.value):
            raise ValueError(f"{self.operator!r} on {root} cannot take the value {self.value!r}")


class Group(msgspec.Struct, frozen=True, tag="group"):
    """Holds when all, any or none of its children hold; at least two children, `none` at least one."""

    kind: Literal["all", "any", "none"]
    children: tuple["Ast", ...]

    def __post_init__(self) -> None:
        if len(self.children) < (1 if self.kind == "none" else 2):
            raise ValueError(f"a group of {self.kind!r} with {len(self.children)} conditions")
        if _height(self) > MAX_DEPTH:
            raise ValueError(f"conditions nest more than {MAX_DEPTH} levels deep")


Ast = Clause | Group


def operators_of(field: str) -> tuple[str, ...]:
    """The operators that a field can be tested with, as Segment has them."""
    missing = {
        "type": (*TEXT_TESTS, *_NUMBER_TESTS, *_VALUELESS),
        "event": (*_NUMBER_TESTS, *_VALUELESS),
        "name": (*_NUMBER_TESTS, "is_true", "is_false"),
        "userId": _NUMBER_TESTS,
    }
    return tuple(each for each in get_args(Operator) if each not in missing.get(field, ()))


def _fits(root: str, operator: str, value: Value) -> bool:
    if operator in _VALUELESS:
        return value is None
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= SAFE_INTEGER
    if operator in _NUMBER_TESTS:
        return number
    return isinstance(value, str) or (number and operator in ORDERS and root in OBJECT_FIELDS)


def _height(ast: Ast) -> int:
    return 1 + max(map(_height, ast.children)) if isinstance(ast, Group) else 0


def generate(ast: Ast) -> str:
    """Write a tree as FQL.

    A group stands in parentheses where Segment reads it (not nested, a function only as its last clause), else in
    all(…), any(…), none(…).

    >>> generate(Group("all", (Clause(("type",), "=", "track"), Clause(("event",), "starts_with", "Report "))))
    'type = "track" and match(event, "Report *")'
    """
    if isinstance(ast, Group) and ast.kind != "none":
        return _CONNECTIVE[ast.kind].join(map(_item, ast.children))
    return _item(ast)


_CONNECTIVE = {"all": " and ", "any": " or "}


def _item(ast: Ast) -> str:
    if isinstance(ast, Clause):
        return _clause(ast)
    clauses = [each for each in ast.children if isinstance(each, Clause)]
    readable = clauses == list(ast.children) and not any(each.operator in TEXT_TESTS for each in clauses[:-1])
    if readable and ast.kind != "none":
        return f"({generate(ast)})"
    return f"{ast.kind}({', '.join(map(generate, ast.children))})"


def _clause(clause: Clause) -> str:
    path = ".".join([clause.path[0], *map(_key, clause.path[1:])])
    if clause.operator.endswith("s_with"):
        return _affix(path, clause.operator, str(clause.value))
    written = _WRITTEN.get(clause.operator, "{path} {operator} {value}")
    return written.format(path=path, operator=clause.operator, value=_value(clause.value))


def _affix(path: str, operator: str, text: str) -> str:
    """`match` with one star at an end; where Segment would take the star for the other end's, a function of our own."""
    bang, function = ("!", operator[4:]) if operator.startswith("not_") else ("", operator)
    if function == "starts_with" and '"' not in text:
        return f'{bang}match({path}, "{text}*")'
    if function == "ends_with" and '"' not in text and not text.endswith("*") and text:
        return f'{bang}match({path}, "*{text}")'
    return f"{bang}{function}({path}, {_value(text)})"


def _value(value: Value) -> str:
    """A value as written; text with a quote in it stands bare with backslashes, since strings have no escapes."""
    if not isinstance(value, str):
        return "" if value is None else _digits(value)
    return _bare(value) if '"' in value else f'"{value}"'


def _digits(number: int | float) -> str:
    """A number as written: the language knows no exponent."""
    return str(int(number)) if number == int(number) else format(Decimal(repr(number)), "f")


def _key(key: str) -> str:
    if not key or any(sign in key for sign in ".[]"):
        return '"' + key.replace('"', '""') + '"'
    # These three are keywords to Segment wherever they stand.
    return "\\" + key if key in ("and", "or", "null") else _bare(key)


def _bare(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    return "\\" + escaped if re.match(r"[0-9-]", escaped) else escaped


def paths_of(ast: Ast) -> frozenset[str]:
    """The dotted paths of an event that a trigger reads, so that ingest can keep them; see `kept_path`."""
    if isinstance(ast, Clause):
        return frozenset({kept_path(ast.path)})
    return frozenset().union(*map(paths_of, ast.children))


def kept_path(path: Iterable[str]) -> str:
    """What must be kept so that a path can be read: the dotted path up to a key that a dotted path cannot name.

    Those are keys with a dot in them, indices and `length`, for which the object, list or text before them must be kept
    whole.  Empty where that is the whole event.

    >>> kept_path(["properties", "products", "0", "name"]), kept_path(["properties", "a.b"])
    ('properties.products', 'properties')
    """
    kept: list[str] = []
    for key in path:
        if not key or "." in key or (kept and (key.isdigit() or key == "length")):
            break
        kept.append(key)
    return ".".join(kept)


def required_type(ast: Ast) -> str | None:
    """The one type of call that the trigger can match, or None if it can match several, or any."""
    if isinstance(ast, Clause):
        return str(ast.value) if ast.path == ("type",) and ast.operator == "=" else None
    types = [required_type(child) for child in ast.children]
    if ast.kind == "all":
        return next((each for each in types if each), None)
    return types[0] if ast.kind == "any" and len(set(types)) == 1 else None
