"""A condition as the rows and groups of the segment builder, and back.

The nodes are the condition's tree read from the top: each node says how deep it stands, and a group holds the nodes
below it that stand deeper.  Every condition can be shown: a leaf that no row of controls fits is a row of text.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from datetime import date

import msgspec

from uptake.core.conditions import (
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
    TraitOperator,
)
from uptake.core.scores import Level
from uptake.segments import ConditionError, parse, text
from uptake.web.pages.formats import LEVEL_NAMES
from uptake.web.pages.segment_words import COMPARISON_NAMES, NUMBER_NAMES

GROUPS = {
    "all": "All of these hold",
    "any": "At least one of these holds",
    "none": "None of these holds",
    "not_all": "Not all of these hold",
}
DID_OPERATORS = {"did": "did", "never": "did not do", **COMPARISON_NAMES}
TRAIT_OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "equals": "equals",
    "not_equals": "does not equal",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "on": "is on",
    "before": "is before",
    "after": "is after",
    "within": "is within the last",
    "true": "is true",
    "false": "is false",
    "exists": "has a value",
    "absent": "has no value",
}
VALUELESS = ("true", "false", "exists", "absent")
_PLAIN = {"is": "=", "is_not": "!=", "equals": "=", "not_equals": "!="}
TRAITS: dict[str, Of] = {"account_trait": "account", "user_trait": "user"}
MOST_TRAIT_DAYS = 36_500


class Node(msgspec.Struct, frozen=True):
    """A group or a row of the builder, as its controls hold it.

    kind: of GROUPS, or what the row asks about: event, feature, account_trait, user_trait, level, text, or the name of
    a number.  of: who did it, '' for the one who is asked about.
    """

    depth: int
    kind: str
    name: str = ""
    operator: str = ""
    value: str = ""
    of: str = ""
    days: str = ""

    @property
    def is_group(self) -> bool:
        """Does it hold other nodes?"""
        return self.kind in GROUPS

    def settled(self) -> "Node":
        """With an operator and a value that its kind can have: what a change of kind leaves behind."""
        if self.kind in ("event", "feature"):
            of = self.of if self.of in ("account", "user") else ""
            known = msgspec.structs.replace(self, of=of)
            return known._with(DID_OPERATORS, self.value if self.value.isdigit() else "1")
        if self.kind in TRAITS:
            return self._with(TRAIT_OPERATORS, self.value)
        if self.kind == "level":
            return self._with(("=", "!="), self.value if self.value in LEVEL_NAMES else "most_engaged")
        if self.kind in NUMBER_NAMES:
            return self._with(COMPARISON_NAMES, self.value if _number(self.value) is not None else "")
        return self if self.is_group or self.kind == "text" else Node(self.depth, "event", operator="did", value="1")

    def _with(self, operators: Collection[str], value: str) -> "Node":
        operator = self.operator if self.operator in operators else next(iter(operators))
        return msgspec.structs.replace(self, operator=operator, value=value)


class BadNode(ValueError):
    """A node that is no condition: which, from 0, and what is missing."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


# ---- from a condition


def nodes_of(condition: Condition) -> tuple[Node, ...]:
    """The draft of a condition; its first node is the group that holds all others."""
    if isinstance(condition, Everyone):
        return (Node(0, "all"),)
    found = tuple(_nodes(condition, 0))
    return found if found[0].is_group else (Node(0, "all"), msgspec.structs.replace(found[0], depth=1))


def _nodes(condition: Condition, depth: int) -> Iterator[Node]:
    match condition:
        case All(parts):
            yield from _group("all", parts, depth)
        case AnyOf(parts):
            yield from _group("any", parts, depth)
        case Not(AnyOf(parts)):
            yield from _group("none", parts, depth)
        case Not(All(parts)):
            yield from _group("not_all", parts, depth)
        case Not(LevelIs(level)):
            yield Node(depth, "level", operator="!=", value=level)
        case Not(Trait(operator="exists", of=of, key=key)) if _fits(key):
            yield Node(depth, f"{of}_trait", key, "absent")
        case Not(part):
            yield from _group("none", (part,), depth)
        case _:
            yield _leaf(condition, depth)


def _group(kind: str, parts: Sequence[Condition], depth: int) -> Iterator[Node]:
    yield Node(depth, kind)
    for part in parts:
        yield from _nodes(part, depth + 1)


def _leaf(condition: Condition, depth: int) -> Node:
    match condition:
        case Did(event, feature, of, comparison, times, within) if _fits(event + feature):
            operator = {(">=", 1): "did", ("=", 0): "never"}.get((comparison, times), comparison)
            value = "1" if operator in ("did", "never") else str(times)
            days = "" if within is None else str(within)
            return Node(depth, "feature" if feature else "event", feature or event, operator, value, of or "", days)
        case Trait(of, key, operator, value) if _fits(f"{key}{value}") and (shown := _operator(operator, value)):
            told = "" if value is None or isinstance(value, bool) else _written(value)
            return Node(depth, f"{of}_trait", key, shown, told)
        case LevelIs(level):
            return Node(depth, "level", operator="=", value=level)
        case Number(field, comparison, value, over_days):
            days = "" if over_days is None else str(over_days)
            return Node(depth, field, operator=comparison, value=_written(value), days=days)
    return Node(depth, "text", value=text(condition))


def _fits(words: str) -> bool:
    """Can a line of a form hold this?"""
    return not any(sign in words for sign in "\r\n\0")


def _operator(operator: str, value: object) -> str:
    """The builder's name of a trait's comparison; '' where it has none."""
    if isinstance(value, bool):
        return str(value).lower() if operator == "=" else ""
    if operator in ("=", "!="):
        equals = ("is", "equals") if operator == "=" else ("is_not", "not_equals")
        return equals[0] if isinstance(value, str) else equals[1]
    return "" if operator in ("<", "<=", ">", ">=") and isinstance(value, str) else operator


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else text(Number("score", "=", value)).rpartition(" ")[2]


# ---- to a condition


def condition_of(nodes: Sequence[Node]) -> Condition:
    """The condition of a draft.  Raises BadNode for the first node that is none."""
    if len(nodes) == 1:
        return Everyone()
    return _read_group(nodes, 0)[0]


def faults_of(nodes: Sequence[Node]) -> dict[int, str]:
    """What is wrong with each node that is no condition."""
    found = {}
    for index, node in enumerate(nodes):
        try:
            if not node.is_group:
                _read_leaf(index, node)
            elif index and (index + 1 == len(nodes) or nodes[index + 1].depth <= node.depth):
                raise BadNode(index, "Add a condition to the group, or remove it.")
        except BadNode as error:
            found[index] = str(error)
    return found


def _read_group(nodes: Sequence[Node], index: int) -> tuple[Condition, int]:
    """The condition of the group at this place, and the place behind it."""
    group, after = nodes[index], index + 1
    parts: list[Condition] = []
    while after < len(nodes) and nodes[after].depth > group.depth:
        if nodes[after].is_group:
            part, after = _read_group(nodes, after)
        else:
            part, after = _read_leaf(after, nodes[after]), after + 1
        parts.append(part)
    if not parts:
        raise BadNode(index, "Add a condition to the group, or remove it.")
    joined: Condition
    if len(parts) == 1:
        joined = parts[0]
    else:
        joined = All(tuple(parts)) if group.kind in ("all", "not_all") else AnyOf(tuple(parts))
    return (Not(joined) if group.kind in ("none", "not_all") else joined), after


def _read_leaf(index: int, node: Node) -> Condition:
    if node.kind in ("event", "feature"):
        return _read_did(index, node)
    if node.kind in TRAITS:
        return _read_trait(index, node)
    if node.kind == "level":
        level = LevelIs(msgspec.convert(node.value, Level))
        return Not(level) if node.operator == "!=" else level
    if node.kind == "text":
        try:
            return parse(node.value)
        except ConditionError as error:
            raise BadNode(index, f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    if (value := _number(node.value)) is None:
        raise BadNode(index, "Give a number to compare with.")
    over = None
    if node.kind == "score_change" and node.days:
        over = _whole(index, node.days, "days to compare over, or nothing for the window", (1, 90))
    return Number(msgspec.convert(node.kind, NumberField), msgspec.convert(node.operator, Comparison), value, over)


def _read_did(index: int, node: Node) -> Did:
    if not node.name:
        raise BadNode(index, f"Name the {node.kind}.")
    if node.operator in ("did", "never"):
        comparison, times = (">=", 1) if node.operator == "did" else ("=", 0)
    else:
        comparison, times = node.operator, _whole(index, node.value, "how many times", (0, 10**9))
    within = _whole(index, node.days, "days to look back, or nothing for ever", (1, 90)) if node.days else None
    return Did(
        event=node.name if node.kind == "event" else "",
        feature=node.name if node.kind == "feature" else "",
        of=msgspec.convert(node.of, Of) if node.of else None,
        comparison=msgspec.convert(comparison, Comparison),
        times=times,
        within_days=within,
    )


def _read_trait(index: int, node: Node) -> Condition:
    if not node.name:
        raise BadNode(index, "Name the trait.")
    of = TRAITS[node.kind]
    if node.operator in ("exists", "absent"):
        exists = Trait(of, node.name, "exists")
        return exists if node.operator == "exists" else Not(exists)
    if node.operator in ("true", "false"):
        return Trait(of, node.name, "=", node.operator == "true")
    operator = msgspec.convert(_PLAIN.get(node.operator, node.operator), TraitOperator)
    if node.operator == "within":
        return Trait(of, node.name, operator, _whole(index, node.value, "days", (1, MOST_TRAIT_DAYS)))
    if node.operator in ("on", "before", "after"):
        return Trait(of, node.name, operator, _day(index, node.value))
    if node.operator in ("is", "is_not", "contains"):
        return Trait(of, node.name, operator, node.value)
    if (value := _number(node.value)) is None:
        raise BadNode(index, "Give a number to compare with.")
    return Trait(of, node.name, operator, value)


def _number(words: str) -> float | None:
    try:
        value = float(words.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(index: int, words: str, what: str, bounds: tuple[int, int]) -> int:
    value = words.strip()
    if not (value.isascii() and value.isdigit() and len(value) < 12 and bounds[0] <= int(value) <= bounds[1]):
        raise BadNode(index, f"Give {what}: a whole number from {bounds[0]} to {bounds[1]:,}.")
    return int(value)


def _day(index: int, words: str) -> str:
    try:
        return date.fromisoformat(words.strip()).isoformat()
    except ValueError:
        raise BadNode(index, "Give a day, such as 2026-01-31.") from None
