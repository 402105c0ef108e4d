"""The list of accounts, and one account."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from uptake.stores.events.base import ListQuery
from uptake.views.accounts import (
    account_events,
    account_list,
    account_named,
    account_traits,
    account_users,
)
from uptake.views.events import events_by_day
from uptake.views.family import family
from uptake.views.summary import account_averages, level_counts
from uptake.web.pages.lists import Column, ListState
from uptake.web.pages.render import page
from uptake.web.pages.subject import RECENT, Place, subject_of, told
from uptake.web.pages.visit import PageRequest, Visit, from_path

SCORE_HELP = "1 to 100 on the workspace's curve; 90 is what the top tenth reaches"
FREQUENCY_HELP = "Days with a scored event in the window"
ADOPTION_HELP = "Share of the scored events done at least once in the window"
MOST_USERS = 50
COLUMNS = (
    Column("Account", "name", rising=True),
    Column("Score", "score", "num", SCORE_HELP),
    Column("Change", "score_change", "num", "Against one window earlier"),
    Column("Level", "level", "wide"),
    Column("Users", "active_users", "num wide", "Active in the window, of all within 90 days"),
    Column("Frequency", "frequency", "num wide", FREQUENCY_HELP),
    Column("Adoption", "adoption", "num wide", ADOPTION_HELP),
    Column("Last active", "last_active_us", "num wide"),
)


@get("/accounts", sync_to_thread=True)
def accounts_page(request: PageRequest) -> Response[str]:
    """The ranked accounts."""
    visit = Visit(request)
    state = ListState(visit, COLUMNS, noun="accounts")
    listed = account_list(visit.product, visit.workspace.id, state.query)
    counts = level_counts(visit.product, "account", visit.workspace.id, search=state.search)
    state.total = listed.total
    state.count_levels(counts)
    context: dict[str, Any] = {"state": state, "listed": listed}
    if visit.partial:
        return page(visit, "parts/account_list.html", headers={"HX-Push-Url": state.address}, **context)
    averages = account_averages(visit.product, visit.workspace.id)
    every = counts if not state.search else level_counts(visit.product, "account", visit.workspace.id)
    volume = list(events_by_day(visit.product).values())
    return page(visit, "accounts.html", averages=averages, known=sum(every.values()), volume=volume, **context)


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
        family=family(product, workspace_id, tracking_id, day),
        **told(place, subject, account_traits(product, tracking_id), events),
    )
