"""What guards every answer of the site: whom it may be addressed as, and headers that bind the browser.

A page on the internet can point its own name at 127.0.0.1 (DNS rebinding) and would then read the app through the
reader's browser; so a Host that is neither loopback nor allowed is refused.  Ingest does not pass here: it answers any
origin, and it reads nothing.
"""

import ipaddress
from collections.abc import Collection
from typing import Any

import msgspec
from litestar.types import ASGIApp, Message, Send

from uptake.core.errors import CODES
from uptake.web.problems import Problem, ProblemBody

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Set where the answer does not set them itself."""

PRIVATE = ("/v1/", "/v2/")
"""Answers below these paths are of one reader and are kept nowhere."""


class Guard:
    """The site behind the Host check, with the headers on every answer."""

    def __init__(self, site: ASGIApp, allowed_hosts: Collection[str], *, any_address: bool = False) -> None:
        """allowed_hosts: names that the site may be addressed as beside loopback; `*` allows any.

        any_address: also by any address of the network, which no name on the internet can be pointed at.
        """
        self.site = site
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._any_address = any_address

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.site(scope, receive, send)
            return
        private = scope["path"].startswith(PRIVATE)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(list(message["headers"]), private=private)
            await send(message)

        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if self.allows(host):
            await self.site(scope, receive, guarded)
        else:
            await _refuse(host, guarded)

    def allows(self, host: str) -> bool:
        """May the site be addressed so?  A request without a Host (HTTP/1.0) comes from no browser and may."""
        name = name_in(host)
        if not name or is_loopback(name) or name in self._allowed or "*" in self._allowed:
            return True
        return self._any_address and is_address(name)


def is_loopback(name: str) -> bool:
    """Is it a name or an address of this very machine?

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("127.0.0.1.example.com")
    (True, True, True, False)
    """
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_address(name: str) -> bool:
    """Is it an IP address?

    >>> is_address("192.0.2.1"), is_address("fe80::1"), is_address("192.0.2.1.example.com")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def name_in(host: str) -> str:
    """The name in a Host header, without port, brackets and final dot, in lower case.

    >>> name_in("LocalHost.:8000"), name_in("[::1]:8000")
    ('localhost', '::1')
    """
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def _completed(headers: list[tuple[bytes, bytes]], *, private: bool) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    wanted = (*HEADERS, (b"cache-control", b"no-store")) if private else HEADERS
    return headers + [(name, value) for name, value in wanted if name not in present]


async def _refuse(host: str, send: Send) -> None:
    sentence = f"the site is not addressed as {host!r}: use localhost, or allow it in UPTAKE_ALLOWED_HOSTS"
    body = msgspec.json.encode(ProblemBody(Problem("host_not_allowed", sentence)))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    status = CODES["host_not_allowed"].status
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
