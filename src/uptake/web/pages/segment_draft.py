"""A segment while it is edited: what its form holds, what each button does to it, and what it amounts to."""

from collections.abc import Mapping, Sequence

import msgspec

from uptake.core.conditions import Condition
from uptake.core.effects import Kind
from uptake.segments import ConditionError, parse, text
from uptake.views.segments import SegmentInfo
from uptake.web.pages.forms import Form
from uptake.web.pages.segment_nodes import GROUPS, Node, condition_of, faults_of, nodes_of

MOST_NODES = 200
DEEPEST = 30
EXCERPT = 60
_FIELDS = ("kind", "name", "operator", "value", "of", "days")
FRESH = Node(1, "event", operator="did", value="1")


class Draft(msgspec.Struct, frozen=True):
    """A segment while it is edited; view: `build` (the nodes count) or `text` (the words count)."""

    kind: Kind = "account"
    name: str = ""
    description: str = ""
    view: str = "build"
    nodes: tuple[Node, ...] = (Node(0, "all"), FRESH)
    where: str = ""


class Checked(msgspec.Struct, frozen=True):
    """What a draft amounts to: its condition and text form, or what is wrong: of each node, or of the text with the
    line and column where it is (0 where it is of neither)."""

    condition: Condition | None
    where: str = ""
    faults: dict[int, str] = {}
    fault: str = ""
    line: int = 0
    column: int = 0

    @property
    def excerpt(self) -> str:
        """The line of the text that is at fault, and a mark below the place; '' where the fault is of no line."""
        if not self.line:
            return ""
        words, at = self.where.split("\n")[self.line - 1].expandtabs(1), self.column - 1
        start = max(0, at - EXCERPT // 2)
        return f"{words[start : start + EXCERPT]}\n{' ' * (at - start)}^"


def draft_of(segment: SegmentInfo, *, name: str | None = None) -> Draft:
    """A segment as it is edited, perhaps under another name."""
    return Draft(
        kind=segment.kind,
        name=segment.name if name is None else name,
        description=segment.description,
        nodes=nodes_of(segment.condition),
        where=text(segment.condition),
    )


def posted_draft(form: Form) -> Draft:
    """The draft that a form holds; what does not fit is as if it had not been sent."""
    nodes: list[Node] = []
    while len(nodes) < MOST_NODES and form.has(f"n{len(nodes)}.kind"):
        nodes.append(_posted_node(form, len(nodes), nodes))
    return Draft(
        kind="user" if form.text("scope") == "user" else "account",
        name=form.text("name").strip(),
        description=form.text("description").strip(),
        view="text" if form.text("view") == "text" else "build",
        nodes=tuple(nodes) or (Node(0, "all"),),
        where=form.text("where"),
    )


def _posted_node(form: Form, index: int, before: Sequence[Node]) -> Node:
    kind, *others = (form.text(f"n{index}.{field}") for field in _FIELDS)
    if not before:
        return Node(0, kind if kind in GROUPS else "all")
    above = before[-1]
    deepest = min(above.depth + above.is_group, DEEPEST)
    depth = form.text(f"n{index}.depth")
    known = int(depth) if depth.isascii() and depth.isdigit() and len(depth) < 4 else 1
    return Node(min(max(known, 1), deepest), kind, *others).settled()


def checked(draft: Draft) -> Checked:
    """What the draft amounts to."""
    if draft.view == "text":
        try:
            condition = parse(draft.where)
        except ConditionError as error:
            return Checked(None, draft.where, {}, str(error), error.line, error.column)
        return Checked(condition, text(condition))
    faults = faults_of(draft.nodes)
    if faults:
        return Checked(None, "", faults)
    condition = condition_of(draft.nodes)
    try:
        parse(text(condition))
    except ConditionError as error:
        return Checked(None, "", {0: str(error)})
    return Checked(condition, text(condition))


def without_untouched(draft: Draft, faults: Mapping[int, str]) -> dict[int, str]:
    """The faults without those of rows that nobody has begun to fill: they are not blamed before they could be."""
    return {
        index: told for index, told in faults.items() if draft.nodes[index].name or draft.nodes[index].kind in GROUPS
    }


def stepped(draft: Draft, do: str, where: int) -> Draft:
    """The draft after a button: `add` a row or a `group` to the group at a place, or `drop` what is there."""
    nodes = draft.nodes
    if do not in ("add", "group", "drop") or not 0 <= where < len(nodes):
        return draft
    after = _end(nodes, where)
    if do == "drop":
        kept = (*nodes[:where], *nodes[after:]) if where else nodes[:1]
        return msgspec.structs.replace(draft, nodes=kept)
    depth = nodes[where].depth + 1
    if not nodes[where].is_group or depth > DEEPEST or len(nodes) + 2 > MOST_NODES:
        return draft
    row = msgspec.structs.replace(FRESH, depth=depth)
    other = "any" if nodes[where].kind == "all" else "all"
    fresh = (row,) if do == "add" else (Node(depth, other), msgspec.structs.replace(row, depth=depth + 1))
    return msgspec.structs.replace(draft, nodes=(*nodes[:after], *fresh, *nodes[after:]))


def _end(nodes: Sequence[Node], index: int) -> int:
    """The place behind a node and all that it holds."""
    after = index + 1
    while after < len(nodes) and nodes[after].depth > nodes[index].depth:
        after += 1
    return after


def viewed(draft: Draft, view: str) -> Draft:
    """The same draft as rows or as text; a text that is no condition stays text."""
    found = checked(draft)
    if view == "text":
        where = found.where if found.condition is not None else draft.where
        return msgspec.structs.replace(draft, view="text", where=where)
    if found.condition is None:
        return draft
    return msgspec.structs.replace(draft, view="build", nodes=nodes_of(found.condition))
