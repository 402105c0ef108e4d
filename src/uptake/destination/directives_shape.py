"""The directives that reshape objects and lists: `@arrayPath`, `@flatten`, `@json`, `@merge` and `@transform`."""

import json
from typing import Any, NoReturn

from uptake.destination.errors import Budget, MappingError, check_depth, too_deep
from uptake.destination.jsvalues import UNDEFINED, json_of, keys_of, kind_of, truthy, unit_at, units
from uptake.destination.mapping_compile import NOTHING, Compiler, Node, reads_of, settle
from uptake.destination.mapping_validate import Place
from uptake.destination.paths import reader, steps_of, without_root


def array_path(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@arrayPath`: a list, or one object taken as a list, with a shape filled from each item."""
    if not isinstance(options, list):
        return compiler.fails(place, f"@arrayPath expected array, got {kind_of(options)}")
    path = options[0] if options else UNDEFINED
    if isinstance(path, str):
        steps = steps_of(without_root(path))
        root = Node(reader(steps), frozenset({".".join(steps)}))
    else:
        root = compiler.value(path, (*place, 0))
    if len(options) < 2 or not isinstance(options[1], dict) or not options[1]:
        return root
    shape = compiler.value(options[1], (*place, 1))

    def resolve(payload: Any, budget: Budget) -> Any:
        items = root.resolve(payload, budget)
        if not isinstance(items, dict | list):
            return items
        shaped = []
        for item in items if isinstance(items, list) else [items]:
            budget.spend(1)
            shaped.append(shape.resolve(item, budget))
        return shaped

    return Node(resolve, root.reads, settled=False)


def flatten(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@flatten`: nested objects and lists as one object; empty ones vanish."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@flatten requires an object with a "separator" key')
    if not truthy(options.get("separator")):
        return compiler.fails(place, '@flatten requires a "separator" key')
    separator = compiler.value(options["separator"], (*place, "separator"))
    inner = compiler.value(options["value"], (*place, "value")) if "value" in options else NOTHING
    kinds = (dict,) if truthy(options.get("omitArrays")) else (dict, list)

    def resolve(payload: Any, budget: Budget) -> Any:
        between = separator.resolve(payload, budget)
        if not isinstance(between, str):
            raise MappingError("@flatten requires a string separator")
        flat: dict[str, Any] = {}

        def gather(value: Any, name: str, depth: int) -> None:
            if not isinstance(value, kinds):
                flat[name] = value
                return
            check_depth(depth)
            for key, child in entries(value):
                below = f"{name}{between}{key}" if name else key
                budget.spend_text(len(below))
                gather(child, below, depth + 1)

        gather(inner.resolve(payload, budget), "", 0)
        return flat

    return Node(resolve, reads_of(separator, inner), settled=False)


def entries(value: dict[str, Any] | list[Any]) -> list[tuple[str, Any]]:
    """Keys and values in JavaScript's order; a list's keys are its indices."""
    if isinstance(value, list):
        return [(str(index), item) for index, item in enumerate(value)]
    return [(key, value[key]) for key in keys_of(value)]


def as_json(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@json`: a value as JSON text, or JSON text as its value; a text that is no JSON stays as it is."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@json requires an object with a "value" key')
    for key in ("mode", "value"):
        if not truthy(options.get(key)):
            return compiler.fails(place, f'@json requires a "{key}" key')
    inner, mode = compiler.value(options["value"], (*place, "value")), options["mode"]

    def resolve(payload: Any, budget: Budget) -> Any:
        value = inner.resolve(payload, budget)
        if mode == "encode":
            return UNDEFINED if value is UNDEFINED else json_of(value, budget)
        if mode == "decode":
            return decoded(value, budget) if isinstance(value, str) else value
        return UNDEFINED

    return Node(resolve, inner.reads, settled=mode != "decode" or inner.settled)


def decoded(text: str, budget: Budget) -> Any:
    """JSON.parse() of a text, or the text itself where it is no JSON."""
    budget.spend_text(8 * len(text))
    try:
        return settle(json.loads(text, parse_int=_integer, parse_constant=_no_json), budget)
    except json.JSONDecodeError:
        return text
    except RecursionError:
        raise too_deep() from None


def _integer(digits: str) -> float:
    return int(digits) if len(digits) < 400 else float(digits)


def _no_json(name: str) -> NoReturn:
    raise json.JSONDecodeError("not in JSON", name, 0)


def merge(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@merge`: objects laid over one another, key by key; `left` lets the first one win."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@merge requires an object with an "objects" key and a "direction" key')
    for key in ("direction", "objects"):
        if not truthy(options.get(key)):
            return compiler.fails(place, f'@merge requires a "{key}" key')
    if not isinstance(options["objects"], list):
        kind = kind_of(options["objects"])
        return compiler.fails(place, f"@merge: expected opts.array, got {kind}")
    direction = compiler.value(options["direction"], (*place, "direction"))
    objects = [compiler.value(each, (*place, "objects", index)) for index, each in enumerate(options["objects"])]

    def resolve(payload: Any, budget: Budget) -> Any:
        towards = direction.resolve(payload, budget)
        values = [each.resolve(payload, budget) for each in objects]
        merged: dict[str, Any] = {}
        for value in reversed(values) if towards == "left" else values:
            merged.update(own_entries(value, budget))
        return merged

    return Node(resolve, reads_of(direction, *objects), settled=False)


def own_entries(value: Any, budget: Budget) -> list[tuple[str, Any]]:
    """What spreading a value into an object gives: an object's keys, a list's or a text's indices, else nothing."""
    if isinstance(value, str):
        budget.spend(len(value))
        return [(str(index), unit_at(value, index)) for index in range(units(value))]
    if isinstance(value, dict | list):
        budget.spend(len(value))
        return entries(value)
    return []


def transform(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@transform`: a mapping run over the result of another one."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@transform requires an object with an "apply" key and a "mapping" key')
    for key in ("mapping", "apply"):
        if not truthy(options.get(key)):
            return compiler.fails(place, f'@transform requires a "{key}" key')
    if not isinstance(options["apply"], dict):
        return compiler.fails(place, '@transform "apply" key should be an object')
    first = compiler.mapping(options["apply"], (*place, "apply"))
    second = compiler.value(options["mapping"], (*place, "mapping"))

    def resolve(payload: Any, budget: Budget) -> Any:
        return second.resolve(first.resolve(payload, budget), budget)

    return Node(resolve, first.reads, settled=second.settled)


def with_gaps_for_nulls(value: Any, budget: Budget, depth: int = 0) -> Any:
    """A copy of an object with UNDEFINED for null, in the objects that are its values too; anything else as it is."""
    if not isinstance(value, dict):
        return value
    check_depth(depth)
    budget.spend(1 + len(value))
    cleaned: dict[str, Any] = {}
    for key, child in value.items():
        cleaned[key] = UNDEFINED if child is None else with_gaps_for_nulls(child, budget, depth + 1)
    return cleaned
