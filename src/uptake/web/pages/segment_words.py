"""A segment's condition in words, and the words that its builder offers to choose from."""

from collections.abc import Iterator, Mapping

import msgspec

from uptake.core.conditions import (
    All,
    AnyOf,
    Condition,
    Did,
    Everyone,
    LevelIs,
    Not,
    Number,
    NumberField,
    Trait,
)
from uptake.core.effects import Kind
from uptake.segments.judging import Verdict
from uptake.web.pages.formats import LEVEL_NAMES, number

NUMBER_NAMES: Mapping[NumberField, tuple[str, str]] = {
    "score": ("Score", ""),
    "score_change": ("Score change", ""),
    "raw_score": ("Raw score", ""),
    "activation": ("Activation", "%"),
    "adoption": ("Adoption in the window", "%"),
    "adoption_all_time": ("Adoption ever", "%"),
    "frequency": ("Frequency", "days"),
    "active_users": ("Active users", ""),
    "total_users": ("Users in 90 days", ""),
    "active_users_percent": ("Share of users active", "%"),
    "tenure_days": ("Signed up", "days ago"),
    "first_seen_days": ("First seen", "days ago"),
    "last_active_days": ("Last seen", "days ago"),
}
"""A number's name, and what it is counted in."""
OF_ACCOUNTS: tuple[NumberField, ...] = ("active_users", "total_users", "active_users_percent")
PLURAL: tuple[NumberField, ...] = ("active_users", "total_users")
COMPARISON_NAMES = {
    ">=": "at least",
    "<=": "at most",
    "=": "exactly",
    ">": "more than",
    "<": "less than",
    "!=": "other than",
}
TRAIT_WORDS = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "contains": "contains",
    "exists": "has a value",
    "before": "is before",
    "after": "is after",
    "on": "is on",
    "within": "is within the last",
}


class WhyLine(msgspec.Struct, frozen=True):
    """One part of a condition about somebody: whether it holds, in words, and what was found; depth: in how many
    groups it stands."""

    holds: bool
    words: str
    found: str
    depth: int


def condition_words(condition: Condition, kind: Kind) -> str:
    """A condition as the end of "accounts where …".

    >>> condition_words(All((Number("score", ">=", 75), Did("Export", comparison="=", times=0, within_days=7))), "user")
    'score is at least 75 and did not do Export in the last 7 days'
    """
    match condition:
        case Everyone():
            return "everyone is in"
        case All(parts):
            return " and ".join(_grouped(part, kind) for part in parts)
        case AnyOf(parts):
            return " or ".join(_grouped(part, kind) for part in parts)
        case Not(LevelIs(level)):
            return f"level is not {LEVEL_NAMES[level].lower()}"
        case Not(part):
            return f"not ({condition_words(part, kind)})"
        case Did():
            return _did_words(condition, kind)
        case Trait():
            return f"{condition.of} trait {condition.key} {TRAIT_WORDS[condition.operator]}{_operand(condition)}"
        case LevelIs(level):
            return f"level is {LEVEL_NAMES[level].lower()}"
        case Number(field, comparison, value, over_days):
            name, unit = NUMBER_NAMES[field]
            name += "" if over_days is None else f" over {over_days} day{'' if over_days == 1 else 's'}"
            if unit == "days ago" and (comparison, value) == ("=", 0):
                return f"{name.lower()} today"
            verb = "" if unit == "days ago" else "are " if field in PLURAL else "is "
            return f"{name.lower()} {verb}{COMPARISON_NAMES[comparison]} {_amount(value, unit)}"


def _grouped(part: Condition, kind: Kind) -> str:
    words = condition_words(part, kind)
    return f"({words})" if isinstance(part, All | AnyOf) else words


def _did_words(did: Did, kind: Kind) -> str:
    who = (
        "" if did.of in (None, kind) else {"account": "everyone in the account together ", "user": "one user "}[did.of]
    )
    what = f"the feature {did.feature}" if did.feature else did.event
    lately = "" if did.within_days is None else f" in the last {days_word(did.within_days)}"
    if (did.comparison, did.times) == (">=", 1):
        return f"{who}did {what}{lately}" if not did.feature else f"{who}used {what}{lately}"
    if (did.comparison, did.times) == ("=", 0):
        return f"{who}did not {'use' if did.feature else 'do'} {what}{lately or ' ever'}"
    often = f"{COMPARISON_NAMES[did.comparison]} {did.times:,} time{'' if did.times == 1 else 's'}"
    return f"{who}{'used' if did.feature else 'did'} {what} {often}{lately}"


def _operand(trait: Trait) -> str:
    if trait.operator == "exists":
        return ""
    if trait.operator == "within":
        return f" {days_word(int(str(trait.value)))}"
    if isinstance(trait.value, bool):
        return " true" if trait.value else " false"
    return f" “{trait.value}”" if isinstance(trait.value, str) else f" {number(float(str(trait.value)))}"


def days_word(days: int) -> str:
    """So many days in words."""
    return "day" if days == 1 else f"{days} days"


def why_lines(condition: Condition, verdict: Verdict, kind: Kind, depth: int = 0) -> Iterator[WhyLine]:
    """The parts of a judged condition from the top, groups before what is in them."""
    match condition:
        case All(parts) | AnyOf(parts):
            words = "All of these hold" if isinstance(condition, All) else "At least one of these holds"
            yield WhyLine(verdict.holds, words, "", depth)
            for part, its_verdict in zip(parts, verdict.parts, strict=True):
                yield from why_lines(part, its_verdict, kind, depth + 1)
        case Not(part) if isinstance(part, All | AnyOf | Not):
            yield WhyLine(verdict.holds, "This does not hold", "", depth)
            yield from why_lines(part, verdict.parts[0], kind, depth + 1)
        case _:
            words = condition_words(condition, kind)
            yield WhyLine(verdict.holds, words[:1].upper() + words[1:], _found(condition, verdict.found), depth)


def _found(condition: Condition, found: str) -> str:
    """What was found, as a person reads it."""
    match condition:
        case Not(part):
            return _found(part, found)
        case LevelIs():
            return LEVEL_NAMES.get(found, found)
        case Did():
            return f"{int(found):,} time{'' if found == '1' else 's'}"
        case Number(field) if found != "no value":
            return _amount(float(found), NUMBER_NAMES[field][1])
    return found


def _amount(value: float, unit: str) -> str:
    """A number with its unit, and a minus that is one."""
    told = number(value).replace("-", "−")
    return f"{told}%" if unit == "%" else f"{told} {unit}".strip()
