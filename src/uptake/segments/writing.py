"""From a condition to its text; `parse(text(condition)) == condition` for every condition that can be built."""

import json
import re
from decimal import Decimal

from uptake.core.conditions import All, AnyOf, Condition, Did, Everyone, LevelIs, Not, Number, Trait

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*\Z")


def text(condition: Condition) -> str:
    """The text form, in one line."""
    match condition:
        case Everyone():
            return "everyone"
        case All(parts):
            return " and ".join(_inner(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(_inner(part) for part in parts)
        case Not(LevelIs(level)):
            return f"level != {level}"
        case Not(part):
            return f"not {_inner(part)}"
        case Did():
            return _did(condition)
        case Trait():
            return _trait(condition)
        case Number(field, comparison, value, over_days):
            over = f" over {over_days} days" if over_days is not None else ""
            return f"{field}{over} {comparison} {_number(value)}"
        case LevelIs(level):
            return f"level = {level}"


def _inner(part: Condition) -> str:
    return f"({text(part)})" if isinstance(part, All | AnyOf) else text(part)


def _did(condition: Did) -> str:
    who = {None: "", "account": "account ", "user": "any user "}[condition.of]
    what = f"feature {_quoted(condition.feature)}" if condition.feature else _quoted(condition.event)
    within = f" within {condition.within_days} days" if condition.within_days is not None else ""
    return f"{who}did({what}) {condition.comparison} {condition.times}{within}"


def _trait(condition: Trait) -> str:
    key = condition.key if _PLAIN_KEY.match(condition.key) else _quoted(condition.key)
    left = f"{condition.of}.{key} {condition.operator}"
    if condition.operator == "exists":
        return left
    return f"{left} {condition.value} days" if condition.operator == "within" else f"{left} {_value(condition.value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else _number(float(str(value)))


def _number(value: float) -> str:
    return format(Decimal(repr(float(value))).normalize(), "f")


def _quoted(value: str) -> str:
    return json.dumps(value)
