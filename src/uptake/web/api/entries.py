"""Handlers of one account and one user, with expansions and history."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromPath

from uptake.core.days import day_of
from uptake.core.effects import Kind
from uptake.pipeline.product import RunningProduct
from uptake.views.activity import scored_events
from uptake.views.base import Unknown, model_of
from uptake.views.explanation import explain
from uptake.views.insights import Seen, insights
from uptake.views.ranking import History, Standing, find, history, known, standing
from uptake.views.segments import segments_of
from uptake.web.api.params import HistoryAsked, LookupAsked, OneAsked, asked, matched
from uptake.web.api.shapes import (
    Account,
    AccountAnswer,
    FrozenAccount,
    HistoryAnswer,
    LookupAnswer,
    SelfLink,
    User,
    UserAnswer,
    account_fields,
    history_point,
    iso_or_none,
    user_fields,
)
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import product_of


@get("/v2/accounts/{account_id:str}", sync_to_thread=True)
def account(request: AnyRequest, account_id: FromPath[str]) -> AccountAnswer:
    """One account with all its numbers, by its opaque id or else its tracking_id."""
    product = product_of(request)
    params = asked(request, OneAsked)
    found = standing(product, "account", params.workspace_id, known(product, "account", account_id), day=params.day)
    fields = account_fields(found.numbers, found.workspace_id)
    return AccountAnswer(Account(**fields, **_expanded(product, found, params)), _named(params.expand))


@get("/v2/users/{user_id:str}", sync_to_thread=True)
def user(request: AnyRequest, user_id: FromPath[str]) -> UserAnswer:
    """One user with all numbers, by the opaque id or else the tracking_id."""
    product = product_of(request)
    params = asked(request, OneAsked)
    found = standing(product, "user", params.workspace_id, known(product, "user", user_id), day=params.day)
    fields = user_fields(found.numbers, found.workspace_id)
    return UserAnswer(User(**fields, **_expanded(product, found, params)), _named(params.expand))


@get("/v1/accounts", sync_to_thread=True)
def lookup(request: AnyRequest) -> LookupAnswer:
    """One account by its opaque id, or by match_type and match_value: the first version of the read API."""
    product = product_of(request)
    params = asked(request, LookupAsked)
    tracking_id = _looked_up(product, params)
    found = standing(product, "account", params.workspace_id, tracking_id, day=None)
    fields = account_fields(found.numbers, found.workspace_id)
    blocks = _expanded(product, found, OneAsked(expand=params.expand))
    return LookupAnswer(FrozenAccount(**fields, **blocks, expansions=_named(params.expand)))


@get("/v2/accounts/{account_id:str}/history", sync_to_thread=True)
def account_history(request: AnyRequest, account_id: FromPath[str]) -> HistoryAnswer:
    """The account's score and numbers day by day."""
    return _history(request, "account", account_id)


@get("/v2/users/{user_id:str}/history", sync_to_thread=True)
def user_history(request: AnyRequest, user_id: FromPath[str]) -> HistoryAnswer:
    """The user's score and numbers day by day."""
    return _history(request, "user", user_id)


def _looked_up(product: RunningProduct, params: LookupAsked) -> str:
    match = matched(params.match_type, params.match_value)
    if match is None and params.id is None:
        raise Refused("missing_match_parameter", "expected id, or match_type and match_value")
    match_type, match_value = match or ("id", params.id or "")
    found = find(product, "account", match_type, match_value)
    if found is None:
        raise Unknown("unknown_account", f"the product knows no account with {match_type} {match_value!r}")
    return found


def _expanded(product: RunningProduct, found: Standing, params: OneAsked) -> dict[str, Any]:
    """What an entry has beyond the list, and the blocks that were asked for."""
    blocks: dict[str, Any] = {}
    kind, tracking_id = found.numbers.kind, found.numbers.tracking_id
    if "traits" in params.expand:
        traits = product.store.traits(kind, tracking_id)
        wanted = params.traits or traits
        blocks["traits"] = {key: traits[key] for key in wanted if key in traits}
    if "segments" in params.expand:
        blocks["segments"] = segments_of(product, found.workspace_id, found.numbers, found.day)
    if "explanation" in params.expand or "insights" in params.expand:
        asked = (kind, found.workspace_id, tracking_id, found.day)
        told = explain(product, *asked, against=params.against, numbers=found.numbers)
        blocks |= {"explanation": told} if "explanation" in params.expand else {}
        if "insights" in params.expand:
            model = model_of(product, found.workspace_id, found.day)
            blocks["insights"] = insights(Seen(told, found.numbers, model, product.zone))
    done = scored_events(product, kind, found.workspace_id, tracking_id, found.day)
    created_us = found.numbers.created_us
    tenure = None if created_us is None else (found.day - day_of(created_us, product.zone)).days
    return {
        "workspace_id": found.workspace_id,
        "day": found.day,
        "day_complete": found.day_complete,
        "as_of": iso_or_none(found.as_of_us),
        "score_yesterday": found.score_yesterday,
        "score_last_period": found.score_last_period,
        "recently_scored_events": done.recently,
        "overall_scored_events": done.overall,
        "tenure_days": tenure if tenure is not None and tenure >= 0 else None,
        **blocks,
    }


def _named(expand: Sequence[str]) -> list[str]:
    """Each expansion once, in the order asked."""
    return list(dict.fromkeys(expand))


def _history(request: AnyRequest, kind: Kind, some_id: str) -> HistoryAnswer:
    product = product_of(request)
    params = asked(request, HistoryAsked)
    found = history(
        product,
        kind,
        params.workspace_id,
        known(product, kind, some_id),
        first=params.first,
        last=params.last,
        revision=params.revision,
    )
    points = [
        history_point(point, revision, day_complete=point.day < found.today)
        for point, revision in zip(found.points, found.revisions, strict=True)
    ]
    link = _history_link(request, found, params.revision)
    return HistoryAnswer(points, found.workspace_id, found.first, found.last, link)


def _history_link(request: AnyRequest, found: History, revision: int | None) -> SelfLink:
    query: dict[str, int | date] = {"workspace_id": found.workspace_id, "from": found.first, "to": found.last}
    query |= {} if revision is None else {"revision": revision}
    return SelfLink(f"{request.url.path}?{urlencode(query)}")
