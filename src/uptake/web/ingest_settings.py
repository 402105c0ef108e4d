"""What SDKs of browsers and phones ask for at their start: above all, where to send to."""

import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")

_EVERYTHING_ALLOWED = {"__default": {"enabled": True, "integrations": {}}}


def settings_of(key: str, scope: MutableMapping[str, Any], public_url: str) -> dict[str, Any]:
    """The settings of a project: calls go to this server's /v1, by the address that the SDK itself used.

    public_url: used in place of the request's Host where it is not empty.
    """
    scheme, host = _address(scope, public_url)
    return {
        "integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1", "protocol": scheme}},
        "plan": {"track": _EVERYTHING_ALLOWED, "identify": _EVERYTHING_ALLOWED, "group": _EVERYTHING_ALLOWED},
        "edgeFunction": {},
        "middlewareSettings": {"routingRules": []},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "metrics": {"sampleRate": 0},
        "analyticsNextEnabled": True,
    }


def _address(scope: MutableMapping[str, Any], public_url: str) -> tuple[str, str]:
    if public_url:
        url = urlsplit(public_url)
        return url.scheme, url.netloc + url.path.rstrip("/")
    named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    if not _HOST.fullmatch(named):
        address, port = scope.get("server") or ("localhost", None)
        named = f"{address}:{port}" if port else address
    return scope.get("scheme", "http"), named + scope.get("root_path", "")
