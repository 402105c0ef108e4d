"""What is wrong with a mapping before any call is seen: every fault, each with the path to it.

The rules and their wording are Segment's, so that a mapping that its screen refuses is refused here at the same place.
What it does not look at (the contents of lists, and of objects inside `@literal`) is left alone here too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from uptake.destination.errors import MAX_MAPPING_DEPTH, MAX_MAPPING_NODES, Fault, MappingError, pointer
from uptake.destination.jsvalues import article, kind_of, units

Place = tuple[Any, ...]
Faults = Iterator[Fault]
Rule = Callable[[Any, Place], Faults]

MAX_PATTERN = 10
MAX_REPLACEMENT = 10


def check_mapping(mapping: Mapping[str, Any]) -> None:
    """Raise MappingError with every fault of a mapping."""
    faults = tuple(value_faults(mapping, ()))
    if faults:
        raise MappingError(*faults)


def check_json(value: Any) -> None:
    """Raise MappingError for a mapping that is no JSON, or too deep or too large to be compiled."""
    nodes = 0
    waiting: list[tuple[Any, Place]] = [(value, ())]
    while waiting:
        part, place = waiting.pop()
        nodes += 1
        if nodes > MAX_MAPPING_NODES:
            raise MappingError(_fault(f"should have at most {MAX_MAPPING_NODES:,} values", ()))
        if len(place) > MAX_MAPPING_DEPTH:
            raise MappingError(_fault(f"is nested deeper than {MAX_MAPPING_DEPTH} levels", place))
        if (kind_of(part) == "object" and not isinstance(part, dict)) or (isinstance(part, float) and part - part != 0):
            raise MappingError(_fault(f"should be a JSON value but it is {part!r:.80}", place))
        if isinstance(part, dict):
            if not all(isinstance(key, str) for key in part):
                raise MappingError(_fault("should have only strings as keys", place))
            waiting += [(child, (*place, key)) for key, child in part.items()]
        elif isinstance(part, list):
            waiting += [(child, (*place, index)) for index, child in enumerate(part)]


def directive_key(value: Any) -> str | None:
    """The `@…` key of an object that is a directive (beside it only `_metadata` may stand), else None."""
    if not isinstance(value, dict):
        return None
    found = None
    for key in value:
        if key[:1] == "@":
            found = found or key
        elif key != "_metadata":
            return None
    return found


def value_faults(value: Any, place: Place) -> Faults:
    """Faults of any value: a directive's by its own rules, an object's key by key, none of anything else."""
    kind = _kind(value)
    if kind == "directive":
        return directive_faults(value, place)
    return object_faults(value, place) if kind == "object" else iter(())


def directive_faults(value: dict[str, Any], place: Place) -> Faults:
    """Faults of an object with an `@…` key."""
    names = [key for key in value if key[:1] == "@"]
    others = [key for key in value if key[:1] != "@" and key != "_metadata"]
    if len(names) > 1 or others:
        count = len(names) if len(names) > 1 else len(value)
        yield _fault(f"should only have one @-prefixed key but it has {count} keys", place)
    elif names[0] not in RULES:
        yield _fault(f"has an invalid directive: {names[0]}", place)
    else:
        yield from RULES[names[0]](value[names[0]], (*place, names[0]))


def object_faults(value: Any, place: Place) -> Faults:
    """Faults of what has to be an object that is no directive, and of its values."""
    kind = _kind(value)
    if kind != "object":
        yield _fault(f"should be an object but it is {article(kind)}", place)
        return
    for key, child in value.items():
        yield from value_faults(child, (*place, key))


def _kind(value: Any) -> str:
    if isinstance(value, dict) and any(key[:1] == "@" for key in value):
        return "directive"
    return kind_of(value)


def _fault(message: str, place: Place) -> Fault:
    return Fault(pointer(place), message)


def _anything(_: Any, __: Place) -> Faults:
    return iter(())


def _string_or_directive(value: Any, place: Place) -> Faults:
    kind = _kind(value)
    if kind not in ("string", "directive"):
        yield _fault(f"should be a string or a mapping directive but it is {article(kind)}", place)


def _object_or_directive(value: Any, place: Place) -> Faults:
    kind = _kind(value)
    if kind not in ("object", "directive"):
        yield _fault(f"should be a object or a mapping directive but it is {article(kind)}", place)


def _followed(rule: Rule) -> Rule:
    """The rule, and then the rules of the directive that the value may be; what is no directive is not looked into."""

    def followed(value: Any, place: Place) -> Faults:
        faults = list(rule(value, place))
        yield from faults
        if not faults and _kind(value) == "directive":
            yield from directive_faults(value, place)

    return followed


def _of_kind(expected: str) -> Rule:
    def rule(value: Any, place: Place) -> Faults:
        kind = _kind(value)
        if kind != expected:
            yield _fault(f"should be {article(expected)} but it is {article(kind)}", place)

    return rule


_string, _boolean, _array = _of_kind("string"), _of_kind("boolean"), _of_kind("array")


def _short_string(shortest: int, longest: int) -> Rule:
    def rule(value: Any, place: Place) -> Faults:
        if not isinstance(value, str):
            yield from _string(value, place)
        elif units(value) < shortest:
            yield _fault(f"should be a string of length {shortest} or greater", place)
        elif units(value) > longest:
            yield _fault(f"should be a string of length {longest} or less", place)

    return rule


def _one_of(*allowed: str) -> Rule:
    def rule(value: Any, place: Place) -> Faults:
        if not isinstance(value, str):
            yield from _string(value, place)
        elif value.lower() not in allowed:
            got = json.dumps(value, ensure_ascii=False)
            yield _fault(f"should be one of {', '.join(allowed)} but it is {got}", place)

    return rule


def _fields(rules: Mapping[str, Rule], *, required: tuple[str, ...] = ()) -> Rule:
    """The rule of an object with named fields.

    Its values are followed first, and the fields' own rules asked only where there is no fault; so those need not
    follow them again, which in nested directives would take time that doubles with every level.
    """

    def rule(value: Any, place: Place) -> Faults:
        faults = list(object_faults(value, place))
        if faults:
            yield from faults
            return
        for name, field_rule in rules.items():
            if name in value:
                yield from field_rule(value[name], (*place, name))
            elif name in required:
                yield _fault(f'should have field "{name}" but it doesn\'t', place)

    return rule


_merge_fields = _fields({"direction": _one_of("left", "right"), "objects": _array}, required=("objects",))


def _merge(value: Any, place: Place) -> Faults:
    faults = list(_merge_fields(value, place))
    if faults:
        yield from faults
        return
    for item in value["objects"]:  # Segment stops at the first bad item and names it by `/`
        faults = list(_object_or_directive(item, ())) or list(value_faults(item, ()))
        if faults:
            yield from faults
            return


def _array_path(value: Any, place: Place) -> Faults:
    if not isinstance(value, list):
        yield _fault(f"should be an array but it is {article(kind_of(value))}", place)
        return
    if not value:
        yield _fault("should be a string or a mapping directive but it is an undefined", place)
        return
    faults = list(_followed(_string_or_directive)(value[0], place))
    yield from faults
    if not faults and len(value) > 1:
        yield from value_faults(value[1], place)


RULES: dict[str, Rule] = {
    "@path": _followed(_string_or_directive),
    "@template": _followed(_string_or_directive),
    "@literal": _followed(_anything),
    "@if": _fields({"exists": _anything, "then": _anything, "else": _anything}),
    "@case": _fields({"operator": _string, "value": _string_or_directive}),
    "@replace": _fields(
        {
            "pattern": _short_string(1, MAX_PATTERN),
            "replacement": _short_string(0, MAX_REPLACEMENT),
            "value": _string_or_directive,
            "ignorecase": _boolean,
            "global": _boolean,
        },
        required=("pattern", "value"),
    ),
    "@arrayPath": _array_path,
    "@flatten": _fields({"separator": _string, "value": _anything}, required=("value",)),
    "@json": _fields({"value": _anything, "mode": _one_of("encode", "decode")}, required=("value", "mode")),
    "@merge": _merge,
    "@transform": _fields(
        {"apply": _object_or_directive, "mapping": _object_or_directive}, required=("apply", "mapping")
    ),
    "@excludeWhenNull": _followed(_anything),
    "@liquid": _string,
}
