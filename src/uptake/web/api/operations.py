"""Every operation of the read API, with what it takes and gives: the one table behind routes and OpenAPI."""

from typing import Any

import msgspec

from uptake.views.status import ProductStatus
from uptake.web.api.params import (
    AccountsAsked,
    HistoryAsked,
    LookupAsked,
    OneAsked,
    UsersAsked,
    WorkspaceAsked,
    WorkspacesAsked,
)
from uptake.web.api.shapes import (
    AccountAnswer,
    AccountsAnswer,
    HistoryAnswer,
    LookupAnswer,
    UserAnswer,
    UsersAnswer,
    WorkspaceAnswer,
    WorkspacesAnswer,
)


class Operation(msgspec.Struct, frozen=True):
    """One GET of the read API.  errors: codes beside `invalid_token`, which every one can answer."""

    path: str
    name: str
    summary: str
    answer: Any
    query: type[msgspec.Struct] | None = None
    errors: tuple[str, ...] = ()


_LIST = ("missing_workspace_id", "invalid_workspace_id", "unknown_workspace", "missing_match_parameter")
_ONE = ("invalid_workspace_id", "unknown_workspace", "invalid_parameter")

OPERATIONS: tuple[Operation, ...] = (
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
        "/v2/accounts",
        "listAccounts",
        "Accounts of a workspace, ranked by engagement score, or one by a match",
        AccountsAnswer,
        AccountsAsked,
        (*_LIST, "invalid_parameter"),
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
        (*_ONE, "unknown_account"),
    ),
    Operation(
        "/v2/users",
        "listUsers",
        "Users of a workspace, ranked by engagement score, or one by a match",
        UsersAnswer,
        UsersAsked,
        (*_LIST, "invalid_parameter", "unknown_account"),
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
        (*_ONE, "unknown_user"),
    ),
    Operation("/v2/status", "getStatus", "How far log, fold and scores are", ProductStatus),
    Operation(
        "/v1/accounts",
        "lookUpAccount",
        "One account by id or match: the first version of the read API",
        LookupAnswer,
        LookupAsked,
        (*_LIST, "invalid_parameter", "unknown_account"),
    ),
)
