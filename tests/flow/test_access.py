"""Who gets in, and where: every route of the app asked by nobody, by each role and by another tenant."""

import re

import pytest
from litestar.routes import HTTPRoute

from tests.house import CLOSED, OPEN, House
from tests.visitors import CONSOLE, PART, person, visiting, visiting_as
from uptake.core.config import ProductConfig, Workspace
from uptake.stores.meta.audit import AuditQuery
from uptake.web.access import AccessOptions
from uptake.web.routes import ROUTES

ANA = "ana@acme.example"
APP = [route for route in ROUTES if route.part == "app" and not route.path.startswith(("/static", "/favicon"))]
GUARDED = [route for route in APP if route.permission != "public"]
ROLES = ("viewer", "editor", "admin", "owner")
SECRET_NAME = "Bob's secret product"


def house_of_two() -> House:
    """Two products of two tenants, each with an account."""
    house = House()
    house.group("ana", "acme", name="Acme")
    house.settle()
    house.running.create_product(ProductConfig(product=SECRET_NAME, workspaces=(Workspace("Hidden", 9),)), by="test")
    return house


def path_of(route) -> str:
    return re.sub(r"{\w+}", "acme", route.path)


def ask(visitor, route, *, headers=None, query=""):
    """Ask a route as a browser would, with the token of a form."""
    if route.method == "GET":
        return visitor.get(path_of(route) + query, headers=headers or {})
    return visitor.post(path_of(route) + query, headers=headers)


def state_of(house):
    """What must not change."""
    return house.meta.revision(), len(house.meta.audit.kept), house.meta.people.people(), house.meta.people.links()


# ---- the route table
def test_every_page_says_what_it_needs():
    """What is served needs what the table says, and only signing in and links are open to everybody."""
    house = House()
    with house.client():
        served = {
            (method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path)): handler
            for route in house.app.site.site.routes
            if isinstance(route, HTTPRoute)
            for method, (handler, _) in route.route_handler_map.items()
        }

    needs = {(route.method, route.path): served[route.method, route.path].opt.get("needs") for route in APP}
    assert needs == {(route.method, route.path): route.permission for route in APP}
    assert all(served[route.method, route.path].resolve_guards() for route in APP)
    assert {route.path for route in APP if route.permission == "public"} == {
        "/sign-in",
        "/sign-in/provider",
        "/sign-in/provider/back",
        "/welcome/{text}",
    }
    assert len(GUARDED) > 25
    assert {route.permission for route in APP if route.method == "POST"} <= {
        "public",
        "person",
        "viewer",
        "editor",
        "admin",
    }


def test_nobody_is_taken_to_the_sign_in_page():
    """From every page and every form, with the way back; a part of a page is answered with 401 and takes its page."""
    house = house_of_two()
    with visiting(house) as visitor:
        person(house, ANA, "owner")
        for route in GUARDED:
            before = state_of(house)
            whole, part = ask(visitor, route), ask(visitor, route, headers=PART)

            assert whole.status_code == 303, route
            assert whole.headers["location"].startswith("/sign-in"), route
            assert part.status_code == 401, route
            assert part.headers["hx-redirect"].startswith("/sign-in"), route
            assert "Your session has ended" in part.text, route
            assert "<html" not in part.text, route
            assert state_of(house) == before, route


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_is_its_own_and_nothing_else(role):
    """A page that needs more is answered with 403, in words, and changes nothing; any other is opened."""
    house = house_of_two()
    with visiting_as(house, role) as visitor:
        for route in GUARDED:
            if route.path == "/sign-out":
                continue
            before = state_of(house)
            answer = ask(visitor, route)
            rank = -1 if route.permission == "person" else ROLES.index(route.permission)

            if rank > ROLES.index(role):
                assert answer.status_code == 403, route
                assert "You may not do this" in answer.text, route
                assert f"you are {'an' if role == 'editor' else 'a'}" in answer.text, route
                assert state_of(house) == before, route
            else:
                assert answer.status_code not in (401, 403, 500), route


def test_a_viewer_changes_nothing_at_all():
    """Not by any form, whatever it says."""
    house = house_of_two()
    with visiting_as(house, "viewer") as visitor:
        before = state_of(house)
        for route in APP:
            if route.method == "POST" and route.permission not in ("public", "person"):
                for do in ("", "switch", "rotate", "delete", "save", "invite", "create"):
                    answer = visitor.post(path_of(route), do=do, name="Track Calls", to="off")
                    assert answer.status_code == 403 or route.permission == "viewer", route

        assert state_of(house) == before


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_another_tenants_product_is_not_there(role):
    """On every route 404, in the words of a product that does not exist; its name stands nowhere."""
    house = house_of_two()
    with visiting_as(house, role) as visitor:
        for route in GUARDED:
            if route.permission == "person":
                continue
            theirs, nobodys = ask(visitor, route, query="?product=2"), ask(visitor, route, query="?product=77")

            assert (theirs.status_code, nobodys.status_code) == (404, 404), route
            assert theirs.text.replace("product 2", "product 77") == nobodys.text, route
            assert SECRET_NAME not in theirs.text, route


def test_the_first_product_of_a_person_may_be_any():
    """Who has a role in the second product alone lands there, and every link stays there; the first is not shown."""
    house = house_of_two()
    with visiting_as(house, "viewer", product_id=2) as visitor:
        text = visitor.get("/accounts").text
        first = visitor.get("/accounts?product=1")

    links = re.findall(r'href="(/(?:accounts|users|events|live|settings)[^"]*)"', text)
    assert "Bob&#39;s secret product" in text
    assert "My product" not in text
    assert links
    assert all("product=2" in link for link in links)
    assert first.status_code == 404


def test_who_has_no_role_sees_nothing():
    """A person whose last role was taken is told so, and can sign out."""
    house = house_of_two()
    with visiting_as(house, "viewer") as visitor:
        ana = house.meta.people.person_by_email(ANA)
        house.access.people.put_role(CONSOLE, ana.id, 1, None)
        signed_out = visitor.get("/accounts")
        visitor.sign_in(ANA)
        answer = visitor.get("/accounts")
        out = visitor.post("/sign-out")

    assert signed_out.status_code == 303
    assert answer.status_code == 403
    assert "You have no role in any product" in answer.text
    assert out.headers["location"] == "/sign-in?told=out"


def test_the_api_asks_for_keys_and_no_person():
    """A session opens no API, and a key opens no page."""
    house = house_of_two()
    with visiting_as(house, "owner") as visitor:
        assert visitor.get("/v2/status").status_code == 401
        visitor.leave()
        token = house.token("manage")
        assert visitor.get("/v2/status", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert visitor.get("/accounts", headers={"Authorization": f"Bearer {token}"}).status_code == 303


# ---- the open house
@pytest.mark.parametrize(
    ("address", "headers", "open_"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("192.0.2.1", {}, False),
        ("testclient", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("127.0.0.1", {"Host": "uptake.example.com"}, False),
    ],
)
def test_an_open_house_is_open_to_this_machine_alone(address, headers, open_):
    """Whoever comes from elsewhere, through a proxy or by another name has to sign in."""
    with visiting(house_of_two(), access=OPEN, address=address, allowed_hosts=("uptake.example.com",)) as visitor:
        assert visitor.get("/accounts", headers=headers).status_code == (200 if open_ else 303)


def test_a_house_is_closed_unless_it_is_said_to_be_open():
    """Also to this machine."""
    with visiting(house_of_two(), access=CLOSED, address="127.0.0.1") as visitor:
        assert visitor.get("/accounts").status_code == 303


# ---- forms
def test_a_form_from_another_site_is_refused():
    """Even with a good token: browsers say where a form was sent from."""
    house = house_of_two()
    with visiting_as(house, "editor") as visitor:
        fields = {"do": "copy", "name": "Track Calls"}
        cross = visitor.post("/destination", headers={"Sec-Fetch-Site": "cross-site"}, **fields)
        sibling = visitor.post("/destination", headers={"Sec-Fetch-Site": "same-site"}, **fields)
        own = visitor.post("/destination", headers={"Sec-Fetch-Site": "same-origin"}, **fields)

    assert (cross.status_code, sibling.status_code, own.status_code) == (403, 403, 303)
    assert "Another site sent this" in cross.text
    assert len(house.product.config.destination.mappings) == 6


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/me", "/welcome/x"])
def test_a_form_without_its_token_is_refused(path):
    """Those of the door too."""
    with visiting_as(house_of_two(), "owner") as visitor:
        assert visitor.client.post(path, data={"do": "others"}, follow_redirects=False).status_code == 403


def test_what_is_changed_is_told_with_who_did_it():
    """The version and the audit log name the person."""
    house = house_of_two()
    with visiting_as(house, "editor") as visitor:
        visitor.post("/destination", do="copy", name="Track Calls")

    assert house.product.version.by == ANA
    assert house.meta.audit.entries(AuditQuery(what="config_changed"))[0].entry.by == ANA


def test_ingest_keys_are_shown_to_who_may_send():
    """A viewer sees the page without the key: with it anybody could send calls."""
    house = house_of_two()
    key, text = house.meta.create_key(1, "ingest", name="web", now_us=1)

    def shown(role):
        with visiting_as(house, role, email=f"{role}@acme.example") as visitor:
            return [text in visitor.get(path).text for path in ("/start", "/destination")]

    assert key.secret == text
    assert shown("viewer") == [False, False]
    assert shown("editor") == [True, True]


# ---- machines
def test_metrics_are_for_this_machine_or_for_who_has_the_token():
    """A wrong token, none, or none set opens nothing from elsewhere."""
    token = "a metrics token of 32 characters"
    with visiting(house_of_two(), metrics_token=token) as visitor:
        bearer = {"Authorization": f"Bearer {token}"}
        wrong = {"Authorization": "Bearer x"}
        answers = [visitor.get("/metrics", headers=headers).status_code for headers in ({}, bearer, wrong)]
        rest = [visitor.get(path).status_code for path in ("/healthz", "/readyz", "/openapi.json")]
    with visiting(house_of_two()) as visitor:
        unset = visitor.get("/metrics", headers={"Authorization": "Bearer "}).status_code
    with visiting(house_of_two(), address="127.0.0.1") as visitor:
        local = visitor.get("/metrics").status_code
        proxied = visitor.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code

    assert answers == [401, 200, 401]
    assert rest == [200, 200, 200]
    assert (unset, local, proxied) == (401, 200, 401)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.5, 192.0.2.1", "192.0.2.1"),
        ("203.0.113.5, 192.0.2.1, 10.0.0.9", "192.0.2.1"),
        ("<script>", ""),
        ("", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(forwarded, address):
    """The last address that none of them vouches for; what they make up is none; others are not heard at all."""
    trusting = AccessOptions(trusted_proxies=("10.0.0.0/8",))
    house = house_of_two()

    def told(**options):
        with visiting(house, **options) as visitor:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            visitor.client.headers.update(headers)
            visitor.sign_in(ANA)
        return house.meta.audit.entries(AuditQuery(what="sign_in_failed", limit=1))[0].entry.address

    assert told(access=trusting, address="10.0.0.1") == address
    assert told(access=trusting, address="198.51.100.1") == "198.51.100.1"
    assert told(access=CLOSED, address="10.0.0.1") == "10.0.0.1"
