"""The rows of the segment builder with what each offers to choose from, out of what the product has really seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from uptake.core.config import TraitType
from uptake.core.effects import Kind
from uptake.pipeline.product import RunningProduct
from uptake.views.events import event_list
from uptake.views.traits import trait_list, trait_values
from uptake.web.pages.formats import LEVEL_NAMES
from uptake.web.pages.segment_draft import Draft
from uptake.web.pages.segment_nodes import DID_OPERATORS, TRAIT_OPERATORS, TRAITS, VALUELESS, Node
from uptake.web.pages.segment_words import COMPARISON_NAMES, NUMBER_NAMES, OF_ACCOUNTS

MOST_OFFERED, MOST_VALUES = 500, 20
Options = Sequence[tuple[str, str]]
WHO: Mapping[Kind, Options] = {
    "user": (("", "the user"), ("account", "everyone in the account")),
    "account": (("", "its users together"), ("user", "one of its users")),
}
OVER: Options = (("", "over the window"), ("1", "over 1 day"), ("7", "over 7 days"), ("30", "over 30 days"))
"""Since when a change of score is."""
LEVEL_OPTIONS = list(LEVEL_NAMES.items())


BY_TYPE: Mapping[TraitType, Sequence[str]] = {
    "string": ("is", "is_not", "contains"),
    "number": ("equals", "not_equals", "<", "<=", ">", ">="),
    "percentage": ("equals", "not_equals", "<", "<=", ">", ">="),
    "date": ("on", "before", "after", "within"),
    "boolean": ("true", "false"),
}
"""The operators that suit a trait's type; whether it has a value suits all."""


class Seen(msgspec.Struct, frozen=True):
    """What the product has seen: names to complete from, each with a note; the traits' types by row kind and key."""

    events: Options
    features: Options
    traits: Mapping[str, Options]
    types: Mapping[tuple[str, str], TraitType]


class Row(msgspec.Struct, frozen=True):
    """A node of the builder as it is drawn; index: its place in the draft; rows: what a group holds.

    options: of its operator.  input: what its value is typed into, '' for no value.  names: the list that its name is
    completed from.  values: what its value is completed from.  over: since when its change is.
    """

    index: int
    node: Node
    fault: str
    options: Options
    input: str
    unit: str
    names: str
    values: Sequence[str]
    who: Options
    over: Options
    rows: Sequence["Row"]


def seen_in(product: RunningProduct) -> Seen:
    """What conditions on this product can name."""
    events = [(each.event, f"{each.times:,} times") for each in event_list(product, of=())[:MOST_OFFERED]]
    features = [(each.name, f"{len(each.events)} events") for each in product.config.features]
    found = {row: trait_list(product, of, samples=0)[:MOST_OFFERED] for row, of in TRAITS.items()}
    traits = {
        row: [(each.key, f"{each.type}, {each.have:,} have it") for each in every] for row, every in found.items()
    }
    types = {(row, each.key): each.type for row, every in found.items() for each in every}
    return Seen(events, features, traits, types)


def fitted(draft: Draft, seen: Seen) -> Draft:
    """The draft with operators that suit the types of its traits, where no value was given yet."""
    return msgspec.structs.replace(draft, nodes=tuple(_fitted(node, seen) for node in draft.nodes))


def _fitted(node: Node, seen: Seen) -> Node:
    suiting = BY_TYPE.get(seen.types.get((node.kind, node.name), "string"), ())
    if node.kind not in TRAITS or node.value or node.operator in (*suiting, "exists", "absent"):
        return node
    return msgspec.structs.replace(node, operator=suiting[0])


def kinds_of(kind: Kind) -> Sequence[tuple[str, Options]]:
    """What a row can ask about, in groups."""
    own, other = ("user_trait", "account_trait") if kind == "user" else ("account_trait", "user_trait")
    names = {"user_trait": "User trait", "account_trait": "Account trait"}
    if kind == "account":
        names["user_trait"] = "Trait of any user"
    numbers = [
        (field, name) for field, (name, _) in NUMBER_NAMES.items() if kind == "account" or field not in OF_ACCOUNTS
    ]
    dates = [each for each in numbers if NUMBER_NAMES[each[0]][1] == "days ago"]
    return [
        ("Behaviour", [("event", "Event"), ("feature", "Feature")]),
        ("Traits", [(own, names[own]), (other, names[other])]),
        ("Engagement", [("level", "Level"), *(each for each in numbers if each not in dates)]),
        ("Time", dates),
        ("Other", [("text", "Condition as text")]),
    ]


class Builder:
    """Draws a draft: each row with what it offers."""

    def __init__(self, product: RunningProduct, seen: Seen, draft: Draft, faults: Mapping[int, str]) -> None:
        self._product, self._seen, self._draft, self._faults = product, seen, draft, faults

    def tree(self) -> Row:
        """The draft's outermost group with everything in it."""
        return self._row(0)[0]

    def _row(self, index: int) -> tuple[Row, int]:
        nodes, after, rows = self._draft.nodes, index + 1, []
        node = nodes[index]
        while node.is_group and after < len(nodes) and nodes[after].depth > node.depth:
            row, after = self._row(after)
            rows.append(row)
        options, shown, unit, names = _controls(node, self._seen.types.get((node.kind, node.name)))
        row = Row(
            index=index,
            node=node,
            fault=self._faults.get(index, ""),
            options=options,
            input=shown,
            unit=unit,
            names=names,
            values=self._values(node) if shown == "words" else (),
            who=_who(node, self._draft.kind) if node.kind in ("event", "feature") else (),
            over=_over(node),
            rows=rows,
        )
        return row, after

    def _values(self, node: Node) -> Sequence[str]:
        """The commonest texts of the row's trait."""
        if (node.kind, node.name) not in self._seen.types:
            return ()
        found = trait_values(self._product, TRAITS[node.kind], node.name, most=MOST_VALUES)
        return [value for each in found if isinstance(value := _decoded(each.value), str)]


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # a long value was cut
        return None


def _who(node: Node, kind: Kind) -> Options:
    """Who may have done it; with what an older text says, where it says more."""
    known = WHO[kind]
    return known if node.of in dict(known) else (*known, (node.of, f"the {node.of}"))


def _over(node: Node) -> Options:
    """Since when a change may be; with what an older text says, where it says another number of days."""
    if node.kind != "score_change":
        return ()
    return OVER if node.days in dict(OVER) else (*OVER, (node.days, f"over {node.days} days"))


def _controls(node: Node, type_of: TraitType | None) -> tuple[Options, str, str, str]:
    """The operators of a row, what its value is typed into, in which unit, and what its name is completed from."""
    if node.kind in ("event", "feature"):
        asked = "" if node.operator in ("did", "never") else "count"
        return list(DID_OPERATORS.items()), asked, "times", f"{node.kind}s"
    if node.kind in TRAITS:
        return _trait_operators(type_of), _trait_input(node.operator), _unit(node.operator), node.kind
    if node.kind == "level":
        return (("=", "is"), ("!=", "is not")), "level", "", ""
    if node.kind in NUMBER_NAMES:
        return list(COMPARISON_NAMES.items()), "number", NUMBER_NAMES[node.kind][1], ""  # type: ignore[index]
    return (), "text", "", ""


def _trait_operators(type_of: TraitType | None) -> Options:
    """All operators, those that suit the trait's type first."""
    suiting = (*BY_TYPE[type_of], "exists", "absent") if type_of else ()
    others = [each for each in TRAIT_OPERATORS if each not in suiting]
    return [(each, TRAIT_OPERATORS[each]) for each in (*suiting, *others)]


def _trait_input(operator: str) -> str:
    if operator in VALUELESS:
        return ""
    if operator in ("on", "before", "after"):
        return "date"
    if operator == "within":
        return "count"
    return "words" if operator in ("is", "is_not", "contains") else "number"


def _unit(operator: str) -> str:
    return "days" if operator == "within" else ""
