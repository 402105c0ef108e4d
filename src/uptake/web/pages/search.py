"""Search over everything that has a name: accounts, users, events and the pages themselves."""

import msgspec
from litestar import Response, get

from uptake.core.effects import Kind
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list
from uptake.views.events import event_list
from uptake.views.segments import segment_list
from uptake.views.users import user_list
from uptake.web.pages.render import page
from uptake.web.pages.visit import NAV, PageRequest, Visit

MOST_HITS = 6
PAGES = (*((item.label, item.path) for item in NAV), ("Send calls", "/start"))


class Hit(msgspec.Struct, frozen=True):
    """One result: where it leads, its name, a note beside it, and a number at the end."""

    href: str
    label: str
    note: str = ""
    end: str = ""


class Group(msgspec.Struct, frozen=True):
    """Results of one kind."""

    label: str
    icon: str
    hits: list[Hit]


@get("/search", sync_to_thread=True)
def search_page(request: PageRequest) -> Response[str]:
    """What has the words in its name, id or e-mail; without words, the pages."""
    visit = Visit(request)
    query = request.query_params.get("q", "").strip()[:200]
    named = [Hit(visit.link(path), label) for label, path in PAGES if query.lower() in label.lower()]
    groups = [Group("Go to", "page", named)]
    if query:
        accounts, users = _ranked(visit, "account", query), _ranked(visit, "user", query)
        groups = [
            Group("Accounts", "accounts", accounts),
            Group("Users", "users", users),
            Group("Events", "events", _events(visit, query)),
            Group("Features", "features", _features(visit, query)),
            Group("Segments", "segments", _segments(visit, query)),
            *groups,
        ]
    return page(visit, "parts/results.html" if visit.partial else "search.html", groups=groups, query=query)


def _ranked(visit: Visit, kind: Kind, query: str) -> list[Hit]:
    asked = ListQuery(search=query, limit=MOST_HITS)
    ask, path = (account_list, "/accounts") if kind == "account" else (user_list, "/users")
    return [
        Hit(visit.link(path, row.tracking_id), row.name, row.email or row.tracking_id, f"{row.score}")
        for row in ask(visit.product, visit.workspace.id, asked).rows
    ]


def _events(visit: Visit, query: str) -> list[Hit]:
    found = [
        each for each in event_list(visit.product, visit.workspace.id, of=()) if query.lower() in each.event.lower()
    ]
    return [
        Hit(visit.link("/events", each.event), each.event, each.feature, f"{each.times:,}")
        for each in found[:MOST_HITS]
    ]


def _features(visit: Visit, query: str) -> list[Hit]:
    found = [each for each in visit.product.config.features if query.lower() in each.name.lower()]
    return [Hit(visit.link("/features", each.name), each.name, each.description) for each in found[:MOST_HITS]]


def _segments(visit: Visit, query: str) -> list[Hit]:
    every = segment_list(visit.product, visit.workspace.id)
    found = [each for each in every if query.lower() in each.name.lower()]
    return [Hit(visit.link(f"/segments/{each.id}"), each.name, f"{each.kind}s") for each in found[:MOST_HITS]]
