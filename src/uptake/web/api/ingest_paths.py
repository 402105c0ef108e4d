"""The ingest routes as OpenAPI describes them: they run outside the framework, on bytes.

Senders differ more than a schema says: any content type, gzip, the key in the header or in the body.  What is written
here is what every sender may rely on.
"""

import re
from collections.abc import Sequence
from typing import Any

from uptake.core.calls import CALL_TYPES
from uptake.core.errors import CODES
from uptake.web.ingest_routes import ROUTES, Route

SECURITY: dict[str, Any] = {
    "readToken": {"type": "http", "scheme": "bearer", "description": "`uptake key create --kind read`"},
    "manageToken": {"type": "http", "scheme": "bearer", "description": "`uptake key create --kind manage`"},
    "ingestKey": {
        "type": "http",
        "scheme": "basic",
        "description": "The ingest key as user name, without a password. It is also taken as Bearer, raw, "
        "or in the body as `writeKey` or `api_key`.",
    },
}

_ID = {"type": ["string", "integer", "null"], "maxLength": 1024}
_OBJECT = {"type": ["object", "null"]}
_TIME = {"type": ["string", "number", "null"], "description": "ISO 8601, or Unix seconds or milliseconds."}
_FIELDS: dict[str, Any] = {
    "messageId": {"type": ["string", "null"], "description": "The same id counts once within the dedupe window."},
    "userId": _ID,
    "anonymousId": _ID,
    "groupId": _ID,
    "previousId": _ID,
    "event": {"type": ["string", "null"]},
    "name": {"type": ["string", "null"]},
    "traits": _OBJECT,
    "properties": _OBJECT,
    "context": _OBJECT,
    "integrations": _OBJECT,
    "timestamp": _TIME,
    "originalTimestamp": _TIME,
    "sentAt": _TIME,
    "writeKey": {"type": ["string", "null"]},
}

INGEST_SCHEMAS: dict[str, Any] = {
    "SegmentCall": {
        "type": "object",
        "description": "One call of Segment's specification; at most 32 KB.",
        "properties": _FIELDS,
    },
    "SegmentItem": {
        "type": "object",
        "properties": {"type": {"enum": list(CALL_TYPES)}, **_FIELDS},
        "required": ["type"],
    },
    "SegmentBatch": {
        "type": "object",
        "description": "At most 500 KB and 2,500 calls. A bad item never costs its neighbours.",
        "properties": {
            "batch": {"type": "array", "maxItems": 2500, "items": {"$ref": "#/components/schemas/SegmentItem"}},
            "sentAt": _TIME,
            "context": _OBJECT,
            "integrations": _OBJECT,
            "writeKey": {"type": ["string", "null"]},
        },
        "required": ["batch"],
    },
    "Mapped": {
        "type": "object",
        "description": "A call that is already mapped: it passes no trigger and no mapping.",
        "properties": {
            name: _FIELDS[name] for name in ("userId", "groupId", "event", "name", "traits", "context", "timestamp")
        },
    },
    "Legacy": {
        "type": "object",
        "description": "Accoil's first ingest API; timestamp is in whole Unix milliseconds.",
        "properties": {
            "api_key": {"type": "string"},
            "timestamp": {"type": "integer"},
            **{name: _FIELDS[name] for name in ("userId", "groupId", "event", "traits")},
        },
    },
    "Taken": {"type": "object", "properties": {"success": {"const": True}}, "required": ["success"]},
    "IngestRefusal": {
        "type": "object",
        "properties": {
            "success": {"const": False},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "error": {},
        },
        "required": ["success", "code", "message"],
    },
}

_BODIES = {"destination": "Mapped", "accoil": "Mapped", "legacy": "Legacy"}


def ingest_paths() -> dict[str, Any]:
    """Path → operations of every ingest route."""
    return {route.path: {route.method.lower(): _operation(route)} for route in ROUTES}


def _operation(route: Route) -> dict[str, Any]:
    steps = re.findall(r"[a-z0-9]+", route.path)
    shared = {
        "operationId": route.method.lower() + "".join(step.title() for step in steps),
        "summary": route.summary,
        "tags": ["ingest"],
    }
    if route.kind == "pixel":
        return shared | _pixel()
    return shared | (_settings() if route.kind == "settings" else _post(route))


_REFUSALS = (
    ("bad_json", "bad_encoding"),
    ("unknown_key",),
    ("slow_body",),
    ("body_too_large", "batch_too_long"),
    ("overloaded", "rate_limited"),
    ("log_unavailable", "shutting_down"),
)
"""Codes of a whole request, those of one status together."""


def _post(route: Route) -> dict[str, Any]:
    body = _BODIES.get(route.source) or (
        "SegmentCall" if route.call_type or route.kind == "ignored" else "SegmentBatch"
    )
    status = route.taken.status
    answer = {"schema": {"$ref": "#/components/schemas/Taken"} if status == 200 else {"type": "object"}}
    return {
        "security": [{"ingestKey": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        },
        "responses": {
            str(status): {"description": "Durable in the call log", "content": {"application/json": answer}},
            **{str(CODES[codes[0]].status): _refusal(codes) for codes in _REFUSALS},
        },
    }


def _refusal(codes: Sequence[str]) -> dict[str, Any]:
    """The answer of one status; codes: those that have it."""
    schema, status = {"$ref": "#/components/schemas/IngestRefusal"}, CODES[codes[0]].status
    answer: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {CODES[code].help}" for code in codes),
        "content": {"application/json": {"schema": schema}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    if status == 429:
        answer["headers"] |= {name: {"schema": {"type": "string"}} for name in ("RateLimit", "RateLimit-Policy")}
    return answer


def _pixel() -> dict[str, Any]:
    data = {
        "name": "data",
        "in": "query",
        "required": True,
        "description": "The call as JSON in base64, with writeKey.",
        "schema": {"type": "string"},
    }
    return {
        "security": [{}],
        "parameters": [data],
        "responses": {"200": {"description": "A transparent GIF", "content": {"image/gif": {}}}},
    }


def _settings() -> dict[str, Any]:
    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "security": [{}],
        "parameters": [key],
        "responses": {
            "200": {"description": "The client's settings", "content": content},
            str(CODES["not_found"].status): _refusal(("not_found",)),
        },
    }
