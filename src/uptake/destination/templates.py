"""`@template`: text with `{{path}}` and `{{{path}}}` in it, both written without escaping.

Segment fills triple braces first and then looks for double braces in the result, so that a value that holds `{{email}}`
would be filled once more.  Here a value is never read as a template, with one exception: a template that is nothing but
one `{{{path}}}` takes its template from the event, as Segment does.
"""

import re
from typing import Any

from uptake.destination.errors import Budget
from uptake.destination.jsvalues import UNDEFINED, WHITESPACE, text_of
from uptake.destination.paths import Steps, lookup, steps_of

Parts = tuple[str | Steps, ...]

_TRIPLE = re.compile(r"\{\{\{([^}]+)\}\}\}")
_DOUBLE = re.compile(r"\{\{([^}]+)\}\}")


def parts_of(template: str) -> Parts:
    """The texts and paths of a template, in order.

    >>> parts_of("Hi {{ traits.name }}!")
    ('Hi ', ('traits', 'name'), '!')
    """
    parts: list[str | Steps] = []
    for text in _split(_TRIPLE, template):
        parts += _split(_DOUBLE, text) if isinstance(text, str) else [text]
    return tuple(parts)


def takes_template_from_event(template: str) -> bool:
    """Is the template nothing but one `{{{path}}}`?"""
    return _TRIPLE.fullmatch(template) is not None


def render(template: str, parts: Parts, payload: Any, budget: Budget) -> str:
    """The template, given with its parts, filled from the payload; null and undefined are empty."""
    text = _filled(parts, payload, budget)
    if takes_template_from_event(template) and "{{" in text:
        return _filled(tuple(_split(_DOUBLE, text)), payload, budget)
    return text


def _split(placeholder: re.Pattern[str], template: str) -> list[str | Steps]:
    pieces = placeholder.split(template)
    pieces[1::2] = [steps_of(path.strip(WHITESPACE)) for path in pieces[1::2]]
    return [piece for index, piece in enumerate(pieces) if piece or index % 2]


def _filled(parts: Parts, payload: Any, budget: Budget) -> str:
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        value = lookup(payload, part)
        if value is not None and value is not UNDEFINED:
            text = text_of(value, budget)
            budget.spend_text(len(text))
            texts.append(text)
    return "".join(texts)
