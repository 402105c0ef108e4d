"""How traits are shown: nested ones flattened with dots, each with its type, money as money."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from uptake.core.config import ProductConfig
from uptake.core.traits import flattened
from uptake.web.pages.formats import day_text, money

MOST_LENGTH = 300


class TraitLine(msgspec.Struct, frozen=True):
    """A trait as it is shown; moment: ISO 8601 with a time and its zone, for a date that has them."""

    key: str
    value: str
    type: str
    moment: str = ""


def trait_lines(traits: Mapping[str, Any], types: Mapping[str, str], config: ProductConfig) -> list[TraitLine]:
    """All traits, nested ones with dots, sorted by key; `types` are those that the operator chose."""
    flat = flattened(traits)
    return [
        TraitLine(key, _shown(key, value, types.get(key), config), types.get(key) or _type_of(value), _moment(value))
        for key, value in sorted(flat.items())
    ]


def trait_text(key: str, value: Any, chosen: str | None, config: ProductConfig) -> str:
    """A trait's value in a cell of a list: money, percentages and days as such; `chosen` is the operator's type."""
    if chosen in (None, "date") and isinstance(value, str) and _is_date(value):
        return day_text(date.fromisoformat(value[:10]))
    return _shown(key, value, chosen, config)


def _moment(value: Any) -> str:
    """The value, where it is a date with a time in a known zone: the reader's own clock can tell it."""
    if not isinstance(value, str) or not _is_date(value) or len(value) == len("2026-03-09"):
        return ""
    return value if datetime.fromisoformat(value).tzinfo else ""


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if _is_date(value) else "string"
    return "list" if isinstance(value, list) else "object"


def _is_date(text: str) -> bool:
    """ISO 8601 with at least a whole day, so that neither a year nor a number counts as one.

    >>> _is_date("2026-03-09T12:00:00Z"), _is_date("20260309"), _is_date("growth")
    (True, False, False)
    """
    if len(text) < 10 or text[4:5] != "-":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _shown(key: str, value: Any, chosen: str | None, config: ProductConfig) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "mrr" and number:
        amount = value / 100 if config.mrr_unit == "cents" else value
        return money(amount, config.currency)
    if number:
        return f"{value:,}%" if chosen == "percentage" else f"{value:,}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_LENGTH else text[:MOST_LENGTH] + "…"
