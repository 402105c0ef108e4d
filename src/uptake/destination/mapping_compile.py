"""From a mapping to functions: what raw values, lists, objects and whole mappings become.

Each part of a mapping becomes a `Node` once; for a call, only the nodes' functions run.  The directives themselves
stand in `uptake.destination.directives` and are handed in as a table.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from uptake.destination.errors import Budget, Fault, MappingError, check_depth, pointer
from uptake.destination.jsvalues import UNDEFINED, kind_of
from uptake.destination.mapping_validate import Place, check_mapping, directive_key
from uptake.destination.paths import Resolve

ROOT_DIRECTIVE = "__segment_internal_directive"
NO_PATHS: frozenset[str] = frozenset()
WHOLE_EVENT = frozenset({""})


class Node(NamedTuple):
    """A compiled part of a mapping.

    reads: dotted paths of the payload that it looks at ("" for all of it).
    settled: its value holds no UNDEFINED inside, and is no larger than what it was read from.
    constant: its value is the same for every payload.
    """

    resolve: Resolve
    reads: frozenset[str] = NO_PATHS
    settled: bool = True
    constant: bool = False


Directive = Callable[["Compiler", Any, Place], Node]


class Compiler:
    """Compiles the parts of one mapping; `doubts` gathers the faults that only a call that reaches them would meet."""

    def __init__(self, directives: Mapping[str, Directive]) -> None:
        self._directives = directives
        self.doubts: list[Fault] = []

    def fails(self, place: Place, *faults: Fault | str) -> Node:
        """A node that fails on every call that reaches it, as Segment's engine does; noted as a doubt."""
        self.doubts += [Fault(pointer(place), fault) if isinstance(fault, str) else fault for fault in faults]

        def fail(_: Any, __: Budget) -> Any:
            raise MappingError(*faults)

        return Node(fail)

    def value(self, value: Any, place: Place) -> Node:
        """The node of any value: a directive, an object, a list, or a raw value that stands for itself."""
        name = directive_key(value)
        if name is not None:
            directive = self._directives.get(name)
            if directive is None:
                return self.fails(place, f"{name} is not a valid directive, got undefined")
            return directive(self, value[name], (*place, name))
        if isinstance(value, dict):
            return object_node({key: self.value(child, (*place, key)) for key, child in value.items()})
        if isinstance(value, list):
            return list_node([self.value(child, (*place, index)) for index, child in enumerate(value)])
        return constant(value)

    def mapping(self, mapping: Any, place: Place) -> Node:
        """The node of a whole mapping: its payload must be an object, and its value comes out settled."""
        try:
            rooted = unwrap_root(mapping)
            check_mapping(rooted)
        except MappingError as error:
            return self.fails(place, *(fault if fault.path else fault.message for fault in error.faults))
        node = self.value(rooted, place)

        def transform(payload: Any, budget: Budget) -> Any:
            if payload is UNDEFINED:
                payload = {}
            check_payload(payload)
            value = node.resolve(payload, budget)
            return value if node.settled else settle(value, budget)

        return node._replace(resolve=transform, settled=True)


def check_payload(payload: Any) -> None:
    """Raise MappingError for a payload that is no object."""
    if kind_of(payload) != "object":
        raise MappingError(f"data must be an object, got {kind_of(payload)}")


def unwrap_root(mapping: Any) -> Any:
    """The mapping to run: where one directive stands for the whole, it gets the other fields as its `mapping`."""
    if ROOT_DIRECTIVE not in mapping:
        return mapping
    root = mapping[ROOT_DIRECTIVE]
    if isinstance(root, dict | list | str) and len(root) > 1:
        raise MappingError("The root mapping must only have a single directive object")
    options = next(iter(root.values()), None) if isinstance(root, dict) else None
    if not isinstance(options, dict | list):
        raise MappingError("The root directive must be an object")
    if isinstance(options, list):
        return root
    fields = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE}
    return {name: {**options, "mapping": fields} for name in root}


def constant(value: Any, *, settled: bool = True) -> Node:
    """The node of a value that is the same for every payload."""
    return Node(lambda _, __: value, settled=settled, constant=True)


NOTHING = constant(UNDEFINED)


def reads_of(*nodes: Node) -> frozenset[str]:
    """All paths that the nodes read."""
    return NO_PATHS.union(*(node.reads for node in nodes))


def object_node(children: dict[str, Node]) -> Node:
    """The node of an object: each key with its child's value, UNDEFINED too."""
    items = tuple((key, child.resolve) for key, child in children.items())

    def resolve(payload: Any, budget: Budget) -> Any:
        resolved = {}
        for key, child in items:
            resolved[key] = child(payload, budget)
        return resolved

    return _folded(Node(resolve, reads_of(*children.values()), settled=False), children.values())


def list_node(children: list[Node]) -> Node:
    """The node of a list: each child's value, UNDEFINED too."""
    items = tuple(child.resolve for child in children)

    def resolve(payload: Any, budget: Budget) -> Any:
        resolved = []
        for child in items:
            resolved.append(child(payload, budget))
        return resolved

    return _folded(Node(resolve, reads_of(*children), settled=False), children)


def _folded(node: Node, children: Collection[Node]) -> Node:
    """The node, made a constant where all of its children are."""
    return constant(node.resolve(None, Budget()), settled=False) if all(child.constant for child in children) else node


def settle(value: Any, budget: Budget, *, gap: Any = UNDEFINED, depth: int = 0) -> Any:
    """A copy without the keys that are UNDEFINED; in lists such an item becomes `gap`.  Pays for all that it walks."""
    if isinstance(value, str):
        budget.spend_text(len(value))
    elif isinstance(value, dict):
        check_depth(depth)
        budget.spend(1 + len(value))
        kept = {}
        for key, child in value.items():
            if child is not UNDEFINED:
                kept[key] = settle(child, budget, gap=gap, depth=depth + 1)
        return kept
    elif isinstance(value, list):
        check_depth(depth)
        budget.spend(1 + len(value))
        filled = []
        for item in value:
            filled.append(gap if item is UNDEFINED else settle(item, budget, gap=gap, depth=depth + 1))
        return filled
    return value
