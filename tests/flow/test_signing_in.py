"""Signing in as a browser does it: the cookie, the links that let somebody in, and one's own account."""

import re

import pytest

from tests.house import House
from tests.visitors import CONSOLE, PASSWORD, person, visiting, visiting_as
from uptake.pipeline.sign_in import Origin
from uptake.stores.meta.audit import AuditQuery
from uptake.web.access import AccessOptions

ANA, BOB = "ana@acme.example", "bob@acme.example"
SCRIPT = '"><script>alert(1)</script>'


def cookie_of(answer) -> str:
    """The session's Set-Cookie header."""
    return next(each for each in answer.headers.get_list("set-cookie") if "uptake_session" in each)


# ---- signing in
def test_who_signs_in_goes_on_where_they_were():
    """The sign-in page keeps the way back; after it the page is open, and signing in again is not asked."""
    with visiting(House()) as visitor:
        person(visitor.house, ANA, "viewer")
        sent = visitor.get("/accounts?q=acme").headers["location"]
        form = visitor.get(sent)
        answer = visitor.sign_in(ANA, next="/accounts?q=acme")

        assert sent == "/sign-in?next=%2Faccounts%3Fq%3Dacme"
        assert 'name="next" value="/accounts?q=acme"' in form.text
        assert (answer.status_code, answer.headers["location"]) == (303, "/accounts?q=acme")
        assert visitor.get("/accounts?q=acme").status_code == 200
        assert visitor.get("/sign-in?next=/users").headers["location"] == "/users"


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "javascript:alert(1)", "/a\tb"]
)
def test_the_way_back_leads_nowhere_else(back):
    """Not to another site, however it is spelled."""
    with visiting(House()) as visitor:
        person(visitor.house, ANA, "viewer")

        assert visitor.sign_in(ANA, next=back).headers["location"] == "/"


def test_the_cookie_is_the_browsers_alone():
    """No script reads it, no other site sends it with a form, and it ends after thirty days."""
    with visiting(House()) as visitor:
        person(visitor.house, ANA, "viewer")
        cookie = cookie_of(visitor.sign_in(ANA))

    assert re.match(r"uptake_session_[0-9a-f]{8}=[\w-]{43};", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Max-Age=2592000" in cookie
    assert "Secure" not in cookie


def test_under_https_cookies_never_travel_in_the_open():
    """With an https UPTAKE_PUBLIC_URL both cookies are Secure and bound to the host."""
    access = AccessOptions(public_url="https://uptake.example.com")
    with visiting(House(), access=access) as visitor:
        person(visitor.house, ANA, "viewer")
        form = visitor.get("/sign-in").headers["set-cookie"]
        token = form.partition("=")[2].partition(";")[0]
        answer = visitor.client.post(
            "/sign-in",
            data={"_csrf_token": token, "email": ANA, "password": PASSWORD},
            headers={"Cookie": form.partition(";")[0]},
            follow_redirects=False,
        )

    for cookie in (form, cookie_of(answer)):
        assert cookie.startswith("__Host-uptake_")
        assert "Secure" in cookie


def test_a_failed_attempt_says_so_and_keeps_the_address():
    """With 401; what was typed as password is not in the page, and the address is shown as text."""
    with visiting(House()) as visitor:
        answer = visitor.sign_in(SCRIPT, "hunter2 hunter2")

    assert answer.status_code == 401
    assert "The e-mail address or the password is not right." in answer.text
    assert "hunter2" not in answer.text
    assert "<script>" not in answer.text
    assert "set-cookie" not in answer.headers


def test_who_guesses_has_to_wait():
    """429 with Retry-After and the wait in words."""
    with visiting(House()) as visitor:
        person(visitor.house, ANA, "viewer")
        answers = [visitor.sign_in(ANA, "wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert "Too many attempts failed: try again in 1 second." in answers[-1].text


def test_every_sign_in_is_another_session():
    """An old text is good until it is ended; a text that somebody else planted never becomes one."""
    with visiting(House()) as visitor:
        person(visitor.house, ANA, "viewer")
        name = visitor.house.access.cookie
        visitor.client.cookies.set(name, "planted")
        first = cookie_of(visitor.sign_in(ANA))
        visitor.leave()
        second = cookie_of(visitor.sign_in(ANA))

    assert "planted" not in first
    assert first.partition(";")[0] != second.partition(";")[0]


def test_signing_out_ends_the_session_and_the_cookie():
    """The text of the session opens nothing any more, also where a browser kept it."""
    with visiting_as(House(), "viewer") as visitor:
        text = visitor.client.cookies[visitor.house.access.cookie]
        answer = visitor.post("/sign-out")
        visitor.client.cookies.set(visitor.house.access.cookie, text)
        after = visitor.get("/accounts")

    assert "Max-Age=0" in cookie_of(answer)
    assert after.status_code == 303


# ---- links
def test_the_first_owner_comes_in_by_the_link_alone():
    """Before there is one the sign-in page says where the link is; the link works once."""
    house = House()
    with visiting(house) as visitor:
        hint = visitor.get("/sign-in").text
        path = "/welcome/" + house.access.people.owner_link("setup")
        page = visitor.get(path)
        short = visitor.post(path, email=ANA, name="Ana", password="short")
        answer = visitor.post(path, email=ANA, name="Ana", password=PASSWORD)
        again = visitor.post(path, email=BOB, name="Bob", password=PASSWORD)

        assert "Nobody owns this installation yet" in hint
        assert "Make Uptake yours" in page.text
        assert short.status_code == 400
        assert 'value="ana@acme.example"' in short.text
        assert answer.status_code == 303
        assert visitor.get("/settings").status_code == 200
        assert again.status_code == 410
        assert "This link is over" in again.text
        assert [each.email for each in house.meta.people.people()] == [ANA]


def test_an_invitation_is_accepted_by_who_opens_it():
    """The page says who invites to what; the address cannot be changed; its product opens."""
    house = House()
    with visiting_as(house, "owner") as visitor:
        path = "/welcome/" + house.access.people.invite(CONSOLE, BOB, "editor", 1)
        visitor.leave()
        page = visitor.get(path)
        answer = visitor.post(path, email="other@acme.example", name=SCRIPT, password=PASSWORD)
        me = visitor.get("/me")

    assert "You are an editor of My product." in page.text
    assert 'value="bob@acme.example"' in page.text
    assert answer.headers["location"] == "/?product=1"
    assert house.meta.people.person_by_email(BOB).roles == {1: "editor"}
    assert house.meta.people.person_by_email("other@acme.example") is None
    assert "<script>" not in me.text


def test_who_is_signed_in_accepts_with_a_button():
    """The role is added and a new session opens; as somebody else the page asks for the password."""
    house = House()
    with visiting_as(house, "viewer", email=BOB) as visitor:
        path = "/welcome/" + house.access.people.invite(CONSOLE, BOB, "admin", 1)
        other = "/welcome/" + house.access.people.invite(CONSOLE, ANA, "admin", 1)
        page = visitor.get(path)
        stolen = visitor.post(other, **{"as": "me"})
        answer = visitor.post(path, **{"as": "me"})

        assert "You are signed in as" in page.text
        assert stolen.status_code == 410
        assert answer.status_code == 303
        assert visitor.get("/me").status_code == 200
    assert house.meta.people.person_by_email(BOB).roles == {1: "admin"}
    assert house.meta.people.person_by_email(ANA) is None


def test_a_link_for_a_new_password_lets_its_owner_in():
    """And ends every other session."""
    house = House()
    with visiting_as(house, "viewer", email=BOB) as visitor:
        old = visitor.client.cookies[house.access.cookie]
        path = "/welcome/" + house.access.people.reset_link(CONSOLE, house.meta.people.person_by_email(BOB).id)
        page = visitor.get(path)
        answer = visitor.post(path, password="a new and better one")

        assert "Choose a new password" in page.text
        assert answer.status_code == 303
        assert house.access.door.standing(old, "") is None
        assert visitor.get("/accounts").status_code == 200


@pytest.mark.parametrize("text", ["x", "x" * 500, "%2e%2e", "%00"])
def test_a_made_up_link_is_over(text):
    """Whatever it is."""
    with visiting(House()) as visitor:
        assert visitor.get(f"/welcome/{text}").status_code in (404, 410)


# ---- my account
def test_a_password_is_changed_by_who_knows_the_old_one():
    """This browser goes on with a new session, any other ends."""
    house = House()
    with visiting_as(house, "viewer") as visitor:
        other = house.access.door.sign_in(ANA, PASSWORD, Origin())
        before = visitor.client.cookies[house.access.cookie]
        wrong = visitor.post("/me", do="password", old="wrong", password="a new and better one")
        short = visitor.post("/me", do="password", old=PASSWORD, password="short")
        good = visitor.post("/me", do="password", old=PASSWORD, password="a new and better one")

        assert (wrong.status_code, short.status_code, good.status_code) == (401, 400, 303)
        assert "The e-mail address or the password is not right" in wrong.text
        assert "A password has at least 12 characters; this one has 5." in short.text
        assert visitor.client.cookies[house.access.cookie] != before
        assert visitor.get("/me?told=password").status_code == 200
        assert house.access.door.standing(other.text, "") is None
        assert house.access.door.standing(before, "") is None


def test_sessions_are_listed_and_ended():
    """This one is marked and cannot be ended here; any other can."""
    house = House()
    with visiting_as(house, "viewer") as visitor:
        house.access.door.sign_in(ANA, PASSWORD, Origin())
        text = visitor.get("/me").text
        [number] = re.findall(r'name="id" value="(\d+)"', text)
        answer = visitor.post("/me", do="session", id=number)
        left = visitor.get("/me").text
        nobodys = visitor.post("/me", do="session", id="999")

    assert text.count("this browser") == 1
    assert answer.headers["location"] == "/me?told=session"
    assert 'name="id"' not in left
    assert nobodys.status_code == 404
    assert house.meta.audit.entries(AuditQuery(limit=1))[0].entry.what == "session_ended"


def test_a_name_is_changed_and_shown():
    """An empty one is refused."""
    house = House()
    with visiting_as(house, "viewer") as visitor:
        empty = visitor.post("/me", do="name", name=" ")
        visitor.post("/me", do="name", name="Ana Alvarez")
        text = visitor.get("/accounts").text

    assert empty.status_code == 400
    assert "Ana Alvarez" in text


def test_in_an_open_house_there_is_no_account():
    """The page says why, and where to sign in."""
    house = House()
    with house.client() as client:
        text = client.get("/me").text

    assert "This installation is open to whoever sits at the machine" in text
    assert "/sign-in" in text
