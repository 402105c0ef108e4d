"""From configuration to scoring models: which event weighs what in a workspace.

The rule (see docs/concepts.md): an event's weight is the workspace's own override (0–10), else the weight of its
feature if that feature is in the workspace, else 0.  Until the product has a feature every event weighs 1.
"""

from uptake.core.config import ProductConfig, Workspace
from uptake.core.scores import ScoringModel


def model_of(workspace: Workspace, config: ProductConfig) -> ScoringModel:
    """Resolve one workspace of the product; features that the product does not have count for nothing."""
    feature_of = {event: feature.name for feature in config.features for event in feature.events}
    every_event = not config.features
    weights = {
        event: workspace.features[feature] for event, feature in feature_of.items() if feature in workspace.features
    }
    weights.update(workspace.event_weights)
    weights.update(dict.fromkeys(config.ignored_events, 0))
    return ScoringModel(
        workspace_id=workspace.id,
        window_days=workspace.window_days,
        weights=weights,
        every_event=every_event,
        scored_events=frozenset(event for event, weight in weights.items() if weight > 0),
        features=feature_of,
        curve=workspace.curve,
        account_score=workspace.account_score,
        levels=workspace.levels,
        daily_cap=workspace.daily_cap,
        half_life_days=workspace.half_life_days,
        excluded_users=frozenset(config.exclusions.users),
        excluded_accounts=frozenset(config.exclusions.accounts),
    )


def models_of(config: ProductConfig) -> tuple[ScoringModel, ...]:
    """The models of all the product's workspaces, by workspace id."""
    return tuple(model_of(workspace, config) for workspace in sorted(config.workspaces, key=lambda each: each.id))
