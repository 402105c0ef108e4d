"""A product's configuration as a YAML document, and what a document makes of the configuration in force.

A document may be partial.  A field that it names takes the value given, as a whole; fields that it does not name keep
theirs.  Features, workspaces, segments, mappings and filters are found by their name and changed field by field; those
that the document does not name stay, unless it prunes.  `product:` renames the product.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from uptake.core.config import ProductConfig
from uptake.core.errors import ConfigInvalid, Fault
from uptake.pipeline import document_text
from uptake.pipeline.configure import faults_in, respelt
from uptake.pipeline.document_check import MISSING, Checker, is_named, shown

HEAD = """\
# The configuration of a product. Put it in force again with: uptake config apply FILE
# Fields left out keep their values; items of lists are found by name, and stay where they are not named.
"""

_CONFIG = inspect.type_info(ProductConfig)
_LIST_PLACE = re.compile(r"^\$\.((?:destination\.)?\w+)\[(\d+)\]")

Fields = dict[str, Any]


def document_of(config: ProductConfig) -> str:
    """The configuration as a document that, applied, gives the same configuration."""
    return HEAD + document_text.write(msgspec.to_builtins(config))


def merge_text(current: ProductConfig, text: str, *, prune: bool) -> ProductConfig:
    """What a YAML text makes of the configuration in force.  Raises ConfigInvalid with every fault."""
    return merge_document(current, document_text.read(text), prune=prune)


def merge_document(current: ProductConfig, document: Any, *, prune: bool) -> ProductConfig:
    """What a document makes of the configuration in force.

    prune: of the lists that the document holds, drop items that it does not name.
    Raises ConfigInvalid with every fault, each with its place in the document.
    """
    if not isinstance(document, dict):
        raise ConfigInvalid([Fault("$", f"expected fields such as `product: Acme`, got {shown(document)}")])
    checker = Checker()
    good = checker.checked(document, _CONFIG, "$")
    merge = _Merge(prune=prune, known_faults=checker.faults)
    merged = merge.struct(msgspec.to_builtins(current), good, _CONFIG, "$")
    faults = [*checker.faults, *merge.faults]
    if merge.complete:
        _follow(merged, merge)
        config = respelt(msgspec.convert(merged, ProductConfig))
        faults += [_in_document(fault, merged, merge) for fault in faults_in(config)]
    if faults:
        raise ConfigInvalid(faults)
    return config


class _Merge:
    """One merge: collects faults, and by list and name what the document says of an item and where (`told`)."""

    def __init__(self, *, prune: bool, known_faults: Sequence[Fault]) -> None:
        self._prune = prune
        self._known_faults = {fault.place for fault in known_faults}
        self.faults: list[Fault] = []
        self.complete = True
        self.told: dict[str, dict[str, tuple[Fields, str]]] = {}
        self.renamed: dict[str, dict[str, str]] = {}
        self.dropped: dict[str, set[str]] = {}

    def struct(self, old: Fields, new: Fields, wanted: inspect.Type, place: str) -> Fields:
        """The old fields with the new ones in their place."""
        assert isinstance(wanted, inspect.StructType)
        types = {field.encode_name: field.type for field in wanted.fields}
        return {**old, **{key: self._field(old.get(key), new[key], types[key], f"{place}.{key}") for key in new}}

    def says(self, place: str, name: str, field: str) -> bool:
        """Does the document give this field of a list's item?"""
        return field in self.told.get(place, {}).get(name, ({}, ""))[0]

    def _field(self, old: Any, new: Any, wanted: inspect.Type, place: str) -> Any:
        if isinstance(wanted, inspect.VarTupleType) and is_named(wanted.item_type):
            return self._items(list(old), new, wanted.item_type, place)
        if isinstance(wanted, inspect.StructType) and old is not None:
            return self.struct(old, new, wanted, place)
        if isinstance(wanted, inspect.VarTupleType):
            return [item for item in new if item is not MISSING]
        return new

    def _items(self, old: list[Fields], new: list[Any], wanted: inspect.Type, place: str) -> list[Fields]:
        named = {item["name"]: (item, f"{place}[{index}]") for index, item in enumerate(new) if item is not MISSING}
        self.told[place] = named
        self._rename(old, named, place)
        before = {item["name"]: item for item in old}
        if self._prune:
            self.dropped[place] = before.keys() - named.keys()
        merged = {
            name: self._known(before[name], item, wanted, where) if name in before else self._added(item, wanted, where)
            for name, (item, where) in named.items()
        }
        order = list(named) if self._prune else _ordered(list(before), list(named))
        items = [merged.get(name) or before[name] for name in order]
        return _numbered(items, old) if _has_id(wanted) else items

    def _rename(self, old: list[Fields], named: dict[str, tuple[Fields, str]], place: str) -> None:
        """An item with the id of a present one, under a name that is new, is that one renamed."""
        names = {item["name"] for item in old}
        for name, (item, _) in named.items():
            known = next((each for each in old if each.get("id") and each["id"] == item.get("id")), None)
            if known and name not in names and known["name"] not in named:
                self.renamed.setdefault(place, {})[known["name"]] = name
                known["name"] = name

    def _known(self, old: Fields, new: Fields, wanted: inspect.Type, place: str) -> Fields:
        if new.get("id") not in (None, 0, old.get("id")):
            message = f"{old['name']!r} has the id {old['id']}, got {new['id']}: leave it out, an id never changes"
            self.faults.append(Fault(f"{place}.id", message))
        return self.struct(old, {key: value for key, value in new.items() if key != "id"}, wanted, place)

    def _added(self, new: Fields, wanted: inspect.Type, place: str) -> Fields:
        assert isinstance(wanted, inspect.StructType)
        for field in wanted.fields:
            if field.required and field.encode_name not in new:
                self.complete = False
                where = f"{place}.{field.encode_name}"
                if where not in self._known_faults:
                    self.faults.append(Fault(where, f"{new['name']!r} is new and needs {field.encode_name!r}"))
        return self.struct(_defaults(wanted), new, wanted, place)


def _defaults(wanted: inspect.StructType) -> Fields:
    """The fields that have a default, with it, as plain values."""
    given = {}
    for field in wanted.fields:
        if field.default is not NODEFAULT:
            given[field.encode_name] = msgspec.to_builtins(field.default)
        elif field.default_factory is not NODEFAULT:
            given[field.encode_name] = msgspec.to_builtins(field.default_factory())
    return given


def _ordered(old: Sequence[str], named: Sequence[str]) -> list[str]:
    """All names: those of the document in its order, at the places where they stand now; new ones at the end.

    >>> _ordered(["a", "b", "c"], ["c", "new", "a"])
    ['c', 'b', 'a', 'new']
    """
    if set(old) <= set(named):
        return list(named)
    known = iter([name for name in named if name in old])
    kept = [next(known) if name in named else name for name in old]
    return kept + [name for name in named if name not in old]


def _has_id(wanted: inspect.Type) -> bool:
    return isinstance(wanted, inspect.StructType) and any(field.name == "id" for field in wanted.fields)


def _numbered(items: list[Fields], old: list[Fields]) -> list[Fields]:
    """The items, those without an id given the next ones."""
    last = max((each.get("id", 0) for each in (*items, *old)), default=0)
    for item in items:
        if not item.get("id"):
            last += 1
            item["id"] = last
    return items


def _follow(merged: Fields, merge: _Merge) -> None:
    """What names something that was renamed or dropped goes with it, where the document does not say otherwise."""
    gone = merge.dropped.get("$.features", set())
    for workspace in merged["workspaces"]:
        if not merge.says("$.workspaces", workspace["name"], "features"):
            workspace["features"] = {name: w for name, w in workspace["features"].items() if name not in gone}
    renamed, lost = merge.renamed.get("$.workspaces", {}), merge.dropped.get("$.workspaces", set())
    kept = []
    for segment in merged["segments"]:
        if not merge.says("$.segments", segment["name"], "workspace"):
            segment["workspace"] = renamed.get(segment["workspace"], segment["workspace"])
            if segment["workspace"] in lost:
                continue
        kept.append(segment)
    merged["segments"] = kept


def _in_document(fault: Fault, merged: Fields, merge: _Merge) -> Fault:
    """The fault with its place in the document instead of its place in the merged configuration."""
    found = _LIST_PLACE.match(fault.place)
    if found is None:
        return fault
    section, index = found.groups()
    items: Any = merged
    for key in section.split("."):
        items = items[key]
    name = items[int(index)]["name"]
    _, where = merge.told.get(f"$.{section}", {}).get(name, ({}, f"$.{section} {name!r} (kept)"))
    return Fault(where + fault.place[found.end() :], fault.message, fault.code)
