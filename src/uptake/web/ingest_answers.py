"""What the ingest routes answer, as ready ASGI messages: made once where they are always the same.

Every answer carries the origin header, refusals too: a browser shows nothing of an answer without it.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from uptake.core.errors import CODES, Rejection
from uptake.pipeline.limits import WINDOW_S, Standing

Header = tuple[bytes, bytes]

ORIGIN: list[Header] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After, RateLimit, RateLimit-Policy"),
]
NO_STORE: Header = (b"cache-control", b"no-store")
ALLOWED_HEADERS = ("authorization", "content-type", "content-encoding", "x-retry-count")

LISTED_REFUSALS = 100
"""How many refused items of a batch are listed in its answer; all are counted there."""

_UNITS = {"requests": "", "calls": ';qu="calls"', "bytes": ';qu="content-bytes"'}
"""Quota units; requests are what is meant where none is named."""

_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


class Answer(msgspec.Struct, frozen=True):
    """One response: its status, and the two ASGI messages that send it."""

    status: int
    start: dict[str, Any]
    body: dict[str, Any]


def answer(status: int, content: bytes, kind: bytes, headers: Sequence[Header] = ()) -> Answer:
    """A response of these bytes; kind: its content type."""
    length = str(len(content)).encode()
    all_headers = [(b"content-type", kind), (b"content-length", length), *ORIGIN, *headers]
    start = {"type": "http.response.start", "status": status, "headers": all_headers}
    return Answer(status, start, {"type": "http.response.body", "body": content})


def json_answer(status: int, content: Any, headers: Sequence[Header] = ()) -> Answer:
    """A response of JSON."""
    return answer(status, msgspec.json.encode(content), b"application/json", headers)


SUCCESS = json_answer(200, {"success": True})
ACCEPTED = json_answer(202, {})
GIF = answer(200, _GIF, b"image/gif", [NO_STORE])


def partly(taken: Answer, refused: Sequence[Rejection]) -> Answer:
    """The answer to a batch of which some items were refused: taken all the same, with the reasons."""
    listed = [
        {"index": each.index, "code": each.code, "place": each.place, "message": each.message}
        for each in refused[:LISTED_REFUSALS]
    ]
    return json_answer(taken.status, {"success": True, "refused_count": len(refused), "refused": listed})


def refusal(code: str, message: str, *, place: str = "", retry_after_s: int | None = None) -> Answer:
    """A refused request: the fields that SDKs read, and those of RFC 9457."""
    known = CODES[code]
    told = f"{place}: {message}" if place else message
    content = {
        "success": False,
        "code": code,
        "message": told,
        "error": told,
        "type": f"urn:uptake:{code}",
        "title": HTTPStatus(known.status).phrase,
        "status": known.status,
        "detail": f"{told}. {known.help}",
    }
    headers = [] if retry_after_s is None else [(b"retry-after", str(retry_after_s).encode())]
    if known.status == HTTPStatus.REQUEST_TIMEOUT:
        headers.append((b"connection", b"close"))  # the rest of the body is not waited for
    if known.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="uptake"'))
    return json_answer(known.status, content, headers)


def with_standings(answer: Answer, standings: Sequence[Standing]) -> Answer:
    """The answer with what its key may send and what is left of that, as draft-ietf-httpapi-ratelimit-headers-10
    writes it; `t` is when the allowance is full again."""
    policy = ", ".join(f'"{each.name}";q={each.quota};w={WINDOW_S}{_UNITS[each.name]}' for each in standings)
    left = ", ".join(f'"{each.name}";r={each.left};t={each.full_s}' for each in standings)
    told = [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
    return msgspec.structs.replace(answer, start={**answer.start, "headers": [*answer.start["headers"], *told]})


def refused(rejection: Rejection) -> Answer:
    """The answer to one call, or one body, that was refused."""
    return refusal(rejection.code, rejection.message, place=rejection.place)


def not_allowed(method: str) -> Answer:
    """The answer to a method that a route does not take."""
    told = refusal("method_not_allowed", f"this route takes {method}")
    told.start["headers"].append((b"allow", f"{method}, OPTIONS".encode()))
    return told


def preflight(requested: bytes) -> Answer:
    """The answer to a browser that asks before it sends; requested: the headers that it wants to send."""
    wanted = [name.strip().lower() for name in requested.decode("latin-1").split(",")]
    names = [*ALLOWED_HEADERS, *(each for each in wanted if each.replace("-", "").isalnum() and each.isascii())]
    headers = [
        (b"access-control-allow-headers", ", ".join(dict.fromkeys(names)).encode()),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-max-age", b"86400"),
    ]
    return answer(200, b"", b"text/plain", headers)
