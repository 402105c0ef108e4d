"""What the API of segments takes and gives."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from uptake.core.config import Name
from uptake.core.scores import Level, Numbers
from uptake.segments.judging import Verdict
from uptake.views.segments import SegmentHistory, SegmentInfo, SegmentSize
from uptake.web.api.params import Day, Paging, WorkspaceId
from uptake.web.api.shapes import ListLinks, Pagination, SelfLink, account_fields, user_fields

Scope = Literal["users", "accounts"]
WORKSPACE_OF = "For a suggested segment: its workspace; default is the first."


class SegmentsAsked(Paging, kw_only=True):
    """The list of segments."""

    workspace_id: WorkspaceId
    scope: Annotated[Scope | None, Meta(description="Only segments of users, or of accounts.")] = None
    exclude_defaults: Annotated[bool, Meta(description="Leave the suggested segments out.")] = False
    day: Day | None = None


class SegmentAsked(msgspec.Struct, kw_only=True):
    """One segment."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description=WORKSPACE_OF)] = None
    day: Day | None = None


class MembersAsked(Paging, kw_only=True):
    """The members of a segment, ranked."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description=WORKSPACE_OF)] = None
    day: Day | None = None


class SegmentHistoryAsked(msgspec.Struct, kw_only=True, rename={"first": "from", "last": "to"}):
    """A segment day by day."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description=WORKSPACE_OF)] = None
    first: Annotated[date | None, Meta(description="First day; default is 29 days before `to`.")] = None
    last: Annotated[date | None, Meta(description="Last day; default is today. At most 90 days.")] = None


class SegmentLinks(msgspec.Struct, frozen=True):
    """Where a segment and its members are found."""

    self: str
    members: str


class SegmentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A segment with its size on a day.

    where: the condition in the filter language.  average_score: the mean over active members, null without any.  mrr:
    in `currency`, of the accounts or of the accounts that the users are in.
    """

    id: str
    name: str
    scope: Scope
    workspace_id: int
    suggested: bool
    description: str
    where: str
    members: int
    active_members: int
    average_score: float | None
    mrr: float
    currency: str
    links: SegmentLinks = msgspec.field(name="_links")


class SegmentsAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/segments`."""

    data: Sequence[SegmentEntry]
    pagination: Pagination
    day: date
    day_complete: bool
    links: ListLinks = msgspec.field(name="_links")


class SegmentAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/segments/{id}`."""

    segment: SegmentEntry
    day: date
    day_complete: bool


class MemberEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the lists of users or accounts show it: with the fields of the one or of the other."""

    id: str
    tracking_id: str
    name: str
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
    active_users: int | UnsetType = UNSET
    total_users: int | UnsetType = UNSET
    active_users_percent: float | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    account: str | UnsetType | None = UNSET
    links: SelfLink = msgspec.field(name="_links")


class MembersAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/segments/{id}/members`."""

    data: Sequence[MemberEntry]
    pagination: Pagination
    day: date
    day_complete: bool
    as_of: str | None
    links: ListLinks = msgspec.field(name="_links")


class MembershipAnswer(msgspec.Struct, frozen=True):
    """`GET /v2/segments/{id}/members/{member_id}`: whether one is in it, and each part of the condition with what was
    found for it."""

    member: MemberEntry
    inside: bool
    why: Verdict
    day: date


class SegmentDay(msgspec.Struct, frozen=True):
    """A segment on one day; entered and left: who came and went since the day before."""

    day: date
    members: int
    active_members: int
    average_score: float | None
    entered: int
    left: int


class SegmentHistoryAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """`GET /v2/segments/{id}/history`: day by day, ascending; days without numbers are left out.

    Each day holds whom the condition holds for on that day, with traits and accounts as they are now.
    """

    data: Sequence[SegmentDay]
    workspace_id: int
    first: date
    last: date
    links: SelfLink = msgspec.field(name="_links")


class SegmentDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new segment."""

    name: Name
    scope: Scope
    workspace_id: Annotated[int, Meta(ge=1)]
    where: str = ""
    description: str = ""


class SegmentChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A change of a segment: what is not named stays."""

    name: Name | UnsetType = UNSET
    where: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class ConditionAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition to look at before it is saved."""

    scope: Scope
    workspace_id: Annotated[int, Meta(ge=1)]
    where: str = ""


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition would hold today: how many, the first ones, and what it names that was never seen."""

    where: str
    members: int
    active_members: int
    average_score: float | None
    mrr: float
    currency: str
    sample: Sequence[MemberEntry]
    warnings: Sequence[str]


def segment_entry(segment: SegmentInfo, size: SegmentSize, where: str, currency: str) -> SegmentEntry:
    """A segment as it is listed."""
    path, query = f"/v2/segments/{segment.id}", f"?workspace_id={segment.workspace_id}"
    return SegmentEntry(
        id=segment.id,
        name=segment.name,
        scope="users" if segment.kind == "user" else "accounts",
        workspace_id=segment.workspace_id,
        suggested=segment.suggested,
        description=segment.description,
        where=where,
        **size_fields(size),
        currency=currency,
        links=SegmentLinks(path + query, f"{path}/members{query}"),
    )


def segment_days(history: SegmentHistory) -> list[SegmentDay]:
    """The days of a segment's history."""
    return [
        SegmentDay(each.day, each.members, each.active, each.average_score, each.entered, each.left)
        for each in history.days
    ]


def size_fields(size: SegmentSize) -> dict[str, Any]:
    """The numbers of a segment."""
    return {
        "members": size.members,
        "active_members": size.active,
        "average_score": size.average_score,
        "mrr": size.mrr,
    }


def member_entry(numbers: Numbers, workspace_id: int) -> MemberEntry:
    """A user or account as a member."""
    fields = user_fields if numbers.kind == "user" else account_fields
    return MemberEntry(**fields(numbers, workspace_id))
