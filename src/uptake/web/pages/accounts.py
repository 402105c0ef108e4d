"""The list of accounts, and one account."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from uptake.stores.events.base import ListQuery
from uptake.views.accounts import (
    account_events,
    account_named,
    account_traits,
    account_users,
)
from uptake.views.events import events_by_day
from uptake.views.family import family
from uptake.views.summary import account_averages, level_counts
from uptake.web.pages.care import care_of
from uptake.web.pages.ranked import RankedState, listed_in
from uptake.web.pages.render import page
from uptake.web.pages.subject import RECENT, Place, subject_of, told
from uptake.web.pages.visit import PageRequest, Visit, from_path

MOST_USERS = 50
NOBODY: dict[str, str] = {}


@get("/accounts", sync_to_thread=True)
def accounts_page(request: PageRequest) -> Response[str]:
    """The ranked accounts."""
    visit = Visit(request)
    state = RankedState(visit, "account")
    listed = listed_in(state)
    context: dict[str, Any] = {"state": state, "listed": listed, "names": NOBODY}
    if visit.partial:
        return page(visit, "parts/ranked.html", headers={"HX-Push-Url": state.address}, **context)
    averages = account_averages(visit.product, visit.workspace.id, state.day)
    known = sum(level_counts(visit.product, "account", visit.workspace.id, state.day).values())
    volume = list(events_by_day(visit.product).values())
    return page(visit, "accounts.html", averages=averages, known=known, volume=volume, **context)


@get("/accounts/{account:str}", sync_to_thread=True)
def account_page(request: PageRequest, account: FromPath[str]) -> Response[str]:
    """One account: its score over time and why, what was done, its users, traits, segments and family."""
    visit = Visit(request)
    product, workspace_id = visit.product, visit.workspace.id
    place = Place(visit, "account", account_named(product, from_path(account)))
    tracking_id, day = place.tracking_id, place.day
    subject = subject_of(place)
    users = account_users(product, workspace_id, tracking_id, ListQuery(limit=MOST_USERS), day)
    events = account_events(product, tracking_id, most=RECENT)
    return page(
        visit,
        "account.html",
        users=users,
        names={row.tracking_id: row.name for row in users.rows},
        care=care_of(visit, "account", tracking_id),
        family=family(product, workspace_id, tracking_id, day),
        **told(place, subject, account_traits(product, tracking_id), events),
    )
