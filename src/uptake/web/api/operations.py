"""Every operation of the read API, with what it takes and gives: the one table behind routes and OpenAPI."""

from typing import Any

from uptake.core.config import Mapping
from uptake.destination.trace import Trace
from uptake.pipeline.preview import Preview
from uptake.views.backtest import Backtest
from uptake.views.data_health import HealthReport
from uptake.views.destination import Overview
from uptake.views.segments import SegmentName
from uptake.views.status import ProductStatus
from uptake.views.what_if import WhatIf
from uptake.web.api.backtest import BacktestAsked
from uptake.web.api.config_operations import CONFIG_OPERATIONS
from uptake.web.api.csv_import import CSV_OPERATIONS
from uptake.web.api.erasures import ERASURE_OPERATIONS
from uptake.web.api.jobs import JOB_OPERATIONS
from uptake.web.api.manage_shapes import (
    ConfigAnswer,
    DestinationAnswer,
    DestinationChange,
    OverviewAsked,
    PublishAsked,
    TestAsked,
    VersionsAnswer,
)
from uptake.web.api.merges import MERGE_OPERATIONS
from uptake.web.api.operation import CHANGE, Operation
from uptake.web.api.params import (
    AccountsAsked,
    HistoryAsked,
    LookupAsked,
    OneAsked,
    PlacesAsked,
    UsersAsked,
    WhatIfAsked,
    WorkspaceAsked,
    WorkspacesAsked,
)
from uptake.web.api.segment_shapes import (
    ConditionAsked,
    MembersAnswer,
    MembersAsked,
    MembershipAnswer,
    PreviewAnswer,
    SegmentAnswer,
    SegmentAsked,
    SegmentChange,
    SegmentDraft,
    SegmentHistoryAnswer,
    SegmentHistoryAsked,
    SegmentsAnswer,
    SegmentsAsked,
)
from uptake.web.api.shapes import (
    AccountAnswer,
    AccountsAnswer,
    HistoryAnswer,
    LookupAnswer,
    ModelVersionsAnswer,
    PlacesAnswer,
    UserAnswer,
    UsersAnswer,
    WorkspaceAnswer,
    WorkspacesAnswer,
)
from uptake.web.api.use import USE_OPERATIONS

_LIST = ("missing_workspace_id", "invalid_workspace_id", "unknown_workspace", "missing_match_parameter")
_REVISION = "unknown_revision"
_ONE = ("invalid_workspace_id", "unknown_workspace", "invalid_parameter")

_READ: tuple[Operation, ...] = (
    Operation(
        "/v2/workspaces",
        "listWorkspaces",
        "The workspaces of the product",
        WorkspacesAnswer,
        WorkspacesAsked,
        ("invalid_parameter",),
    ),
    Operation(
        "/v2/workspaces/{workspace_id}",
        "getWorkspace",
        "One workspace",
        WorkspaceAnswer,
        WorkspaceAsked,
        ("invalid_parameter", "unknown_workspace"),
    ),
    Operation(
        "/v2/workspaces/{workspace_id}/versions",
        "listModelVersions",
        "Versions of a workspace's scoring model: who changed what, and which days each scores",
        ModelVersionsAnswer,
        errors=("unknown_workspace",),
    ),
    Operation(
        "/v2/accounts",
        "listAccounts",
        "Accounts of a workspace, ranked by engagement score, or one by a match",
        AccountsAnswer,
        AccountsAsked,
        (*_LIST, _REVISION, "invalid_parameter", "unknown_segment"),
    ),
    Operation(
        "/v2/accounts/{account_id}",
        "getAccount",
        "One account, with its traits, segments and explanation where asked",
        AccountAnswer,
        OneAsked,
        (*_ONE, "unknown_account"),
    ),
    Operation(
        "/v2/accounts/{account_id}/history",
        "getAccountHistory",
        "An account's score day by day",
        HistoryAnswer,
        HistoryAsked,
        (*_ONE, _REVISION, "unknown_account"),
    ),
    Operation(
        "/v2/users",
        "listUsers",
        "Users of a workspace, ranked by engagement score, or one by a match",
        UsersAnswer,
        UsersAsked,
        (*_LIST, _REVISION, "invalid_parameter", "unknown_account", "unknown_segment"),
    ),
    Operation(
        "/v2/users/{user_id}",
        "getUser",
        "One user, with traits, segments and explanation where asked",
        UserAnswer,
        OneAsked,
        (*_ONE, "unknown_user"),
    ),
    Operation(
        "/v2/users/{user_id}/history",
        "getUserHistory",
        "A user's score day by day",
        HistoryAnswer,
        HistoryAsked,
        (*_ONE, _REVISION, "unknown_user"),
    ),
    Operation(
        "/v2/segments",
        "listSegments",
        "Segments of a workspace with their sizes: suggested and saved ones",
        SegmentsAnswer,
        SegmentsAsked,
        ("missing_workspace_id", "invalid_workspace_id", "unknown_workspace", "invalid_parameter"),
    ),
    Operation(
        "/v2/segments/{segment_id}",
        "getSegment",
        "One segment with its size",
        SegmentAnswer,
        SegmentAsked,
        (*_ONE, "unknown_segment"),
    ),
    Operation(
        "/v2/segments/{segment_id}/members",
        "listSegmentMembers",
        "The users or accounts in a segment, ranked by engagement score",
        MembersAnswer,
        MembersAsked,
        (*_ONE, "unknown_segment"),
    ),
    Operation(
        "/v2/segments/{segment_id}/members/{member_id}",
        "explainMembership",
        "Why a user or account is in a segment or not",
        MembershipAnswer,
        SegmentAsked,
        (*_ONE, "unknown_segment", "unknown_account", "unknown_user"),
    ),
    Operation(
        "/v2/segments/{segment_id}/history",
        "getSegmentHistory",
        "The size of a segment day by day, and who entered and left",
        SegmentHistoryAnswer,
        SegmentHistoryAsked,
        (*_ONE, "unknown_segment"),
    ),
    Operation("/v2/status", "getStatus", "How far log, fold and scores are", ProductStatus),
    Operation("/v2/health", "getHealth", "What is wrong, or looks wrong, with the data, and what to do", HealthReport),
    Operation(
        "/v1/accounts",
        "lookUpAccount",
        "One account by id or match: the first version of the read API",
        LookupAnswer,
        LookupAsked,
        (*_LIST, "invalid_parameter", "unknown_account"),
    ),
)

_DESTINATION: tuple[Operation, ...] = (
    Operation("/v2/destination", "getDestination", "The destination: its filters and mappings", DestinationAnswer),
    Operation(
        "/v2/destination",
        "putDestination",
        "Switch the destination, replace its filters or its mappings",
        DestinationAnswer,
        errors=CHANGE,
        method="PUT",
        body=DestinationChange,
    ),
    Operation(
        "/v2/destination/mappings",
        "addMapping",
        "Add a mapping; it starts disabled",
        DestinationAnswer,
        errors=CHANGE,
        method="POST",
        body=Mapping,
    ),
    Operation(
        "/v2/destination/mappings/{name}",
        "putMapping",
        "Change, rename, enable or disable a mapping",
        DestinationAnswer,
        errors=(*CHANGE, "unknown_mapping"),
        method="PUT",
        body=Mapping,
    ),
    Operation(
        "/v2/destination/mappings/{name}",
        "deleteMapping",
        "Delete a mapping",
        DestinationAnswer,
        errors=(*CHANGE, "unknown_mapping"),
        method="DELETE",
    ),
    Operation(
        "/v2/destination/mappings/{name}/copy",
        "copyMapping",
        "Duplicate a mapping; the copy starts disabled",
        DestinationAnswer,
        errors=(*CHANGE, "unknown_mapping"),
        method="POST",
    ),
    Operation(
        "/v2/destination/test",
        "testDestination",
        "Follow a call through the destination, or through one mapping; nothing is stored",
        Trace,
        errors=("bad_json", "unknown_call", "read_only_token"),
        method="POST",
        body=TestAsked,
    ),
    Operation(
        "/v2/destination/overview",
        "getDeliveryOverview",
        "What became of calls, step by step, with reasons and samples",
        Overview,
        OverviewAsked,
        ("invalid_parameter",),
    ),
    Operation("/v2/destination/versions", "listVersions", "Who changed what, and when", VersionsAnswer),
    Operation(
        "/v2/destination/preview",
        "previewHistory",
        "What applying the destination, or a changed one, to all of history would change",
        Preview,
        errors=CHANGE,
        method="POST",
        body=DestinationChange,
    ),
    Operation(
        "/v2/destination/apply-to-history",
        "applyToHistory",
        "Apply the destination, changed where the body says so, to all of history by a rebuild",
        DestinationAnswer,
        errors=CHANGE,
        method="POST",
        body=DestinationChange,
    ),
    Operation("/v2/config", "getConfig", "The whole configuration of the product", ConfigAnswer),
    Operation(
        "/v2/config",
        "putConfig",
        "Change the configuration: a partial document, merged as `uptake config apply` does",
        ConfigAnswer,
        PublishAsked,
        (*CHANGE, "invalid_parameter"),
        method="PUT",
        body=dict[str, Any],
    ),
)

_WORKSPACES: tuple[Operation, ...] = (
    Operation(
        "/v2/workspaces/{workspace_id}/what-if",
        "whatIf",
        "What a partial configuration document would make of the ranking of a day; nothing is changed",
        WhatIf,
        WhatIfAsked,
        (*CHANGE, "unknown_workspace", "invalid_parameter"),
        method="POST",
        body=dict[str, Any],
    ),
    Operation(
        "/v2/workspaces/{workspace_id}/what-if/ranking",
        "whatIfRanking",
        "The whole ranking of a day under a partial configuration document beside the one in force, row by row",
        PlacesAnswer,
        PlacesAsked,
        (*CHANGE, "unknown_workspace", "invalid_parameter"),
        method="POST",
        body=dict[str, Any],
    ),
)

_SEGMENTS: tuple[Operation, ...] = (
    Operation(
        "/v2/segments",
        "addSegment",
        "Save a new segment",
        SegmentAnswer,
        errors=(*CHANGE, "unknown_workspace"),
        method="POST",
        body=SegmentDraft,
    ),
    Operation(
        "/v2/segments/{segment_id}",
        "putSegment",
        "Change a saved segment's name, condition or description",
        SegmentAnswer,
        errors=(*CHANGE, "unknown_segment"),
        method="PUT",
        body=SegmentChange,
    ),
    Operation(
        "/v2/segments/{segment_id}",
        "deleteSegment",
        "Delete a saved segment",
        SegmentName,
        errors=(*CHANGE, "unknown_segment"),
        method="DELETE",
    ),
    Operation(
        "/v2/segments/preview",
        "previewSegment",
        "What a condition would hold today, before it is saved",
        PreviewAnswer,
        errors=(*CHANGE, "unknown_workspace"),
        method="POST",
        body=ConditionAsked,
    ),
)

_LEARNING: tuple[Operation, ...] = (
    Operation(
        "/v2/workspaces/{workspace_id}/backtest",
        "runBacktest",
        "How well scores told churn beforehand, and which weights outcomes speak for; nothing is changed",
        Backtest,
        errors=(*CHANGE, "missing_outcomes", "unknown_trait", "unknown_workspace", "csv_column_missing"),
        method="POST",
        body=BacktestAsked,
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *_READ,
    *_WORKSPACES,
    *_SEGMENTS,
    *CONFIG_OPERATIONS,
    *_DESTINATION,
    *_LEARNING,
    *MERGE_OPERATIONS,
    *ERASURE_OPERATIONS,
    *JOB_OPERATIONS,
    *CSV_OPERATIONS,
    *USE_OPERATIONS,
)
