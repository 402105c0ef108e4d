"""Which version of a workspace's scoring model scores which days, and what changed from one version to the next.

Every version of the configuration holds the models of all workspaces, but most versions change none of them.  A version
that changes a model says from which day on the new one scores; without a day it scores all of history.  What a model
means is its weights, window, curve, levels, filter and activation; exclusions and ignored events are not part of it,
because those in force hold for every day.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from uptake.core.config import ConfigVersion, Exclusions, ProductConfig, Workspace
from uptake.scoring.models import model_of

BEGINNING = date.min
"""The day from which a model scores that scores all of history."""


class Reign(msgspec.Struct, frozen=True):
    """A version of a workspace's model and the first day that it scores; the next one's first day ends it.

    revision: the version of the configuration that brought the model.  config: the latest that has it unchanged, so
    that features have the names of today.
    """

    first: date
    revision: int
    workspace: Workspace
    config: ProductConfig


class Change(msgspec.Struct, frozen=True):
    """One field of a scoring model before and after; None where there was or is nothing.

    field: as in the configuration, `window_days`, `features.Reporting`, `Reporting.events`.
    """

    field: str
    before: Any
    after: Any


class ModelVersion(msgspec.Struct, frozen=True):
    """A version of the configuration that changed what a workspace's scores are made of.

    saved_us: µs since 1970 UTC.  scores_from: the first day that it was published for, None for all of history.
    first, last: the days that it scores today, None where that end is open; `scores` says whether there is any.
    """

    revision: int
    saved_us: int
    by: str
    why: str
    scores_from: date | None
    scores: bool
    first: date | None
    last: date | None
    changes: Sequence[Change]


class Timeline(msgspec.Struct, frozen=True):
    """The configuration in force, and by workspace id the models that score history; see `reigns`."""

    config: ProductConfig
    reigns: Mapping[int, Sequence[Reign]]


def timeline(versions: Sequence[ConfigVersion]) -> Timeline:
    """What versions (oldest first) make of the days of every workspace that the latest one has."""
    config = versions[-1].config
    return Timeline(config, {each: reigns(versions, each) for each in sorted(one.id for one in config.workspaces)})


def reigns(versions: Sequence[ConfigVersion], workspace_id: int) -> list[Reign]:
    """The models of a workspace that score today's history, by first day; the first one begins with `BEGINNING`.

    versions: of one product, oldest first.  Empty where the latest version has no such workspace.
    """
    found: list[Reign] = []
    for version in versions:
        workspace = workspace_in(version.config, workspace_id)
        if workspace is None:
            found = []
            continue
        reign = Reign(version.scores_from or BEGINNING, version.revision, workspace, version.config)
        changed = not found or meaning(found[-1]) != meaning(reign)
        if changed or version.scores_from == BEGINNING:
            kept = [each for each in found if each.first < reign.first]
            found = [*kept, reign if kept else msgspec.structs.replace(reign, first=BEGINNING)]
        else:
            found[-1] = msgspec.structs.replace(found[-1], workspace=workspace, config=version.config)
    return found


def model_versions(versions: Sequence[ConfigVersion], workspace_id: int) -> list[ModelVersion]:
    """Every version that changed the model or whom it counts, the latest first; empty for an unknown workspace."""
    found: list[ModelVersion] = []
    before: dict[str, Any] = {}
    scoring = reigns(versions, workspace_id)
    for version in versions:
        workspace = workspace_in(version.config, workspace_id)
        after = {} if workspace is None else _fields(workspace, version.config)
        changes = changes_between(before, after)
        if changes or version.scores_from == BEGINNING:
            found.append(_told(version, changes, scoring))
        before = after
    return found[::-1] if before else []


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, in the order of `after`, then those that are gone."""
    names = [*after, *(name for name in before if name not in after)]
    return [Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def model_changes(
    old: ProductConfig, new: ProductConfig, workspace_id: int, *, beside: int | None = None
) -> list[Change]:
    """What two configurations make of one workspace's scores differently.

    beside: the workspace of the new configuration that is held against it, by default the same one.
    """
    one, other = workspace_in(old, workspace_id), workspace_in(new, workspace_id if beside is None else beside)
    return changes_between({} if one is None else _fields(one, old), {} if other is None else _fields(other, new))


def workspace_in(config: ProductConfig, workspace_id: int) -> Workspace | None:
    """The workspace with this id; None if there is none."""
    return next((each for each in config.workspaces if each.id == workspace_id), None)


def meaning(reign: Reign) -> tuple[Any, ...]:
    """What two versions of a model must have in common to be the same."""
    everyone = msgspec.structs.replace(reign.config, exclusions=Exclusions(), ignored_events=())
    model = msgspec.structs.replace(model_of(reign.workspace, everyone), features={})
    workspace = reign.workspace
    return model, workspace.filter or "", workspace.user_activation, workspace.account_activation


def _told(version: ConfigVersion, changes: Sequence[Change], scoring: Sequence[Reign]) -> ModelVersion:
    place = next((at for at, reign in enumerate(scoring) if reign.revision == version.revision), None)
    first = None if place is None else scoring[place].first
    following = scoring[place + 1].first if place is not None and place + 1 < len(scoring) else None
    return ModelVersion(
        revision=version.revision,
        saved_us=version.saved_us,
        by=version.by,
        why=version.why,
        scores_from=None if version.scores_from == BEGINNING else version.scores_from,
        scores=place is not None,
        first=None if first == BEGINNING else first,
        last=None if following is None else date.fromordinal(following.toordinal() - 1),
        changes=changes,
    )


PLAIN_FIELDS = ("window_days", "curve", "account_score", "daily_cap", "half_life_days", "filter")


def _fields(workspace: Workspace, config: ProductConfig) -> dict[str, Any]:
    """What scores are made of, field by field, in plain values; empty ones are left out."""
    levels = workspace.levels
    exclusions = msgspec.json.decode(msgspec.json.encode(config.exclusions))
    events = {feature.name: sorted(feature.events) for feature in config.features}
    fields: dict[str, Any] = {
        **{name: getattr(workspace, name) for name in PLAIN_FIELDS},
        **{f"features.{name}": weight for name, weight in workspace.features.items()},
        **{f"event_weights.{event}": weight for event, weight in workspace.event_weights.items()},
        **{f"{name}.events": events.get(name) for name in workspace.features},
        "levels": f"{levels.most}, {levels.slightly}, {levels.passive}",
        "user_activation": list(workspace.user_activation),
        "account_activation": list(workspace.account_activation),
        "ignored_events": sorted(config.ignored_events),
        **{f"exclusions.{name}": value for name, value in exclusions.items()},
        "every_event": not config.features or None,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [], ())}
