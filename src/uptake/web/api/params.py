"""Query parameters of the read API, declared once: read by the handlers, described by OpenAPI.

Each endpoint has a struct; a field's type and limits are the rule, its `description` the documentation.  An empty value
counts as absent, a repeated one by its last value, an unknown parameter for nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from uptake.core.scores import Level
from uptake.views.what_if_ranking import PlaceSort
from uptake.web.problems import AnyRequest, Refused

Name = Annotated[str, Meta(max_length=500)]
WorkspaceId = Annotated[int, Meta(ge=1, le=2**31 - 1, description="The workspace: a scoring model of the product.")]
Limit = Annotated[int, Meta(ge=1, le=100, description="How many entries at most.")]
Offset = Annotated[int, Meta(ge=0, le=10_000_000, description="How many entries to skip.")]
Day = Annotated[date, Meta(description="The last day of the window; default is today, which is partial.")]
Revision = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Sort = Literal[
    "score",
    "score_change",
    "raw_score",
    "name",
    "tracking_id",
    "active_users",
    "total_users",
    "activation",
    "adoption",
    "adoption_all_time",
    "frequency",
    "last_active_at",
    "created_at",
]
UserSort = Literal[
    "score",
    "score_change",
    "raw_score",
    "name",
    "tracking_id",
    "email",
    "activation",
    "adoption",
    "adoption_all_time",
    "frequency",
    "last_active_at",
    "created_at",
]
Expansion = Literal["traits", "segments", "explanation", "insights"]
BESIDE = "The document's workspace by name that is held against this one, such as one it adds; default is the same."
MATCH = "Look up one entry: `id`, `tracking_id`, `name`, `email`, `domain` or a trait's key. Needs match_value."


class Paging(msgspec.Struct, kw_only=True):
    """One page of a list."""

    limit: Limit = 20
    offset: Offset = 0


class WorkspacesAsked(Paging, kw_only=True):
    """The list of workspaces."""

    expand: Annotated[tuple[Literal["stats"], ...], Meta(description="`stats`: how many users and accounts.")] = ()


class WorkspaceAsked(msgspec.Struct, kw_only=True):
    """One workspace."""

    expand: Annotated[tuple[Literal["stats"], ...], Meta(description="`stats`: how many users and accounts.")] = ()


class Ranking(Paging, kw_only=True):
    """What ranked lists have in common."""

    workspace_id: WorkspaceId
    day: Day | None = None
    level: Annotated[Level | None, Meta(description="Only entries on this level.")] = None
    segment: Annotated[Name | None, Meta(description="Only members of this segment: its id.")] = None
    search: Annotated[Name | None, Meta(description="Part of name, tracking_id or e-mail, in any case.")] = None
    revision: Annotated[
        Revision | None, Meta(description="Under the model of this version; default is the one in force on the day.")
    ] = None
    order: Annotated[Literal["desc", "asc"], Meta(description="Falling or rising.")] = "desc"
    match_type: Annotated[Name | None, Meta(description=MATCH)] = None
    match_value: Annotated[Name | None, Meta(description="What the match must equal.")] = None


class AccountsAsked(Ranking, kw_only=True):
    """The ranked accounts."""

    sort: Annotated[Sort, Meta(description="Ties: raw_score falling, then tracking_id.")] = "score"


class UsersAsked(Ranking, kw_only=True):
    """The ranked users."""

    sort: Annotated[UserSort, Meta(description="Ties: raw_score falling, then tracking_id.")] = "score"
    account: Annotated[Name | None, Meta(description="Only users of this account: its id or tracking_id.")] = None


class OneAsked(msgspec.Struct, kw_only=True):
    """One account or user."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description="Default is the first workspace.")] = None
    day: Day | None = None
    expand: Annotated[tuple[Expansion, ...], Meta(description="Blocks to add to the entry.")] = ()
    traits: Annotated[tuple[Name, ...], Meta(max_length=8, description="Only these traits; all by default.")] = ()
    against: Annotated[
        date | None, Meta(description="The day that the explanation compares with; default is one window earlier.")
    ] = None


class LookupAsked(msgspec.Struct, kw_only=True):
    """One account, by id or by match."""

    workspace_id: WorkspaceId
    id: Annotated[Name | None, Meta(description="The account's opaque id.")] = None
    match_type: Annotated[Name | None, Meta(description=MATCH)] = None
    match_value: Annotated[Name | None, Meta(description="What the match must equal.")] = None
    expand: Annotated[tuple[Expansion, ...], Meta(description="Blocks to add to the account.")] = ()


class WhatIfAsked(msgspec.Struct, kw_only=True):
    """A day under a changed model."""

    day: Annotated[date | None, Meta(description="The day; default is the last full one.")] = None
    most: Annotated[int, Meta(ge=1, le=100, description="How many movers up and down.")] = 20
    beside: Annotated[Name | None, Meta(description=BESIDE)] = None


class PlacesAsked(Paging, kw_only=True):
    """Both rankings of a day, under the model in force and under a changed one."""

    scope: Annotated[Literal["users", "accounts"], Meta(description="Whose rankings.")] = "accounts"
    day: Annotated[date | None, Meta(description="The day; default is the last full one.")] = None
    sort: Annotated[PlaceSort, Meta(description="Ties: the score after, then before, falling, then tracking_id.")] = (
        "score_after"
    )
    order: Annotated[Literal["desc", "asc"], Meta(description="Falling or rising.")] = "desc"
    beside: Annotated[Name | None, Meta(description=BESIDE)] = None


class HistoryAsked(msgspec.Struct, kw_only=True, rename={"first": "from", "last": "to"}):
    """A series by day."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description="Default is the first workspace.")] = None
    first: Annotated[date | None, Meta(description="First day; default is 29 days before `to`.")] = None
    last: Annotated[date | None, Meta(description="Last day; default is today. At most 400 days.")] = None
    revision: Annotated[
        Revision | None,
        Meta(description="Under the model of this version, at most 100 days; default is the one that scored each day."),
    ] = None


Asked = TypeVar("Asked", bound=msgspec.Struct)


def asked(request: AnyRequest, shape: type[Asked]) -> Asked:
    """The request's parameters as the shape says.

    Raises Refused: `missing_workspace_id`, `invalid_workspace_id`, or `invalid_parameter` for any other.
    """
    return read(request.query_params.multi_items(), shape)


def read(items: Iterable[tuple[str, str]], shape: type[Asked]) -> Asked:
    """Names and values as the shape says; see `asked`."""
    values: Mapping[str, str] = {name: value for name, value in items if value}
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        if field.encode_name in values:
            found[field.name] = _value(field, values[field.encode_name])
        elif field.required:
            raise Refused(f"missing_{field.encode_name}", f"expected {field.encode_name}, e.g. ?{field.encode_name}=1")
    return shape(**found)


def matched(match_type: str | None, match_value: str | None) -> tuple[str, str] | None:
    """Both halves of a match, or None without any.  Raises Refused (`missing_match_parameter`)."""
    if match_type is None and match_value is None:
        return None
    if match_type is None or match_value is None:
        missing = "match_type" if match_type is None else "match_value"
        raise Refused("missing_match_parameter", f"match_type and match_value go together; {missing} is missing")
    return match_type, match_value


def _value(field: FieldInfo, text: str) -> Any:
    name, kind = field.encode_name, bare(field.type)
    try:
        return _converted(kind, text)
    except msgspec.ValidationError as error:
        code = "invalid_workspace_id" if name == "workspace_id" else "invalid_parameter"
        raise Refused(code, f"{name}: {_told(error, kind)}, got {text[:100]!r}") from error


def _converted(kind: Any, text: str) -> Any:
    if is_list(kind):
        return msgspec.convert([part for part in text.split(",") if part], kind)
    value = msgspec.convert(text, kind, strict=False)
    if type(value) is int and str(value) != text:  # "1.0", "1e3" and "+1" are numbers, not whole ones as written
        raise msgspec.ValidationError("Expected `int`, got `str`")
    return value


def _told(error: msgspec.ValidationError, kind: Any) -> str:
    """What was expected, as a sentence for a reader."""
    told = str(error).partition(" - at ")[0]
    if told.startswith("Invalid enum value"):
        return "expected " + " or ".join(choices(kind))
    for technical, plain in _PLAIN:
        told = told.replace(technical, plain)
    return told


_PLAIN = (
    ("Expected `int`, got `str`", "expected a whole number"),
    ("Expected `int`", "expected a whole number"),
    ("Expected `bool`, got `str`", "expected true or false"),
    ("Expected `bool`", "expected true or false"),
    ("Expected `str`", "expected text"),
    ("Expected `array`", "expected a list"),
    ("Invalid RFC3339 encoded date", "expected a day as YYYY-MM-DD"),
)


def bare(kind: Any) -> Any:
    """The type of a value that is there: without None, and without what is said around it.

    >>> bare(Annotated[date | None, Meta(description="A day")])
    <class 'datetime.date'>
    """
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(inner) not in (Union, UnionType):
        return kind
    return bare(next(each for each in get_args(inner) if each is not NoneType))


def choices(kind: Any) -> tuple[str, ...]:
    """The words that a parameter can be, or that its entries can be."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next((found for each in get_args(kind) if (found := choices(each))), ())


def is_list(kind: Any) -> bool:
    """Is a parameter of this type a list, written with commas?"""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_origin(inner) is tuple
