"""The list of users, and one user."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from uptake.core.scores import Numbers
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list
from uptake.views.summary import level_counts, product_totals, user_benchmark
from uptake.views.users import user_events, user_named, user_traits
from uptake.web.pages.care import care_of
from uptake.web.pages.ranked import RankedState, listed_in
from uptake.web.pages.render import page
from uptake.web.pages.subject import RECENT, Place, subject_of, told
from uptake.web.pages.visit import PageRequest, Visit, from_path


@get("/users", sync_to_thread=True)
def users_page(request: PageRequest) -> Response[str]:
    """The ranked users."""
    visit = Visit(request)
    state = RankedState(visit, "user")
    listed = listed_in(state)
    context: dict[str, Any] = {"state": state, "listed": listed, "names": account_names(visit, listed.rows)}
    if visit.partial:
        return page(visit, "parts/ranked.html", headers={"HX-Push-Url": state.address}, **context)
    every = level_counts(visit.product, "user", visit.workspace.id, state.day)
    known = sum(every.values())
    return page(
        visit,
        "users.html",
        known=known,
        active=known - every["inactive"],
        benchmark=user_benchmark(visit.product, visit.workspace.id, state.day),
        totals=product_totals(visit.product),
        **context,
    )


@get("/users/{user:str}", sync_to_thread=True)
def user_page(request: PageRequest, user: FromPath[str]) -> Response[str]:
    """One user: the score over time and why, events and traits."""
    visit = Visit(request)
    place = Place(visit, "user", user_named(visit.product, from_path(user)))
    subject = subject_of(place)
    names = account_names(visit, [subject.standing.numbers])
    events = user_events(visit.product, place.tracking_id, most=RECENT)
    traits = user_traits(visit.product, place.tracking_id)
    care = care_of(visit, "user", place.tracking_id)
    return page(visit, "user.html", names=names, care=care, **told(place, subject, traits, events))


def account_names(visit: Visit, users: Sequence[Numbers]) -> dict[str, str]:
    """The names of the accounts that these users are in, by id."""
    wanted = tuple({user.account for user in users if user.account})
    if not wanted:
        return {}
    listed = account_list(visit.product, visit.workspace.id, ListQuery(tracking_ids=wanted, limit=len(wanted)))
    return {row.tracking_id: row.name for row in listed.rows}
