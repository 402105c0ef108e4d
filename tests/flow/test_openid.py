"""Signing in by a real OpenID provider: PKCE, state and nonce hold, and groups become roles."""

import base64
import time
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests.house import House
from tests.openid import SECRET, openid_provider
from tests.visitors import CONSOLE, Visitor, person, visiting
from uptake.core.config import ProductConfig
from uptake.pipeline.provided import Begun, Grant, ProviderOptions
from uptake.stores.meta.audit import AuditQuery
from uptake.web.access import AccessOptions

pytestmark = pytest.mark.node

ANA = "ana@acme.example"
BACK = "http://127.0.0.1:8000/sign-in/provider/back"
GRANTS = (Grant("staff", "viewer"), Grant("analysts", "editor", 1), Grant("ops", "owner"))


@pytest.fixture(scope="module")
def provider(node, node_modules, tmp_path_factory):
    with openid_provider(node, tmp_path_factory.mktemp("openid"), BACK) as made:
        yield made


def claims(*groups, email=ANA, **more):
    return {"email": email, "email_verified": True, "name": "Ana Alvarez", "groups": groups, **more}


@pytest.fixture
def house():
    """Two products, on the provider's clock."""
    made = House()
    made.now_us = time.time_ns() // 1000
    made.running.create_product(ProductConfig(product="Other"), by="test")
    return made


def with_provider(provider, **options):
    """Access by the provider, with roles by group unless the options say otherwise."""
    fields = {"role_claim": "groups", "grants": GRANTS, "name": "Acme ID", "client_secret": SECRET, **options}
    return AccessOptions(provider=ProviderOptions(provider.issuer, "uptake", **fields))


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def go(visitor: Visitor, provider, name="ana", *, back="/accounts"):
    """Sign in by the provider; the app's answer."""
    there = visitor.get(f"/sign-in/provider?next={back}")
    assert there.status_code == 303, there.text
    return visitor.get(path_of(provider.sign_in(there.headers["location"], name)))


def tampered(visitor: Visitor, **fields):
    """Change what the browser keeps while it is at the provider."""
    name = visitor.house.access.cookie.replace("session", "provider")
    text = visitor.client.cookies[name]
    begun = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Begun)
    changed = msgspec.structs.replace(begun, **fields)
    visitor.client.cookies.set(name, base64.urlsafe_b64encode(msgspec.json.encode(changed)).decode().rstrip("="))


def last(house):
    return house.meta.audit.entries(AuditQuery(limit=1))[0].entry


def test_who_the_provider_knows_gets_the_roles_of_their_groups(provider, house):
    """A person is made with name and address, comes in where they wanted to, and has no password."""
    provider.says(ana=claims("staff", "analysts"))
    with visiting(house, access=with_provider(provider)) as visitor:
        page = visitor.get("/sign-in").text
        answer = go(visitor, provider, back="/accounts?q=acme")
        accounts = visitor.get("/accounts")

    [ana] = house.meta.people.people()
    assert "Continue with Acme ID" in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts?q=acme")
    assert accounts.status_code == 200
    assert (ana.email, ana.name, ana.roles, ana.owner) == (ANA, "Ana Alvarez", {1: "editor", 2: "viewer"}, False)
    assert not ana.has_password
    assert (last(house).what, last(house).about) == ("sign_in", "by the sign-in provider")


def test_what_is_asked_of_the_provider_is_bound_to_the_browser(provider, house):
    """The request carries a challenge, a state and a nonce, each new every time; the verifier stays here."""
    with visiting(house, access=with_provider(provider)) as visitor:
        asked = [parse_qs(urlsplit(visitor.get("/sign-in/provider").headers["location"]).query) for _ in range(2)]
        cookie = visitor.get("/sign-in/provider").headers["set-cookie"]

    for each in asked:
        assert each["response_type"] == ["code"]
        assert each["code_challenge_method"] == ["S256"]
        assert len(each["code_challenge"][0]) == 43
        assert "code_verifier" not in each
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert "HttpOnly" in cookie
    assert "Max-Age=600" in cookie


def test_groups_decide_anew_at_every_sign_in(provider, house):
    """A role that the provider took is gone, ownership is given and not taken, and it is all told."""
    with visiting(house, access=with_provider(provider)) as visitor:
        provider.says(ana=claims("staff", "ops"))
        go(visitor, provider)
        first = house.meta.people.person_by_email(ANA)
        provider.says(ana=claims("analysts"))
        visitor.leave()
        go(visitor, provider)

    second = house.meta.people.person_by_email(ANA)
    changed = house.meta.audit.entries(AuditQuery(what="role_changed"))[0].entry
    assert (first.roles, first.owner) == ({1: "viewer", 2: "viewer"}, True)
    assert (second.roles, second.owner) == ({1: "editor"}, True)
    assert (changed.before, changed.after) == (
        "owner, viewer of product 1, viewer of product 2",
        "owner, editor of product 1",
    )


@pytest.mark.parametrize(
    ("says", "options", "told"),
    [
        (claims("strangers"), {}, "no group of yours has a role here"),
        (claims("staff", email_verified=False), {}, "has not verified your e-mail address"),
        (claims("staff", email_verified=None), {}, "has not verified your e-mail address"),
        (claims("staff", email=""), {}, "tells no e-mail address"),
        (claims("staff", email="ana@evil.example"), {"domains": ("acme.example",)}, "of this domain may not sign in"),
        (claims("staff"), {"grants": ()}, "nobody has invited you"),
    ],
)
def test_who_may_not_come_in_is_told_why(provider, house, says, options, told):
    """Nobody is made, no session opens, and the attempt is in the log."""
    provider.says(ana=says)
    with visiting(house, access=with_provider(provider, **options)) as visitor:
        answer = go(visitor, provider)
        after = visitor.get("/accounts")

    assert answer.status_code == 403
    assert told in answer.text.lower()
    assert after.status_code == 303
    assert house.meta.people.people() == []
    assert last(house).what == "sign_in_failed"


def test_an_invitation_is_enough_where_no_roles_are_mapped(provider, house):
    """Whoever has the invited address, verified, comes in with its role; the link is used up."""
    provider.says(ana=claims())
    with visiting(house, access=with_provider(provider, grants=())) as visitor:
        link = house.access.people.invite(CONSOLE, ANA, "admin", 2)
        answer = go(visitor, provider)
        over = visitor.get(f"/welcome/{link}")

    assert answer.status_code == 303
    assert house.meta.people.person_by_email(ANA).roles == {2: "admin"}
    assert over.status_code == 410


def test_who_is_known_by_their_address_is_the_same_person(provider, house):
    """They keep their roles and their password; somebody else at the provider with that address does not get in."""
    provider.says(ana=claims(), other=claims())
    with visiting(house, access=with_provider(provider, grants=())) as visitor:
        person(house, ANA, "editor")
        first = go(visitor, provider)
        visitor.leave()
        stolen = go(visitor, provider, "other")
        visitor.leave()
        again = visitor.sign_in(ANA)

    [ana] = house.meta.people.people()
    assert (first.status_code, stolen.status_code, again.status_code) == (303, 403, 303)
    assert ana.roles == {1: "editor"}
    assert ana.subject == f"{provider.issuer} ana"
    assert "Somebody else at the provider has this address here" in stolen.text


def test_who_is_kept_out_stays_out(provider, house):
    """Whatever their groups are."""
    provider.says(ana=claims("staff"))
    with visiting(house, access=with_provider(provider)) as visitor:
        go(visitor, provider)
        house.access.people.put_disabled(CONSOLE, house.meta.people.person_by_email(ANA).id, disabled=True)
        visitor.leave()
        answer = go(visitor, provider)

    assert answer.status_code == 403
    assert "you are kept out" in answer.text.lower()


@pytest.mark.parametrize("field", ["state", "nonce", "verifier"])
def test_what_another_browser_began_is_refused(provider, house, field):
    """A code that was stolen or planted is worth nothing without the state, nonce and verifier that it belongs to."""
    provider.says(ana=claims("staff"))
    with visiting(house, access=with_provider(provider)) as visitor:
        there = visitor.get("/sign-in/provider").headers["location"]
        came_back = path_of(provider.sign_in(there, "ana"))
        tampered(visitor, **{field: "x" * 43})
        answer = visitor.get(came_back)

    assert answer.status_code == 403
    assert house.meta.people.people() == []
    if field == "verifier":
        assert "invalid_grant" in answer.text


def test_a_code_is_good_once_and_in_its_browser_alone(provider, house):
    """Without the cookie, and a second time, it is refused."""
    provider.says(ana=claims("staff"))
    with visiting(house, access=with_provider(provider)) as visitor:
        there = visitor.get("/sign-in/provider").headers["location"]
        came_back = path_of(provider.sign_in(there, "ana"))
        kept = dict(visitor.client.cookies)
        visitor.leave()
        without = visitor.get(came_back)
        visitor.client.cookies.update(kept)
        first = visitor.get(came_back)
        visitor.client.cookies.update(kept)
        again = visitor.get(came_back)

    assert (without.status_code, first.status_code, again.status_code) == (403, 303, 403)


def test_who_declines_comes_back_to_the_sign_in_page(provider, house):
    """With what the provider said; the way back leads nowhere else."""
    with visiting(house, access=with_provider(provider)) as visitor:
        there = visitor.get("/sign-in/provider?next=https://evil.example").headers["location"]
        [state] = parse_qs(urlsplit(there).query)["state"]
        answer = visitor.get(f"/sign-in/provider/back?error=access_denied&state={state}")

    assert answer.status_code == 403
    assert "access_denied" in answer.text
    assert 'name="next"' not in answer.text
    assert "evil.example" not in answer.text


def test_without_a_provider_there_is_no_such_page(house):
    """404, and nothing on the sign-in page."""
    with visiting(house) as visitor:
        assert visitor.get("/sign-in/provider").status_code == 404
        assert visitor.get("/sign-in/provider/back").status_code == 404
        assert "Continue with" not in visitor.get("/sign-in").text


def test_a_provider_that_is_away_is_said(house):
    """502 on the sign-in page, which goes on to work for passwords."""
    options = ProviderOptions("http://127.0.0.1:9", "uptake")
    with visiting(house, access=AccessOptions(provider=options)) as visitor:
        person(house, ANA, "viewer")
        answer = visitor.get("/sign-in/provider")

        assert answer.status_code == 502
        assert "cannot be reached" in answer.text
        assert visitor.sign_in(ANA).status_code == 303
