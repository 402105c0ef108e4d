"""What is believed of a provider: only what it signed itself, for us, now, in answer to this very question."""

import base64
import json
import subprocess
import sys
import time

import httpx
import pytest
from joserfc import jwk, jwt

from uptake.core.errors import UptakeError
from uptake.pipeline.openid import Provider
from uptake.pipeline.provided import Begun, ProviderOptions

ISSUER, SECRET = "https://login.example.com", "a secret of the client"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
BEGUN = Begun("state", "nonce", "verifier", "/accounts")
ANSWER = {"state": "state", "code": "code"}
NOW_S = int(time.time())
CLAIMS = {
    "iss": ISSUER,
    "aud": "uptake",
    "sub": "7",
    "iat": NOW_S,
    "exp": NOW_S + 300,
    "nonce": "nonce",
    "email": "Ana@Acme.example",
    "email_verified": True,
    "groups": "staff",
}
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "userinfo_endpoint": f"{ISSUER}/me",
}


class FakeProvider:
    """Answers as it is told to."""

    def __init__(self, token, *, discovery=DISCOVERY, me=None, keys=(KEY,)):
        self.token, self.discovery, self.keys = token, discovery, list(keys)
        self.me = {"sub": "7"} if me is None else me
        self.asked = []

    def __call__(self, request):
        self.asked.append((request.url.path, request))
        if request.url.path == "/keys":
            return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})
        told = {
            "/.well-known/openid-configuration": self.discovery,
            "/token": {"id_token": self.token, "access_token": "access"},
            "/me": self.me,
        }[request.url.path]
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)


def signed(key=KEY, alg="RS256", **changes):
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "one"}, claims, key, algorithms=[alg])


def unsigned():
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(CLAIMS)}."


def provider(fake, **options):
    fields = {"client_secret": SECRET, "role_claim": "groups", **options}
    return Provider(
        ProviderOptions(ISSUER, "uptake", **fields),
        lambda: NOW_S * 1_000_000,
        transport=httpx.MockTransport(fake),
    )


def refused(fake, answer=ANSWER, **options):
    """The code with which it is refused."""
    with pytest.raises(UptakeError) as caught:
        provider(fake, **options).finish(BEGUN, answer, "https://uptake.example.com/back")
    return caught.value.code


def test_a_good_answer_says_who_it_is():
    """The code is exchanged with secret and verifier; an address comes in lower case, one group as a list of one."""
    fake = FakeProvider(signed())

    found = provider(fake).finish(BEGUN, ANSWER, "https://uptake.example.com/back")

    token = next(request for path, request in fake.asked if path == "/token")
    assert (found.subject, found.email, found.verified) == (f"{ISSUER} 7", "ana@acme.example", True)
    assert found.groups == ("staff",)
    assert b"code_verifier=verifier" in token.content
    assert b"redirect_uri=https%3A%2F%2Fuptake.example.com%2Fback" in token.content
    assert token.headers["authorization"].startswith("Basic ")
    assert SECRET.encode() not in token.content


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"azp": "another"},
        {"exp": NOW_S - 120},
        {"exp": None},
        {"iat": NOW_S + 600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_token_for_another_question_is_refused(changes):
    """Another issuer, audience, time or nonce, or nobody."""
    assert refused(FakeProvider(signed(**changes))) == "provider_refused"


def test_only_the_providers_own_signature_counts():
    """Not another key, not the secret that both know, not none, not no token."""
    shared = jwk.OctKey.import_key(SECRET.encode().ljust(32, b"-"))

    assert refused(FakeProvider(signed(OTHER))) == "provider_refused"
    assert refused(FakeProvider(signed(shared, "HS256"))) == "provider_refused"
    assert refused(FakeProvider(unsigned())) == "provider_refused"
    assert refused(FakeProvider("")) == "provider_refused"
    assert refused(FakeProvider("a.b.c")) == "provider_refused"


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "code"},
        {"state": "another", "code": "code"},
        {"state": "state"},
        {"state": "state", "error": "access_denied"},
        {"state": "state", "code": "code", "iss": "https://evil.example"},
    ],
)
def test_an_answer_to_another_question_is_not_even_asked_about(answer):
    """No code is exchanged for it."""
    fake = FakeProvider(signed())

    assert refused(fake, answer) == "provider_refused"
    assert [path for path, _ in fake.asked if path == "/token"] == []


@pytest.mark.parametrize(
    "discovery",
    [
        {**DISCOVERY, "issuer": "https://evil.example"},
        {**DISCOVERY, "token_endpoint": "http://login.example.com/token"},
        {"issuer": ISSUER},
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b" " * 2_000_000),
    ],
)
def test_a_provider_that_is_not_what_it_should_be_is_not_used(discovery):
    """Another issuer, an address without https, what is missing, what is no JSON, what is endless."""
    assert refused(FakeProvider(signed(), discovery=discovery)) == "provider_failed"


def test_information_about_somebody_else_is_not_mixed_in():
    """The subject of the user information is the token's."""
    assert refused(FakeProvider(signed(), me={"sub": "8", "email": "olga@acme.example"})) == "provider_failed"


def test_new_keys_of_the_provider_are_fetched():
    """A key that is not known yet is looked for once more; what is known is not asked again."""
    fresh = jwk.RSAKey.generate_key(2048, {"kid": "two", "use": "sig"}, private=True)
    fake = FakeProvider(signed(), keys=[KEY, OTHER])
    asking = provider(fake)
    asking.finish(BEGUN, ANSWER, "x")
    asking.finish(BEGUN, ANSWER, "x")
    fake.keys = [fresh, OTHER]
    fake.token = jwt.encode({"alg": "RS256", "kid": "two"}, CLAIMS, fresh)

    asking.finish(BEGUN, ANSWER, "x")

    paths = [path for path, _ in fake.asked]
    assert paths.count("/keys") == 2
    assert paths.count("/.well-known/openid-configuration") == 1


def test_without_a_provider_nothing_of_it_is_loaded():
    """A server without one pays neither time nor memory for it."""
    program = "import sys, uptake.app; print([name for name in sys.modules if 'authlib' in name or 'joserfc' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
