"""Changes of a product's features and of what is done with its events, as functions from one configuration to the next.

Saving checks the result.  What names a feature goes with it: weights in workspaces, and conditions where it is renamed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from uptake.core.config import Feature, ProductConfig
from uptake.core.errors import ConfigInvalid, Fault
from uptake.segments.renaming import with_feature_renamed

Change = Callable[[ProductConfig], ProductConfig]
replace = msgspec.structs.replace


def feature_of(config: ProductConfig, event: str) -> str:
    """The feature that an event is in; '' for none."""
    return next((feature.name for feature in config.features if event in feature.events), "")


def add_feature(feature: Feature) -> Change:
    """Add a feature at the end; events that are in another one are refused on saving: move them (`assign_events`)."""
    return lambda config: replace(config, features=(*config.features, feature))


def change_feature(name: str, fields: Mapping[str, Any]) -> Change:
    """Give a feature these fields (name, description, events); the others stay."""

    def changed(config: ProductConfig) -> ProductConfig:
        old = _named(config, name)
        new = replace(old, **fields)
        config = replace(config, features=tuple(new if each is old else each for each in config.features))
        return config if new.name == name else _renamed(config, name, new.name)

    return changed


def drop_feature(name: str) -> Change:
    """Delete a feature; its events are in none then, and workspaces no longer weigh it."""

    def dropped(config: ProductConfig) -> ProductConfig:
        old = _named(config, name)
        workspaces = tuple(
            replace(each, features={key: weight for key, weight in each.features.items() if key != name})
            for each in config.workspaces
        )
        features = tuple(each for each in config.features if each is not old)
        return replace(config, features=features, workspaces=workspaces)

    return dropped


def order_features(names: Sequence[str]) -> Change:
    """Put features into this order; those that are not named follow in theirs."""

    def ordered(config: ProductConfig) -> ProductConfig:
        first = [_named(config, name) for name in dict.fromkeys(names)]
        return replace(config, features=(*first, *(each for each in config.features if each not in first)))

    return ordered


def assign_events(events: Collection[str], feature: str | None) -> Change:
    """Move events into a feature, out of any other; None: out of all.  `feature_of` tells before where they were."""

    def assigned(config: ProductConfig) -> ProductConfig:
        if feature is not None:
            _named(config, feature)
        return replace(config, features=tuple(_with(each, events, feature) for each in config.features))

    return assigned


def hide_events(events: Collection[str], *, hidden: bool) -> Change:
    """List events no more, or again; they count as before."""
    return lambda config: replace(config, hidden_events=_listed(config.hidden_events, events, listed=hidden))


def ignore_events(events: Collection[str], *, ignored: bool) -> Change:
    """Count events no more, or again, from the beginning: a rebuild follows."""
    return lambda config: replace(config, ignored_events=_listed(config.ignored_events, events, listed=ignored))


def _with(feature: Feature, events: Collection[str], into: str | None) -> Feature:
    if feature.name != into:
        return replace(feature, events=tuple(each for each in feature.events if each not in events))
    return replace(feature, events=(*feature.events, *(each for each in events if each not in feature.events)))


def _listed(before: Sequence[str], events: Collection[str], *, listed: bool) -> tuple[str, ...]:
    if listed:
        return tuple(dict.fromkeys((*before, *events)))
    return tuple(each for each in before if each not in events)


def _named(config: ProductConfig, name: str) -> Feature:
    for feature in config.features:
        if feature.name == name:
            return feature
    raise ConfigInvalid([Fault("$.features", f"the product has no feature {name!r}", "unknown_feature")])


def _renamed(config: ProductConfig, old: str, new: str) -> ProductConfig:
    def follow(where: str) -> str:
        return with_feature_renamed(where, old, new)

    workspaces = tuple(
        replace(
            each,
            features={new if key == old else key: weight for key, weight in each.features.items()},
            filter=each.filter and follow(each.filter),
            user_activation=tuple(map(follow, each.user_activation)),
            account_activation=tuple(map(follow, each.account_activation)),
        )
        for each in config.workspaces
    )
    exclusions = replace(
        config.exclusions,
        users_where=follow(config.exclusions.users_where),
        accounts_where=follow(config.exclusions.accounts_where),
    )
    segments = tuple(replace(each, where=follow(each.where)) for each in config.segments)
    return replace(config, workspaces=workspaces, exclusions=exclusions, segments=segments)
