"""What is wrong with the conditions of a configuration, and what is only worth a warning.

A condition that does not parse is refused.  Exclusions, filters and activation decide what scores are made of, so
conditions on scores are refused there.  An event, feature or trait that was never seen may yet come: it is a warning.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from uptake.core.conditions import All, AnyOf, Condition, Did, LevelIs, Not, Number, Trait
from uptake.core.config import ProductConfig, TraitTypes
from uptake.core.effects import Kind
from uptake.core.errors import Fault
from uptake.core.traits import operand_as
from uptake.segments import ConditionError, parse, text
from uptake.stores.events.base import EventStore


def leaves(condition: Condition) -> Iterator[Condition]:
    """The conditions that have no parts, from left to right."""
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def condition_faults(config: ProductConfig) -> Iterator[Fault]:
    """Faults of segments, exclusions, and workspaces' filters and activation."""
    yield from _segment_faults(config)
    yield from _lasting_faults("$.exclusions.users_where", config.exclusions.users_where)
    yield from _lasting_faults("$.exclusions.accounts_where", config.exclusions.accounts_where)
    for index, workspace in enumerate(config.workspaces):
        place = f"$.workspaces[{index}]"
        yield from _lasting_faults(f"{place}.filter", workspace.filter or "")
        for field in ("user_activation", "account_activation"):
            for number, words in enumerate(getattr(workspace, field)):
                yield from _lasting_faults(f"{place}.{field}[{number}]", words)


def _segment_faults(config: ProductConfig) -> Iterator[Fault]:
    names = [workspace.name for workspace in config.workspaces]
    ids = Counter(segment.id for segment in config.segments)
    told = Counter(segment.name for segment in config.segments)
    for index, segment in enumerate(config.segments):
        place = f"$.segments[{index}]"
        if segment.workspace not in names:
            known = ", ".join(map(repr, names))
            yield Fault(f"{place}.workspace", f"expected a workspace ({known}), got {segment.workspace!r}")
        if segment.id < 1 or ids[segment.id] > 1:
            yield Fault(f"{place}.id", f"a segment's id is its own and 1 or more, got {segment.id}")
        if told[segment.name] > 1:
            yield Fault(f"{place}.name", f"the name {segment.name!r} is used {told[segment.name]} times")
        yield from _text_faults(f"{place}.where", segment.where)


def _text_faults(place: str, words: str) -> Iterator[Fault]:
    try:
        parse(words)
    except ConditionError as error:
        yield Fault(place, str(error))


def _lasting_faults(place: str, words: str) -> Iterator[Fault]:
    faults = list(_text_faults(place, words))
    yield from faults
    if not faults:
        for leaf in leaves(parse(words)):
            if isinstance(leaf, LevelIs) or (isinstance(leaf, Number) and leaf.field != "tenure_days"):
                yield Fault(place, f"a condition on scores cannot stand where scores are made, got `{text(leaf)}`")


def warnings_about(condition: Condition, kind: Kind, config: ProductConfig, store: EventStore) -> list[str]:
    """What a condition names and the product has never seen, each once, as sentences."""
    found = list(leaves(condition))
    events = (
        {volume.event for volume in store.event_volumes(of=())} if any(isinstance(each, Did) for each in found) else {}
    )
    features = {feature.name for feature in config.features}
    warned = []
    for leaf in found:
        if isinstance(leaf, Did):
            warned += _unseen(leaf, events, features)
        if isinstance(leaf, Trait) and _key(leaf) not in store.trait_keys(leaf.of):
            warned.append(f"no {leaf.of} has a trait {leaf.key!r}")
        if isinstance(leaf, Trait):
            warned += _unfit(leaf, config.trait_types)
    if kind == "user" and any(isinstance(leaf, Number) and leaf.field in _OF_ACCOUNTS for leaf in found):
        warned.append("a user has no number of users: it counts as 0")
    return list(dict.fromkeys(warned))


_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_OF_ACCOUNTS = ("active_users", "total_users", "active_users_percent")


def _unseen(did: Did, events: Collection[str], features: Collection[str]) -> list[str]:
    if did.feature:
        return [] if did.feature in features else [f"the product has no feature {did.feature!r}"]
    return [] if did.event in events else [f"the event {did.event!r} was never seen"]


def _unfit(trait: Trait, types: TraitTypes) -> list[str]:
    chosen = types.of(trait.of, trait.key)
    if chosen is None or trait.value is None or trait.operator not in _COMPARISONS:
        return []
    if operand_as(chosen, trait.value) is not None:
        return []
    return [f"{trait.of}.{trait.key} is a {chosen}, and {trait.value!r} is none: nothing equals it"]


def _key(trait: Trait) -> str:
    return "createdAt" if trait.key == "created_at" else trait.key
