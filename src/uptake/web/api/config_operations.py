"""The operations on features, traits, fields, exclusions and workspaces."""

from typing import Any

import msgspec

from uptake.pipeline.exclusion_preview import ExclusionPreview
from uptake.web.api.config_shapes import (
    EventsChange,
    EventsChanged,
    ExclusionEntries,
    ExclusionsAnswer,
    ExclusionsChange,
    FeatureChange,
    FeatureDraft,
    FeatureOrder,
    FeaturesAnswer,
    FieldsAnswer,
    FieldsChange,
    TraitChange,
    TraitsAnswer,
    TraitsAsked,
    TraitValuesAnswer,
    TraitValuesAsked,
    WorkspaceDraft,
    WorkspaceModel,
)
from uptake.web.api.operation import CHANGE, Operation
from uptake.web.api.saving import ChangeAsked, PublishAsked


def _changing(
    path: str,
    name: str,
    summary: str,
    answer: Any,
    *,
    method: str,
    body: Any = None,
    query: type[msgspec.Struct] = ChangeAsked,
    errors: tuple[str, ...] = (),
) -> Operation:
    """An operation that saves a version of the configuration."""
    return Operation(path, name, summary, answer, query, (*CHANGE, *errors), method, body)


_FEATURES = (
    Operation(
        "/v2/features",
        "listFeatures",
        "The features with their events, and events in none",
        FeaturesAnswer,
    ),
    _changing("/v2/features", "addFeature", "Add a feature", FeaturesAnswer, method="POST", body=FeatureDraft),
    _changing(
        "/v2/feature-order",
        "orderFeatures",
        "Put features into another order",
        FeaturesAnswer,
        method="PUT",
        body=FeatureOrder,
        errors=("unknown_feature",),
    ),
    _changing(
        "/v2/features/{name}",
        "putFeature",
        "Change or rename a feature; all that names it follows",
        FeaturesAnswer,
        method="PUT",
        body=FeatureChange,
        errors=("unknown_feature",),
    ),
    _changing(
        "/v2/features/{name}",
        "deleteFeature",
        "Delete a feature; its events are in none then",
        FeaturesAnswer,
        method="DELETE",
        errors=("unknown_feature",),
    ),
    _changing(
        "/v2/events",
        "putEvents",
        "Move events into a feature or out of any, hide or ignore them; says from where each one came",
        EventsChanged,
        method="PUT",
        body=EventsChange,
        errors=("unknown_feature",),
    ),
)

_TRAITS = (
    Operation(
        "/v2/traits",
        "listTraits",
        "Every trait with its type, and values that do not fit it",
        TraitsAnswer,
        TraitsAsked,
        ("invalid_parameter",),
    ),
    _changing(
        "/v2/traits",
        "putTrait",
        "Choose a trait's type; conditions read it so at once",
        TraitsAnswer,
        method="PUT",
        body=TraitChange,
    ),
    Operation(
        "/v2/traits/values",
        "listTraitValues",
        "The commonest values of a trait",
        TraitValuesAnswer,
        TraitValuesAsked,
        ("missing_key", "invalid_parameter"),
    ),
    Operation(
        "/v2/configuration",
        "getFields",
        "The product's fields, and the traits that can be chosen for them",
        FieldsAnswer,
    ),
    _changing(
        "/v2/configuration", "putFields", "Change fields of the product", FieldsAnswer, method="PUT", body=FieldsChange
    ),
)

_EXCLUSIONS = (
    Operation("/v2/exclusions", "getExclusions", "Whom the product leaves out", ExclusionsAnswer),
    _changing(
        "/v2/exclusions",
        "putExclusions",
        "Replace lists or rules of the exclusions",
        ExclusionsAnswer,
        method="PUT",
        body=ExclusionsChange,
    ),
    _changing(
        "/v2/exclusions/add",
        "addExclusions",
        "Leave out users, accounts or e-mail domains too",
        ExclusionsAnswer,
        method="POST",
        body=ExclusionEntries,
    ),
    _changing(
        "/v2/exclusions/remove",
        "removeExclusions",
        "Count users, accounts or e-mail domains again",
        ExclusionsAnswer,
        method="POST",
        body=ExclusionEntries,
    ),
    Operation(
        "/v2/exclusions/preview",
        "previewExclusions",
        "Whom changed exclusions would leave out and count again; nothing is changed",
        ExclusionPreview,
        errors=CHANGE,
        method="POST",
        body=ExclusionsChange,
    ),
)

_WORKSPACES = (
    Operation(
        "/v2/workspaces/{workspace_id}/model",
        "getWorkspaceModel",
        "A workspace with all that makes its scores",
        WorkspaceModel,
        errors=("unknown_workspace",),
    ),
    _changing(
        "/v2/workspaces",
        "addWorkspace",
        "Add a workspace",
        WorkspaceModel,
        method="POST",
        body=WorkspaceDraft,
    ),
    _changing(
        "/v2/workspaces/{workspace_id}",
        "putWorkspace",
        "Change a workspace: what is not named stays",
        WorkspaceModel,
        method="PUT",
        body=WorkspaceDraft,
        query=PublishAsked,
        errors=("unknown_workspace",),
    ),
    _changing(
        "/v2/workspaces/{workspace_id}",
        "deleteWorkspace",
        "Delete a workspace and its segments",
        WorkspaceModel,
        method="DELETE",
        errors=("unknown_workspace",),
    ),
)

CONFIG_OPERATIONS: tuple[Operation, ...] = (*_FEATURES, *_TRAITS, *_EXCLUSIONS, *_WORKSPACES)
