"""The features of a product with their events, and the events that are in none."""

from collections.abc import Sequence

import msgspec

from uptake.core.config import Feature, ProductConfig
from uptake.core.event_names import FeatureSuggestion, suggest_features
from uptake.stores.events.base import EventVolume
from uptake.stores.events.usage import USERS
from uptake.views.base import ProductView

MOST_SUGGESTED = 2_000
"""So many events, the most frequent first, are looked at for suggestions."""


class FeatureEvent(msgspec.Struct, frozen=True):
    """An event with its volume ever; zeros and None for one that was never counted.

    feature: '' for none.  hidden: not listed where it is of no use.  ignored: not counted.
    """

    event: str
    feature: str
    times: int
    users: int
    first_us: int | None
    last_us: int | None
    hidden: bool
    ignored: bool


class FeatureSummary(msgspec.Struct, frozen=True):
    """A feature: its events as configured, and by workspace id what it weighs there."""

    name: str
    description: str
    events: Sequence[FeatureEvent]
    weights: dict[int, int]


class FeatureList(msgspec.Struct, frozen=True):
    """All features in their order, the events in none (the most frequent first), and where these seem to belong.

    Hidden and ignored events are not among those in none; they are in `put_aside`.
    """

    features: Sequence[FeatureSummary]
    unassigned: Sequence[FeatureEvent]
    put_aside: Sequence[FeatureEvent]
    suggestions: Sequence[FeatureSuggestion]


def feature_list(product: ProductView) -> FeatureList:
    """Features, events without one, and suggestions."""
    config = product.version.config
    events = events_with_features(product)
    by_name = {each.event: each for each in events}
    features = [_summary(feature, config, by_name) for feature in config.features]
    aside = [each for each in events if not each.feature and (each.hidden or each.ignored)]
    unassigned = [each for each in events if not each.feature and not (each.hidden or each.ignored)]
    names = [each.event for each in unassigned if each.times][:MOST_SUGGESTED]
    suggestions = suggest_features(names, {each.name: each.events for each in config.features})
    return FeatureList(features, unassigned, aside, suggestions)


def events_with_features(product: ProductView) -> list[FeatureEvent]:
    """Every event that was counted or that the configuration names, the most frequent first, then by name."""
    config = product.version.config
    owner = {event: feature.name for feature in config.features for event in feature.events}
    volumes = {volume.event: volume for volume in product.store.event_volumes(of=USERS)}
    names = {*volumes, *owner, *config.hidden_events, *config.ignored_events}
    found = [_event(name, volumes.get(name), owner.get(name, ""), config) for name in names]
    return sorted(found, key=lambda each: (-each.times, each.event))


def _event(name: str, volume: EventVolume | None, feature: str, config: ProductConfig) -> FeatureEvent:
    return FeatureEvent(
        event=name,
        feature=feature,
        times=volume.times if volume else 0,
        users=volume.users if volume else 0,
        first_us=volume.first_us if volume else None,
        last_us=volume.last_us if volume else None,
        hidden=name in config.hidden_events,
        ignored=name in config.ignored_events,
    )


def _summary(feature: Feature, config: ProductConfig, events: dict[str, FeatureEvent]) -> FeatureSummary:
    weights = {each.id: each.features[feature.name] for each in config.workspaces if feature.name in each.features}
    return FeatureSummary(feature.name, feature.description, [events[name] for name in feature.events], weights)
