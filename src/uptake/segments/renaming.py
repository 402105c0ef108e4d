"""A condition's text with a feature under its new name."""

from collections.abc import Callable

import msgspec

from uptake.core.conditions import All, AnyOf, Condition, Did, Not
from uptake.segments.reading import parse
from uptake.segments.writing import text


def with_feature_renamed(where: str, old: str, new: str) -> str:
    """The text, in which conditions on the feature name it anew; unchanged where none does.

    >>> with_feature_renamed('did(feature "Report") >= 3', "Report", "Reporting")
    'did(feature "Reporting") >= 3'
    """

    def renamed(leaf: Condition) -> Condition:
        if isinstance(leaf, Did) and leaf.feature and leaf.feature == old:
            return msgspec.structs.replace(leaf, feature=new)
        return leaf

    before = parse(where)
    after = _mapped(before, renamed)
    return where if after == before else text(after)


def _mapped(condition: Condition, change: Callable[[Condition], Condition]) -> Condition:
    match condition:
        case All(parts):
            return All(tuple(_mapped(part, change) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_mapped(part, change) for part in parts))
        case Not(part):
            return Not(_mapped(part, change))
    return change(condition)
