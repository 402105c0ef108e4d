"""What of a call is kept: everything else is dropped here, before the log.

`context.groupId` and an identify's `context.traits` always stay, and of `integrations` only what switches us on or
off.
"""

from functools import lru_cache
from typing import Any

from uptake.core.calls import CallType, Projection
from uptake.sources.ids import CREDENTIALS

OUR_NAMES = ("All", "Accoil Analytics", "Uptake")
"""The keys of a call's `integrations` object that concern us."""

CALL_FIELDS = frozenset(
    {"type", "messageId", "userId", "anonymousId", "groupId", "previousId", "event", "name", "timestamp", "receivedAt"}
) | {"traits", "properties", "context", "integrations"}
"""Top-level fields that a call has a place for."""

Tree = dict[str, Any]
"""Keys to keep, each with the tree below it; an empty tree keeps all below."""


@lru_cache(maxsize=256)
def tree_of(paths: frozenset[tuple[str, ...]]) -> Tree:
    """Paths as a tree: a path that others continue keeps the whole below it."""
    tree: Tree = {}
    for path in sorted(paths, key=len, reverse=True):
        if not path:
            return {}
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = {}
    return tree


def pruned(value: Any, tree: Tree) -> Any:
    """The value with only the keys of the tree; lists and plain values whole, since a path may read into them."""
    if not tree or not isinstance(value, dict):
        return value
    return {key: pruned(value[key], below) for key, below in tree.items() if key in value}


def kept_properties(properties: dict[str, Any] | None, projection: Projection) -> dict[str, Any] | None:
    """What stays of `properties`; None where that is nothing."""
    if not properties or projection.everything:
        return properties or None
    return (pruned(properties, tree_of(projection.properties)) or None) if projection.properties else None


def kept_context(
    context: dict[str, Any] | None, projection: Projection, call_type: CallType | None
) -> dict[str, Any] | None:
    """What stays of `context`; None where that is nothing.  call_type None: a batch's own context, for any type."""
    if not context or projection.everything:
        return context or None
    kept = pruned(context, tree_of(projection.context)) if projection.context else {}
    if "groupId" in context:
        kept["groupId"] = context["groupId"]
    if "traits" in context and call_type in ("identify", None):
        kept["traits"] = context["traits"]
    return kept or None


def kept_integrations(integrations: dict[str, Any] | None) -> dict[str, Any] | None:
    """What stays of `integrations`: our names, each as true, false or null; options of ours count as true."""
    if not integrations:
        return None
    kept = {name: integrations[name] for name in OUR_NAMES if name in integrations}
    return {name: value if value is None else value is not False for name, value in kept.items()} or None


def kept_extra(item: dict[str, Any], projection: Projection) -> dict[str, Any] | None:
    """What stays of further top-level fields, never a key; None where that is nothing."""
    if not projection.everything and not projection.extra:
        return None
    names = (item.keys() - CALL_FIELDS) if projection.everything else (projection.extra & item.keys())
    return {name: item[name] for name in sorted(names - CREDENTIALS) if item[name] is not None} or None
