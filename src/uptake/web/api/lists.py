"""Handlers of the ranked lists, and of the look-up by a match."""

from urllib.parse import urlencode

import msgspec
from litestar import get

from uptake.core.conditions import Condition
from uptake.core.effects import Kind
from uptake.pipeline.product import RunningProduct
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list, account_named
from uptake.views.base import Unknown
from uptake.views.ranking import NumbersPage, find
from uptake.views.segments import segment_named
from uptake.views.users import user_list
from uptake.web.api.params import AccountsAsked, Ranking, UsersAsked, asked, matched
from uptake.web.api.shapes import (
    AccountEntry,
    AccountsAnswer,
    ListLinks,
    Pagination,
    UserEntry,
    UsersAnswer,
    account_fields,
    iso_or_none,
    user_fields,
)
from uptake.web.problems import AnyRequest
from uptake.web.site import product_of

SORTED_BY = {"last_active_at": "last_active_us", "created_at": "created_us"}
"""Names of the API that differ from the fields of `Numbers`."""


@get("/v2/accounts", sync_to_thread=True)
def accounts(request: AnyRequest) -> AccountsAnswer:
    """The accounts of a workspace, ranked by engagement score."""
    product = product_of(request)
    params = asked(request, AccountsAsked)
    query = _query(product, "account", params, params.sort)
    listed = account_list(product, params.workspace_id, query, params.day, revision=params.revision)
    return AccountsAnswer(
        data=[AccountEntry(**account_fields(row, params.workspace_id)) for row in listed.rows],
        pagination=Pagination(params.limit, params.offset, listed.total),
        day=listed.day,
        day_complete=listed.day_complete,
        as_of=iso_or_none(listed.as_of_us),
        links=_links(request, params, listed),
    )


@get("/v2/users", sync_to_thread=True)
def users(request: AnyRequest) -> UsersAnswer:
    """The users of a workspace, ranked by engagement score."""
    product = product_of(request)
    params = asked(request, UsersAsked)
    query = _query(product, "user", params, params.sort)
    if params.account is not None:
        query = msgspec.structs.replace(query, account=account_named(product, params.account))
    listed = user_list(product, params.workspace_id, query, params.day, revision=params.revision)
    return UsersAnswer(
        data=[UserEntry(**user_fields(row, params.workspace_id)) for row in listed.rows],
        pagination=Pagination(params.limit, params.offset, listed.total),
        day=listed.day,
        day_complete=listed.day_complete,
        as_of=iso_or_none(listed.as_of_us),
        links=_links(request, params, listed),
    )


def _query(product: RunningProduct, kind: Kind, params: Ranking, sort: str) -> ListQuery:
    """What the store is asked for; a match keeps the one entry that it finds, or none."""
    match = matched(params.match_type, params.match_value)
    only = None
    if match is not None:
        found = find(product, kind, *match)
        only = () if found is None else (found,)
    return ListQuery(
        sort=SORTED_BY.get(sort, sort),
        descending=params.order == "desc",
        search=params.search or "",
        level=params.level or "",
        where=_within(product, kind, params),
        tracking_ids=only,
        limit=params.limit,
        offset=params.offset,
    )


def _within(product: RunningProduct, kind: Kind, params: Ranking) -> Condition | None:
    """The condition of the segment that the list is narrowed to.  Raises Unknown."""
    if params.segment is None:
        return None
    segment = segment_named(product, params.segment, params.workspace_id)
    if segment.kind != kind:
        raise Unknown("unknown_segment", f"{segment.id!r} is a segment of {segment.kind}s")
    return segment.condition


def _links(request: AnyRequest, params: Ranking, listed: NumbersPage) -> ListLinks:
    return list_links(request, params.limit, params.offset, listed.total)


def list_links(request: AnyRequest, limit: int, offset: int, total: int) -> ListLinks:
    """The addresses of this page and of the ones beside it, with everything else that was asked."""

    def page(start: int) -> str:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("limit", "offset")]
        return f"{request.scope['path']}?{urlencode([*kept, ('limit', limit), ('offset', start)])}"

    following = page(offset + limit) if offset + limit < total else msgspec.UNSET
    previous = page(max(offset - limit, 0)) if offset else msgspec.UNSET
    return ListLinks(page(offset), following, previous)
