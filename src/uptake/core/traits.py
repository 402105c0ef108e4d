"""Data types of traits: which values fit one, how an operand reads under one, and which one the values suggest.

Whether a single value fits is decided by the engines, in columns, and by `uptake.segments.judging`; here is what both
stand on.  The operator's choice (`uptake.core.config.TraitTypes`) decides; a trait without one compares as the operand
of a condition says.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from uptake.core.conditions import NUMBER_TEXT, Scalar
from uptake.core.config import TraitType

TRAIT_TYPES: tuple[TraitType, ...] = ("string", "number", "date", "percentage", "boolean")
ENOUGH = 0.9
"""A type is suggested where at least so many of the values fit."""
DEEPEST = 8
"""Objects are flattened so many levels deep; what lies deeper stays one value."""

_NUMBER = re.compile(NUMBER_TEXT)
_OF_A_MOMENT = re.compile(r"(_at|At|_date|Date|_on|_time|Time|timestamp)$")
_OF_A_SHARE = re.compile(r"percent|pct|percentage|_rate$|Rate$|_share$|Share$|ratio", re.IGNORECASE)


class TraitForms(msgspec.Struct, frozen=True):
    """How many users or accounts have a trait, and how many of those values have which form.

    numbers: JSON numbers, and texts that are written as one.  percentages: numbers from 0 to 100.  moments: values that
    name a moment (ISO 8601, or Unix s or ms); day_texts: those of them that are no numbers.  booleans: true and false,
    texts too.  lists, objects: what is compared by `contains` alone.
    """

    key: str
    values: int
    numbers: int
    percentages: int
    moments: int
    day_texts: int
    booleans: int
    lists: int
    objects: int


class TraitValue(msgspec.Struct, frozen=True):
    """A value that was seen (JSON text), and how many users or accounts have it."""

    value: str
    times: int


class Inferred(msgspec.Struct, frozen=True):
    """A type that values suggest, and the share of them (0–1) that fit it."""

    type: TraitType
    share: float


def fitting(forms: TraitForms, chosen: TraitType) -> int:
    """How many values fit a type.  Any plain value is a string, and so are lists, which `contains` looks into."""
    match chosen:
        case "string":
            return forms.values - forms.objects
        case "number":
            return forms.numbers
        case "percentage":
            return forms.percentages
        case "date":
            return forms.moments
    return forms.booleans


def inferred(forms: TraitForms) -> Inferred:
    """The narrowest type that at least nine of ten values fit, a string where none is.

    Numbers are percentages, or dates, only where the trait's name says so.

    >>> inferred(TraitForms("mrr", 100, 99, 40, 99, 0, 0, 0, 0))
    Inferred(type='number', share=0.99)
    """
    for candidate, count in _candidates(forms):
        if forms.values and count / forms.values >= ENOUGH:
            return Inferred(candidate, count / forms.values)
    return Inferred("string", fitting(forms, "string") / forms.values if forms.values else 1.0)


def _candidates(forms: TraitForms) -> Iterator[tuple[TraitType, int]]:
    yield "boolean", forms.booleans
    yield "date", forms.day_texts
    if _OF_A_MOMENT.search(forms.key):
        yield "date", forms.moments
    if _OF_A_SHARE.search(forms.key):
        yield "percentage", forms.percentages
    yield "number", forms.numbers


def operand_as(chosen: TraitType, operand: Scalar) -> str | float | bool | date | None:
    """What the operand of a comparison is under a type; None where it does not fit, so that nothing matches.

    >>> operand_as("number", "99"), operand_as("number", "$99"), operand_as("string", 5.0)
    (99.0, None, '5')
    """
    match chosen:
        case "string":
            return plain(operand)
        case "boolean":
            return {"true": True, "false": False}.get(plain(operand).lower())
        case "date":
            return _day(operand)
    return float(operand) if not isinstance(operand, bool) and _NUMBER.fullmatch(plain(operand)) else None


def stored_key(key: str) -> str:
    """The key under which a trait is kept: `created_at` and `createdAt` are one."""
    return "createdAt" if key == "created_at" else key


def plain(value: Scalar) -> str:
    """A plain value as text: a string without quotes, a whole number in digits, true or false."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _day(operand: Scalar) -> date | None:
    try:
        return date.fromisoformat(operand[:10]) if isinstance(operand, str) else None
    except ValueError:
        return None


def flattened(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Traits without nested objects: an inner key is joined to the outer one with a dot.  Lists and {} stay.

    >>> flattened({"plan": "pro", "address": {"city": "Berlin", "geo": {"lat": 52}}})
    {'plan': 'pro', 'address.city': 'Berlin', 'address.geo.lat': 52}
    """
    return dict(_flat(traits, "", DEEPEST))


def _flat(traits: Mapping[str, Any], prefix: str, levels: int) -> Iterator[tuple[str, Any]]:
    for key, value in traits.items():
        if isinstance(value, dict) and value and levels:
            yield from _flat(value, f"{prefix}{key}.", levels - 1)
        else:
            yield prefix + key, value
