"""Changes of a product's destination, as functions from one configuration to the next; saving checks the result.

A new or duplicated mapping starts disabled, as in Segment, so that nobody's counting changes by accident.
"""

from collections.abc import Callable

import msgspec

from uptake.core.config import Destination, Filter, Mapping, ProductConfig
from uptake.core.errors import ConfigInvalid, Fault

Change = Callable[[ProductConfig], ProductConfig]
LONGEST_NAME = 200


def add_mapping(mapping: Mapping) -> Change:
    """Add a mapping, disabled whatever it says; a name that is taken is refused on saving."""
    fresh = msgspec.structs.replace(mapping, enabled=False)
    return _of_mappings(lambda mappings: (*mappings, fresh))


def copy_mapping(name: str) -> Change:
    """Duplicate a mapping under a free name, `… (Copy)`, disabled."""

    def copied(mappings: tuple[Mapping, ...]) -> tuple[Mapping, ...]:
        original = _named(mappings, name)
        taken = {each.name for each in mappings}
        free = f"{name[: LONGEST_NAME - 12]} (Copy)"
        number = 2
        while free in taken:
            free = f"{name[: LONGEST_NAME - 12]} (Copy {number})"
            number += 1
        return (*mappings, msgspec.structs.replace(original, name=free, enabled=False))

    return _of_mappings(copied)


def change_mapping(name: str, mapping: Mapping) -> Change:
    """Put another mapping, perhaps with another name, in the place of this one."""
    return _of_mappings(
        lambda mappings: tuple(mapping if each is _named(mappings, name) else each for each in mappings)
    )


def switch_mapping(name: str, *, enabled: bool) -> Change:
    """Enable or disable a mapping."""

    def switched(mappings: tuple[Mapping, ...]) -> tuple[Mapping, ...]:
        chosen = _named(mappings, name)
        return tuple(msgspec.structs.replace(each, enabled=enabled) if each is chosen else each for each in mappings)

    return _of_mappings(switched)


def drop_mapping(name: str) -> Change:
    """Delete a mapping."""
    return _of_mappings(lambda mappings: tuple(each for each in mappings if each is not _named(mappings, name)))


def switch_destination(*, enabled: bool) -> Change:
    """Enable or disable the whole destination: what is not already mapped is then filtered."""
    return lambda config: _with(config, msgspec.structs.replace(config.destination, enabled=enabled))


def add_filter(made: Filter) -> Change:
    """Add a filter."""
    return _of_filters(lambda filters: (*filters, made))


def change_filter(name: str, changed: Filter) -> Change:
    """Put another filter, perhaps with another name, in the place of this one."""
    return _of_filters(lambda filters: tuple(changed if each.name == name else each for each in filters))


def switch_filter(name: str, *, enabled: bool) -> Change:
    """Enable or disable a filter."""

    def switched(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
        return tuple(msgspec.structs.replace(each, enabled=enabled) if each.name == name else each for each in filters)

    return _of_filters(switched)


def drop_filter(name: str) -> Change:
    """Delete a filter."""
    return _of_filters(lambda filters: tuple(each for each in filters if each.name != name))


def _of_filters(change: Callable[[tuple[Filter, ...]], tuple[Filter, ...]]) -> Change:
    def changed(config: ProductConfig) -> ProductConfig:
        return _with(config, msgspec.structs.replace(config.destination, filters=change(config.destination.filters)))

    return changed


def _of_mappings(change: Callable[[tuple[Mapping, ...]], tuple[Mapping, ...]]) -> Change:
    def changed(config: ProductConfig) -> ProductConfig:
        mappings = change(config.destination.mappings)
        return _with(config, msgspec.structs.replace(config.destination, mappings=mappings))

    return changed


def _with(config: ProductConfig, destination: Destination) -> ProductConfig:
    return msgspec.structs.replace(config, destination=destination)


def _named(mappings: tuple[Mapping, ...], name: str) -> Mapping:
    for mapping in mappings:
        if mapping.name == name:
            return mapping
    raise ConfigInvalid(
        [Fault("$.destination.mappings", f"the destination has no mapping {name!r}", "unknown_mapping")]
    )
