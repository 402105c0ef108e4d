"""The table of ingest routes: path → how its body is decoded and what it answers.

A new source is a module in `uptake.sources` and a line here.
"""

import re
from typing import Literal

import msgspec

from uptake.core.calls import CALL_TYPES, CallType
from uptake.sources import accoil, pixel, segment, segment_webhook
from uptake.sources.base import Decoder
from uptake.web.ingest_answers import ACCEPTED, GIF, SUCCESS, Answer

Kind = Literal["calls", "pixel", "settings", "ignored"]


class Route(msgspec.Struct, frozen=True):
    """One route: method and path as documented, and how it works.

    source: the family under which its calls are counted.  call_type: the type of its calls; None where they say it.
    taken: the answer once the calls are durable.
    """

    method: str
    path: str
    summary: str
    kind: Kind = "calls"
    source: str = ""
    decode: Decoder = segment.decode_one
    taken: Answer = SUCCESS
    call_type: CallType | None = None


def _post(path: str, summary: str, decode: Decoder, source: str, call_type: CallType | None = None) -> Route:
    return Route("POST", path, summary, "calls", source, decode, SUCCESS, call_type)


def _mapped(path: str, summary: str, decode: Decoder, source: str, call_type: CallType | None = None) -> Route:
    return Route("POST", path, summary, "calls", source, decode, ACCEPTED, call_type)


_SINGLE = [
    *(_post(f"/v1/{name}", f"One {name} call", segment.decode_one, "segment", name) for name in CALL_TYPES),
    *(
        _post(f"/v1/{name[0]}", f"One {name} call, as browsers send it", segment.decode_one, "segment", name)
        for name in CALL_TYPES
    ),
]
_BATCHES = [
    _post("/v1/batch", "Many calls", segment.decode_batch, "segment"),
    _post("/v1/import", "Many calls, as some SDKs send them", segment.decode_batch, "segment"),
    _post("/v1/b", "Many calls, as browsers and phones send them", segment.decode_batch, "segment"),
]
_ACCOIL = [
    _mapped("/segment", "What an Accoil destination posts, or a raw event", segment_webhook.decode, "destination"),
    _mapped("/v2/identify", "Accoil's identify", accoil.decode_v2, "accoil", "identify"),
    _mapped("/v2/group", "Accoil's group", accoil.decode_v2, "accoil", "group"),
    _mapped("/v2/track", "Accoil's track", accoil.decode_v2, "accoil", "track"),
    _mapped("/v1/users", "Accoil's legacy identify", accoil.decode_legacy, "legacy", "identify"),
    _mapped("/v1/groups", "Accoil's legacy group", accoil.decode_legacy, "legacy", "group"),
    _mapped("/v1/events", "Accoil's legacy track", accoil.decode_legacy, "legacy", "track"),
]
_PIXELS = [
    Route("GET", f"/v1/pixel/{name}", f"One {name} call in a query", "pixel", "pixel", pixel.decode, GIF, name)
    for name in CALL_TYPES
]
SETTINGS = Route("GET", "/v1/projects/{key}/settings", "Where SDKs of browsers and phones send to", "settings")
CDN_SETTINGS = Route("GET", "/cdn/v1/projects/{key}/settings", "The same, for SDKs with a CDN address", "settings")
METRICS = Route("POST", "/v1/m", "An SDK's own metrics; nothing is kept of them", "ignored")

ROUTES: tuple[Route, ...] = (*_SINGLE, *_BATCHES, *_ACCOIL, *_PIXELS, SETTINGS, CDN_SETTINGS, METRICS)

_BY_PATH = {path: route for route in ROUTES for path in (route.path, route.path + "/")}
_SETTINGS_PATH = re.compile(r"(/cdn)?/v1/projects/([^/]+)/settings/?")
_OTHER_PIXEL = Route("GET", "/v1/pixel/{type}", "A pixel of no known type; nothing is kept of it", "ignored", taken=GIF)


def route_of(path: str) -> Route | None:
    """The route at a path, with or without a slash at the end; None where ingest has none."""
    route = _BY_PATH.get(path)
    if route is not None:
        return route
    if path.startswith("/v1/pixel/"):
        return _OTHER_PIXEL
    match = _SETTINGS_PATH.fullmatch(path)
    return None if match is None else CDN_SETTINGS if match[1] else SETTINGS


def key_in_path(path: str) -> str:
    """The key in the path of a settings route."""
    match = _SETTINGS_PATH.fullmatch(path)
    return match[2] if match else ""
