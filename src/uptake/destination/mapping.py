"""Mappings: JSON that says how an event becomes something else, compiled once and run for each call.

A mapping is JSON whose objects with one `@…` key are directives; the rest stands for itself.  What it means is fixed by
Segment's engine, which is JavaScript: see `jsvalues` for values, `paths` for paths, `directives` for the directives.
Events are read and never changed; what a mapping gives may share parts with the event and with the mapping.
"""

from collections.abc import Mapping
from typing import Any

from uptake.destination.directives import DIRECTIVES
from uptake.destination.errors import Budget, Fault, MappingError
from uptake.destination.jsvalues import UNDEFINED, article, kind_of
from uptake.destination.mapping_compile import (
    Compiler,
    Node,
    check_payload,
    object_node,
    settle,
    unwrap_root,
)
from uptake.destination.mapping_validate import check_json, check_mapping, directive_key


class CompiledMapping:
    """A mapping, ready to run on payloads.

    fields: the nodes of the mapping's keys, where the whole is no directive; then `node` stands for nothing else.
    reads: dotted paths of the payload that it looks at ("" for all of it).
    doubts: faults that strike only a call that reaches them, and so do not keep Segment from saving the mapping.
    """

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        if not isinstance(mapping, dict):
            raise MappingError(Fault("/", f"should be an object but it is {article(kind_of(mapping))}"))
        check_json(mapping)
        rooted = unwrap_root(mapping)
        check_mapping(rooted)
        compiler = Compiler(DIRECTIVES)
        self.fields: dict[str, Node] | None = None
        if isinstance(rooted, dict) and directive_key(rooted) is None:
            self.fields = {key: compiler.value(value, (key,)) for key, value in rooted.items()}
            self.node = object_node(self.fields)
        else:
            self.node = compiler.value(rooted, ())
        self.reads = self.node.reads
        self.doubts = tuple(compiler.doubts)
        self._steps = tuple((key, node.resolve, node.settled) for key, node in (self.fields or {}).items())

    def __call__(self, payload: Mapping[str, Any]) -> Any:
        """What the mapping gives for a payload, None where it gives nothing; raises MappingError."""
        value = self.evaluate(payload)
        return None if value is UNDEFINED else value

    def evaluate(self, payload: Mapping[str, Any]) -> Any:
        """What the mapping gives for a payload, UNDEFINED where it gives nothing; raises MappingError."""
        check_payload(payload)
        budget = Budget()
        if self.fields is None:
            return finished(self.node, payload, budget)
        resolved = {}
        for key, resolve, settled in self._steps:
            value = resolve(payload, budget)
            if value is not UNDEFINED:
                resolved[key] = value if settled else settle(value, budget, gap=None)
        return resolved

    def evaluate_field(self, key: str, payload: Mapping[str, Any]) -> Any:
        """What one of `fields` gives, UNDEFINED for nothing; raises MappingError."""
        return finished((self.fields or {})[key], payload, Budget())


def finished(node: Node, payload: Any, budget: Budget) -> Any:
    """The value of a node as it leaves the mapping: no UNDEFINED inside, and null for one in a list."""
    value = node.resolve(payload, budget)
    return value if node.settled or value is UNDEFINED else settle(value, budget, gap=None)


def compile_mapping(mapping: Mapping[str, Any]) -> CompiledMapping:
    """Compile a mapping to a function from a payload (an event as parsed JSON) to what the mapping gives.

    Raises MappingError with every fault that can be seen without a call, each with its path.  The function gives None
    where the mapping resolves to nothing, and raises MappingError where the mapping fails on this payload.

    >>> compile_mapping({"id": {"@path": "$.userId"}, "hi": {"@template": "Hi {{traits.name}}"}})(
    ...     {"userId": "ana", "traits": {"name": "Ana"}}
    ... )
    {'id': 'ana', 'hi': 'Hi Ana'}
    """
    return CompiledMapping(mapping)


def paths_of_mapping(mapping: Mapping[str, Any]) -> frozenset[str]:
    """The dotted paths of an event that a mapping may read, "" for the whole; what is below a path is read with it.

    A path may go through lists and texts (`properties.items.0`, `properties.items.length`).  Raises MappingError.

    >>> sorted(paths_of_mapping({"plan": {"@path": "$.properties.plan"}, "hi": {"@template": "{{context.locale}}"}}))
    ['context.locale', 'properties.plan']
    """
    return CompiledMapping(mapping).reads
