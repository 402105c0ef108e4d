"""The rows of the segment builder with what each offers to choose from, out of what the product has really seen."""

from collections.abc import Mapping, Sequence

import msgspec

from uptake.core.effects import Kind
from uptake.pipeline.product import RunningProduct
from uptake.views.events import event_list
from uptake.web.pages.formats import LEVEL_NAMES
from uptake.web.pages.segment_draft import Draft
from uptake.web.pages.segment_nodes import DID_OPERATORS, TRAIT_OPERATORS, TRAITS, VALUELESS, Node
from uptake.web.pages.segment_words import COMPARISON_NAMES, NUMBER_NAMES, OF_ACCOUNTS

MOST_OFFERED = 500
Options = Sequence[tuple[str, str]]
WHO: Mapping[Kind, Options] = {
    "user": (("", "the user"), ("account", "everyone in the account")),
    "account": (("", "its users together"), ("user", "one of its users")),
}
LEVEL_OPTIONS = list(LEVEL_NAMES.items())


class Seen(msgspec.Struct, frozen=True):
    """What the product has seen: names to complete from, each with a note."""

    events: Options
    features: Options
    traits: Mapping[str, Options]


class Row(msgspec.Struct, frozen=True):
    """A node of the builder as it is drawn; index: its place in the draft; rows: what a group holds.

    options: of its operator.  input: what its value is typed into, '' for no value.  names: the list that its name is
    completed from.
    """

    index: int
    node: Node
    fault: str
    options: Options
    input: str
    unit: str
    names: str
    who: Options
    rows: Sequence["Row"]


def seen_in(product: RunningProduct) -> Seen:
    """What conditions on this product can name."""
    events = [(each.event, f"{each.times:,} times") for each in event_list(product)[:MOST_OFFERED]]
    features = [(each.name, f"{len(each.events)} events") for each in product.config.features]
    traits = {
        name: [(key, f"{count:,} {of}s") for key, count in list(product.store.trait_keys(of).items())[:MOST_OFFERED]]
        for name, of in TRAITS.items()
    }
    return Seen(events, features, traits)


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


def builder_tree(draft: Draft, faults: Mapping[int, str]) -> Row:
    """The draft's outermost group with everything in it."""
    return _row(draft, faults, 0)[0]


def _row(draft: Draft, faults: Mapping[int, str], index: int) -> tuple[Row, int]:
    node, after, rows = draft.nodes[index], index + 1, []
    while node.is_group and after < len(draft.nodes) and draft.nodes[after].depth > node.depth:
        row, after = _row(draft, faults, after)
        rows.append(row)
    options, shown, unit, names = _controls(node)
    who = _who(node, draft.kind) if node.kind in ("event", "feature") else ()
    return Row(index, node, faults.get(index, ""), options, shown, unit, names, who, rows), after


def _who(node: Node, kind: Kind) -> Options:
    """Who may have done it; with what an older text says, where it says more."""
    known = WHO[kind]
    return known if node.of in dict(known) else (*known, (node.of, f"the {node.of}"))


def _controls(node: Node) -> tuple[Options, str, str, str]:
    """The operators of a row, what its value is typed into, in which unit, and what its name is completed from."""
    if node.kind in ("event", "feature"):
        asked = "" if node.operator in ("did", "never") else "count"
        return list(DID_OPERATORS.items()), asked, "times", f"{node.kind}s"
    if node.kind in TRAITS:
        return list(TRAIT_OPERATORS.items()), _trait_input(node.operator), _unit(node.operator), node.kind
    if node.kind == "level":
        return (("=", "is"), ("!=", "is not")), "level", "", ""
    if node.kind in NUMBER_NAMES:
        return list(COMPARISON_NAMES.items()), "number", NUMBER_NAMES[node.kind][1], ""  # type: ignore[index]
    return (), "text", "", ""


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
