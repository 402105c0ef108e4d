"""The guard: as whom the site may be addressed, and the headers that every answer carries."""

import asyncio

import msgspec
import pytest

from uptake.web.security import Guard


async def site(scope, receive, send):
    headers = [(b"content-type", b"text/html"), (b"Referrer-Policy", b"no-referrer")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello", "more_body": False})


def ask(host, *, path="/accounts", allowed=()):
    """Status, headers and body of one request."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [] if host is None else [(b"host", host.encode())]}
    asyncio.run(Guard(site, allowed)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


GOOD = [
    "localhost",
    "localhost:8000",
    "LOCALHOST.",
    "app.localhost:1",
    "127.0.0.1:8000",
    "127.8.9.1",
    "[::1]:8000",
    "[::1]",
    None,
]
BAD = [
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.168.0.7",
    "0.0.0.0",
    "[fe80::1]",
    "2130706433",
    "127.0.0.1@evil.example",
]


@pytest.mark.parametrize("host", GOOD)
def test_loopback_is_answered(host):
    """By any of its names, with or without a port; a request without a Host comes from no browser."""
    assert ask(host)[0] == 200


@pytest.mark.parametrize("host", BAD)
def test_any_other_host_is_refused(host):
    """A name on the internet that points at this machine (DNS rebinding) reads nothing."""
    status, _, body = ask(host)

    assert status == 421
    assert msgspec.json.decode(body)["error"]["code"] == "host_not_allowed"
    assert b"hello" not in body


def test_allowed_hosts_are_answered():
    """A name that the settings allow, in any case; a star allows every name."""
    assert ask("Uptake.Example.com:443", allowed=("uptake.example.com",))[0] == 200
    assert ask("other.example.com", allowed=("uptake.example.com",))[0] == 421
    assert ask("other.example.com", allowed=("*",))[0] == 200


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_binds_the_browser(host):
    """Refusals too: own content only, no frames, no guessing of types."""
    _, headers, _ = ask(host)

    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"cache-control" not in headers


def test_what_an_answer_says_itself_stays():
    """The guard completes headers and replaces none."""
    _, headers, _ = ask("localhost")

    assert [value for name, value in headers.items() if name.lower() == b"referrer-policy"] == [b"no-referrer"]


def test_answers_of_the_api_are_kept_nowhere():
    """They are of one reader."""
    assert ask("localhost", path="/v2/accounts")[1][b"cache-control"] == b"no-store"
