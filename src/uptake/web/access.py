"""Who a request of a page comes from: the session in its cookie, the address behind proxies, and the open house.

An installation that is open on loopback takes whoever sits at the machine for an owner.  That is for a demo: a request
that anything forwarded, or that names the server by another name than one of loopback, is never taken so.
"""

import importlib
import ipaddress
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from uptake.pipeline.keys import KeyRing
from uptake.pipeline.people import People
from uptake.pipeline.provided import ProviderOptions, Reception
from uptake.pipeline.running import Running
from uptake.pipeline.sign_in import MOST_AGENT, SESSION_US, Origin, SignIn
from uptake.pipeline.standing import Standing
from uptake.web.security import is_loopback, name_in

if TYPE_CHECKING:
    from uptake.pipeline.openid import Provider

AnyConnection = ASGIConnection[Any, Any, Any, Any]

HERE = Standing("app", owner=True)
"""Whoever sits at the machine of an installation that is open there."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
FACT = "installation"
SECOND_US = 1_000_000


class AccessOptions(msgspec.Struct, frozen=True):
    """What the settings say of access.

    open_on_loopback: whoever sits at the machine is an owner.  public_url: where people reach the app; '' for where
    they say they do.  trusted_proxies: networks whose word counts for the address that a request comes from.
    provider: an OpenID provider by which people may sign in.
    """

    open_on_loopback: bool = False
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    provider: ProviderOptions | None = None


class Access:
    """The door of the app: who is asking, and the cookie that says so."""

    def __init__(self, running: Running, options: AccessOptions) -> None:
        self.options = options
        self.door = SignIn(running.meta, running.clock)
        self.people = People(running.meta, running.clock, self.door)
        self.keys = KeyRing(running.meta, running.clock)
        self.provider, self.reception = _provider(running, self.door, options.provider)
        self._trusted = [ipaddress.ip_network(each, strict=False) for each in options.trusted_proxies]
        self.secure = urlsplit(options.public_url).scheme == "https"
        # Cookies know no ports: two servers of one machine would take each other's for their own.
        name = f"uptake_session_{_installation(running)}"
        self.cookie = f"__Host-{name}" if self.secure else name

    def standing(self, connection: AnyConnection) -> Standing | None:
        """Who is asking; None where nobody is signed in."""
        text = connection.cookies.get(self.cookie, "")
        found = self.door.standing(text, self.origin(connection).address) if text else None
        if found is None and self.options.open_on_loopback and is_local(connection):
            return HERE
        return found

    def origin(self, connection: AnyConnection) -> Origin:
        """Where a request comes from: the last address that no trusted proxy vouches for, and the browser's name."""
        address = connection.client.host if connection.client else ""
        told = [each.strip() for each in connection.headers.get("x-forwarded-for", "").split(",") if each.strip()]
        while told and self._trusts(address):
            address = told.pop()
        return Origin(_address(address), agent_words(connection.headers.get("user-agent", "")))

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def opened(self, text: str) -> Cookie:
        """The cookie of a session that was just opened."""
        return self._cookie(text, SESSION_US // SECOND_US)

    def closed(self) -> Cookie:
        """The cookie that takes it back."""
        return self._cookie("", 0)

    def _cookie(self, value: str, max_age_s: int) -> Cookie:
        return Cookie(
            self.cookie, value=value, path="/", max_age=max_age_s, httponly=True, samesite="lax", secure=self.secure
        )

    def base_url(self, connection: AnyConnection) -> str:
        """Where the app is, for links that leave it."""
        return self.options.public_url or str(connection.base_url).rstrip("/")


def _provider(
    running: Running, door: SignIn, options: ProviderOptions | None
) -> "tuple[Provider | None, Reception | None]":
    """The sign-in provider; what it needs is imported only where there is one."""
    if options is None:
        return None, None
    provider: Provider = importlib.import_module("uptake.pipeline.openid").Provider(options, running.clock)
    return provider, Reception(running.meta, running.clock, door, options)


def is_local(connection: AnyConnection) -> bool:
    """Does the request come straight from this machine, with nothing in between that says so?"""
    direct = connection.client is not None and is_loopback(connection.client.host)
    forwarded = any(name in connection.headers for name in FORWARDED)
    return direct and not forwarded and is_loopback(name_in(connection.headers.get("host", "localhost")))


def _address(text: str) -> str:
    """An address, or '' for what a proxy made up."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _installation(running: Running) -> str:
    """A short name of the installation, made once."""
    name = running.meta.fact(FACT)
    if name is None:
        name = secrets.token_hex(4)
        running.meta.set_fact(FACT, name)
    return name


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def agent_words(text: str) -> str:
    """What a browser says it is, short.

    >>> agent_words("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36")
    'Chrome on Linux'
    >>> agent_words("curl/8.0"), agent_words("")
    ('curl/8.0', 'unknown browser')
    """
    browser, system = _first(text, BROWSERS), _first(text, SYSTEMS)
    if browser and system:
        return f"{browser} on {system}"
    return browser or text[:MOST_AGENT] or "unknown browser"


def _first(text: str, words: Sequence[tuple[str, str]]) -> str:
    return next((name for mark, name in words if mark in text), "")
