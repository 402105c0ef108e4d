"""Asking an OpenID provider who somebody is: the code flow with PKCE, state and nonce.

Imported only where a provider is configured.  What the provider says is believed only after its signature, issuer,
audience, time and nonce were checked; `uptake.pipeline.provided` decides what it is worth here.
"""

import time
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from uptake.core.days import SECOND_US
from uptake.core.errors import UptakeError
from uptake.pipeline.product import Clock
from uptake.pipeline.provided import Begun, Provided, ProviderOptions

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key of the provider's own: no shared secret, and never none."""

TIMEOUT_S, LEEWAY_S, KEPT_S = 10.0, 60, 3_600.0
MOST_BYTES = 1_000_000
TEXT_CHARACTERS = 43
GOOD = 200


class Endpoints(msgspec.Struct, frozen=True):
    """What the provider's discovery document says."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""


class Provider:
    """An OpenID provider.  Safe for several threads."""

    def __init__(self, options: ProviderOptions, clock: Clock, *, transport: httpx.BaseTransport | None = None) -> None:
        """transport: another way to the provider than the network."""
        self.options, self._clock, self._transport = options, clock, transport
        self._endpoints: tuple[Endpoints, float] | None = None
        self._keys: tuple[jwk.KeySet, float] | None = None

    def begin(self, redirect_uri: str, back: str) -> tuple[str, Begun]:
        """Where to send the browser, and what it keeps meanwhile.  Raises UptakeError (`provider_failed`)."""
        state, nonce, verifier = (generate_token(TEXT_CHARACTERS) for _ in range(3))
        begun = Begun(state, nonce, verifier, back)
        address = prepare_grant_uri(
            self._discovered().authorization_endpoint,
            client_id=self.options.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self.options.scope,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        return str(address), begun

    def finish(self, begun: Begun, answer: Mapping[str, str], redirect_uri: str) -> Provided:
        """Who the provider says came back.

        answer: the query that the browser came back with.  Raises UptakeError (`provider_refused`, `provider_failed`).
        """
        if not compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise UptakeError("provider_refused", "this sign-in was not begun in this browser")
        if "error" in answer or not answer.get("code"):
            raise UptakeError("provider_refused", f"the provider answered {answer.get('error', 'nothing')[:100]!r}")
        endpoints = self._discovered()
        if answer.get("iss", endpoints.issuer) != endpoints.issuer:
            raise UptakeError("provider_refused", "the answer comes from another provider")
        tokens = self._tokens(endpoints, begun, answer["code"], redirect_uri)
        claims = self._claims(str(tokens.get("id_token", "")), begun.nonce)
        return self._provided(claims | self._userinfo(endpoints, str(tokens.get("access_token", "")), claims["sub"]))

    # ---- what is asked of the provider
    def _discovered(self) -> Endpoints:
        if self._endpoints and time.monotonic() - self._endpoints[1] < KEPT_S:
            return self._endpoints[0]
        issuer = self.options.issuer
        address = issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = msgspec.convert(self._ask("GET", address), Endpoints)
        except msgspec.ValidationError as error:
            raise _failed(f"its configuration says {error}") from error
        if found.issuer != issuer:
            raise _failed(f"it calls itself {found.issuer[:200]!r}, and UPTAKE_OIDC_ISSUER says {issuer!r}")
        if urlsplit(issuer).scheme == "https":
            for each in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint):
                if each and urlsplit(each).scheme != "https":
                    raise _failed("not all of its addresses are https")
        self._endpoints = (found, time.monotonic())
        return found

    def _tokens(self, endpoints: Endpoints, begun: Begun, code: str, redirect_uri: str) -> dict[str, Any]:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": begun.verifier,
        }
        secret = self.options.client_secret
        auth = httpx.BasicAuth(self.options.client_id, secret) if secret else None
        if auth is None:
            fields["client_id"] = self.options.client_id
        return self._ask("POST", endpoints.token_endpoint, data=fields, auth=auth)

    def _userinfo(self, endpoints: Endpoints, token: str, subject: str) -> dict[str, Any]:
        if not endpoints.userinfo_endpoint or not token:
            return {}
        told = self._ask("GET", endpoints.userinfo_endpoint, headers={"Authorization": f"Bearer {token}"})
        if told.get("sub") != subject:
            raise _failed("its user information is of somebody else")
        return told

    def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """A JSON object of the provider.  Raises UptakeError (`provider_failed`, `provider_refused`)."""
        try:
            with (
                httpx.Client(timeout=TIMEOUT_S, transport=self._transport) as client,
                client.stream(method, address, **more) as answer,
            ):
                body = _bounded(answer)
        except httpx.HTTPError as error:
            raise _failed(f"it cannot be reached ({type(error).__name__})") from error
        try:
            told = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise _failed(f"it answered {answer.status_code} and no JSON object") from error
        if answer.status_code != GOOD:
            raise UptakeError("provider_refused", f"the provider answered {str(told.get('error', ''))[:100]!r}")
        return told

    # ---- what is believed
    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            try:
                claims = jwt.decode(token, self._key_set(), algorithms=ALGORITHMS).claims
            except InvalidKeyIdError:  # the provider has new keys
                claims = jwt.decode(token, self._key_set(fresh=True), algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                now=self._clock() // SECOND_US,
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self.options.issuer},
                aud={"essential": True, "value": self.options.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise UptakeError("provider_refused", f"what the provider says cannot be believed: {error}") from error
        if claims.get("azp", self.options.client_id) != self.options.client_id:
            raise UptakeError("provider_refused", "what the provider says is meant for another application")
        return claims

    def _key_set(self, *, fresh: bool = False) -> jwk.KeySet:
        if self._keys and not fresh and time.monotonic() - self._keys[1] < KEPT_S:
            return self._keys[0]
        found = self._ask("GET", self._discovered().jwks_uri).get("keys", [])
        usable = [each for each in found if each.get("kty") in ("RSA", "EC", "OKP") and each.get("use", "sig") == "sig"]
        keys = jwk.KeySet.import_key_set({"keys": usable})
        self._keys = (keys, time.monotonic())
        return keys

    def _provided(self, claims: dict[str, Any]) -> Provided:
        groups = claims.get(self.options.role_claim, []) if self.options.role_claim else []
        verified = claims.get("email_verified")
        return Provided(
            subject=f"{self.options.issuer} {claims['sub']}",
            email=str(claims.get("email", "")).strip().lower(),
            verified=None if verified is None else verified in (True, "true"),
            name=str(claims.get("name", "")).strip(),
            groups=tuple(str(each) for each in (groups if isinstance(groups, list) else [groups])),
        )


def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise _failed("its answer is too long")
    return body


def _failed(why: str) -> UptakeError:
    return UptakeError("provider_failed", f"the sign-in provider did not answer as it should: {why}")
