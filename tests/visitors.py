"""People with browsers, for tests of the app: they sign in, keep cookies, and post forms as a page gave them."""

import re
from contextlib import contextmanager
from html import unescape

from tests.house import CLOSED, House
from uptake.pipeline.standing import Standing

PASSWORD = "correct horse battery"
CONSOLE = Standing("command line", owner=True)
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Visitor:
    """Somebody with a browser."""

    def __init__(self, client, house: House) -> None:
        self.client, self.house = client, house

    def get(self, path, **more):
        """Open an address; redirects are not followed."""
        return self.client.get(path, follow_redirects=False, **more)

    def post(self, path, *, headers=None, **fields):
        """Post fields with the token that forms of this server carry."""
        data = {"_csrf_token": self.token(), **fields}
        return self.client.post(path, data=data, headers=headers or {}, follow_redirects=False)

    def token(self):
        """What a form sends back: the same as its cookie says."""
        self.get("/sign-in")
        return next(cookie.value for cookie in self.client.cookies.jar if "uptake_form_" in cookie.name)

    def sign_in(self, email, password=PASSWORD, **fields):
        """Sign in; the answer."""
        return self.post("/sign-in", email=email, password=password, **fields)

    def leave(self):
        """Lose every cookie."""
        self.client.cookies.clear()


@contextmanager
def visiting(house: House, **options):
    """A visitor of the house, whom nobody knows yet."""
    with house.client(token="", **{"access": CLOSED, "address": "198.51.100.7", **options}) as client:
        yield Visitor(client, house)


@contextmanager
def visiting_as(house: House, role: str, *, email="ana@acme.example", product_id=1, **options):
    """A visitor who is signed in with a role in a product."""
    with visiting(house, **options) as visitor:
        person(house, email, role, product_id)
        assert visitor.sign_in(email).status_code == 303
        yield visitor


def person(house: House, email: str, role: str, product_id=1):
    """Somebody who may sign in."""
    owner = role == "owner"
    return house.access.people.create(
        CONSOLE, email, PASSWORD, role=None if owner else role, product_id=None if owner else product_id
    )


def link_in(text: str) -> str:
    """The path of the link that a page shows."""
    return re.search(r"(/welcome/[\w-]+)", unescape(text))[1]
