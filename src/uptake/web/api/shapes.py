"""The JSON of the read API as types: what handlers return, and what OpenAPI describes.

A field without a default is always there.  `_links` are paths on this server; ids of accounts and users are opaque.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from uptake.core.config import Workspace
from uptake.core.days import iso_ms
from uptake.core.scores import Level, Numbers, Point
from uptake.scoring.versions import Change, ModelVersion
from uptake.views.explanation import Explanation
from uptake.views.insights import Insights
from uptake.views.segments import SegmentName
from uptake.views.what_if_ranking import Place
from uptake.views.workspaces import WorkspaceSize


class SelfLink(msgspec.Struct, frozen=True):
    """Where an entry is found."""

    self: str


class ListLinks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where this page of a list is found, and the ones beside it."""

    self: str
    next: str | UnsetType = UNSET
    prev: str | UnsetType = UNSET


class Pagination(msgspec.Struct, frozen=True):
    """Which page of how many entries."""

    limit: int
    offset: int
    total: int


class AccountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One account in a ranked list.  Percentages are 0 to 100; activation is null where no condition is defined."""

    id: str
    tracking_id: str
    name: str
    score: int
    score_change: int
    level: Level
    raw_score: float
    active_users: int
    total_users: int
    active_users_percent: float
    activation: float | None
    adoption: float
    adoption_all_time: float
    frequency: int
    last_active_at: str | None
    created_at: str | None
    provisional: bool
    links: SelfLink = msgspec.field(name="_links")


class UserEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One user in a ranked list.  account: the tracking_id of the current account, or null."""

    id: str
    tracking_id: str
    name: str
    email: str | None
    account: str | None
    score: int
    score_change: int
    level: Level
    raw_score: float
    activation: float | None
    adoption: float
    adoption_all_time: float
    frequency: int
    last_active_at: str | None
    created_at: str | None
    provisional: bool
    links: SelfLink = msgspec.field(name="_links")


class Account(AccountEntry, frozen=True, kw_only=True):
    """One account: its entry of the list, its earlier scores, and the blocks that were asked for.

    recently_scored_events, overall_scored_events: how many times its users did scored events within the window, and
    ever.  tenure_days: since the creation; null where that is unknown or later.
    """

    workspace_id: int
    day: date
    day_complete: bool
    as_of: str | None
    score_yesterday: int
    score_last_period: int
    recently_scored_events: int
    overall_scored_events: int
    tenure_days: int | None
    traits: dict[str, Any] | UnsetType = UNSET
    segments: Sequence[SegmentName] | UnsetType = UNSET
    explanation: Explanation | UnsetType = UNSET
    insights: Insights | UnsetType = UNSET


class User(UserEntry, frozen=True, kw_only=True):
    """One user: the entry of the list, earlier scores, and the blocks that were asked for; see `Account`."""

    workspace_id: int
    day: date
    day_complete: bool
    as_of: str | None
    score_yesterday: int
    score_last_period: int
    recently_scored_events: int
    overall_scored_events: int
    tenure_days: int | None
    traits: dict[str, Any] | UnsetType = UNSET
    segments: Sequence[SegmentName] | UnsetType = UNSET
    explanation: Explanation | UnsetType = UNSET
    insights: Insights | UnsetType = UNSET


class AccountAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/accounts/{id}`."""

    account: Account
    expansions: Sequence[str] = msgspec.field(name="_expansions")


class UserAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/users/{id}`."""

    user: User
    expansions: Sequence[str] = msgspec.field(name="_expansions")


class FrozenAccount(Account, frozen=True, kw_only=True):
    """One account in the first version of the API, which has `_expansions` inside."""

    expansions: Sequence[str] = msgspec.field(name="_expansions")


class LookupAnswer(msgspec.Struct, frozen=True):
    """`GET /v1/accounts`."""

    account: FrozenAccount


class AccountsAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/accounts`: day_complete is false for today; as_of: when the scores were published."""

    data: Sequence[AccountEntry]
    pagination: Pagination
    day: date
    day_complete: bool
    as_of: str | None
    links: ListLinks = msgspec.field(name="_links")


class UsersAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/users`, as the list of accounts."""

    data: Sequence[UserEntry]
    pagination: Pagination
    day: date
    day_complete: bool
    as_of: str | None
    links: ListLinks = msgspec.field(name="_links")


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One day of a series.  Percentages are 0 to 100; numbers of users are 0 for users.

    weekly_active_users: with a scored event in the seven days up to the day, whatever the window is.
    tenure_days: since the creation.  revision: the version of the configuration whose model scored the day.
    revised_at: when the numbers last became others than they were once the day was over, or null.
    """

    day: date
    day_complete: bool
    score: int
    score_change: int
    level: Level
    raw_score: float
    active_users: int
    total_users: int
    weekly_active_users: int
    activation: float | None
    adoption: float
    adoption_all_time: float
    frequency: int
    tenure_days: int | None
    last_active_at: str | None
    revision: int
    revised_at: str | None


class HistoryAnswer(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """`GET /v2/accounts/{id}/history`, users alike: every day from the product's first event on."""

    data: Sequence[HistoryPoint]
    workspace_id: int
    first: date
    last: date
    links: SelfLink = msgspec.field(name="_links")


class WorkspaceLinks(msgspec.Struct, frozen=True):
    """Where a workspace, its ranked lists and its segments are found."""

    self: str
    accounts: str
    users: str
    segments: str


class WorkspaceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace: its window, and how its scores are made."""

    id: int
    name: str
    window_days: int
    curve: str
    account_score: str
    features: Mapping[str, int]
    stats: WorkspaceSize | UnsetType = UNSET
    links: WorkspaceLinks = msgspec.field(name="_links")


class WorkspacesAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/workspaces`."""

    data: Sequence[WorkspaceEntry]
    pagination: Pagination
    expansions: Sequence[str] = msgspec.field(name="_expansions")
    links: ListLinks = msgspec.field(name="_links")


class PlacesAnswer(msgspec.Struct, frozen=True):
    """`POST /v2/workspaces/{id}/what-if/ranking`."""

    data: Sequence[Place]
    pagination: Pagination
    workspace_id: int
    day: date


class ModelVersionEntry(msgspec.Struct, frozen=True):
    """A version of a workspace's scoring model.

    scores_from: the first day it was published for, null for all of history.  scores: does it score any day today;
    first, last: which, null where that end is open.
    """

    revision: int
    saved_at: str
    by: str
    why: str
    scores_from: date | None
    scores: bool
    first: date | None
    last: date | None
    changes: Sequence[Change]


class ModelVersionsAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/workspaces/{id}/versions`, the latest first."""

    data: Sequence[ModelVersionEntry]


class WorkspaceAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/workspaces/{id}`."""

    workspace: WorkspaceEntry
    expansions: Sequence[str] = msgspec.field(name="_expansions")


def history_point(point: Point, revision: int, *, day_complete: bool) -> HistoryPoint:
    """A day of a series as it is told."""
    told = msgspec.structs.asdict(point)
    last_active_us, revised_us = told.pop("last_active_us"), told.pop("revised_us")
    told |= {name: float(told[name]) for name in ("raw_score", "adoption", "adoption_all_time")}
    return HistoryPoint(
        **told,
        day_complete=day_complete,
        last_active_at=iso_or_none(last_active_us),
        revised_at=iso_or_none(revised_us),
        revision=revision,
    )


def account_fields(numbers: Numbers, workspace_id: int) -> dict[str, Any]:
    """The fields of an account's entry."""
    percent = 100 * numbers.active_users / numbers.total_users if numbers.total_users else 0.0
    return {
        **_common_fields(numbers, f"/v2/accounts/{numbers.id}?workspace_id={workspace_id}"),
        "active_users": numbers.active_users,
        "total_users": numbers.total_users,
        "active_users_percent": percent,
    }


def user_fields(numbers: Numbers, workspace_id: int) -> dict[str, Any]:
    """The fields of a user's entry."""
    return {
        **_common_fields(numbers, f"/v2/users/{numbers.id}?workspace_id={workspace_id}"),
        "email": numbers.email,
        "account": numbers.account,
    }


def _common_fields(numbers: Numbers, path: str) -> dict[str, Any]:
    return {
        "id": numbers.id,
        "tracking_id": numbers.tracking_id,
        "name": numbers.name,
        "score": numbers.score,
        "score_change": numbers.score_change,
        "level": numbers.level,
        "raw_score": float(numbers.raw_score),
        "activation": numbers.activation,
        "adoption": float(numbers.adoption),
        "adoption_all_time": float(numbers.adoption_all_time),
        "frequency": numbers.frequency,
        "last_active_at": iso_or_none(numbers.last_active_us),
        "created_at": iso_or_none(numbers.created_us),
        "provisional": numbers.provisional,
        "links": SelfLink(path),
    }


def iso_or_none(moment_us: int | None) -> str | None:
    """ISO 8601 in UTC, or None."""
    return None if moment_us is None else iso_ms(moment_us)


def workspace_entry(workspace: Workspace, size: WorkspaceSize | UnsetType) -> WorkspaceEntry:
    """A workspace as it is listed."""
    return WorkspaceEntry(
        id=workspace.id,
        name=workspace.name,
        window_days=workspace.window_days,
        curve=workspace.curve,
        account_score=workspace.account_score,
        features=workspace.features,
        stats=size,
        links=WorkspaceLinks(
            self=f"/v2/workspaces/{workspace.id}",
            accounts=f"/v2/accounts?workspace_id={workspace.id}",
            users=f"/v2/users?workspace_id={workspace.id}",
            segments=f"/v2/segments?workspace_id={workspace.id}",
        ),
    )


def model_version_entry(version: ModelVersion) -> ModelVersionEntry:
    """A version of a scoring model as it is listed."""
    told = msgspec.structs.asdict(version)
    return ModelVersionEntry(saved_at=iso_ms(told.pop("saved_us")), **told)
