"""The handler of use: how far an event or a feature is adopted, and how that went day by day."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import msgspec
from litestar import get
from msgspec import Meta

from uptake.views.base import scored_day
from uptake.views.usage import MOST_DAYS, Adoption, Thing, UsedDay, adoptions, thing_of, used_by_day
from uptake.web.api.operation import Operation
from uptake.web.api.params import Day, Name, WorkspaceId, asked
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import product_of


class UseAsked(msgspec.Struct, kw_only=True):
    """The use of an event or of a feature."""

    workspace_id: Annotated[WorkspaceId | None, Meta(description="Default is the first workspace.")] = None
    event: Annotated[Name | None, Meta(description="The event's name; or else feature.")] = None
    feature: Annotated[Name | None, Meta(description="The feature's name; or else event.")] = None
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS, description="How many days up to `day`.")] = 30
    day: Day | None = None


class UseDay(msgspec.Struct, frozen=True):
    """One day; the percentages are of those who did anything in the workspace's window up to the day."""

    day: date
    times: int
    users: int
    accounts: int
    users_percent: float
    accounts_percent: float


class UseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v2/use`: all the days together, and each by itself.

    active_users, active_accounts: who did anything in the days.  The percentages are of those; the changes are in
    points against as many days before.
    """

    name: str
    events: Sequence[str]
    day: date
    day_complete: bool
    days: int
    times: int
    times_before: int
    users: int
    accounts: int
    active_users: int
    active_accounts: int
    users_percent: float
    accounts_percent: float
    users_percent_change: float
    accounts_percent_change: float
    data: Sequence[UseDay]


@get("/v2/use", sync_to_thread=True)
def use(request: AnyRequest) -> UseAnswer:
    """How far an event or a feature is adopted, and how that went day by day."""
    product = product_of(request)
    params = asked(request, UseAsked)
    if (params.event is None) == (params.feature is None):
        raise Refused("invalid_parameter", "expected either event or feature")
    thing = thing_of(product, event=params.event or "", feature=params.feature or "")
    day = scored_day(product, params.day)
    (adoption,) = adoptions(product, params.workspace_id, [thing], days=params.days, last=day)
    (by_day,) = used_by_day(product, params.workspace_id, [thing], days=params.days, last=day)
    return _answer(thing, adoption, by_day, complete=day < product.today())


def _answer(thing: Thing, adoption: Adoption, by_day: Sequence[UsedDay], *, complete: bool) -> UseAnswer:
    return UseAnswer(
        name=thing.name,
        events=thing.events,
        day=by_day[-1].day,
        day_complete=complete,
        days=len(by_day),
        times=adoption.now.times,
        times_before=adoption.before.times,
        users=adoption.now.users,
        accounts=adoption.now.accounts,
        active_users=adoption.everyone.users,
        active_accounts=adoption.everyone.accounts,
        users_percent=adoption.share("user"),
        accounts_percent=adoption.share("account"),
        users_percent_change=adoption.change("user"),
        accounts_percent_change=adoption.change("account"),
        data=[
            UseDay(
                each.day,
                each.use.times,
                each.use.users,
                each.use.accounts,
                each.share("user"),
                each.share("account"),
            )
            for each in by_day
        ],
    )


USE_OPERATIONS = (
    Operation(
        "/v2/use",
        "getUse",
        "How far an event or a feature is adopted, all days together and day by day",
        UseAnswer,
        UseAsked,
        ("invalid_workspace_id", "unknown_workspace", "invalid_parameter", "unknown_event", "unknown_feature"),
    ),
)
