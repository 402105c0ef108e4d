"""What pages offer: a reader is shown no link and no form that would then be refused."""

import re
from collections import Counter
from html import unescape

import msgspec
import pytest

from tests.house import House
from tests.visitors import visiting_as
from uptake.core.config import Feature, Filter, ProductConfig, Segment, Workspace
from uptake.web.pages.needs import Need
from uptake.web.routes import ROUTES

RANKS: dict[Need, int] = {"public": 0, "person": 0, "viewer": 1, "editor": 2, "admin": 3, "owner": 4}
APP = [route for route in ROUTES if route.part == "app"]
MOST_OF_A_ROUTE = 3
FILTERS = {"/destination/filters/{name}"}


def house_with_everything() -> House:
    """A product with something on every page."""
    config = ProductConfig(
        features=(Feature("Reporting", events=("Report_Created",)),),
        workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}), Workspace("Monthly", 2, window_days=30)),
        segments=(Segment("Big", "account", "Engagement", id=1, where='account.plan = "pro"'),),
    )
    drop = Filter("Internal", "drop", 'type = "track" and event = "Internal"')
    destination = msgspec.structs.replace(config.destination, filters=(drop,))
    house = House(msgspec.structs.replace(config, destination=destination))
    for user, account in (("ana", "acme"), ("bob", "bob-inc")):
        house.group(user, account, name=account.title(), plan="pro")
        house.identify(user, name=user.title())
        house.track(user, "Report_Created", times=3)
        house.track(user, "Opened", day=10)
    house.settle()
    return house


def route_of(method: str, address: str):
    """The route of the table that an address belongs to; the one with the fewest placeholders."""
    path = address.partition("?")[0].partition("#")[0]
    fits = [
        route
        for route in APP
        if route.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path.replace(".", r"\.")), path)
    ]
    return min(fits, key=lambda route: route.path.count("{"), default=None)


def offers(text: str):
    """Method and address of every link, form and htmx request of a page."""
    for tag in re.findall(r"<(?:a|form|button|input|select|div|section|tr|td|tbody|article)\b[^>]*>", text):
        attributes = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if href := attributes.get("href"):
            yield "GET", href
        if tag.startswith("<form"):
            yield attributes.get("method", "get").upper(), attributes.get("action", "")
        for method in ("get", "post"):
            if address := attributes.get(f"hx-{method}"):
                yield method.upper(), address
        if address := attributes.get("formaction"):
            yield "POST", address


class Walk:
    """Follows what pages offer to a reader, a few addresses of each route."""

    def __init__(self, visitor, role: str) -> None:
        self.visitor, self.rank = visitor, RANKS[role]
        self.refused: set[tuple[str, str, str]] = set()
        self.seen: Counter = Counter()
        self._todo, self._known = ["/"], {"/"}

    def to_the_end(self) -> None:
        """Until nothing new is offered."""
        while self._todo:
            page = self._todo.pop(0)
            answer = self.visitor.get(page)
            if answer.is_redirect:
                self._offered("GET", answer.headers["location"], page)
            for method, address in offers(answer.text):
                self._offered(method, address or page, page)

    def _offered(self, method: str, address: str, page: str) -> None:
        route = route_of(method, address)
        if route is None or not address.startswith("/"):
            return
        if RANKS[route.permission] > self.rank:
            self.refused.add((method, route.path, "on " + page.partition("?")[0]))
        elif method == "GET" and address not in self._known and self.seen[route.path] < MOST_OF_A_ROUTE:
            self.seen[route.path] += 1
            self._known.add(address)
            self._todo.append(address)


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_no_page_offers_what_it_would_refuse(role):
    """From the first page on, links of every kind are followed: each may be opened, and each form may be sent."""
    with visiting_as(house_with_everything(), role) as visitor:
        walk = Walk(visitor, role)
        walk.to_the_end()

    assert {"/accounts/{account}", "/destination/mappings/{name}", "/settings", "/me"} | FILTERS <= set(walk.seen)
    assert sorted(walk.refused) == []
