"""Judging one user or account: does a condition hold, and which part decided?

Engines answer the same for everybody at once; this is the reference that they are held to, and what tells a person why
an account is in a segment or not.  The operand decides how a trait is compared: a number compares as numbers (numeric
text too), true and false as booleans, a text as text, and before, after, on, within as days; where the operator chose a
type for the trait, that decides.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

import msgspec

from uptake.core.conditions import (
    NUMBER_TEXT,
    All,
    AnyOf,
    Comparison,
    Condition,
    Did,
    Everyone,
    LevelIs,
    Not,
    Number,
    NumberField,
    Of,
    Trait,
)
from uptake.core.config import TraitType
from uptake.core.traits import operand_as
from uptake.segments.writing import text

_NUMBER = re.compile(NUMBER_TEXT)

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


class Facts(Protocol):
    """What is known of one user or account on a day."""

    def times(self, did: Did) -> int:
        """How often the event or feature of the condition was done by whom it asks about, in its days."""

    def trait(self, of: Of, key: str) -> Sequence[Any]:
        """The trait's values: one or none of its own; of `user` for an account, one for each user that has it."""

    def number(self, field: NumberField) -> float | None:
        """A number of the day; None where there is none."""

    def score_change(self, over_days: int) -> float:
        """The score of the day against the one that stood so many days before; see `core.conditions.Number`."""

    def level(self) -> str:
        """The level of the day."""

    def type_of(self, of: Of, key: str) -> TraitType | None:
        """The trait's type, where the operator chose one."""

    def day_of(self, value: Any) -> date | None:
        """The day in the product's zone of a trait's value (ISO 8601, or Unix s or ms); None if it is no moment."""

    def today(self) -> date:
        """The day that is asked about."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether a condition holds, in its text form, what was found for a leaf, and the verdicts of its parts."""

    holds: bool
    text: str
    found: str
    parts: tuple["Verdict", ...] = ()


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Judge every part, so that a person sees all of them."""
    match condition:
        case All(parts):
            verdicts = tuple(judge(part, facts) for part in parts)
            return Verdict(all(each.holds for each in verdicts), text(condition), "", verdicts)
        case AnyOf(parts):
            verdicts = tuple(judge(part, facts) for part in parts)
            return Verdict(any(each.holds for each in verdicts), text(condition), "", verdicts)
        case Not(part):
            inside = judge(part, facts)
            return Verdict(not inside.holds, text(condition), inside.found, (inside,))
    holds, found = _leaf(condition, facts)
    return Verdict(holds, text(condition), found)


def holds(condition: Condition, facts: Facts) -> bool:
    """Does the condition hold?"""
    return judge(condition, facts).holds


def _leaf(condition: Condition, facts: Facts) -> tuple[bool, str]:
    match condition:
        case Did():
            times = facts.times(condition)
            return _COMPARE[condition.comparison](times, condition.times), str(times)
        case Trait():
            values = [value for value in facts.trait(condition.of, condition.key) if value is not None]
            return _trait_holds(condition, values, facts), ", ".join(str(value) for value in values) or "no value"
        case Number(field, comparison, value, over_days):
            number = facts.number(field) if over_days is None else facts.score_change(over_days)
            return number is not None and _COMPARE[comparison](number, value), "no value" if number is None else str(
                number
            )
        case LevelIs(level):
            return facts.level() == level, facts.level()
        case Everyone():
            return True, ""
    raise TypeError(f"not a leaf: {condition!r}")


def _trait_holds(condition: Trait, values: Sequence[Any], facts: Facts) -> bool:
    if condition.operator == "exists":
        return bool(values)
    if condition.operator == "!=":
        return not any(_matches(condition, "=", value, facts) for value in values)
    return any(_matches(condition, condition.operator, value, facts) for value in values)


def _matches(condition: Trait, operator: str, value: Any, facts: Facts) -> bool:
    operand = condition.value
    if operator == "contains":
        if isinstance(value, list):
            return str(operand) in [_item(item) for item in value if item is not None]
        return str(operand).lower() in plain(value).lower()
    if operator in ("before", "after", "on", "within"):
        return _in_days(operator, operand, facts.day_of(value), facts.today())
    if (chosen := facts.type_of(condition.of, condition.key)) is not None and operand is not None:
        wanted = operand_as(chosen, operand)
        return wanted is not None and _compared(operator, _read_as(chosen, value, facts), wanted)
    if isinstance(operand, bool):
        return _compared(operator, _boolean(value), operand)
    if isinstance(operand, str):
        return _compared(operator, plain(value) if not isinstance(value, list | dict) else None, operand)
    return _compared(operator, _number(value), float(str(operand)))


def _read_as(chosen: TraitType, value: Any, facts: Facts) -> Any:
    """The value under a type; None where it does not fit."""
    match chosen:
        case "string":
            return plain(value) if not isinstance(value, list | dict) else None
        case "boolean":
            return _boolean(value)
        case "date":
            return facts.day_of(value)
        case "percentage":
            number = _number(value)
            return number if number is not None and 0 <= number <= 100 else None
    return _number(value)


def _in_days(operator: str, operand: Any, day: date | None, today: date) -> bool:
    if day is None:
        return False
    if operator == "within":
        return today - timedelta(days=int(operand) - 1) <= day <= today
    other = date.fromisoformat(str(operand))
    return {"before": day < other, "after": day > other, "on": day == other}[operator]


def _compared(operator: str, one: Any, other: Any) -> bool:
    return one is not None and _COMPARE[operator](one, other)


def plain(value: Any) -> str:
    """A trait's value as text: as JSON writes it, but a string without quotes and a whole number in digits."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _item(value)


def _item(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(plain(value).lower()) if not isinstance(value, list | dict) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not _NUMBER.fullmatch(plain(value)):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def compares(comparison: Comparison, one: float, other: float) -> bool:
    """Compare two numbers by an operator of the language."""
    return _COMPARE[comparison](one, other)
