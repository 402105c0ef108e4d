"""Ingest over HTTP, as a bare ASGI application: every sender's habits end here, and only calls go on.

The order: the key, the body, its decoding, the log, the answer.  Nothing is answered with success before it is durable.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from uuid import uuid4

import msgspec

from uptake.core.errors import Rejection
from uptake.pipeline.accept import Acceptor, IngestProduct, Overloaded, Stopping
from uptake.pipeline.durations import Durations
from uptake.pipeline.limits import KeyLimits, Limits, TooMuch
from uptake.sources.base import MAX_BODY_BYTES, Decoded, Incoming
from uptake.sources.keys import key_in_body, key_in_query
from uptake.stores.log.base import LogUnavailable, Request
from uptake.views.data_health import RefusedKey
from uptake.web import ingest_answers as answers
from uptake.web.ingest_answers import Answer
from uptake.web.ingest_auth import FindProduct, UnknownKeys, credentials_in, is_sane
from uptake.web.ingest_body import Bodies, BodyRefused, Disconnected, Held, Receive
from uptake.web.ingest_routes import Route, key_in_path, route_of
from uptake.web.ingest_settings import settings_of
from uptake.web.traces import trace_of

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class IngestOptions(msgspec.Struct, frozen=True):
    """What the operator decides about ingest.

    silent_auth: an unknown key is answered as if all were well, as Accoil does; nothing is kept.
    public_url: where senders reach this server, e.g. https://in.example.com; empty for what their Host header says.
    limits: what one key may send a second.
    """

    silent_auth: bool = False
    public_url: str = ""
    max_body_bytes: int = MAX_BODY_BYTES
    max_held_bytes: int = 64 * 1024 * 1024
    body_timeout_s: float = 30.0
    limits: Limits = Limits()


class Opened(msgspec.Struct, frozen=True):
    """A key that came, and the product that it opens."""

    key: str
    product: IngestProduct


class Facts(msgspec.Struct):
    """What the headers of a request say."""

    authorization: bytes = b""
    encoding: bytes = b""
    length: int = 0
    repeated: bool = False


class UnknownKey(Exception):
    """No product has the key that came, or none came."""

    def __init__(self, key: str) -> None:
        super().__init__("unknown key")
        self.key = key


class Ingest:
    """The ingest routes."""

    def __init__(
        self,
        find: FindProduct,
        acceptor: Acceptor,
        clock: Callable[[], int],
        options: IngestOptions | None = None,
        *,
        durations: Durations | None = None,
    ) -> None:
        """find: ingest key → product.  clock: now, µs since 1970 UTC.  durations: how long answers take."""
        self._durations = durations or Durations()
        self._find, self._acceptor, self._clock = find, acceptor, clock
        self._options = options or IngestOptions()
        self._bodies = Bodies(
            max_body=self._options.max_body_bytes,
            max_held=self._options.max_held_bytes,
            timeout_s=self._options.body_timeout_s,
        )
        self.limits = KeyLimits(self._options.limits) if self._options.limits.named() else None
        self.unknown_keys = UnknownKeys()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.lost_pixels = self.repeated = 0

    def refused_keys(self) -> list[RefusedKey]:
        """The latest attempts with unknown keys, the latest first."""
        return [RefusedKey(each.hint, each.times, each.last_us) for each in self.unknown_keys.latest()]

    def handles(self, path: str, method: str) -> bool:
        """Is this one of the ingest routes, whatever the method?"""
        return route_of(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to a path that `handles` knows."""
        route, began_s = route_of(scope["path"]), time.perf_counter()
        if route is None:
            answer = answers.refusal("not_found", "there is nothing at this address")
        elif scope["method"] != route.method:
            answer = self._other_method(route, scope)
        else:
            try:
                answer = await self._answer(route, scope, receive)
            except Disconnected:
                return
        path = route.path if route else ""
        self.requests[path, answer.status] += 1
        await send(answer.start)
        await send(answer.body)
        labels = ("ingest", f"{answer.status // 100}xx")
        facts = None
        if self._durations.listener is not None:
            facts = {"part": "ingest", "method": scope["method"], "route": path, "status": answer.status}
            facts |= trace_of(scope["headers"])
        self._durations.note("request", time.perf_counter() - began_s, labels, facts)

    def _other_method(self, route: Route, scope: Scope) -> Answer:
        if scope["method"] != "OPTIONS":
            return answers.not_allowed(route.method)
        headers = dict(scope["headers"])
        return answers.preflight(headers.get(b"access-control-request-headers", b""))

    async def _answer(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        if route.kind == "ignored":
            return route.taken
        try:
            if route.kind == "settings":
                return self._settings(scope)
            if route.kind == "pixel":
                await self._pixel(route, scope)
                return route.taken
            return await self._post(route, scope, receive)
        except UnknownKey as unknown:
            return self._unknown(route, unknown.key)
        except TooMuch as much:
            return self._too_much(route, much)

    def _unknown(self, route: Route, key: str) -> Answer:
        self.unknown_keys.note(key, self._clock())
        if route.kind == "settings":
            return answers.refusal("not_found", "no product has this key")
        if self._options.silent_auth or route.kind == "pixel":
            return route.taken
        told = "no product has this key" if key else "expected a key: Authorization: Basic, or writeKey in the body"
        return answers.refusal("unknown_key", told)

    def _too_much(self, route: Route, much: TooMuch) -> Answer:
        if route.kind == "pixel":
            self.lost_pixels += 1
            return route.taken
        told = answers.refusal("rate_limited", str(much), retry_after_s=much.retry_after_s)
        return self._with_standings(told, much.key)

    def _with_standings(self, answer: Answer, key: str) -> Answer:
        """The answer, with what is left to the key where there are limits."""
        return answer if self.limits is None else answers.with_standings(answer, self.limits.standings(key))

    # ---- the routes
    def _settings(self, scope: Scope) -> Answer:
        key = key_in_path(scope["path"])
        self._product_of(key)
        return answers.json_answer(200, settings_of(key, scope, self._options.public_url), [answers.NO_STORE])

    async def _pixel(self, route: Route, scope: Scope) -> None:
        """Take what a pixel brings: whoever shows an image is told nothing, so what could not be logged is counted."""
        query: bytes = scope["query_string"]
        opened = self._opened_by(key_in_query(query) or "")
        answer = await self._take(route, opened, query, repeated=False)
        if answer.status >= 429:
            self.lost_pixels += 1

    async def _post(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        facts = _facts_of(scope["headers"])
        self.repeated += facts.repeated
        opened = self._opened_by_header(facts.authorization)
        held = Held()
        try:
            body = await self._body(facts, receive, held)
            if opened is None:
                opened = self._opened_by(key_in_body(body) or "")
            return await self._take(route, opened, body, repeated=facts.repeated)
        except BodyRefused as refused:
            if opened is None or refused.code == "overloaded":
                return answers.refusal(refused.code, refused.message, retry_after_s=refused.retry_after_s)
            fault = Rejection(refused.code, "$", refused.message)
            self._spend(opened.key, calls=1, bytes=held.count)
            answer = await self._log(route, opened.product, self._clock(), Decoded(fault=fault))
            return self._with_standings(answer, opened.key)
        finally:
            self._bodies.release(held)

    async def _body(self, facts: Facts, receive: Receive, held: Held) -> bytes:
        if facts.length > self._options.max_body_bytes:
            raise BodyRefused("body_too_large", f"expected at most {self._options.max_body_bytes} bytes")
        return await self._bodies.read(receive, facts.encoding, held)

    # ---- steps of a route
    def _opened_by_header(self, header: bytes) -> Opened | None:
        """What the header's key opens; None where only the body can have one.  Raises UnknownKey, TooMuch."""
        credentials = credentials_in(header)
        for key in credentials.keys:
            product = self._find(key)
            if product is not None:
                return self._admitted(Opened(key, product))
        if credentials.final:
            raise UnknownKey(next(iter(credentials.keys), "?"))
        return None

    def _opened_by(self, key: str) -> Opened:
        """What a key outside the header opens.  Raises UnknownKey, TooMuch."""
        return self._admitted(Opened(key, self._product_of(key)))

    def _admitted(self, opened: Opened) -> Opened:
        if self.limits is not None:
            self.limits.admit(opened.key)
            self.limits.spend(opened.key, requests=1)
        return opened

    def _spend(self, key: str, **amounts: int) -> None:
        if self.limits is not None:
            self.limits.spend(key, **amounts)

    def _product_of(self, key: str) -> IngestProduct:
        product = self._find(key) if is_sane(key) else None
        if product is None:
            raise UnknownKey(key)
        return product

    def _incoming(self, route: Route, product: IngestProduct, *, repeated: bool) -> Incoming:
        return Incoming(self._clock(), product.projection, _fresh_id, route.call_type, repeated)

    async def _take(self, route: Route, opened: Opened, content: bytes, *, repeated: bool) -> Answer:
        """Decode what came and log it."""
        incoming = self._incoming(route, opened.product, repeated=repeated)
        decoded = route.decode(content, incoming)
        self._spend(opened.key, calls=len(decoded.calls) + len(decoded.refused), bytes=len(content))
        answer = await self._log(route, opened.product, incoming.received_us, decoded)
        return self._with_standings(answer, opened.key)

    async def _log(self, route: Route, product: IngestProduct, received_us: int, decoded: Decoded) -> Answer:
        """Make the calls durable, with what was refused, and only then answer."""
        refused = decoded.refused if decoded.fault is None else [decoded.fault]
        if not decoded.calls and not refused:
            return route.taken
        request = Request(product.product_id, received_us, route.source, decoded.calls, tuple(refused))
        try:
            await self._acceptor.submit(request)
        except Overloaded as error:
            return answers.refusal("overloaded", str(error), retry_after_s=error.retry_after_s)
        except LogUnavailable as error:
            return answers.refusal("log_unavailable", str(error), retry_after_s=error.retry_after_s)
        except Stopping as error:
            return answers.refusal("shutting_down", str(error), retry_after_s=error.retry_after_s)
        if not refused:
            return route.taken
        if decoded.single or decoded.fault is not None:
            return answers.refused(refused[0])
        return answers.partly(route.taken, refused)


def _fresh_id() -> str:
    return f"new-{uuid4().hex}"


def _count_of(value: bytes) -> int:
    """A whole number in a header, 0 for none; of thousands of digits as many as say that it is large.

    >>> _count_of(b"12"), _count_of(b"-1"), _count_of(b"9" * 5_000) > 10**17
    (12, 0, True)
    """
    return int(value[:18]) if value.isdigit() else 0


def _facts_of(headers: Iterable[tuple[bytes, bytes]]) -> Facts:
    facts = Facts()
    for name, value in headers:
        if name == b"authorization":
            facts.authorization = value
        elif name == b"content-encoding":
            facts.encoding = value
        elif name == b"content-length":
            facts.length = _count_of(value)
        elif name == b"x-retry-count":
            facts.repeated = _count_of(value.strip()) > 0
    return facts
