"""The condition language of destination filters, to a tree.

Segment's documentation is the measure: any field, `and`, `or`, `!`, comparisons, `in`, lists, functions, groups, and
`all` by itself for every event.  A backslash before a character of a key takes it as it is, a dot too; strings stand in
single or double quotes.  What the documentation leaves open is refused where it has two readings: `and` beside `or` in
one group, and `!` before a comparison.
"""

import difflib
from typing import Literal as OneOf

import msgspec

from uptake.destination.filters_glob import glob
from uptake.destination.fql_ast import kept_path
from uptake.destination.fql_lexer import FqlError, Reader, Token, number_of


class FilterError(ValueError):
    """A filter that cannot be saved."""


class ConditionError(FqlError, FilterError):
    """A filter's condition that cannot be read: line, column, what was found and expected, and what to do."""


class Field(msgspec.Struct, frozen=True):
    """What a path of keys leads to in the event; null where it leads nowhere."""

    keys: tuple[str, ...]


class Constant(msgspec.Struct, frozen=True):
    """Text, a number, true, false or null."""

    value: str | int | float | bool | None


class Listed(msgspec.Struct, frozen=True):
    """A list written in the condition."""

    items: tuple["Expression", ...]


class Called(msgspec.Struct, frozen=True):
    """A function with its arguments; `FUNCTIONS` says how many it takes."""

    function: str
    arguments: tuple["Expression", ...]


class Compared(msgspec.Struct, frozen=True):
    """Two values and what must hold between them."""

    operator: str
    left: "Expression"
    right: "Expression"


class Combined(msgspec.Struct, frozen=True):
    """Conditions of which all, any or none must hold."""

    kind: OneOf["all", "any", "none"]
    conditions: tuple["Expression", ...]


Expression = Field | Constant | Listed | Called | Compared | Combined

FUNCTIONS = {
    "contains": 2,
    "match": 2,
    "length": 1,
    "lowercase": 1,
    "uppercase": 1,
    "snakecase": 1,
    "kebabcase": 1,
    "titlecase": 1,
    "typeof": 1,
    "bool": 1,
    "string": 1,
    "number": 1,
}
"""How many arguments each function takes."""

_CONDITIONS = ("contains", "match", "bool")
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_ORDERS = ("<", "<=", ">", ">=")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_RESERVED = ("and", "or", "in", "not")


def parse_condition(fql: str) -> Expression:
    """Read the condition of a filter.  Raises ConditionError."""
    if fql.strip() == "all":
        return Constant(True)
    return _Conditions(fql, ConditionError).whole()


def paths_in(expression: Expression) -> frozenset[str]:
    """The dotted paths of an event that an expression reads; see `uptake.destination.fql_ast.kept_path`."""
    if isinstance(expression, Field):
        return frozenset({kept_path(expression.keys)})
    return frozenset().union(*map(paths_in, _parts(expression)))


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Listed(items=parts) | Called(arguments=parts) | Combined(conditions=parts):
            return parts
        case Compared(left=left, right=right):
            return (left, right)
    return ()


def _may_be_number(expression: Expression) -> bool:
    if isinstance(expression, Constant):
        return isinstance(expression.value, int | float) and not isinstance(expression.value, bool)
    return not isinstance(expression, Listed)


class _Conditions(Reader):
    """Recursive descent over the tokens of one condition."""

    def whole(self) -> Expression:
        if self.at_end:
            raise self.fault("the condition is empty", hint="write all for every event")
        expression = self._conditions()
        if not self.at_end:
            raise self.fault(expected="'and', 'or' or the end")
        return expression

    def _conditions(self) -> Expression:
        connective, items = self.joined(lambda: self.nested(self._condition))
        if not connective:
            return items[0]
        return Combined("all" if connective == "and" else "any", tuple(items))

    def _condition(self) -> Expression:
        token = self.token
        if self.accept("("):
            expression = self._conditions()
            self.expect(")")
            return expression
        if self.accept("!"):
            return self._negated(token)
        left = self._value()
        if not self._sees_operator():
            return self._alone(left, token)
        return self._compared(left)

    def _sees_operator(self) -> bool:
        return self.sees(*_OPERATORS) or (self.token.kind == "word" and self.token.text == "in")

    def _negated(self, bang: Token) -> Expression:
        token = self.token
        grouped = self.sees("(", "!")
        inner = self.nested(self._condition) if grouped else self._alone(self._value(), token)
        if self._sees_operator():
            raise self.fault("'!' before a comparison is ambiguous", at=bang, hint="make a group: !( … )")
        return Combined("none", (inner,))

    def _alone(self, expression: Expression, token: Token) -> Expression:
        """A value that stands as a condition: it holds if it is true."""
        match expression:
            case Field() | Constant(value=True | False):
                return expression
            case Called(function=name) if name in _CONDITIONS:
                return expression
        raise self.fault(f"{token.text} is not true or false", at=token, hint="compare it with something")

    def _compared(self, left: Expression) -> Expression:
        operator, token = self.take().text, self.token
        right = self._value()
        if operator == "in" and not isinstance(right, Listed | Field):
            raise self.fault("'in' needs a list", at=token, hint='write in ["a", "b"], or a field that holds a list')
        if self._sees_operator():
            raise self.fault("a comparison has two sides", hint="join two comparisons with 'and'")
        if operator in _ORDERS and not (_may_be_number(left) and _may_be_number(right)):
            raise self.fault(f"{operator!r} compares numbers", at=token, hint="write a number without quotes")
        return Compared(operator, left, right)

    def _value(self) -> Expression:
        token = self.token
        if token.kind == "string":
            return Constant(self.take().value)
        if token.kind == "number":
            return Constant(number_of(self.take().text))
        if self.accept("["):
            return Listed(tuple(self._listed("]")))
        if token.kind != "word" or token.text in _RESERVED:
            hint = "write !( … )" if token.text == "not" else "one '=' is enough" if self.sees("=") else ""
            raise self.fault(expected="a value", hint=hint)
        if self.after.text == "(":
            return self._called()
        if token.text in _CONSTANTS and self.after.text != ".":
            return Constant(_CONSTANTS[self.take().text])
        return Field(tuple(part.value for part in self.path()))

    def _listed(self, end: str) -> list[Expression]:
        """Values between commas, and the sign that ends them."""
        values: list[Expression] = []
        while not self.accept(end):
            if values:
                self.expect(",")
            values.append(self.nested(self._value))
        return values

    def _called(self) -> Expression:
        name = self.take()
        if name.text not in FUNCTIONS:
            close = difflib.get_close_matches(name.text.lower(), FUNCTIONS, 1)
            hint = f"did you mean {close[0]}()?" if close else f"there are {', '.join(FUNCTIONS)}"
            raise self.fault(f"unknown function {name.text[:60]!r}", at=name, hint=hint)
        self.expect("(")
        arguments = tuple(self._listed(")"))
        if len(arguments) != (needed := FUNCTIONS[name.text]):
            count = f"{needed} argument{'s' if needed > 1 else ''}"
            raise self.fault(f"{name.text}() takes {count}, got {len(arguments)}", at=name)
        self._check_glob(name, arguments)
        return Called(name.text, arguments)

    def _check_glob(self, name: Token, arguments: tuple[Expression, ...]) -> None:
        if name.text != "match" or not isinstance(arguments[1], Constant):
            return
        pattern = arguments[1].value
        if not isinstance(pattern, str) or glob(pattern) is None:
            raise self.fault(
                f"{pattern!r} is not a pattern", at=name, hint="a pattern is text with * ? [abc] [a-z] \\x"
            )
