"""What a configuration must satisfy beyond its types, and what follows from it.

`faults_in` finds everything that is wrong, all at once; `projection_of` and `rules_of` derive what ingest keeps and
what stored rows depend on; `needs_rebuild` says which changes reach into rows that are already folded.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from uptake.core.calls import Projection
from uptake.core.config import ConfigVersion, Mapping, ProductConfig, Workspace
from uptake.core.days import DAY_US
from uptake.core.errors import ConfigInvalid, Fault
from uptake.destination.actions import compile_action
from uptake.destination.errors import MappingError
from uptake.destination.filters import compile_filters
from uptake.destination.filters import paths_of as filter_paths
from uptake.destination.filters_parse import FilterError
from uptake.destination.fql import TriggerError, compile_trigger, parse
from uptake.destination.fql import paths_of as trigger_paths
from uptake.destination.mapping import paths_of_mapping
from uptake.destination.meaning import spelt
from uptake.pipeline.condition_check import condition_faults
from uptake.stores.events.base import StoreRules

MOST_MAPPINGS = 50
MOST_FILTERS = 10

KEPT_ROOTS = frozenset(
    [
        "type",
        "messageId",
        "userId",
        "anonymousId",
        "groupId",
        "event",
        "name",
        "traits",
        "integrations",
        "timestamp",
        "receivedAt",
        "previousId",
    ]
)
"""Top-level fields that every logged call has anyway."""


def sound(config: ProductConfig) -> ProductConfig:
    """The configuration as it may be saved (`respelt`).  Raises ConfigInvalid with every fault."""
    config = respelt(config)
    faults = faults_in(config)
    if faults:
        raise ConfigInvalid(faults)
    return config


def respelt(config: ProductConfig) -> ProductConfig:
    """The configuration with each trigger in a spelling that Segment reads alike; what cannot be read stays."""
    mappings = tuple(map(spelt, config.destination.mappings))
    destination = msgspec.structs.replace(config.destination, mappings=mappings)
    return msgspec.structs.replace(config, destination=destination)


def faults_in(config: ProductConfig) -> list[Fault]:
    """Everything that is wrong with a configuration whose types are right; empty where it may be saved."""
    checks: tuple[Callable[[ProductConfig], Iterator[Fault]], ...] = (
        _zone_faults,
        _feature_faults,
        _workspace_faults,
        _destination_faults,
        condition_faults,
    )
    return [fault for check in checks for fault in check(config)]


def _zone_faults(config: ProductConfig) -> Iterator[Fault]:
    try:
        ZoneInfo(config.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Fault("$.time_zone", f"expected an IANA time zone such as Europe/Berlin, got {config.time_zone!r}")


def _feature_faults(config: ProductConfig) -> Iterator[Fault]:
    yield from _repeated("$.features", [feature.name for feature in config.features])
    owner: dict[str, str] = {}
    for index, feature in enumerate(config.features):
        for event in feature.events:
            if owner.setdefault(event, feature.name) != feature.name:
                yield Fault(
                    f"$.features[{index}].events",
                    f"event {event!r} is in feature {owner[event]!r} already; an event is in at most one feature",
                )


def _workspace_faults(config: ProductConfig) -> Iterator[Fault]:
    if not config.workspaces:
        yield Fault("$.workspaces", "a product needs at least one workspace")
    yield from _repeated("$.workspaces", [workspace.name for workspace in config.workspaces])
    yield from _repeated("$.workspaces", [str(workspace.id) for workspace in config.workspaces], what="id")
    names = [feature.name for feature in config.features]
    for index, workspace in enumerate(config.workspaces):
        place = f"$.workspaces[{index}]"
        if workspace.id < 1:
            yield Fault(f"{place}.id", "a workspace's id is 1 or more")
        if not workspace.levels.most > workspace.levels.slightly > workspace.levels.passive:
            yield Fault(f"{place}.levels", "the bounds must fall: most > slightly > passive")
        yield from _unknown_features(place, workspace, names)


def _unknown_features(place: str, workspace: Workspace, names: Sequence[str]) -> Iterator[Fault]:
    for name in workspace.features:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]!r}?" if close else "add it under features first"
            yield Fault(f"{place}.features.{name}", f"the product has no feature {name!r}: {hint}")


def _destination_faults(config: ProductConfig) -> Iterator[Fault]:
    mappings, filters = config.destination.mappings, config.destination.filters
    if len(mappings) > MOST_MAPPINGS:
        yield Fault("$.destination.mappings", f"at most {MOST_MAPPINGS} mappings, got {len(mappings)}")
    if len(filters) > MOST_FILTERS:
        yield Fault("$.destination.filters", f"at most {MOST_FILTERS} filters, got {len(filters)}")
    yield from _repeated("$.destination.mappings", [mapping.name for mapping in mappings])
    yield from _repeated("$.destination.filters", [each.name for each in filters])
    for index, mapping in enumerate(mappings):
        yield from mapping_faults(mapping, f"$.destination.mappings[{index}]")
    for index, each in enumerate(filters):
        try:
            compile_filters([msgspec.to_builtins(each)], strict=True)
        except FilterError as error:
            yield Fault(f"$.destination.filters[{index}].condition", str(error))


def mapping_faults(mapping: Mapping, place: str) -> Iterator[Fault]:
    """What is wrong with one mapping's trigger and fields, each with its place."""
    try:
        compile_trigger(mapping.trigger)
    except TriggerError as error:
        yield Fault(f"{place}.trigger", str(error))
    try:
        compile_action(mapping.action, mapping.fields, lenient=mapping.lenient)
    except MappingError as error:
        yield Fault(f"{place}.fields", str(error))


def _repeated(place: str, names: Iterable[str], *, what: str = "name") -> Iterator[Fault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Fault(place, f"the {what} {name!r} is used {times} times")


def projection_of(config: ProductConfig) -> Projection:
    """What ingest must keep of properties, context and unknown fields: exactly what enabled mappings and filters
    read."""
    if config.keep_properties_days > 0:
        return Projection(everything=True)
    paths: set[str] = set()
    for mapping in config.destination.mappings:
        if mapping.enabled:
            paths |= trigger_paths(parse(mapping.trigger))
            if mapping.fields != "preset":
                paths |= paths_of_mapping(mapping.fields)
    for each in config.destination.filters:
        if each.enabled:
            paths |= filter_paths(each.condition) | ({each.path} if each.path else set())
    return _projection(paths)


def _projection(paths: set[str]) -> Projection:
    keys = [tuple(path.removeprefix("$.").split(".")) if path else () for path in paths]
    if () in keys:
        return Projection(everything=True)
    return Projection(
        properties=frozenset(key[1:] for key in keys if key[0] == "properties"),
        context=frozenset(key[1:] for key in keys if key[0] == "context"),
        extra=frozenset(key[0] for key in keys if key[0] not in KEPT_ROOTS | {"properties", "context"}),
    )


def rules_of(config: ProductConfig) -> StoreRules:
    """What of the configuration the event store's rows and answers depend on."""
    return StoreRules(
        time_zone=config.time_zone,
        display_name=config.account_display_name,
        created_at=config.account_created_at,
        dedupe_us=config.dedupe_days * DAY_US,
        trait_types=config.trait_types,
    )


def needs_rebuild(old: ProductConfig, new: ProductConfig) -> bool:
    """Does the change reach into rows that are already folded, other than through the destination?"""

    def reach(config: ProductConfig) -> tuple[object, ...]:
        return (
            config.time_zone,
            config.account_id_trait,
            config.dedupe_days,
            frozenset(config.ignored_events),
            config.page_event,
            config.page_event_unnamed,
            config.screen_event,
            config.screen_event_unnamed,
        )

    return reach(old) != reach(new)


def reaches_rows(versions: Sequence[ConfigVersion], built: int) -> bool:
    """Did any version after the revision `built` reach into rows that are folded, also where a later one took it back?

    Calls may have been folded under each of them.
    """
    since = [version for version in versions if version.revision >= built]
    return any(
        after.from_offset == 0 or needs_rebuild(before.config, after.config) for before, after in pairwise(since)
    )
