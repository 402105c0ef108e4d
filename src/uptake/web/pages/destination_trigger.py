"""The trigger builder: a flat list of conditions, all or any of them, to FQL and back.

Segment's own builder has one group without nesting; a trigger that has more is edited as text.
"""

from collections.abc import Sequence

import msgspec

from uptake.core.calls import CALL_TYPES
from uptake.destination.fql import (
    OBJECT_FIELDS,
    PLAIN_FIELDS,
    Clause,
    Group,
    TriggerError,
    generate,
    operators_of,
    parse,
)
from uptake.destination.fql_ast import ORDERS, Operator

FIELD_LABELS = {
    "type": "Event type",
    "event": "Event name",
    "name": "Page or screen name",
    "userId": "User ID",
    "properties": "Property",
    "traits": "Trait",
    "context": "Context",
}
OPERATOR_LABELS: dict[str, str] = {
    "=": "is",
    "!=": "is not",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "not_starts_with": "does not start with",
    "ends_with": "ends with",
    "not_ends_with": "does not end with",
    "number_equals": "equals the number",
    "number_not_equals": "does not equal the number",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "exists": "exists",
    "not_exists": "does not exist",
    "is_true": "is true",
    "is_false": "is false",
}
VALUELESS = ("exists", "not_exists", "is_true", "is_false")
NUMERIC = ("number_equals", "number_not_equals")


class BadCondition(ValueError):
    """A condition that is not complete: which one, from 0, and why."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class Condition(msgspec.Struct, frozen=True):
    """One row of the builder, as its controls hold it; `key` is the path within properties, traits or context."""

    field: str = "type"
    key: str = ""
    operator: str = "="
    value: str = ""

    @property
    def keyed(self) -> bool:
        """Does the field need a key?"""
        return self.field in OBJECT_FIELDS

    @property
    def valued(self) -> bool:
        """Does the operator need a value?"""
        return self.operator not in VALUELESS

    @property
    def operators(self) -> list[tuple[str, str]]:
        """The operators to choose from, with the chosen one."""
        known = operators_of(self.field)
        offered = [each for each in OPERATOR_LABELS if each in known and (self.keyed or each not in ORDERS)]
        return [(each, OPERATOR_LABELS[each]) for each in offered or known]

    def settled(self) -> "Condition":
        """With an operator that the field has, and a call type where there must be one."""
        if self.field not in FIELD_LABELS:
            return Condition()
        known = [operator for operator, _ in self.operators]
        operator = self.operator if self.operator in known else known[0]
        value = "track" if self.field == "type" and self.value not in CALL_TYPES else self.value
        return msgspec.structs.replace(self, operator=operator, value=value)


class TriggerDraft(msgspec.Struct, frozen=True):
    """A trigger while it is edited; view: `build` (match and conditions count) or `fql` (the text counts)."""

    view: str = "build"
    match: str = "all"
    conditions: tuple[Condition, ...] = (Condition(value="track"),)
    fql: str = ""

    @property
    def text(self) -> str:
        """The trigger as FQL.  Raises BadCondition."""
        return self.fql if self.view == "fql" else fql_of(self.match, self.conditions)


def trigger_draft(fql: str) -> TriggerDraft:
    """A saved trigger as it is edited: in the builder where that can show it."""
    built = conditions_of(fql)
    if built is None:
        return TriggerDraft("fql", fql=fql)
    return TriggerDraft("build", built[0], built[1], fql)


def conditions_of(fql: str) -> tuple[str, tuple[Condition, ...]] | None:
    """The match and the conditions of a trigger; None where the builder cannot show it."""
    try:
        ast = parse(fql)
    except TriggerError:
        return None
    if isinstance(ast, Clause):
        return _shown("all", (ast,))
    clauses = tuple(each for each in ast.children if isinstance(each, Clause))
    return None if ast.kind == "none" or len(clauses) < len(ast.children) else _shown(ast.kind, clauses)


def _shown(match: str, clauses: Sequence[Clause]) -> tuple[str, tuple[Condition, ...]] | None:
    conditions = tuple(map(_condition, clauses))
    try:
        fql_of(match, conditions)
    except BadCondition:
        return None
    return match, conditions


def fql_of(match: str, conditions: Sequence[Condition]) -> str:
    """The conditions as FQL.  Raises BadCondition.

    >>> fql_of("any", [Condition("event", "", "starts_with", "Report "), Condition("properties", "seats", ">=", "10")])
    'match(event, "Report *") or properties.seats >= 10'
    """
    if not conditions:
        raise BadCondition(0, "Add a condition: a trigger needs at least one.")
    clauses = [_clause(index, each) for index, each in enumerate(conditions)]
    return generate(clauses[0] if len(clauses) == 1 else Group("any" if match == "any" else "all", tuple(clauses)))


def key_steps(text: str) -> tuple[str, ...]:
    """A path as its keys: dots part them, except within double quotes.

    >>> key_steps('plan.name'), key_steps('"a.b".c')
    (('plan', 'name'), ('a.b', 'c'))
    """
    steps, quoted = [""], False
    for sign in text.strip():
        if sign == '"':
            quoted = not quoted
        elif sign == "." and not quoted:
            steps.append("")
        else:
            steps[-1] += sign
    return tuple(step for step in steps if step)


def key_text(steps: Sequence[str]) -> str:
    """Keys as the path that `key_steps` reads.

    >>> key_text(("plan", "name")), key_text(("a.b", "c"))
    ('plan.name', '"a.b".c')
    """
    return ".".join(f'"{step}"' if "." in step else step for step in steps)


def _condition(clause: Clause) -> Condition:
    value = "" if clause.value is None else str(clause.value)
    return Condition(clause.path[0], key_text(clause.path[1:]), clause.operator, value)


def _clause(index: int, condition: Condition) -> Clause:
    keys = key_steps(condition.key) if condition.keyed else ()
    if condition.keyed and not keys:
        raise BadCondition(
            index, f"Name the {FIELD_LABELS[condition.field].lower()}: plan, or plan.name for a key in it."
        )
    if condition.field not in (*PLAIN_FIELDS, *OBJECT_FIELDS):
        raise BadCondition(index, f"A trigger cannot read {condition.field!r}.")
    operator: Operator = msgspec.convert(condition.operator, Operator)
    try:
        return Clause((condition.field, *keys), operator, _value(index, condition))
    except ValueError as error:
        raise BadCondition(index, str(error)) from error


def _value(index: int, condition: Condition) -> str | int | float | None:
    if not condition.valued:
        return None
    if condition.operator not in (*NUMERIC, *ORDERS):
        return condition.value
    number = _number(condition.value)
    if number is None:
        raise BadCondition(index, f"Expected a number, got {condition.value!r}.")
    return number if condition.operator in NUMERIC or condition.keyed else condition.value


def _number(text: str) -> int | float | None:
    try:
        number = float(text.strip())
    except ValueError:
        return None
    if number != number or abs(number) > 2**53 - 1:
        return None
    return int(number) if number.is_integer() else number


def trigger_words(fql: str) -> str:
    """A trigger in words; '' where it is more than a flat list of conditions, which is best read as FQL.

    >>> trigger_words('type = "track" and properties.plan != null')
    'Event type is track and property plan exists'
    """
    built = conditions_of(fql)
    if built is None:
        return ""
    match, conditions = built
    text = (" and " if match == "all" else " or ").join(map(_words, conditions))
    return text[:1].upper() + text[1:]


def _words(condition: Condition) -> str:
    label = FIELD_LABELS[condition.field]
    named = label if condition.field == "userId" else label.lower()
    words = (named, condition.key, OPERATOR_LABELS[condition.operator], condition.value if condition.valued else "")
    return " ".join(word for word in words if word)
