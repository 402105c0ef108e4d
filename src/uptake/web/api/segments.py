"""Handlers of segments: their list, members and reasons, and the management of those that are saved."""

from datetime import date
from typing import get_args
from urllib.parse import urlencode

import msgspec
from litestar import Router, delete, get, post, put
from litestar.params import FromPath, RawBody

from uptake.core.config import ProductConfig, Segment
from uptake.core.effects import Kind
from uptake.core.errors import ConfigInvalid, Fault
from uptake.pipeline.condition_check import warnings_about
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.segment_changes import Change, add_segment, change_segment, drop_segment
from uptake.segments import ConditionError, parse, text
from uptake.stores.events.base import ListQuery
from uptake.views.base import Unknown, scored_day
from uptake.views.segments import (
    SegmentInfo,
    SegmentName,
    membership,
    segment_history,
    segment_list,
    segment_members,
    segment_named,
    segment_preview,
    segment_size,
)
from uptake.web.api.bodies import read_body
from uptake.web.api.lists import list_links
from uptake.web.api.params import asked
from uptake.web.api.segment_shapes import (
    ConditionAsked,
    MembersAnswer,
    MembersAsked,
    MembershipAnswer,
    PreviewAnswer,
    Scope,
    SegmentAnswer,
    SegmentAsked,
    SegmentChange,
    SegmentDraft,
    SegmentEntry,
    SegmentHistoryAnswer,
    SegmentHistoryAsked,
    SegmentsAnswer,
    SegmentsAsked,
    member_entry,
    segment_days,
    segment_entry,
    size_fields,
)
from uptake.web.api.shapes import Pagination, SelfLink, iso_or_none
from uptake.web.problems import AnyRequest
from uptake.web.site import changed_by, managed_product_of, product_of, site_of

KINDS: dict[Scope, Kind] = dict(zip(get_args(Scope), ("user", "account"), strict=True))


@get("/v2/segments", sync_to_thread=True)
def segments(request: AnyRequest) -> SegmentsAnswer:
    """The segments of a workspace with their sizes: suggested ones first, then those that were saved."""
    product = product_of(request)
    params = asked(request, SegmentsAsked)
    kind = None if params.scope is None else KINDS[params.scope]
    every = segment_list(product, params.workspace_id, kind=kind, with_suggested=not params.exclude_defaults)
    day = scored_day(product, params.day)
    chosen = every[params.offset : params.offset + params.limit]
    return SegmentsAnswer(
        data=[_entry(product, each, day) for each in chosen],
        pagination=Pagination(params.limit, params.offset, len(every)),
        day=day,
        day_complete=day < product.today(),
        links=list_links(request, params.limit, params.offset, len(every)),
    )


@get("/v2/segments/{segment_id:str}", sync_to_thread=True)
def segment(request: AnyRequest, segment_id: FromPath[str]) -> SegmentAnswer:
    """One segment with its size."""
    product = product_of(request)
    params = asked(request, SegmentAsked)
    found = segment_named(product, segment_id, params.workspace_id)
    day = scored_day(product, params.day)
    return SegmentAnswer(_entry(product, found, day), day, day < product.today())


@get("/v2/segments/{segment_id:str}/members", sync_to_thread=True)
def members(request: AnyRequest, segment_id: FromPath[str]) -> MembersAnswer:
    """The members of a segment, ranked by score."""
    product = product_of(request)
    params = asked(request, MembersAsked)
    found = segment_named(product, segment_id, params.workspace_id)
    page = segment_members(product, found, ListQuery(limit=params.limit, offset=params.offset), params.day)
    return MembersAnswer(
        data=[member_entry(row, found.workspace_id) for row in page.rows],
        pagination=Pagination(params.limit, params.offset, page.total),
        day=page.day,
        day_complete=page.day_complete,
        as_of=iso_or_none(page.as_of_us),
        links=list_links(request, params.limit, params.offset, page.total),
    )


@get("/v2/segments/{segment_id:str}/members/{member_id:str}", sync_to_thread=True)
def member(request: AnyRequest, segment_id: FromPath[str], member_id: FromPath[str]) -> MembershipAnswer:
    """Why a user or account is in a segment or not, by opaque id or else tracking_id."""
    product = product_of(request)
    params = asked(request, SegmentAsked)
    found = segment_named(product, segment_id, params.workspace_id)
    told = membership(product, found, member_id, params.day)
    return MembershipAnswer(member_entry(told.numbers, found.workspace_id), told.why.holds, told.why, told.day)


@get("/v2/segments/{segment_id:str}/history", sync_to_thread=True)
def history(request: AnyRequest, segment_id: FromPath[str]) -> SegmentHistoryAnswer:
    """A segment's size day by day, and who entered and left."""
    product = product_of(request)
    params = asked(request, SegmentHistoryAsked)
    found = segment_named(product, segment_id, params.workspace_id)
    told = segment_history(product, found, first=params.first, last=params.last)
    query: dict[str, int | date] = {"workspace_id": found.workspace_id, "from": told.first, "to": told.last}
    return SegmentHistoryAnswer(
        data=segment_days(told),
        workspace_id=found.workspace_id,
        first=told.first,
        last=told.last,
        links=SelfLink(f"{request.url.path}?{urlencode(query)}"),
    )


@post("/v2/segments", sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> SegmentAnswer:
    """Save a new segment."""
    product = managed_product_of(request)
    draft = read_body(body, SegmentDraft)
    workspace = product.workspace(draft.workspace_id)
    if workspace is None:
        raise Unknown("unknown_workspace", f"the product has no workspace {draft.workspace_id}")
    fresh = Segment(draft.name, KINDS[draft.scope], workspace.name, draft.where, 0, draft.description)
    config = _changed(request, product, add_segment(fresh), f"segment {draft.name} added")
    return _shown(product, str(max(each.id for each in config.segments)))


@put("/v2/segments/{segment_id:str}", sync_to_thread=True)
def change(request: AnyRequest, segment_id: FromPath[str], body: RawBody) -> SegmentAnswer:
    """Change a saved segment's name, condition or description."""
    product = managed_product_of(request)
    found = _own(product, segment_id)
    fields = msgspec.structs.asdict(read_body(body, SegmentChange))
    named = {key: value for key, value in fields.items() if value is not msgspec.UNSET}
    _changed(request, product, change_segment(int(found.id), named), f"segment {found.name} changed")
    return _shown(product, found.id)


@delete("/v2/segments/{segment_id:str}", status_code=200, sync_to_thread=True)
def drop(request: AnyRequest, segment_id: FromPath[str]) -> SegmentName:
    """Delete a saved segment."""
    product = managed_product_of(request)
    found = _own(product, segment_id)
    _changed(request, product, drop_segment(int(found.id)), f"segment {found.name} deleted")
    return SegmentName(found.id, found.name)


@post("/v2/segments/preview", status_code=200, sync_to_thread=True)
def preview(request: AnyRequest, body: RawBody) -> PreviewAnswer:
    """What a condition would hold today, before it is saved."""
    product = managed_product_of(request)
    params = read_body(body, ConditionAsked)
    kind = KINDS[params.scope]
    try:
        found = segment_preview(product, kind, params.workspace_id, params.where)
    except ConditionError as error:
        raise ConfigInvalid([Fault("$.where", str(error))]) from error
    return PreviewAnswer(
        where=found.where,
        **size_fields(found.size),
        currency=product.config.currency,
        sample=[member_entry(row, params.workspace_id) for row in found.sample.rows],
        warnings=warnings_about(parse(found.where), kind, product.config, product.store),
    )


def _own(product: RunningProduct, segment_id: str) -> SegmentInfo:
    """A segment that was saved.  Raises Unknown, for a suggested one too."""
    found = segment_named(product, segment_id)
    if found.suggested:
        raise Unknown("unknown_segment", f"{segment_id!r} is a suggested segment and cannot be changed: save your own")
    return found


def _changed(request: AnyRequest, product: RunningProduct, change: Change, why: str) -> ProductConfig:
    running = site_of(request).running
    version = running.change_config(
        product.product_id, lambda before: change(before.config), by=changed_by(request), why=why
    )
    return version.config


def _shown(product: RunningProduct, segment_id: str) -> SegmentAnswer:
    found = segment_named(product, segment_id)
    day = scored_day(product, None)
    return SegmentAnswer(_entry(product, found, day), day, day_complete=False)


def _entry(product: RunningProduct, found: SegmentInfo, day: date) -> SegmentEntry:
    size = segment_size(product, found, day)
    return segment_entry(found, size, text(found.condition), product.config.currency)


# Litestar breaks the first of three handlers of one path where they are not registered together.
SEGMENT_HANDLERS = (
    Router("/", route_handlers=[segments, segment, members, member, history, add, change, drop, preview]),
)
